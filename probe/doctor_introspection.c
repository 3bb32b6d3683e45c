/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own credentials at the introspection endpoint (RFC 7662), tried with a token that nobody issued. */
#include "core/base/limits.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/introspection.h"
#include "core/oauth/client_authentication.h"
#include "probe/doctor_checkup.h"

#define NO_TOKEN "sallyport-doctor-has-no-token"

static void tell(struct sp_document_findings *findings, enum sp_cause cause, struct sp_str received,
                 struct sp_str detail)
{
    findings->rows[findings->count++] = (struct sp_finding){.cause = cause,
                                                            .check = SP_CHECK_COUNT,
                                                            .verified = true,
                                                            .expected = SP_STR("active: false"),
                                                            .received = received,
                                                            .detail = detail};
}

static struct sp_http_call *ask(struct sp_checkup *checkup, struct sp_str endpoint)
{
    const struct sp_doctor_introspection *asked = checkup->question->introspection;
    struct sp_buffer form;
    struct sp_str authorization = SP_STR_NONE;
    struct sp_client_proof proof = {.method = asked->method,
                                    .client_id = asked->client_id,
                                    .secret = asked->client_secret,
                                    .key = asked->key,
                                    .kid = asked->kid,
                                    .algorithm =
                                        asked->key != NULL ? sp_key_signs_with(asked->key, 0) : SP_ALGORITHM_UNKNOWN,
                                    .audience = checkup->question->issuer, /* as the gateway does */
                                    .now = checkup->now};
    sp_buffer_init(&form, NULL, SP_MAX_CLIENT_FORM_BYTES);
    enum sp_status status = sp_random_text(checkup->arena, &proof.jti);
    if (status == SP_OK)
        status = sp_client_prove(checkup->arena, &proof, &form, &authorization);
    if (status == SP_NO_MEMORY || status == SP_CRYPTO)
        checkup->status = status;
    sp_client_add_parameter(&form, "token", SP_STR(NO_TOKEN));
    sp_client_add_parameter(&form, "token_type_hint", SP_STR("access_token"));
    struct sp_http_call *call = sp_checkup_post(checkup, endpoint, &form, authorization);
    if (status == SP_OK && call != NULL)
        sp_http_call_perform(call);
    return status == SP_OK ? call : NULL;
}

static void judge(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_introspection_outcome outcome;
    struct sp_str words = sp_http_answer_words(checkup->arena, report);
    sp_introspection_judge(checkup->arena, report, &outcome);
    if (outcome.failure != SP_CAUSE_NONE) {
        tell(&findings, outcome.failure, words, outcome.detail);
        findings.rows[0].reason = outcome.reason;
    } else if (outcome.active) {
        tell(&findings, SP_CAUSE_INTROSPECTION_MALFORMED, SP_STR("active: true"),
             SP_STR("It says active: true of a token that nobody issued: every opaque token would pass."));
    }
    sp_checkup_end(checkup, SP_STEP_INTROSPECTION, &findings,
                   sp_arena_printf(checkup->arena, "by %.*s: %s", SP_STR_ARG(checkup->question->introspection->method),
                                   outcome.failure != SP_CAUSE_NONE ? words.at
                                   : outcome.active                 ? "a token that nobody issued is active"
                                                                    : "a token that nobody issued is not active"));
}

void sp_checkup_introspection(struct sp_checkup *checkup)
{
    const struct sp_doctor_introspection *asked = checkup->question->introspection;
    struct sp_str endpoint = asked != NULL ? asked->endpoint : SP_STR_NONE;
    if (endpoint.len == 0 && checkup->has_metadata)
        endpoint = checkup->metadata.introspection_endpoint;
    const char *why = asked == NULL              ? "none is configured"
                      : asked->trouble != NULL   ? asked->trouble
                      : endpoint.len == 0        ? "no endpoint is configured, and no document names one"
                      : checkup->status != SP_OK ? "out of memory"
                                                 : NULL;
    if (why == NULL) {
        sp_checkup_begin(checkup, SP_STEP_INTROSPECTION);
        struct sp_http_call *call = ask(checkup, endpoint);
        if (call != NULL)
            judge(checkup, sp_http_call_report(call));
    }
    sp_checkup_skip(checkup, SP_STEP_INTROSPECTION,
                    why != NULL ? why
                                : "the endpoint is not one to be asked, or the method needs a secret or key that is "
                                  "not configured");
}
