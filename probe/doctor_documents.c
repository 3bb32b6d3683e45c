/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor at the issuer's documents. Two rounds of questions, each asked at once: the metadata at its three places;
 * then what the metadata names – keys, endpoints –, the same document under another Host header, and the clocks of
 * other servers. */
#include "core/base/limits.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/words.h"
#include "probe/doctor_checkup.h"
#include "probe/http_batch.h"
#include "probe/local_clock.h"

#define MAX_REDIRECTS 3 /* as the key keeper follows */
#define OTHER_HOST "sallyport-doctor.invalid"

static const struct sp_fetch_report *report_of(struct sp_http_call *call)
{
    return call != NULL ? sp_http_call_report(call) : NULL;
}

static struct sp_http_call *get(struct sp_checkup *checkup, struct sp_str url, size_t max_bytes)
{
    return url.len == 0 ? NULL
                        : sp_checkup_call(checkup, (struct sp_http_request){.url = url,
                                                                            .max_bytes = max_bytes,
                                                                            .max_redirects = MAX_REDIRECTS,
                                                                            .allows_plain_http = true});
}

static bool is_plain(struct sp_str url)
{
    struct sp_url parts;
    return sp_url_split(url, &parts) == SP_OK && !sp_url_is_secure(&parts);
}

/* ---- first round: the metadata ---- */
static void ask_places(struct sp_checkup *checkup)
{
    struct sp_http_call *calls[SP_METADATA_PLACES];
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES; place++) {
        struct sp_str url = sp_metadata_url(checkup->arena, checkup->question->issuer, place);
        /* An issuer without a path has two forms only. */
        bool is_first = true;
        for (enum sp_metadata_place other = 0; other < place; other++) {
            is_first =
                is_first && !sp_str_equal(url, sp_metadata_url(checkup->arena, checkup->question->issuer, other));
        }
        calls[place] = is_first ? get(checkup, url, SP_MAX_METADATA_BYTES) : NULL;
    }
    sp_http_calls_perform(calls, SP_METADATA_PLACES);
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES; place++) {
        checkup->places[place] = report_of(calls[place]);
        sp_checkup_take_sample(checkup, checkup->places[place]);
    }
}

/* The first that has something to say, as the key keeper would take it; else the first. */
static enum sp_metadata_place choose_place(const struct sp_checkup *checkup)
{
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES; place++) {
        const struct sp_fetch_report *report = checkup->places[place];
        if (report != NULL && report->http_status != 404) {
            return place;
        }
    }
    return SP_METADATA_OPENID_APPENDED;
}

static struct sp_str http_words(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    int64_t took = report->received_ms - report->sent_ms;
    struct sp_str answer = sp_http_answer_words(checkup->arena, report);
    return report->received_ms > 0 && report->sent_ms > 0
               ? sp_arena_printf(checkup->arena, "%.*s after %lld ms%s%.*s", SP_STR_ARG(answer), (long long)took,
                                 report->redirects > 0 ? "; redirected to " : "",
                                 SP_STR_ARG(report->redirects > 0 ? report->final_url : SP_STR_NONE))
               : sp_arena_printf(checkup->arena, "%.*s: %.*s", SP_STR_ARG(answer), SP_STR_ARG(report->failure_detail));
}

/* True when an answer came that can be read further. */
static bool judge_http(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    /* Plain HTTP to a port of TLS ends in an answer that is none, an empty one, or nginx's 400. */
    bool is_odd = report->failure != SP_CAUSE_NONE || report->http_status == 400;
    if (is_odd && !checkup->is_tls && sp_checkup_finds_tls(checkup)) {
        sp_checkup_skip(checkup, SP_STEP_HTTP, "the port speaks TLS");
        return false;
    }
    sp_http_answer_judge(checkup->arena, report, &findings);
    sp_checkup_end(checkup, SP_STEP_HTTP, &findings, http_words(checkup, report));
    return report->failure == SP_CAUSE_NONE;
}

static struct sp_str places_tried(struct sp_checkup *checkup)
{
    struct sp_str urls[SP_METADATA_PLACES];
    size_t count = 0;
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES; place++) {
        if (checkup->places[place] != NULL) {
            urls[count++] = checkup->places[place]->url;
        }
    }
    return sp_words_list(checkup->arena, urls, count);
}

static struct sp_str discovery_words(struct sp_checkup *checkup)
{
    static const char *const forms[] = {"OpenID, appended", "OAuth, inserted", "OpenID, inserted"};
    struct sp_buffer text;
    sp_buffer_init(&text, checkup->arena, 4096);
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES; place++) {
        const struct sp_fetch_report *report = checkup->places[place];
        if (report != NULL) {
            sp_buffer_printf(&text, "%s%s: %d", text.len > 0 ? "; " : "", forms[place], report->http_status);
        }
    }
    if (checkup->has_metadata) {
        sp_buffer_printf(&text, "; issuer %.*s", SP_STR_ARG(checkup->metadata.issuer));
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static void judge_discovery(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_finding place_finding;
    const struct sp_fetch_report *report = checkup->places[checkup->place];
    checkup->status =
        sp_metadata_examine(checkup->arena, report, checkup->question->issuer, &checkup->metadata, &findings);
    if (checkup->status != SP_OK) {
        return;
    }
    checkup->has_metadata = checkup->metadata.json != NULL;
    if (findings.refused && findings.rows[0].cause == SP_CAUSE_DISCOVERY_NOT_FOUND) {
        findings.rows[0].received = places_tried(checkup);
    }
    if (checkup->has_metadata) {
        sp_metadata_examine_members(&checkup->metadata, checkup->place, &findings);
        checkup->jwks_uri = checkup->metadata.jwks_uri;
        if (sp_metadata_examine_place(checkup->arena, checkup->question->issuer, checkup->place, &place_finding) !=
                SP_CAUSE_NONE &&
            findings.count < SP_MAX_FINDINGS) {
            findings.rows[findings.count++] = place_finding;
        }
    }
    sp_checkup_end(checkup, SP_STEP_DISCOVERY, &findings, discovery_words(checkup));
}

/* ---- second round ---- */
struct round {
    struct sp_http_call *calls[SP_DOCTOR_MAX_CALLS];
    size_t count;
    struct sp_http_call *keys, *other_host;
    struct sp_endpoint_evidence endpoints[SP_DOCTOR_MAX_ENDPOINTS];
    struct sp_http_call *endpoint_calls[SP_DOCTOR_MAX_ENDPOINTS];
    size_t endpoint_count;
};

static struct sp_http_call *add(struct round *round, struct sp_http_call *call)
{
    if (call != NULL && round->count < SP_DOCTOR_MAX_CALLS) {
        round->calls[round->count++] = call;
    }
    return call;
}

/* OPTIONS is safe (RFC 9110 9.2.1): it shows that something answers and changes nothing. */
static void ask_endpoints(struct sp_checkup *checkup, struct round *round)
{
    for
        SP_JSON_EACH(member, checkup->metadata.json)
        {
            struct sp_str url = sp_json_string(member);
            if (!sp_str_has_suffix(member->name, SP_STR("_endpoint")) || url.len == 0 ||
                round->endpoint_count == SP_DOCTOR_MAX_ENDPOINTS) {
                continue;
            }
            size_t at = round->endpoint_count++;
            round->endpoints[at] = (struct sp_endpoint_evidence){.name = member->name, .url = url};
            round->endpoint_calls[at] =
                is_plain(url)
                    ? NULL
                    : add(round, sp_checkup_call(checkup, (struct sp_http_request){.url = url,
                                                                                   .method = SP_STR("OPTIONS"),
                                                                                   .max_bytes = 64 * 1024}));
        }
}

/* The same document, asked for by a name that the issuer does not have. */
static void ask_by_other_host(struct sp_checkup *checkup, struct round *round)
{
    if (checkup->has_metadata) {
        struct sp_http_request request = {.url = checkup->places[checkup->place]->final_url,
                                          .host = SP_STR(OTHER_HOST),
                                          .max_bytes = SP_MAX_METADATA_BYTES,
                                          .allows_plain_http = true};
        round->other_host = add(round, sp_checkup_call(checkup, request));
    }
}

static void ask_references(struct sp_checkup *checkup, struct round *round)
{
    for (size_t i = 0; i < checkup->question->references.count; i++) {
        struct sp_http_request request = {.url = checkup->question->references.at[i],
                                          .method = SP_STR("HEAD"),
                                          .accept = SP_STR("*/*"),
                                          .max_bytes = 64 * 1024,
                                          .allows_plain_http = true};
        add(round, sp_checkup_call(checkup, request));
    }
}

/* Which of them answer: what the status of OPTIONS is says little, and is shown only where it is an error of the
 * server. */
static struct sp_str endpoint_words(struct sp_arena *arena, const struct round *round)
{
    struct sp_str reached[SP_DOCTOR_MAX_ENDPOINTS], others[SP_DOCTOR_MAX_ENDPOINTS];
    size_t reached_count = 0, other_count = 0;
    for (size_t i = 0; i < round->endpoint_count; i++) {
        const struct sp_endpoint_evidence *row = &round->endpoints[i];
        struct sp_str name = sp_str_slice(row->name, 0, row->name.len - strlen("_endpoint"));
        int status = row->report != NULL ? row->report->http_status : 0;
        if (status > 0 && status < 500) {
            reached[reached_count++] = name;
        } else {
            others[other_count++] =
                status > 0 ? sp_arena_printf(arena, "%.*s answers %d", SP_STR_ARG(name), status)
                           : sp_arena_printf(arena, "%.*s %s", SP_STR_ARG(name),
                                             row->report != NULL ? "does not answer" : "is plain http, not asked");
        }
    }
    if (round->endpoint_count == 0) {
        return SP_STR("the document names none");
    }
    return sp_arena_printf(arena, "%zu of %zu answer: %.*s%s%.*s", reached_count, round->endpoint_count,
                           SP_STR_ARG(sp_words_list(arena, reached, reached_count)), other_count > 0 ? "; " : "",
                           SP_STR_ARG(other_count > 0 ? sp_words_list(arena, others, other_count) : SP_STR_NONE));
}

static void judge_endpoints(struct sp_checkup *checkup, struct round *round)
{
    struct sp_document_findings findings = {.count = 0};
    for (size_t i = 0; i < round->endpoint_count; i++) {
        round->endpoints[i].report = report_of(round->endpoint_calls[i]);
    }
    sp_endpoints_judge(checkup->arena, round->endpoints, round->endpoint_count, &findings);
    sp_checkup_end(checkup, SP_STEP_ENDPOINTS, &findings, endpoint_words(checkup->arena, round));
}

static void judge_other_host(struct sp_checkup *checkup, struct round *round)
{
    const struct sp_fetch_report *report = report_of(round->other_host);
    struct sp_document_findings findings = {.count = 0};
    struct sp_metadata *metadata = SP_ARENA_NEW(checkup->arena, struct sp_metadata);
    struct sp_document_findings *ignored = SP_ARENA_NEW(checkup->arena, struct sp_document_findings);
    if (report == NULL || metadata == NULL || ignored == NULL) {
        sp_checkup_skip(checkup, SP_STEP_HOST_HEADER, "there is no document to compare with");
        return;
    }
    struct sp_str words = sp_arena_printf(checkup->arena, "Host: " OTHER_HOST " is answered with %.*s",
                                          SP_STR_ARG(sp_http_answer_words(checkup->arena, report)));
    if (report->http_status == 200 &&
        sp_metadata_examine(checkup->arena, report, checkup->question->issuer, metadata, ignored) == SP_OK &&
        metadata->issuer.at != NULL) {
        struct sp_finding finding;
        if (sp_metadata_compare_hosts(checkup->metadata.issuer, metadata->issuer, &finding) != SP_CAUSE_NONE) {
            findings.rows[findings.count++] = finding;
        }
        words = sp_arena_printf(checkup->arena, "with Host: " OTHER_HOST " the document says issuer %.*s",
                                SP_STR_ARG(metadata->issuer));
    }
    sp_checkup_end(checkup, SP_STEP_HOST_HEADER, &findings, words);
}

static struct sp_str key_words(struct sp_arena *arena, const struct sp_jwk_set *set)
{
    struct sp_str *words = sp_arena_calloc(arena, set->count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && i < set->count; i++) {
        const struct sp_jwk *jwk = &set->keys[i];
        struct sp_str name =
            jwk->algorithm_text.at != NULL ? jwk->algorithm_text : sp_key_type_name(sp_key_type(jwk->key));
        words[i] = sp_arena_printf(arena, "%.*s %.*s (%u bit%s)",
                                   SP_STR_ARG(jwk->kid.at != NULL ? jwk->kid : SP_STR("without kid")), SP_STR_ARG(name),
                                   sp_key_bits(jwk->key), jwk->may_verify ? "" : ", not for signatures");
    }
    return words != NULL
               ? sp_arena_printf(arena, "%zu: %.*s", set->count, SP_STR_ARG(sp_words_list(arena, words, set->count)))
               : SP_STR_NONE;
}

static void judge_keys(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_fetch_report insecure = {.url = checkup->jwks_uri};
    checkup->status =
        sp_keys_document_examine(checkup->arena, report != NULL ? report : &insecure, &checkup->keys, &findings);
    if (checkup->status != SP_OK) {
        return;
    }
    struct sp_str words = checkup->keys != NULL ? key_words(checkup->arena, checkup->keys)
                          : report != NULL      ? sp_http_answer_words(checkup->arena, report)
                                                : SP_STR("not asked");
    if (checkup->keys != NULL) {
        struct sp_str changes =
            sp_key_history_judge(checkup->arena, &checkup->history, checkup->keys, checkup->now, &findings);
        if (changes.len > 0) {
            sp_doctor_report_hint(checkup->report,
                                  sp_arena_printf(checkup->arena, "The key set changed: %.*s.", SP_STR_ARG(changes)));
        }
        checkup->status = sp_key_history_update(checkup->arena, &checkup->history, checkup->keys, checkup->now);
    }
    sp_checkup_end(checkup, SP_STEP_KEYS, &findings, words);
}

static void ask_second_round(struct sp_checkup *checkup)
{
    struct round *round = SP_ARENA_NEW(checkup->arena, struct round);
    if (round == NULL) {
        checkup->status = SP_NO_MEMORY;
        return;
    }
    sp_checkup_begin(checkup, SP_STEP_ENDPOINTS);
    if (checkup->jwks_uri.len > 0 && !is_plain(checkup->jwks_uri)) {
        round->keys = add(round, get(checkup, checkup->jwks_uri, SP_MAX_JWKS_BYTES));
    }
    ask_endpoints(checkup, round);
    ask_by_other_host(checkup, round);
    ask_references(checkup, round);
    sp_http_calls_perform(round->calls, round->count);
    for (size_t i = 0; i < round->count; i++) {
        sp_checkup_take_sample(checkup, report_of(round->calls[i]));
    }
    if (checkup->has_metadata) {
        judge_endpoints(checkup, round);
        judge_other_host(checkup, round);
    } else {
        sp_checkup_skip(checkup, SP_STEP_ENDPOINTS, "no document names them");
        sp_checkup_skip(checkup, SP_STEP_HOST_HEADER, "there is no document to compare with");
    }
    if (checkup->jwks_uri.len > 0) {
        sp_checkup_begin(checkup, SP_STEP_KEYS);
        judge_keys(checkup, report_of(round->keys));
    } else {
        sp_checkup_skip(checkup, SP_STEP_KEYS, "no document says where they are");
    }
}

void sp_checkup_documents(struct sp_checkup *checkup)
{
    bool by_hand = checkup->question->jwks_uri.len > 0;
    sp_checkup_begin(checkup, SP_STEP_HTTP);
    if (by_hand) {
        checkup->jwks_uri = checkup->question->jwks_uri;
        sp_checkup_skip(checkup, SP_STEP_HTTP, "jwks_uri is configured by hand: its answer is judged at keys");
        sp_checkup_skip(checkup, SP_STEP_DISCOVERY, "jwks_uri is configured by hand");
    } else {
        ask_places(checkup);
        checkup->place = choose_place(checkup);
        const struct sp_fetch_report *report = checkup->places[checkup->place];
        if (report == NULL || checkup->status != SP_OK || !judge_http(checkup, report)) {
            for (int step = SP_STEP_HTTP; step <= SP_STEP_KEYS; step++) {
                sp_checkup_skip(checkup, (enum sp_step)step, "the issuer's document could not be asked for");
            }
        } else {
            sp_checkup_begin(checkup, SP_STEP_DISCOVERY);
            judge_discovery(checkup);
        }
    }
    if (checkup->status == SP_OK && !checkup->report->steps[SP_STEP_KEYS].is_done) {
        ask_second_round(checkup);
    }
}

/* ---- clocks ---- */
/* A reference whose own clock is wrong is a witness, not the patient. */
static void leave_out_others(const struct sp_checkup *checkup, struct sp_document_findings *findings)
{
    size_t kept = 0;
    struct sp_str ours = checkup->sample_count > 0 ? checkup->samples[0].who : SP_STR_NONE;
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->rows[i].cause != SP_CAUSE_CLOCK_ISSUER_WRONG || sp_str_equal(findings->rows[i].expected, ours)) {
            findings->rows[kept++] = findings->rows[i];
        }
    }
    findings->count = kept;
}

void sp_checkup_clock(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_kernel_clock kernel;
    if (checkup->status != SP_OK) {
        return;
    }
    sp_checkup_begin(checkup, SP_STEP_CLOCK);
    sp_local_clock_look(checkup->arena, &kernel);
    sp_clocks_judge(checkup->arena, checkup->samples, checkup->sample_count, &kernel, &findings);
    leave_out_others(checkup, &findings);
    checkup->report->has_skew = checkup->sample_count > 0;
    if (checkup->report->has_skew) {
        checkup->report->skew_ms = sp_clock_skew_ms(&checkup->samples[0]);
    }
    struct sp_str words =
        checkup->sample_count > 0
            ? sp_arena_printf(checkup->arena, "%.*s is %.*s; ours: %.*s", SP_STR_ARG(checkup->samples[0].who),
                              SP_STR_ARG(sp_clock_words(checkup->arena, sp_clock_skew_ms(&checkup->samples[0]))),
                              SP_STR_ARG(kernel.is_known
                                             ? (kernel.is_synchronised ? SP_STR("synchronised")
                                                                       : SP_STR("unsynchronised (STA_UNSYNC)"))
                                             : kernel.state))
            : sp_arena_printf(checkup->arena, "no answer had a Date; ours: %.*s", SP_STR_ARG(kernel.state));
    sp_checkup_end(checkup, SP_STEP_CLOCK, &findings, words);
}
