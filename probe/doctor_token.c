/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's token: got by client credentials, examined as the gateway would, and shown to the API. */
#include "core/base/limits.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/token_answer.h"
#include "core/diagnosis/words.h"
#include "core/oauth/client_authentication.h"
#include "probe/doctor_checkup.h"

#define MAX_ANSWER_BYTES ((size_t)256 * 1024)
#define LEEWAY_S 30

/* ---- a token ---- */
/* Without `resource` when that is what the server does not take. */
static struct sp_http_call *ask_for_token(struct sp_checkup *checkup, bool with_resource)
{
    struct sp_buffer form;
    struct sp_str authorization;
    const struct sp_doctor_question *question = checkup->question;
    struct sp_url url;
    bool is_uri = question->audience.len > 0 && sp_url_split(question->audience, &url) == SP_OK;
    enum sp_status status = sp_checkup_authenticate(checkup, checkup->method, question->client_secret,
                                                    checkup->secret_is_raw, &form, &authorization);
    if (status != SP_OK) {
        checkup->status = status == SP_NO_MEMORY ? status : checkup->status;
        sp_buffer_fini(&form);
        return NULL;
    }
    sp_client_add_parameter(&form, "grant_type", SP_STR("client_credentials"));
    sp_client_add_parameter(&form, "scope", question->scope);
    sp_client_add_parameter(&form, "audience", question->audience);
    sp_client_add_parameter(&form, "resource", is_uri && with_resource ? question->audience : SP_STR_NONE);
    struct sp_http_call *call = sp_checkup_post(checkup, checkup->metadata.token_endpoint, &form, authorization);
    if (call != NULL) {
        sp_http_call_perform(call);
    }
    return call;
}

static size_t words_of(struct sp_str text, struct sp_str *words, size_t room)
{
    size_t count = 0;
    while (count < room && sp_str_next_word(&text, SP_STR(" "), &words[count])) {
        count++;
    }
    return count;
}

/* A kid that the set lacks is looked for once more, as the gateway would. */
static struct sp_jwk_set *look_again(struct sp_checkup *checkup)
{
    struct sp_jwk_set *fresh = NULL;
    struct sp_document_findings ignored = {.count = 0};
    struct sp_http_call *call = sp_checkup_call(
        checkup,
        (struct sp_http_request){.url = checkup->jwks_uri, .max_bytes = SP_MAX_JWKS_BYTES, .max_redirects = 3});
    if (call != NULL) {
        sp_http_call_perform(call);
        if (sp_keys_document_examine(checkup->arena, sp_http_call_report(call), &fresh, &ignored) != SP_OK) {
            checkup->status = SP_NO_MEMORY;
        }
    }
    return fresh;
}

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

static const struct sp_verdict *run(struct sp_checkup *checkup, struct sp_exam *exam, struct sp_world *world,
                                    struct sp_known_issuer *issuer)
{
    for (;;) {
        switch (sp_exam_step(exam)) {
        case SP_EXAM_DONE:
            return sp_exam_verdict(exam);
        case SP_NEED_KEYS: {
            struct sp_jwk_set *fresh = look_again(checkup);
            issuer->known.refetched = true;
            if (fresh != NULL) {
                issuer->known.old_keys = issuer->known.keys;
                issuer->known.keys = fresh;
                if (sp_arena_defer(checkup->arena, release_set, fresh) != SP_OK) {
                    checkup->status = SP_NO_MEMORY;
                }
            }
            sp_exam_give_world(exam, world);
            break;
        }
        case SP_NEED_INTROSPECTION:
            sp_exam_give_introspection(exam, SP_STR_NONE, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CAUSE_NONE,
                                       SP_STR("The doctor does not introspect."));
            break;
        case SP_NEED_REPLAY_CHECK:
            sp_exam_give_replay(exam, false);
            break;
        }
    }
}

static const struct sp_verdict *examine(struct sp_checkup *checkup)
{
    struct sp_str scopes[SP_MAX_SCOPES];
    size_t scope_count = words_of(checkup->question->scope, scopes, SP_MAX_SCOPES);
    struct sp_issuer_terms *terms = SP_ARENA_NEW(checkup->arena, struct sp_issuer_terms);
    struct sp_known_issuer *issuer = SP_ARENA_NEW(checkup->arena, struct sp_known_issuer);
    struct sp_world *world = SP_ARENA_NEW(checkup->arena, struct sp_world);
    struct sp_requirements *requirements = SP_ARENA_NEW(checkup->arena, struct sp_requirements);
    struct sp_str *kept = sp_arena_calloc(checkup->arena, scope_count + 1, sizeof *kept);
    static const uint16_t first = 0;
    if (terms == NULL || issuer == NULL || world == NULL || requirements == NULL || kept == NULL) {
        return sp_verdict_without_memory();
    }
    memcpy(kept, scopes, scope_count * sizeof *kept);
    *terms = (struct sp_issuer_terms){.name = SP_STR("the issuer"),
                                      .issuer = checkup->question->issuer,
                                      .algorithms = checkup->question->algorithms != 0 ? checkup->question->algorithms
                                                                                       : sp_algorithms_asymmetric(),
                                      .leeway_s = LEEWAY_S,
                                      .heals = true};
    *issuer =
        (struct sp_known_issuer){.terms = terms,
                                 .known = {.keys = checkup->keys,
                                           .advertised_algorithms = checkup->metadata.algorithms,
                                           .failure = checkup->keys == NULL ? SP_CAUSE_KEYS_EMPTY : SP_CAUSE_NONE}};
    *world = (struct sp_world){.issuers = issuer, .issuer_count = 1};
    *requirements =
        (struct sp_requirements){.api = SP_STR("this API"),
                                 .issuers = &first,
                                 .issuer_count = 1,
                                 .audiences = {&checkup->question->audience, checkup->question->audience.len > 0},
                                 .scopes = {kept, scope_count},
                                 .client_id = checkup->question->client_id};
    const struct sp_exam_input input = {.token = checkup->token,
                                        .requirements = requirements,
                                        .world = world,
                                        .now = checkup->now,
                                        .possession_unknown = true,
                                        .explain = true};
    struct sp_exam *exam = sp_exam_start(checkup->arena, &input);
    return exam != NULL ? run(checkup, exam, world, issuer) : sp_verdict_without_memory();
}

/* Not once more that there are no keys: the step of the keys says why. */
static void take_finding(const struct sp_checkup *checkup, const struct sp_finding *finding,
                         struct sp_document_findings *findings)
{
    bool is_told = checkup->keys == NULL && finding->cause == SP_CAUSE_KEYS_EMPTY;
    if (!is_told && findings->count < SP_MAX_FINDINGS) {
        findings->rows[findings->count++] = *finding;
    }
}

static void take_verdict(const struct sp_checkup *checkup, const struct sp_verdict *verdict,
                         struct sp_document_findings *findings)
{
    if (verdict->cause != NULL) {
        take_finding(checkup, verdict->cause, findings);
    }
    for (size_t i = 0; i < verdict->also_count; i++) {
        take_finding(checkup, &verdict->also[i], findings);
    }
}

static void note_life(struct sp_checkup *checkup, const struct sp_verdict *verdict)
{
    int64_t exp = 0;
    struct sp_str kid = sp_json_string(sp_json_member(verdict->header, SP_STR("kid")));
    if (verdict->signature_verified && kid.at != NULL &&
        sp_json_int64(sp_json_member(verdict->claims, SP_STR("exp")), &exp) == SP_OK) {
        sp_key_history_note_token(&checkup->history, kid, exp);
    }
}

static struct sp_str examine_token(struct sp_checkup *checkup, const struct sp_token_answer *answer,
                                   struct sp_document_findings *findings)
{
    bool is_opaque = sp_str_index_of(checkup->token, '.', 0) == checkup->token.len;
    struct sp_str lifetime = answer->expires_in > 0 ? sp_words_duration(checkup->arena, answer->expires_in)
                                                    : SP_STR("a time it does not say");
    if (is_opaque) {
        sp_doctor_report_hint(
            checkup->report,
            SP_STR("The token is opaque: only the issuer can tell what it grants (introspection). Many "
                   "issuers give a JWT when an audience or resource is requested: --audience."));
        return sp_arena_printf(checkup->arena, "by %.*s: an opaque token of %zu characters, for %.*s",
                               SP_STR_ARG(checkup->method), checkup->token.len, SP_STR_ARG(lifetime));
    }
    const struct sp_verdict *verdict = examine(checkup);
    checkup->report->token = verdict;
    take_verdict(checkup, verdict, findings);
    note_life(checkup, verdict);
    for (size_t i = 0; i < verdict->hints.count; i++) {
        sp_doctor_report_hint(checkup->report, verdict->hints.at[i]);
    }
    struct sp_str alg = sp_json_string(sp_json_member(verdict->header, SP_STR("alg")));
    return sp_arena_printf(checkup->arena, "by %.*s: a JWT (%.*s), signature %s, for %.*s", SP_STR_ARG(checkup->method),
                           SP_STR_ARG(sp_str_slice(alg, 0, 16)),
                           verdict->signature_verified ? "verified" : "NOT verified", SP_STR_ARG(lifetime));
}

void sp_checkup_token(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_token_answer answer = {.is_json = false};
    struct sp_str words;
    sp_checkup_begin(checkup, SP_STEP_TOKEN);
    struct sp_http_call *call = ask_for_token(checkup, true);
    if (call != NULL) {
        checkup->status = sp_token_answer_examine(checkup->arena, sp_http_call_report(call), &answer, &findings);
        if (sp_str_equal(answer.error, SP_STR("invalid_target")) && checkup->status == SP_OK) {
            findings.count = 0;
            call = ask_for_token(checkup, false);
            sp_doctor_report_hint(checkup->report, SP_STR("The audience was refused as a resource (RFC 8707: "
                                                          "invalid_target); asked again with `audience` alone."));
            checkup->status =
                call != NULL ? sp_token_answer_examine(checkup->arena, sp_http_call_report(call), &answer, &findings)
                             : checkup->status;
        }
    }
    if (call == NULL || checkup->status != SP_OK) {
        sp_checkup_skip(checkup, SP_STEP_TOKEN, "the token endpoint is not one to be asked");
        return;
    }
    if (answer.access_token.len > 0 && sp_arena_copy(checkup->arena, answer.access_token, &checkup->token) == SP_OK) {
        words = examine_token(checkup, &answer, &findings);
    } else {
        words = sp_arena_printf(checkup->arena, "by %.*s: %.*s %.*s", SP_STR_ARG(checkup->method),
                                SP_STR_ARG(sp_http_answer_words(checkup->arena, sp_http_call_report(call))),
                                SP_STR_ARG(sp_document_first_bytes(checkup->arena, answer.error)));
    }
    sp_checkup_end(checkup, SP_STEP_TOKEN, &findings, words);
}

/* ---- the API ---- */
static void judge_api(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    if (report->http_status == 401 || report->http_status == 403) {
        if (checkup->token.len > 0) {
            findings.rows[findings.count++] = (struct sp_finding){
                .cause = SP_CAUSE_UPSTREAM_REJECTED_TOKEN,
                .check = SP_CHECK_COUNT,
                .verified = true,
                .expected = SP_STR("the token is accepted"),
                .received = sp_arena_printf(checkup->arena, "%d", report->http_status),
                .detail = report->authenticate.len > 0
                              ? sp_arena_printf(checkup->arena, "It says: %.*s", SP_STR_ARG(report->authenticate))
                              : SP_STR("There is no WWW-Authenticate header."),
                .fatal = true};
        }
    } else {
        sp_http_answer_judge(checkup->arena, report, &findings);
        for (size_t i = 0; i < findings.count; i++) {
            sp_finding_of_upstream(&findings.rows[i], report->url);
            /* It answers; how it answers this URL without its parameters is its own matter. */
            findings.rows[i].tolerated = findings.rows[i].tolerated || report->http_status != 0;
        }
    }
    sp_checkup_end(checkup, SP_STEP_API, &findings,
                   report->failure != SP_CAUSE_NONE
                       ? report->failure_detail
                       : sp_arena_printf(checkup->arena, "%.*s answers %.*s", SP_STR_ARG(report->url),
                                         SP_STR_ARG(sp_http_answer_words(checkup->arena, report))));
}

static struct sp_http_call *ask_api(struct sp_checkup *checkup)
{
    struct sp_http_request request = {.accept = SP_STR("*/*"), .max_bytes = MAX_ANSWER_BYTES};
    if (checkup->is_upstream) {
        request.url = checkup->question->issuer;
        request.method = SP_STR("HEAD");
        request.allows_plain_http = true;
    } else {
        request.url = checkup->question->api;
        request.authorization = sp_arena_printf(checkup->arena, "Bearer %.*s", SP_STR_ARG(checkup->token));
    }
    return sp_checkup_call(checkup, request);
}

void sp_checkup_api(struct sp_checkup *checkup)
{
    const char *why = NULL;
    bool is_grpc = sp_str_has_prefix(checkup->url.scheme, SP_STR("grpc"));
    if (checkup->is_upstream) {
        why = is_grpc ? "gRPC has no request without an effect" : NULL;
    } else {
        why = checkup->question->api.len == 0 ? "no --api is given"
              : checkup->token.len == 0       ? "there is no token"
                                              : NULL;
    }
    if (why == NULL && checkup->status == SP_OK) {
        sp_checkup_begin(checkup, SP_STEP_API);
        struct sp_http_call *call = ask_api(checkup);
        if (call != NULL) {
            sp_http_call_perform(call);
            judge_api(checkup, sp_http_call_report(call));
        }
    }
    sp_checkup_skip(checkup, SP_STEP_API,
                    why != NULL ? why : "the URL is none, or plain http, over which no token is sent");
}
