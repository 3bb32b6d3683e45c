/* SPDX-License-Identifier: Apache-2.0 */
/* First the proofs that the request carries are collected, then the one is judged. A wrong secret is looked at again
 * under the decodings that clients get wrong; what proves right names the cause, and is still refused. */
#include "authority/client_authentication.h"

#include "authority/basic_credentials.h"
#include "authority/client_assertion.h"
#include "authority/client_certificate.h"
#include "authority/client_secret.h"
#include "authority/denial.h"
#include "authority/client_directory.h"
#include "authority/throttle.h"

struct proof {
    enum sp_client_method method;
    struct sp_str client_id, secret;
    struct sp_basic_credentials basic;
    struct sp_client_assertion assertion;
};

static enum sp_step refuse_basic(struct sp_call *call, const char *fault)
{
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_BASIC_MALFORMED,
                   .expected = SP_STR("Basic base64(form-encoded client_id ':' form-encoded secret)"),
                   .received = sp_str_from_cstr(fault), .tell = sp_str_from_cstr(fault));
}

static enum sp_step read_basic(struct sp_call *call, struct proof *proof)
{
    const char *fault = "";
    enum sp_status status = sp_basic_credentials_parse(call->arena, call->asked.authorization, &proof->basic, &fault);
    if (status == SP_MALFORMED)
        return refuse_basic(call, fault);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    proof->method = SP_CLIENT_SECRET_BASIC;
    proof->client_id = proof->basic.id.at != NULL ? proof->basic.id : proof->basic.raw_id;
    proof->secret = proof->basic.secret;
    return SP_GOES_ON;
}

static enum sp_step refuse_several(struct sp_call *call, struct sp_str received)
{
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_MULTIPLE_METHODS,
                   .expected = SP_STR("one way of client authentication (RFC 6749 2.3)"), .received = received,
                   .tell = received);
}

static enum sp_step read_assertion(struct sp_call *call, struct proof *proof)
{
    if (call->asked.authorization_count > 0 || sp_call_parameter(call, "client_secret").at != NULL)
        return refuse_several(call, SP_STR("a client_assertion and another proof"));
    if (sp_client_assertion_read(call, &proof->assertion) != SP_GOES_ON)
        return SP_DENIED;
    bool symmetric = (sp_algorithm_bit(proof->assertion.jwt.algorithm) & sp_algorithms_symmetric()) != 0;
    proof->method = symmetric ? SP_CLIENT_SECRET_JWT : SP_CLIENT_PRIVATE_KEY_JWT;
    if (proof->client_id.at != NULL && !sp_str_equal(proof->client_id, proof->assertion.subject))
        return refuse_several(call, SP_STR("another client_id in the assertion than in the body"));
    proof->client_id = proof->assertion.subject;
    return SP_GOES_ON;
}

static enum sp_step collect(struct sp_call *call, struct proof *proof)
{
    struct sp_str body_id = sp_call_parameter(call, "client_id"),
                  body_secret = sp_call_parameter(call, "client_secret");
    *proof = (struct proof){.method = SP_CLIENT_NONE, .client_id = body_id};
    if (call->asked.authorization_count > 1)
        return refuse_several(call, SP_STR("several Authorization headers"));
    if (sp_call_parameter(call, "client_assertion").at != NULL) {
        if (read_assertion(call, proof) != SP_GOES_ON)
            return SP_DENIED;
    } else if (call->asked.authorization_count == 1) {
        if (!sp_is_basic(call->asked.authorization))
            return SP_DENY(call, .cause = SP_CAUSE_CLIENT_BASIC_MALFORMED, .expected = SP_STR("Authorization: Basic …"),
                           .received = SP_STR("an Authorization header with another scheme"),
                           .tell = SP_STR("The Authorization header has another scheme than Basic."));
        if (read_basic(call, proof) != SP_GOES_ON)
            return SP_DENIED;
        if (body_secret.at != NULL)
            return refuse_several(call, SP_STR("an Authorization header and a client_secret in the body"));
        if (body_id.at != NULL && !sp_str_equal(body_id, proof->client_id))
            return refuse_several(call, SP_STR("another client_id in the Authorization header than in the body"));
    } else if (body_secret.at != NULL) {
        proof->method = SP_CLIENT_SECRET_POST;
        proof->secret = body_secret;
    }
    if (proof->client_id.len == 0)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = SP_STR("an Authorization: Basic header, or client_id in the body"),
                       .received = SP_STR("neither"));
    call->client_id = proof->client_id;
    return SP_GOES_ON;
}

static enum sp_step find_client(struct sp_call *call, const struct proof *proof, const struct sp_client **client)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    enum sp_step step = sp_client_look_up(call, proof->client_id, client);
    if (step != SP_GOES_ON || *client != NULL)
        return step;
    /* The whole header was sent unencoded: an id such as a URL then differs from its decoded self. */
    if (proof->basic.raw_id.len > 0 && sp_client_find(settings, proof->basic.raw_id) != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_SECRET_NOT_ENCODED,
                       .expected = SP_STR("client id and secret form-encoded before base64"),
                       .received = SP_STR("a client id that is known only when it is read raw"));
    const struct sp_client *nearest = sp_client_nearest(settings, proof->client_id);
    struct sp_str detail = SP_STR_NONE;
    if (nearest != NULL)
        detail = sp_arena_printf(call->arena, "Registered is %.*s, which comes nearest.", SP_STR_ARG(nearest->id));
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_UNKNOWN,
                   .expected = nearest != NULL ? nearest->id : SP_STR("a registered client_id"),
                   .received = proof->client_id, .detail = detail);
}

static enum sp_step refuse_method(struct sp_call *call, const struct sp_client *client, const struct proof *proof)
{
    if (proof->method == SP_CLIENT_NONE)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = sp_client_methods_text(call->arena, client->methods),
                       .received = SP_STR("a client_id without any proof"));
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_METHOD_MISMATCH,
                   .expected = sp_client_methods_text(call->arena, client->methods),
                   .received = sp_client_methods_text(call->arena, proof->method),
                   .detail = sp_arena_printf(call->arena, "Client %.*s is registered for %.*s.", SP_STR_ARG(client->id),
                                             SP_STR_ARG(sp_client_methods_text(call->arena, client->methods))),
                   .tell = sp_arena_printf(call->arena, "This request used %.*s.",
                                           SP_STR_ARG(sp_client_methods_text(call->arena, proof->method))));
}

/* The secret is wrong as it stands; which reading of it is right? */
static enum sp_step explain_wrong_secret(struct sp_call *call, const struct sp_client *client,
                                         const struct proof *proof, enum sp_cause *cause)
{
    struct sp_str decoded_again = SP_STR_NONE;
    if (proof->secret.at != NULL && sp_form_decode(call->arena, proof->secret, &decoded_again) != SP_OK)
        decoded_again = SP_STR_NONE;
    const struct {
        struct sp_str candidate;
        enum sp_cause cause;
    } readings[] = {
        {proof->method == SP_CLIENT_SECRET_BASIC ? proof->basic.raw_secret : SP_STR_NONE,
         SP_CAUSE_CLIENT_SECRET_NOT_ENCODED},
        {sp_str_trim(proof->secret), SP_CAUSE_CLIENT_SECRET_WHITESPACE},
        {decoded_again, SP_CAUSE_CLIENT_SECRET_DOUBLE_ENCODED},
    };
    *cause = SP_CAUSE_CLIENT_SECRET_WRONG;
    for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++) {
        enum sp_secret_match match = SP_SECRET_DIFFERS;
        if (readings[i].candidate.at == NULL || sp_str_equal(readings[i].candidate, proof->secret))
            continue;
        enum sp_step step = sp_client_secret_match(call, client, readings[i].candidate, &match);
        if (step != SP_GOES_ON)
            return step;
        if (match != SP_SECRET_DIFFERS) {
            *cause = readings[i].cause;
            break;
        }
    }
    return SP_GOES_ON;
}

static enum sp_step judge_secret(struct sp_call *call, const struct sp_client *client, const struct proof *proof)
{
    enum sp_secret_match match = SP_SECRET_DIFFERS;
    enum sp_step step = sp_throttle_check(call, SP_THROTTLE_CLIENT_SECRET);
    if (step != SP_GOES_ON)
        return step;
    if (proof->secret.at != NULL)
        step = sp_client_secret_match(call, client, proof->secret, &match);
    if (step != SP_GOES_ON || match == SP_SECRET_MATCHES)
        return step;
    enum sp_cause cause = SP_CAUSE_CLIENT_SECRET_EXPIRED;
    if (match != SP_SECRET_MATCHES_EXPIRED)
        step = explain_wrong_secret(call, client, proof, &cause);
    if (step != SP_GOES_ON)
        return step;
    sp_throttle_fail(call, SP_THROTTLE_CLIENT_SECRET);
    if (cause == SP_CAUSE_CLIENT_SECRET_WRONG && proof->secret.at == NULL)
        return refuse_basic(call,
                            "the secret holds a '%' that begins no escape: form-encode id and secret before base64");
    return SP_DENY(call, .cause = cause, .expected = client->id,
                   .received =
                       sp_arena_printf(call->arena, "a secret of %zu characters (not shown) by %.*s", proof->secret.len,
                                       SP_STR_ARG(sp_client_methods_text(call->arena, proof->method))));
}

enum sp_step sp_client_authenticate(struct sp_call *call, const struct sp_client **client)
{
    struct proof proof;
    const struct sp_client *found = NULL;
    if (collect(call, &proof) != SP_GOES_ON || find_client(call, &proof, &found) != SP_GOES_ON)
        return SP_DENIED;
    if (proof.method == SP_CLIENT_NONE && sp_client_uses_certificate(found)) {
        *client = found;
        return sp_client_certificate_judge(call, found);
    }
    if ((found->methods & (unsigned)proof.method) == 0)
        return refuse_method(call, found, &proof);
    bool by_assertion = proof.method == SP_CLIENT_SECRET_JWT || proof.method == SP_CLIENT_PRIVATE_KEY_JWT;
    if (by_assertion && sp_client_assertion_judge(call, found, &proof.assertion) != SP_GOES_ON)
        return SP_DENIED;
    if (!by_assertion && proof.method != SP_CLIENT_NONE && judge_secret(call, found, &proof) != SP_GOES_ON)
        return SP_DENIED;
    *client = found;
    return SP_GOES_ON;
}
