/* SPDX-License-Identifier: Apache-2.0 */
/* POST /token: who is the client, which grant, is it the client's to use; the grant does the rest. */
#include "authority/access_token.h"
#include "authority/client_authentication.h"
#include "authority/client_certificate.h"
#include "authority/client_directory.h"
#include "authority/denial.h"
#include "authority/dpop.h"
#include "authority/endpoint.h"
#include "authority/grant.h"
#include "authority/throttle.h"
#include "authority/token_answer.h"

static const struct {
    unsigned bit;
    struct sp_str type;
    enum sp_step (*run)(struct sp_call *call, const struct sp_client *client);
} grants[] = {
#define GRANT(NAME, bit, text, function) {SP_GRANT_##NAME, {text, sizeof text - 1}, function},
#include "authority/grants.def"
#undef GRANT
};
#define GRANT_COUNT (sizeof grants / sizeof grants[0])

static struct sp_str grants_in_words(struct sp_call *call, unsigned set)
{
    struct sp_buffer words;
    sp_buffer_init(&words, call->arena, 1024);
    for (size_t i = 0; i < GRANT_COUNT; i++)
        if ((set & grants[i].bit) != 0)
            sp_buffer_printf(&words, "%s%.*s", words.len > 0 ? ", " : "", SP_STR_ARG(grants[i].type));
    return sp_buffer_str(&words);
}

static enum sp_step run_grant(struct sp_call *call, const struct sp_client *client, struct sp_str type)
{
    if (sp_dpop_take(call, &(struct sp_dpop_terms){.path = "/token", .client = client}) != SP_GOES_ON)
        return SP_DENIED;
    if (client->require_dpop && call->jkt.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_MISSING, .received = SP_STR("without a DPoP header"),
                       .error = "invalid_request", .status = 400, /* 'invalid_dpop_proof' is of one that came */
                       .tell = SP_STR("The request for it needs a DPoP header."));
    if (sp_client_certificate_bind(call, client) != SP_GOES_ON)
        return SP_DENIED;
    for (size_t i = 0; i < GRANT_COUNT; i++) {
        if (!sp_str_equal(grants[i].type, type))
            continue;
        if ((client->grants & grants[i].bit) == 0)
            return SP_DENY(call, .cause = SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED,
                           .expected = grants_in_words(call, client->grants), .received = type, .detail = client->id);
        enum sp_step step = grants[i].run(call, client);
        if (step == SP_GOES_ON && call->answer.status == 200)
            sp_client_directory_keep(call, client, grants[i].bit == (unsigned)SP_GRANT_CLIENT_CREDENTIALS);
        return step;
    }
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_GRANT_UNKNOWN, .expected = grants_in_words(call, ~0u),
                   .received = type);
}

enum sp_step sp_token_endpoint(struct sp_call *call)
{
    struct sp_str type = sp_call_parameter(call, "grant_type");
    call->grant = type;
    const struct sp_client *client = NULL;
    if (type.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("grant_type"),
                       .received = SP_STR("no grant_type"), .tell = SP_STR("It is 'grant_type'."));
    if (sp_dpop_ask_nonce(call) != SP_GOES_ON || sp_client_authenticate(call, &client) != SP_GOES_ON)
        return SP_DENIED;
    /* Anybody can call itself by its client_id, and its proofs are remembered whatever becomes of the request. */
    const bool is_anybody = sp_client_is_public(client) && call->asked.dpop_count > 0;
    if (is_anybody && sp_throttle_check(call, SP_THROTTLE_PROOF) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_step step = run_grant(call, client, type);
    if (is_anybody && step != SP_GOES_ON && call->waits_for == NULL)
        sp_throttle_fail(call, SP_THROTTLE_PROOF);
    return step;
}

struct issue {
    const struct sp_token_order *order;
    struct sp_str type;
};

static enum sp_step issue(struct sp_call *call, void *context)
{
    const struct issue *issue = context;
    struct sp_issued_token token;
    enum sp_step step = sp_access_token_issue(call, issue->order, &token);
    if (step != SP_GOES_ON)
        return step;
    return sp_token_answer_write(call, &(struct sp_token_answer){.access_token = token.value,
                                                                 .access_claims = token.claims,
                                                                 .expires_in_s = token.expires_in_s,
                                                                 .scope = issue->order->scope,
                                                                 .bound_to_key = issue->order->jkt.len > 0,
                                                                 .issued_token_type = issue->type});
}

/* Neither a JWT nor what is sealed needs anything of the store. */
enum sp_step sp_grant_access_token(struct sp_call *call, const struct sp_token_order *order,
                                   struct sp_str issued_token_type)
{
    struct issue context = {order, issued_token_type};
    bool has_ticket = order->client->token_format == SP_TOKEN_FORMAT_OPAQUE &&
                      !sp_access_token_is_sealed(call->authority->settings, order);
    return has_ticket ? sp_call_in_write(call, issue, &context) : issue(call, &context);
}
