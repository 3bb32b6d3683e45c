/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor as a client: authentication by each method that the issuer names, and the redirect URI. What is asked has
 * no effect: a code that nobody issued, a prompt that may not be shown. */
#include "core/base/secret.h"
#include "core/diagnosis/client_probe.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/token_answer.h"
#include "core/diagnosis/words.h"
#include "core/oauth/client_authentication.h"
#include "probe/doctor_checkup.h"
#include "probe/http_batch.h"

#define MAX_ATTEMPTS 10u
#define MAX_VARIANTS 8u
#define MAX_ANSWER_BYTES ((size_t)256 * 1024)
#define MAX_URL_BYTES ((size_t)16 * 1024)
#define LEEWAY_S 30
#define NO_CODE "sallyport-doctor-has-no-code"

static struct sp_str random_text(struct sp_checkup *checkup)
{
    struct sp_str text = SP_STR("");
    if (sp_random_text(checkup->arena, &text) != SP_OK) {
        checkup->status = SP_CRYPTO;
    }
    return text;
}

/* ---- client authentication ---- */
struct attempts {
    struct sp_client_attempt rows[MAX_ATTEMPTS];
    struct sp_http_call *calls[MAX_ATTEMPTS];
    bool raw[MAX_ATTEMPTS];
    size_t count;
    struct sp_str left_out[MAX_ATTEMPTS]; /* methods that cannot be tried with what was given */
    size_t left_out_count;
};

static bool is_by_secret(struct sp_str method)
{
    return sp_str_has_prefix(method, SP_STR("client_secret_"));
}

/* How the client says who it is. */
struct way {
    struct sp_str method, secret;
    bool raw, spoils; /* Basic without form-encoding; an assertion with a wrong signature */
};

/* The form ends with an assertion: another signature than its own, of the same shape. */
static void spoil_signature(struct sp_buffer *form)
{
    enum { FROM_THE_END = 10 };
    char *at = form->at + form->len - FROM_THE_END;
    *at = *at == 'A' ? 'B' : 'A';
}

/* A code that does not exist: whoever gets as far as saying so knows the client. SP_UNSUPPORTED: the method cannot be
 * tried. */
static enum sp_status ask_with(struct sp_checkup *checkup, const struct way *way, struct sp_http_call **call)
{
    struct sp_buffer form;
    struct sp_str authorization;
    const struct sp_doctor_question *question = checkup->question;
    enum sp_status status = sp_checkup_authenticate(checkup, way->method, way->secret, way->raw, &form, &authorization);
    if (status != SP_OK) {
        if (form.at != NULL) {
            sp_wipe(form.at, form.len);
        }
        sp_buffer_fini(&form);
        return status;
    }
    if (way->spoils && sp_buffer_status(&form) == SP_OK) {
        spoil_signature(&form);
    }
    sp_client_add_parameter(&form, "grant_type", SP_STR("authorization_code"));
    sp_client_add_parameter(&form, "code", SP_STR(NO_CODE));
    sp_client_add_parameter(&form, "redirect_uri",
                            question->redirect_uri.len > 0 ? question->redirect_uri
                                                           : SP_STR("https://sallyport-doctor.invalid/"));
    sp_client_add_parameter(&form, "code_verifier", SP_STR("sallyport-doctor-has-no-code-and-needs-43-characters"));
    *call = sp_checkup_post(checkup, checkup->metadata.token_endpoint, &form, authorization);
    return SP_OK;
}

static bool try_method(struct sp_checkup *checkup, struct attempts *attempts, struct sp_str method,
                       struct sp_str secret, bool raw, struct sp_str how)
{
    size_t at = attempts->count;
    const struct sp_client_attempt attempt = {
        .method = method, .how = how, .is_trimmed = secret.len != checkup->question->client_secret.len};
    if (at == MAX_ATTEMPTS ||
        ask_with(checkup, &(struct way){method, secret, raw, false}, &attempts->calls[at]) != SP_OK) {
        return false;
    }
    attempts->rows[at] = attempt;
    attempts->raw[at] = raw;
    attempts->count++;
    return true;
}

/* A wrong secret of the same shape, so that whatever is said of the shape is said of both. In the arena. */
static struct sp_str wrong_secret(struct sp_checkup *checkup, struct sp_str secret)
{
    struct sp_str copy = SP_STR_NONE;
    if (sp_arena_copy(checkup->arena, secret, &copy) != SP_OK) {
        checkup->status = SP_NO_MEMORY;
        return SP_STR_NONE;
    }
    for (size_t i = copy.len; i > 0; i--) {
        char *at = (char *)(uintptr_t)&copy.at[i - 1]; /* our own copy */
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9')) {
            *at = *at == 'z' || *at == 'Z' || *at == '9' ? (char)(*at - 1) : (char)(*at + 1);
            break;
        }
    }
    return copy;
}

/* The same question with what is surely wrong in it. False: there is nothing that could be wrong. */
static bool ask_wrongly(struct sp_checkup *checkup, const struct attempts *attempts, size_t index,
                        struct sp_http_call **call)
{
    const struct sp_client_attempt *row = &attempts->rows[index];
    struct sp_str secret = checkup->question->client_secret;
    struct way way = {row->method, SP_STR_NONE, attempts->raw[index], false};
    if (is_by_secret(row->method) && secret.len > 0) {
        way.secret = wrong_secret(checkup, row->is_trimmed ? sp_str_trim(secret) : secret);
    } else if (sp_str_equal(row->method, SP_STR("private_key_jwt"))) {
        way.spoils = true;
    } else {
        return false;
    }
    return ask_with(checkup, &way, call) == SP_OK;
}

/* Where an answer alone does not tell, the answer to a secret or key that is surely wrong does, by contrast. */
static void ask_controls(struct sp_checkup *checkup, struct attempts *attempts)
{
    struct sp_http_call *calls[MAX_ATTEMPTS] = {NULL};
    for (size_t i = 0; i < attempts->count; i++) {
        const struct sp_client_attempt *row = &attempts->rows[i];
        if (sp_client_attempt_needs_control(row) && checkup->status == SP_OK &&
            !ask_wrongly(checkup, attempts, i, &calls[i])) {
            calls[i] = NULL;
        }
    }
    sp_http_calls_perform(calls, attempts->count);
    for (size_t i = 0; i < attempts->count; i++) {
        attempts->rows[i].control = calls[i] != NULL ? sp_http_call_report(calls[i]) : NULL;
    }
}

static bool needs_encoding(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '*';
        if (!plain) {
            return true;
        }
    }
    return false;
}

/* The method with the secret as given and, for Basic, without the form-encoding that many servers forget. */
static void try_all_of(struct sp_checkup *checkup, struct attempts *attempts, struct sp_str method)
{
    struct sp_str secret = checkup->question->client_secret, trimmed = sp_str_trim(secret);
    bool is_basic = sp_str_equal(method, SP_STR("client_secret_basic"));
    if (!try_method(checkup, attempts, method, secret, false, SP_STR_NONE)) {
        if (attempts->left_out_count < MAX_ATTEMPTS) {
            attempts->left_out[attempts->left_out_count++] = method;
        }
        return;
    }
    if (is_basic && (needs_encoding(secret) || needs_encoding(checkup->question->client_id))) {
        try_method(checkup, attempts, method, secret, true, SP_STR("not form-encoded"));
    }
    if (trimmed.len != secret.len && is_by_secret(method)) {
        try_method(checkup, attempts, method, trimmed, false, SP_STR("secret trimmed"));
    }
}

/* One after the other only where they are the same question twice; else all at once. */
static void ask_all(struct sp_checkup *checkup, struct attempts *attempts)
{
    const struct sp_json *advertised =
        sp_json_member(checkup->metadata.json, SP_STR("token_endpoint_auth_methods_supported"));
    for
        SP_JSON_EACH(method, advertised)
        {
            if (sp_json_string(method).len > 0) {
                try_all_of(checkup, attempts, sp_json_string(method));
            }
        }
    if (advertised == NULL) { /* its default: OIDC Discovery 3, RFC 8414 2 */
        try_all_of(checkup, attempts, SP_STR("client_secret_basic"));
    }
    sp_http_calls_perform(attempts->calls, attempts->count);
    for (size_t i = 0; i < attempts->count; i++) {
        attempts->rows[i].report = attempts->calls[i] != NULL ? sp_http_call_report(attempts->calls[i]) : NULL;
    }
}

static struct sp_str attempt_words(struct sp_arena *arena, const struct attempts *attempts)
{
    static const char *const answers[] = {"not asked", "accepted", "refused", "unclear"};
    struct sp_buffer text;
    sp_buffer_init(&text, arena, 4096);
    for (size_t i = 0; i < attempts->count; i++) {
        const struct sp_client_attempt *row = &attempts->rows[i];
        sp_buffer_printf(&text, "%s%.*s%s%.*s%s: %s", i > 0 ? "; " : "", SP_STR_ARG(row->method),
                         row->how.len > 0 ? " (" : "", SP_STR_ARG(row->how), row->how.len > 0 ? ")" : "",
                         answers[row->answer]);
        if (row->error.len > 0) {
            sp_buffer_printf(&text, " (%.*s)", SP_STR_ARG(sp_document_first_bytes(arena, row->error)));
        }
    }
    if (attempts->left_out_count > 0) {
        sp_buffer_printf(&text, "%snot tried, for want of what they need: %.*s", text.len > 0 ? "; " : "",
                         SP_STR_ARG(sp_words_list(arena, attempts->left_out, attempts->left_out_count)));
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static void take_method(struct sp_checkup *checkup, const struct attempts *attempts)
{
    const struct sp_client_attempt *accepted = sp_client_attempts_accepted(attempts->rows, attempts->count);
    if (accepted == NULL) {
        sp_doctor_report_hint(checkup->report,
                              SP_STR("invalid_client is said of an unknown client, a wrong secret, and a "
                                     "method that the client is not registered for: compare all three "
                                     "at the issuer."));
        return;
    }
    checkup->method = accepted->method;
    checkup->secret_is_raw = attempts->raw[accepted - attempts->rows];
    if (checkup->secret_is_raw) {
        sp_doctor_report_hint(checkup->report,
                              SP_STR("The server takes Basic without form-encoding only (against RFC 6749 §2.3.1): "
                                     "clients that encode fail with this secret. client_secret_post avoids it."));
    }
}

static void authenticate(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    struct attempts *attempts = SP_ARENA_NEW(checkup->arena, struct attempts);
    if (attempts == NULL) {
        checkup->status = SP_NO_MEMORY;
        return;
    }
    sp_checkup_begin(checkup, SP_STEP_CLIENT);
    ask_all(checkup, attempts);
    if (checkup->status == SP_OK) {
        checkup->status = sp_client_attempts_read(checkup->arena, attempts->rows, attempts->count);
    }
    if (checkup->status == SP_OK) {
        ask_controls(checkup, attempts);
    }
    if (checkup->status == SP_OK) {
        checkup->status = sp_client_attempts_judge(checkup->arena, attempts->rows, attempts->count,
                                                   checkup->question->client_id, &findings);
    }
    if (checkup->status == SP_OK && attempts->count == 0) {
        sp_checkup_skip(checkup, SP_STEP_CLIENT, "none of the issuer's methods can be tried with what was given");
    } else if (checkup->status == SP_OK) {
        take_method(checkup, attempts);
        sp_checkup_end(checkup, SP_STEP_CLIENT, &findings, attempt_words(checkup->arena, attempts));
    }
}

/* ---- redirect URI ---- */
static struct sp_http_call *ask_for_redirect(struct sp_checkup *checkup, struct sp_str redirect_uri)
{
    struct sp_buffer url;
    struct sp_str endpoint = checkup->metadata.authorization_endpoint;
    sp_buffer_init(&url, checkup->arena, MAX_URL_BYTES);
    /* Its own parameters, and the question mark, are not to be escaped: the separator is put by hand. */
    struct sp_buffer query;
    sp_buffer_init(&query, checkup->arena, MAX_URL_BYTES);
    sp_client_add_parameter(&query, "response_type", SP_STR("code"));
    sp_client_add_parameter(&query, "client_id", checkup->question->client_id);
    sp_client_add_parameter(&query, "redirect_uri", redirect_uri);
    sp_client_add_parameter(&query, "scope", SP_STR("openid"));
    sp_client_add_parameter(&query, "state", random_text(checkup));
    sp_client_add_parameter(&query, "nonce", random_text(checkup));
    sp_client_add_parameter(&query, "code_challenge", random_text(checkup));
    sp_client_add_parameter(&query, "code_challenge_method", SP_STR("S256"));
    sp_client_add_parameter(&query, "prompt", SP_STR("none"));
    sp_buffer_printf(&url, "%.*s%s%.*s", SP_STR_ARG(endpoint), sp_str_contains(endpoint, SP_STR("?")) ? "&" : "?",
                     SP_STR_ARG(sp_buffer_str(&query)));
    if (sp_buffer_status(&url) != SP_OK || sp_buffer_status(&query) != SP_OK) {
        return NULL;
    }
    return sp_checkup_call(checkup,
                           (struct sp_http_request){.url = sp_buffer_str(&url),
                                                    .accept = SP_STR("text/html,application/json;q=0.5,*/*;q=0.1"),
                                                    .max_bytes = MAX_ANSWER_BYTES});
}

/* Which other writing of it would have been taken? */
static struct sp_str find_accepted(struct sp_checkup *checkup)
{
    struct sp_str variants[MAX_VARIANTS], words;
    struct sp_http_call *calls[MAX_VARIANTS];
    size_t count = sp_redirect_uri_variants(checkup->arena, checkup->question->redirect_uri, variants, MAX_VARIANTS);
    for (size_t i = 0; i < count; i++) {
        calls[i] = ask_for_redirect(checkup, variants[i]);
    }
    sp_http_calls_perform(calls, count);
    for (size_t i = 0; i < count; i++) {
        if (calls[i] != NULL && sp_redirect_answer_of(checkup->arena, sp_http_call_report(calls[i]), variants[i],
                                                      &words) == SP_REDIRECT_ACCEPTED) {
            return variants[i];
        }
    }
    return SP_STR_NONE;
}

static void try_redirect_uri(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    static const char *const answers[] = {"unclear", "accepted", "refused", "the client is unknown there"};
    struct sp_str redirect_uri = checkup->question->redirect_uri, words = SP_STR_NONE, accepted = SP_STR_NONE;
    sp_checkup_begin(checkup, SP_STEP_REDIRECT_URI);
    struct sp_http_call *call = ask_for_redirect(checkup, redirect_uri);
    if (call == NULL) {
        sp_checkup_skip(checkup, SP_STEP_REDIRECT_URI, "the authorization endpoint is not one to be asked");
        return;
    }
    sp_http_call_perform(call);
    const struct sp_fetch_report *report = sp_http_call_report(call);
    if (report->failure != SP_CAUSE_NONE) {
        sp_http_answer_judge(checkup->arena, report, &findings);
        sp_checkup_end(checkup, SP_STEP_REDIRECT_URI, &findings, report->failure_detail);
        return;
    }
    enum sp_redirect_answer answer = sp_redirect_answer_of(checkup->arena, report, redirect_uri, &words);
    bool is_wordless = answer == SP_REDIRECT_UNCLEAR && report->http_status >= 400 && report->http_status < 500;
    if (answer == SP_REDIRECT_REFUSED || is_wordless) {
        accepted = find_accepted(checkup);
    }
    /* A refusal that names nothing, as glewlwyd's 403: that another writing is taken says what it was about. */
    if (is_wordless && accepted.at != NULL) {
        answer = SP_REDIRECT_REFUSED;
    }
    sp_redirect_probe_judge(checkup->arena, answer, redirect_uri, accepted, checkup->question->client_id, words,
                            &findings);
    sp_checkup_end(checkup, SP_STEP_REDIRECT_URI, &findings,
                   sp_arena_printf(checkup->arena, "%s: %.*s", answers[answer], SP_STR_ARG(words)));
}

void sp_checkup_client(struct sp_checkup *checkup)
{
    const struct sp_doctor_question *question = checkup->question;
    const char *why = question->client_id.len == 0 ? "no --client-id is given"
                      : checkup->status != SP_OK   ? "out of memory"
                      : !checkup->has_metadata     ? "no document names the endpoints"
                                                   : NULL;
    if (why == NULL && checkup->metadata.token_endpoint.len > 0) {
        authenticate(checkup);
    }
    sp_checkup_skip(checkup, SP_STEP_CLIENT, why != NULL ? why : "the document names no token endpoint");
    if (why == NULL && question->redirect_uri.len > 0 && checkup->metadata.authorization_endpoint.len > 0) {
        try_redirect_uri(checkup);
    }
    sp_checkup_skip(checkup, SP_STEP_REDIRECT_URI,
                    why != NULL                      ? why
                    : question->redirect_uri.len > 0 ? "the document names no authorization endpoint"
                                                     : "no --redirect-uri is given");
    bool is_public = sp_str_equal(checkup->method, SP_STR("none"));
    if (why == NULL && checkup->method.len > 0 && !is_public && checkup->status == SP_OK) {
        sp_checkup_token(checkup);
    }
    sp_checkup_skip(checkup, SP_STEP_TOKEN,
                    why != NULL ? why
                    : is_public ? "a client without a secret gets no token for itself"
                                : "the client could not authenticate");
}
