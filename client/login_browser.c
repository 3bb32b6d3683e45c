/* SPDX-License-Identifier: Apache-2.0 */
#include "client/login.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "client/loopback.h"
#include "client/session_parts.h"
#include "core/diagnosis/stated_cause.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "core/diagnosis/client_probe.h"
#include "core/diagnosis/document_report.h"
#include "core/jose/base64url.h"
#include "core/oauth/client_authentication.h"
#include "probe/local_clock.h"

#define MAX_URL_BYTES ((size_t)32 * 1024)
#define MAX_ANSWER_BYTES ((size_t)256 * 1024)
/* A request is at most SP_MAX_LOOPBACK_REQUEST_BYTES; its parameters decoded, and a table of them. */
#define MAX_QUERY_ARENA_BYTES ((size_t)1024 * 1024)

/* Of one authorization request, and of no other. */
struct once {
    struct sp_str state, nonce, verifier, challenge;
};

struct run {
    struct sp_client_session *session;
    const struct sp_client_login *login;
    struct sp_loopback *loopback;
    struct sp_str redirect_uri, path, authority;
    struct sp_str thumbprint; /* of the DPoP key; absent: bearer tokens */
    struct once once;
    struct sp_str url; /* that the browser is sent to */
    struct sp_form answer;
    struct sp_str answered; /* the redirect URI with its query, once it arrived */
    struct sp_str foreign;  /* the first state that came and was not ours; absent: none did */
    bool came_without_state;
    unsigned strangers;
};

/* ---- the listener ---- */

static bool refuse_uri(struct run *run)
{
    run->session->unable = true;
    run->session->trouble =
        SP_STR("--redirect-uri must be http://127.0.0.1[:PORT]/PATH, where this program can listen");
    return false;
}

static bool listen_at(struct run *run)
{
    struct sp_str wanted =
        run->login->redirect_uri.len > 0 ? run->login->redirect_uri : SP_STR("http://127.0.0.1/callback");
    struct sp_arena *arena = run->session->arena;
    struct sp_url url;
    uint16_t bound = 0;
    if (sp_url_split(wanted, &url) != SP_OK || !sp_str_equal(url.scheme, SP_STR("http")) || url.query.at != NULL ||
        url.fragment.at != NULL || url.userinfo.at != NULL ||
        !(sp_str_equal(url.host, SP_STR("127.0.0.1")) || sp_str_equal(url.host, SP_STR("localhost"))))
        return refuse_uri(run);
    bool has_port = url.port.len > 0;
    unsigned port = has_port ? sp_url_port(&url) : 0;
    if (port > 65535)
        return refuse_uri(run);
    enum sp_status status = sp_loopback_open((uint16_t)port, &run->loopback, &bound);
    if (status == SP_IO) {
        run->session->unable = true;
        run->session->trouble = sp_arena_printf(arena, "cannot listen on 127.0.0.1 port %u: %s", port, strerror(errno));
        return false;
    }
    run->session->status = status;
    run->path = url.path.len > 0 ? url.path : SP_STR("/");
    run->redirect_uri = sp_arena_printf(arena, "http://%.*s:%u%.*s", SP_STR_ARG(url.host), bound, SP_STR_ARG(url.path));
    /* What a browser writes into Host. */
    run->authority = bound == 80 ? url.host : sp_arena_printf(arena, "%.*s:%u", SP_STR_ARG(url.host), bound);
    return status == SP_OK;
}

/* ---- the request ---- */

static bool base64url_of(struct run *run, const unsigned char digest[32], struct sp_str *text)
{
    run->session->status = sp_base64url_encode(run->session->arena, sp_str((const char *)digest, 32), text);
    return run->session->status == SP_OK;
}

static bool make_once(struct run *run, struct once *once)
{
    unsigned char digest[32];
    struct sp_str missing;
    once->state = sp_client_random(run->session);
    once->verifier = sp_client_random(run->session);
    if (sp_flow_words_within(SP_STR("openid"), run->session->settings->scope, &missing))
        once->nonce = sp_client_random(run->session);
    if (run->session->status != SP_OK)
        return false;
    sp_sha256(once->verifier, digest);
    return base64url_of(run, digest, &once->challenge);
}

/* So that the code is bound to the key too (RFC 9449 10). */
static bool name_key(struct run *run)
{
    unsigned char thumbprint[32];
    const struct sp_key *key = run->session->settings->dpop;
    if (key == NULL)
        return true;
    run->session->status = sp_jwk_thumbprint(key, thumbprint);
    return run->session->status == SP_OK && base64url_of(run, thumbprint, &run->thumbprint);
}

#define PARAMETERS 9u

static void fill_parameters(const struct run *run, const struct once *once, struct sp_client_parameter rows[PARAMETERS])
{
    const struct sp_client_parameter parameters[PARAMETERS] = {{"response_type", SP_STR("code")},
                                                               {"redirect_uri", run->redirect_uri},
                                                               {"scope", run->session->settings->scope},
                                                               {"state", once->state},
                                                               {"nonce", once->nonce},
                                                               {"code_challenge", once->challenge},
                                                               {"code_challenge_method", SP_STR("S256")},
                                                               {"dpop_jkt", run->thumbprint},
                                                               {"prompt", SP_STR_NONE}};
    memcpy(rows, parameters, sizeof parameters);
}

static bool asks_to_push(const struct run *run)
{
    const struct sp_json *metadata = run->session->metadata.json;
    return run->login->pushes ||
           sp_json_is(sp_json_member(metadata, SP_STR("require_pushed_authorization_requests")), SP_JSON_TRUE);
}

static struct sp_str url_of(struct run *run, struct sp_str endpoint, const struct sp_client_parameter *rows,
                            size_t count, bool with_targets)
{
    struct sp_buffer query;
    sp_buffer_init(&query, run->session->arena, MAX_URL_BYTES);
    sp_client_add_parameter(&query, "client_id", run->session->settings->client_id);
    for (size_t i = 0; i < count; i++)
        sp_client_add_parameter(&query, rows[i].name, rows[i].value);
    if (with_targets)
        sp_client_add_targets(run->session, &query);
    if (sp_buffer_status(&query) != SP_OK) {
        run->session->status = SP_NO_MEMORY;
        return SP_STR_NONE;
    }
    return sp_arena_printf(run->session->arena, "%.*s%c%.*s", SP_STR_ARG(endpoint),
                           sp_str_contains(endpoint, SP_STR("?")) ? '&' : '?', SP_STR_ARG(sp_buffer_str(&query)));
}

static bool push(struct run *run, struct sp_str endpoint)
{
    struct sp_client_parameter rows[PARAMETERS];
    const struct sp_json *json;
    struct sp_str error;
    struct sp_client_ask ask = {.parameters = rows, .count = PARAMETERS, .with_targets = true, .proves = true};
    fill_parameters(run, &run->once, rows);
    /* The client's name stands in the authentication, but for Basic. */
    if (sp_str_equal(run->session->method, SP_STR("client_secret_basic")))
        rows[PARAMETERS - 1] = (struct sp_client_parameter){"client_id", run->session->settings->client_id};
    if (!sp_client_needs(run->session, "pushed_authorization_request_endpoint", &ask.url) ||
        !sp_client_request(run->session, &ask, &json, &error))
        return false;
    const struct sp_client_parameter pushed = {"request_uri",
                                               sp_json_string(sp_json_member(json, SP_STR("request_uri")))};
    if (pushed.value.len == 0) {
        struct sp_finding *finding = sp_document_refuse(&run->session->findings, SP_CAUSE_RESPONSE_MEMBER_MISSING);
        finding->check = SP_CHECK_COUNT;
        finding->expected = SP_STR("request_uri");
        finding->received = SP_STR("none");
        return false;
    }
    run->url = url_of(run, endpoint, &pushed, 1, false);
    return run->url.at != NULL;
}

static bool has_prompt(const struct sp_client_settings *settings)
{
    for (size_t i = 0; i < settings->parameters.count; i++)
        if (sp_str_has_prefix(settings->parameters.at[i], SP_STR("prompt=")))
            return true;
    return false;
}

/* Before a person is sent there: does the issuer know this client and this redirect URI? Asked so that nothing comes of
 * it, as the doctor does, with a state, a nonce and a challenge that the login does not use again; an answer that is
 * not clear keeps nobody from going on. */
static bool would_be_taken(struct run *run, struct sp_str endpoint)
{
    struct sp_client_parameter rows[PARAMETERS];
    struct sp_str words = SP_STR_NONE;
    struct once once = {.state = SP_STR_NONE};
    if (has_prompt(run->session->settings))
        return true;
    if (!make_once(run, &once))
        return false;
    fill_parameters(run, &once, rows);
    rows[PARAMETERS - 1].value = SP_STR("none");
    struct sp_http_request request = {.url = url_of(run, endpoint, rows, PARAMETERS, true),
                                      .accept = SP_STR("text/html,application/json;q=0.5,*/*;q=0.1"),
                                      .max_bytes = MAX_ANSWER_BYTES};
    const struct sp_fetch_report *report = request.url.at != NULL ? sp_client_call(run->session, request) : NULL;
    if (report == NULL)
        return false;
    enum sp_redirect_answer answer = sp_redirect_answer_of(run->session->arena, report, run->redirect_uri, &words);
    if (answer != SP_REDIRECT_REFUSED && answer != SP_REDIRECT_CLIENT_UNKNOWN)
        return true;
    sp_redirect_probe_judge(run->session->arena, answer, run->redirect_uri, SP_STR_NONE,
                            run->session->settings->client_id, words, &run->session->findings);
    return run->session->findings.count == 0;
}

static bool make_url(struct run *run)
{
    struct sp_client_parameter rows[PARAMETERS];
    struct sp_str endpoint = run->session->metadata.authorization_endpoint;
    struct sp_url url;
    if (!sp_client_needs(run->session, "authorization_endpoint", &endpoint))
        return false;
    endpoint = run->session->metadata.authorization_endpoint; /* a browser has no use for the alias */
    if (sp_url_split(endpoint, &url) != SP_OK || !sp_url_is_secure(&url)) {
        struct sp_finding *finding = sp_document_refuse(&run->session->findings, SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT);
        finding->check = SP_CHECK_COUNT;
        finding->expected = SP_STR("an https URL");
        finding->received = endpoint;
        return false;
    }
    if (asks_to_push(run))
        return push(run, endpoint);
    if (!would_be_taken(run, endpoint))
        return false;
    fill_parameters(run, &run->once, rows);
    run->url = url_of(run, endpoint, rows, PARAMETERS, true);
    return run->url.at != NULL;
}

/* ---- the answer ---- */

/* Any page and program can send one: none of it is kept but the first state, and few words are made of it. */
static void turn_away(struct run *run, struct sp_str state)
{
    enum { TOLD = 3, SHOWN = 128 };
    bool keeps = run->foreign.len == 0 && state.len > 0;
    if (keeps && sp_arena_copy(run->session->arena, sp_str_slice(state, 0, SHOWN), &run->foreign) != SP_OK)
        run->foreign = SP_STR_NONE;
    run->came_without_state = run->came_without_state || state.len == 0;
    if (++run->strangers <= TOLD)
        sp_client_say(run->session, "A request with %s came to %.*s and was refused; still waiting.",
                      state.len > 0 ? "another state" : "no state", SP_STR_ARG(run->redirect_uri));
}

static bool is_ours(struct run *run, struct sp_str query)
{
    struct sp_arena *scratch = sp_arena_create(MAX_QUERY_ARENA_BYTES);
    struct sp_form form;
    size_t offset = 0;
    bool ours = false;
    if (scratch != NULL && sp_form_parse(scratch, query, &form, &offset) == SP_OK) {
        struct sp_str state = sp_form_value(&form, SP_STR("state"));
        ours = sp_secret_equal(state, run->once.state);
        if (!ours)
            turn_away(run, state);
    }
    sp_arena_destroy(&scratch);
    return ours;
}

static enum sp_loopback_page take(void *context, struct sp_str query)
{
    struct run *run = context;
    struct sp_form form;
    size_t offset = 0;
    struct sp_arena *arena = run->session->arena;
    struct sp_str kept;
    if (!is_ours(run, query) || sp_arena_copy(arena, query, &kept) != SP_OK ||
        sp_form_parse(arena, kept, &form, &offset) != SP_OK)
        return SP_LOOPBACK_PAGE_FOREIGN;
    struct sp_str code = sp_form_value(&form, SP_STR("code")), error = sp_form_value(&form, SP_STR("error"));
    if (sp_form_repeated(&form).len > 0 || (code.len == 0 && error.len == 0))
        return SP_LOOPBACK_PAGE_FOREIGN;
    run->answer = form;
    run->answered = sp_arena_printf(arena, "%.*s?%.*s", SP_STR_ARG(run->redirect_uri), SP_STR_ARG(kept));
    return error.len > 0 ? SP_LOOPBACK_PAGE_REFUSED : SP_LOOPBACK_PAGE_DONE;
}

/* What a browser's recording would show: it was sent to the issuer, which sent it back. */
static void record(struct run *run, struct sp_str answered)
{
    const struct sp_flow_header location = {SP_STR("Location"), answered};
    struct sp_flow_exchange request = {.number = ++run->session->exchanges,
                                       .started_ms = sp_wall_clock_ms(),
                                       .method = SP_STR("GET"),
                                       .url = run->url,
                                       .response_headers = {&location, 1},
                                       .status = 302};
    sp_client_record(run->session, &request);
    struct sp_flow_exchange callback = {.number = ++run->session->exchanges,
                                        .started_ms = request.started_ms,
                                        .method = SP_STR("GET"),
                                        .url = answered,
                                        .status = 200};
    sp_client_record(run->session, &callback);
}

static bool tell(struct run *run, enum sp_cause cause, struct sp_str expected, struct sp_str received,
                 struct sp_str detail)
{
    const struct sp_finding finding = {.cause = cause,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .expected = expected,
                                       .received = received,
                                       .detail = detail};
    sp_client_tell(run->session, &finding);
    return false;
}

static bool nobody_came(struct run *run)
{
    if (run->foreign.len > 0)
        return tell(run, SP_CAUSE_STATE_MISMATCH, sp_flow_masked(run->session->capture, run->once.state),
                    sp_flow_masked(run->session->capture, run->foreign),
                    SP_STR("No answer with this login's state arrived in time."));
    if (run->came_without_state)
        return tell(run, SP_CAUSE_STATE_MISSING, sp_flow_masked(run->session->capture, run->once.state), SP_STR("none"),
                    SP_STR("No answer with this login's state arrived in time."));
    run->session->unable = true;
    run->session->trouble = sp_arena_printf(
        run->session->arena, "no answer came back to %.*s in time: was the login finished in the browser?",
        SP_STR_ARG(run->redirect_uri));
    return false;
}

/* What an error of the callback is known to mean – the person said no –, else that it is one. */
static bool tell_error(struct run *run, struct sp_str error)
{
    struct sp_str description = sp_form_value(&run->answer, SP_STR("error_description"));
    const struct sp_stated_refusal refusal = {.place = SP_ANSWER_CALLBACK, .error = error, .description = description};
    bool by_id;
    enum sp_cause cause = sp_stated_cause(&refusal, &by_id);
    return tell(run, cause != SP_CAUSE_NONE ? cause : SP_CAUSE_CALLBACK_ERROR, SP_STR("code"), error, description);
}

/* The decision is here, the words are the judges': state was compared when it arrived; error; iss (RFC 9207). */
static bool is_answer_good(struct run *run)
{
    struct sp_str error = sp_form_value(&run->answer, SP_STR("error"));
    struct sp_str iss = sp_form_value(&run->answer, SP_STR("iss"));
    const struct sp_json *promised =
        sp_json_member(run->session->metadata.json, SP_STR("authorization_response_iss_parameter_supported"));
    struct sp_str issuer = run->session->settings->issuer;
    record(run, run->answered);
    if (sp_client_is_broken(run->session))
        return false;
    if (iss.at == NULL && sp_json_is(promised, SP_JSON_TRUE))
        return tell(run, SP_CAUSE_CALLBACK_ISSUER_MISSING, issuer, SP_STR("none"), SP_STR_NONE);
    if (iss.at != NULL && !sp_str_equal(iss, issuer))
        return tell(run, SP_CAUSE_CALLBACK_ISSUER_MISMATCH, issuer, iss, SP_STR_NONE);
    return error.at == NULL || tell_error(run, error);
}

static bool redeem(struct run *run, struct sp_client_tokens *tokens)
{
    struct sp_str code = sp_form_value(&run->answer, SP_STR("code")), error;
    const struct sp_json *json;
    const struct sp_client_parameter rows[] = {{"grant_type", SP_STR("authorization_code")},
                                               {"code", code},
                                               {"redirect_uri", run->redirect_uri},
                                               {"code_verifier", run->once.verifier}};
    struct sp_client_ask ask = {.parameters = rows, .count = 4, .with_targets = true, .proves = true};
    return sp_client_needs(run->session, "token_endpoint", &ask.url) &&
           sp_client_request(run->session, &ask, &json, &error) &&
           sp_client_take_tokens(run->session, json, run->once.nonce, code, tokens);
}

/* One use, and nothing in it that a guess or a look at the process list could be of use for. */
static void open_browser(struct run *run)
{
    struct sp_arena *arena = run->session->arena;
    struct sp_str path = sp_arena_printf(arena, "/start/%.*s", SP_STR_ARG(sp_client_random(run->session)));
    struct sp_str start = sp_arena_printf(arena, "http://%.*s%.*s", SP_STR_ARG(run->authority), SP_STR_ARG(path));
    bool offered = run->session->status == SP_OK && sp_loopback_offer(run->loopback, path, run->url);
    run->login->opens(run->login->context, run->url, offered ? start : SP_STR_NONE);
}

bool sp_client_login_by_browser(struct sp_client_session *session, const struct sp_client_login *login,
                                struct sp_client_tokens *tokens)
{
    struct run run = {.session = session, .login = login};
    bool done = false;
    if (listen_at(&run) && make_once(&run, &run.once) && name_key(&run) && make_url(&run)) {
        open_browser(&run);
        enum sp_status status = sp_loopback_wait(run.loopback, run.path, run.authority, login->patience_ms, take, &run);
        sp_loopback_close(&run.loopback);
        if (status == SP_OK)
            done = is_answer_good(&run) && redeem(&run, tokens);
        else if (status == SP_NOT_FOUND)
            nobody_came(&run);
        else
            session->status = status;
    }
    sp_loopback_close(&run.loopback);
    return done;
}
