/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a client to an issuer's endpoints: authenticated, with a proof of possession, recorded, judged. */
#include <time.h>
#include "client/session_parts.h"
#include "core/base/secret.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/token_answer.h"
#include "core/oauth/client_authentication.h"

#define MAX_ANSWER_BYTES ((size_t)1024 * 1024)

/* ---- what is sent ---- */

void sp_client_add_targets(const struct sp_client_session *session, struct sp_buffer *form)
{
    const struct sp_client_settings *settings = session->settings;
    for (size_t i = 0; i < settings->resources.count; i++)
        sp_client_add_parameter(form, "resource", settings->resources.at[i]);
    for (size_t i = 0; i < settings->audiences.count; i++)
        sp_client_add_parameter(form, "audience", settings->audiences.at[i]);
    for (size_t i = 0; i < settings->parameters.count; i++) {
        struct sp_str row = settings->parameters.at[i];
        size_t equals = sp_str_index_of(row, '=', 0);
        char separator = '&';
        struct sp_str name = sp_arena_printf(session->arena, "%.*s", SP_STR_ARG(sp_str_slice(row, 0, equals)));
        if (form->len > 0)
            sp_buffer_append_char(form, separator);
        sp_form_encode(form, name);
        sp_buffer_append_char(form, '=');
        sp_form_encode(form, sp_str_slice(row, equals + 1, row.len));
    }
}

static enum sp_status authenticate(struct sp_client_session *session, struct sp_str url, struct sp_buffer *form,
                                   struct sp_str *authorization)
{
    const struct sp_client_settings *settings = session->settings;
    uint32_t algorithms =
        settings->key_algorithms != 0 ? settings->key_algorithms : sp_client_algorithms(session->metadata.json);
    struct sp_client_proof proof = {
        .method = session->method,
        .client_id = settings->client_id,
        .secret = settings->secret,
        .key = settings->key,
        .kid = settings->kid,
        .algorithm = settings->key != NULL ? sp_key_signs_with(settings->key, algorithms) : SP_ALGORITHM_UNKNOWN,
        .has_certificate = settings->certificate_file.len > 0,
        /* Whatever endpoint it goes to; RFC 9126 2 and OIDC Core 9 let the issuer take this one. */
        .audience = session->metadata.token_endpoint.len > 0 ? session->metadata.token_endpoint : url,
        .jti = sp_client_random(session),
        .now = time(NULL)};
    if (session->status != SP_OK)
        return session->status;
    return sp_client_prove(session->arena, &proof, form, authorization);
}

static bool prove(struct sp_client_session *session, struct sp_str url, struct sp_str *proof)
{
    struct sp_dpop_request request = {.method = SP_STR("POST"),
                                      .url = url,
                                      .nonce = session->nonce,
                                      .jti = sp_client_random(session),
                                      .now = time(NULL)};
    *proof = SP_STR_NONE;
    if (session->status == SP_OK)
        session->status = sp_dpop_sign(session->arena, session->settings->dpop, &request, proof);
    if (session->status != SP_UNSUPPORTED)
        return session->status == SP_OK;
    session->status = SP_OK;
    session->unable = true;
    session->trouble = SP_STR("the DPoP key is no private key that signs");
    return false;
}

/* ---- the answer ---- */

/* Keeps the issuer's nonce for the next proof. True when it wants this request once more with it (RFC 9449 8). */
static bool wants_nonce(struct sp_client_session *session, const struct sp_fetch_report *report, struct sp_str error)
{
    if (report->dpop_nonce.len == 0 || report->dpop_nonce.len > 500)
        return false;
    bool is_new = !sp_str_equal(report->dpop_nonce, session->nonce);
    session->nonce = report->dpop_nonce;
    return is_new && sp_str_equal(error, SP_STR("use_dpop_nonce"));
}

static bool is_tolerated(struct sp_str tolerated, struct sp_str error)
{
    struct sp_str word;
    while (error.len > 0 && sp_str_next_word(&tolerated, SP_STR(" "), &word))
        if (sp_str_equal(word, error))
            return true;
    return false;
}

/* Judged beside the rest of the recording; where that proves nothing, by itself. */
static bool refuse(struct sp_client_session *session, const struct sp_http_request *request,
                   const struct sp_fetch_report *report, const struct sp_document_findings *own)
{
    bool is_broken_server = report->http_status >= 500 || report->http_status == 429;
    if (is_broken_server)
        sp_http_answer_judge(session->arena, report, &session->findings);
    if (session->findings.count > 0)
        return false;
    if (report->failure == SP_CAUSE_NONE && !report->too_large) {
        sp_client_record_call(session, request, report);
        if (sp_client_is_broken(session))
            return false;
    }
    if (own->count > 0) {
        struct sp_finding finding = own->rows[0];
        finding.check = SP_CHECK_COUNT; /* it is of an answer, not of a token's examination */
        sp_client_tell(session, &finding);
    }
    return false;
}

static bool read_answer(struct sp_client_session *session, const struct sp_http_request *request,
                        const struct sp_fetch_report *report, const struct sp_client_ask *ask,
                        const struct sp_json **json, struct sp_str *error)
{
    struct sp_token_answer answer;
    struct sp_json_error ignored;
    struct sp_document_findings *own = SP_ARENA_NEW(session->arena, struct sp_document_findings);
    if (own == NULL)
        session->status = SP_NO_MEMORY;
    else
        session->status = sp_token_answer_examine(session->arena, report, &answer, own);
    if (session->status != SP_OK)
        return false;
    if (is_tolerated(ask->tolerated, answer.error)) {
        *error = answer.error;
        return true;
    }
    bool succeeded =
        answer.is_json && answer.error.len == 0 && (report->http_status == 200 || report->http_status == 201);
    if (!succeeded)
        return refuse(session, request, report, own);
    sp_client_record_call(session, request, report);
    session->status = sp_json_parse(session->arena, report->body, &sp_json_limits_document, json, &ignored);
    return session->status == SP_OK;
}

/* ---- one request ---- */

static void release_form(struct sp_buffer *form)
{
    if (form->at != NULL)
        sp_wipe(form->at, form->len);
    sp_buffer_fini(form);
}

static bool build(struct sp_client_session *session, const struct sp_client_ask *ask, struct sp_buffer *form,
                  struct sp_http_request *request)
{
    sp_buffer_init(form, NULL, SP_MAX_CLIENT_FORM_BYTES);
    enum sp_status status = authenticate(session, ask->url, form, &request->authorization);
    if (status == SP_UNSUPPORTED) {
        session->unable = true;
        session->trouble = sp_arena_printf(session->arena, "the method %.*s cannot be done with what is given",
                                           SP_STR_ARG(session->method));
        return false;
    }
    for (size_t i = 0; i < ask->count; i++)
        sp_client_add_parameter(form, ask->parameters[i].name, ask->parameters[i].value);
    if (ask->with_targets)
        sp_client_add_targets(session, form);
    if (status == SP_OK)
        status = sp_buffer_status(form);
    session->status = status;
    request->form = sp_buffer_str(form);
    return status == SP_OK &&
           (!ask->proves || session->settings->dpop == NULL || prove(session, ask->url, &request->dpop));
}

static struct sp_str error_of(struct sp_client_session *session, const struct sp_fetch_report *report)
{
    const struct sp_json *json = NULL;
    struct sp_json_error ignored;
    if (report->http_status < 400 ||
        sp_json_parse(session->arena, report->body, &sp_json_limits_token, &json, &ignored) != SP_OK)
        return SP_STR_NONE;
    return sp_json_string(sp_json_member(json, SP_STR("error")));
}

bool sp_client_request(struct sp_client_session *session, const struct sp_client_ask *ask, const struct sp_json **json,
                       struct sp_str *error)
{
    bool done = false, again = true;
    *json = NULL;
    *error = SP_STR_NONE;
    for (unsigned round = 0; again && round < 2; round++) {
        struct sp_buffer form;
        struct sp_http_request request = {.url = ask->url, .max_bytes = MAX_ANSWER_BYTES};
        again = false;
        if (build(session, ask, &form, &request)) {
            const struct sp_fetch_report *report = sp_client_call(session, request);
            again =
                report != NULL && ask->proves && round == 0 && wants_nonce(session, report, error_of(session, report));
            if (report != NULL && !again)
                done = read_answer(session, &request, report, ask, json, error);
        }
        release_form(&form);
    }
    return done;
}
