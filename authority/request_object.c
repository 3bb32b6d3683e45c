/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/request_object.h"

#include "authority/client_keys.h"
#include "authority/denial.h"
#include "authority/fapi2.h"
#include "authority/signed_jwt.h"

/* Clocks of clients differ. */
#define LEEWAY_S 30
/* FAPI 2.0 Message Signing 5.3.1. */
#define MAX_LIFETIME_S 3600

uint32_t sp_request_object_algorithms(void)
{
    return sp_algorithms_asymmetric();
}

static enum sp_step refuse(struct sp_call *call, const char *fault)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_MALFORMED, .received = sp_str_from_cstr(fault),
                   .expected = SP_STR("a JWT that the client signed (RFC 9101 4)"),
                   .tell = sp_arena_printf(call->arena, "It is the request object: %s.", fault));
}

/* ---- claims to parameters ---- */
static bool is_of_jwt(struct sp_str name)
{
    static const struct sp_str names[] = {{"iss", 3}, {"sub", 3}, {"aud", 3}, {"exp", 3},
                                          {"nbf", 3}, {"iat", 3}, {"jti", 3}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sp_str_equal(names[i], name))
            return true;
    return false;
}

static bool may_be_a_list(struct sp_str name)
{
    return sp_str_equal(name, SP_STR("resource")) || sp_str_equal(name, SP_STR("audience"));
}

/* The text of one value, an object's as it was sent; absent when it cannot stand in a form. */
static struct sp_str text_of(const struct sp_json *value)
{
    struct sp_str text = sp_json_is(value, SP_JSON_OBJECT) ? value->text : sp_json_scalar_text(value);
    return sp_str_index_of(text, '\0', 0) < text.len ? SP_STR_NONE : text;
}

static const char *add(struct sp_parameter *into, size_t *count, struct sp_str name, const struct sp_json *value)
{
    struct sp_str text = text_of(value);
    if (text.at == NULL || sp_str_index_of(name, '\0', 0) < name.len)
        return "a member has a value that no parameter can have";
    if (*count == SP_MAX_FORM_PARAMETERS)
        return "it has too many members";
    into[(*count)++] = (struct sp_parameter){name, text};
    return NULL;
}

static const char *add_member(struct sp_parameter *into, size_t *count, const struct sp_json *member)
{
    if (sp_str_equal(member->name, SP_STR("request")) || sp_str_equal(member->name, SP_STR("request_uri")))
        return "it holds another request or request_uri";
    if (is_of_jwt(member->name) || sp_json_is(member, SP_JSON_NULL))
        return NULL;
    if (!sp_json_is(member, SP_JSON_ARRAY) || !may_be_a_list(member->name))
        return add(into, count, member->name, member);
    const char *fault = NULL;
    for
        SP_JSON_EACH(item, member)
    if (fault == NULL)
        fault = add(into, count, member->name, item);
    return fault;
}

enum sp_status sp_request_object_parameters(struct sp_arena *arena, const struct sp_json *claims, struct sp_form *form,
                                            const char **fault)
{
    struct sp_parameter *parameters = sp_arena_calloc(arena, SP_MAX_FORM_PARAMETERS, sizeof *parameters);
    size_t count = 0;
    if (parameters == NULL)
        return SP_NO_MEMORY;
    *fault = NULL;
    for
        SP_JSON_EACH(member, claims)
    if (*fault == NULL)
        *fault = add_member(parameters, &count, member);
    if (*fault != NULL)
        return SP_MALFORMED;
    *form = (struct sp_form){parameters, count};
    return SP_OK;
}

/* ---- judging ---- */
/* RFC 9101 10.8: no JWT of another purpose passes for a request. */
static bool is_of_type(struct sp_str type)
{
    static const struct sp_str prefix = {"application/", 12};
    if (type.len > prefix.len && sp_str_equal_ignoring_case(sp_str_slice(type, 0, prefix.len), prefix))
        type = sp_str_slice(type, prefix.len, type.len);
    return type.at == NULL || sp_str_equal_ignoring_case(type, SP_STR("JWT")) ||
           sp_str_equal_ignoring_case(type, SP_STR("oauth-authz-req+jwt"));
}

static enum sp_step check_signature(struct sp_call *call, const struct sp_client *client,
                                    const struct sp_signed_jwt *jwt)
{
    const struct sp_jwk_set *keys = NULL;
    uint32_t allowed = client->request_object_algorithm != SP_ALGORITHM_UNKNOWN
                           ? sp_algorithm_bit(client->request_object_algorithm)
                           : sp_request_object_algorithms();
    if (client->is_fapi2)
        allowed &= sp_fapi2_algorithms();
    if ((sp_algorithm_bit(jwt->algorithm) & allowed) == 0)
        return SP_DENY(
            call, .cause = SP_CAUSE_REQUEST_OBJECT_ALGORITHM, .expected = sp_algorithms_in_words(call->arena, allowed),
            .received = jwt->algorithm_name.len > 0 ? sp_str_slice(jwt->algorithm_name, 0, 64) : SP_STR("no alg"));
    enum sp_step step = sp_client_keys_for(call, client, jwt->kid, &keys);
    if (step != SP_GOES_ON)
        return step;
    const struct sp_key *verifier = sp_signed_jwt_verifier(jwt, keys);
    if (verifier != NULL && client->is_fapi2 && !sp_fapi2_allows(jwt->algorithm, sp_key_curve(verifier)))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_ALGORITHM, .expected = SP_STR(SP_FAPI2_ALGORITHMS),
                       .received = SP_STR("EdDSA with Ed448"));
    if (verifier != NULL)
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_SIGNATURE, .expected = client->id,
                   .received = sp_arena_printf(call->arena, "%.*s, kid %.*s", SP_STR_ARG(jwt->algorithm_name),
                                               SP_STR_ARG(sp_str_slice(jwt->kid, 0, 120))),
                   .detail = sp_signed_jwt_keys_in_words(call->arena, keys));
}

static enum sp_step refuse_client(struct sp_call *call, const struct sp_client *client, const char *claim,
                                  struct sp_str value)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_CLIENT, .expected = client->id,
                   .received = value.at != NULL ? value : SP_STR("none"), .detail = sp_str_from_cstr(claim));
}

static enum sp_step check_parties(struct sp_call *call, const struct sp_client *client, const struct sp_signed_jwt *jwt)
{
    struct sp_str issuer = call->authority->settings->issuer, client_id = sp_signed_jwt_text(jwt, "client_id"),
                  iss = sp_signed_jwt_text(jwt, "iss");
    const struct sp_json *aud = sp_json_member(jwt->claims, SP_STR("aud"));
    bool has_iss = sp_json_member(jwt->claims, SP_STR("iss")) != NULL;
    /* RFC 9101 10.8: else it could be taken for the client's assertion elsewhere. */
    if (sp_str_equal(sp_signed_jwt_text(jwt, "sub"), client->id))
        return refuse(call, "its sub is the client_id");
    if (!sp_str_equal(client_id, client->id))
        return refuse_client(call, client, "client_id", client_id);
    if ((has_iss || client->require_signed_request) && !sp_str_equal(iss, client->id))
        return refuse_client(call, client, "iss", iss);
    if ((aud != NULL || client->require_signed_request) && !sp_signed_jwt_is_for(jwt, issuer))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_AUDIENCE, .expected = issuer,
                       .received = aud == NULL ? SP_STR("none") : sp_str_slice(aud->text, 0, 200));
    return SP_GOES_ON;
}

static enum sp_step check_times(struct sp_call *call, const struct sp_client *client, const struct sp_signed_jwt *jwt)
{
    const struct sp_json *exp = sp_json_member(jwt->claims, SP_STR("exp")),
                         *nbf = sp_json_member(jwt->claims, SP_STR("nbf"));
    int64_t expires_at = 0, not_before = 0;
    if ((exp != NULL && sp_json_int64(exp, &expires_at) != SP_OK) ||
        (nbf != NULL && sp_json_int64(nbf, &not_before) != SP_OK))
        return refuse(call, "its exp or nbf is no number");
    if (exp == NULL && client->require_signed_request)
        return refuse(call, "it has no exp");
    if (exp != NULL && expires_at <= call->now - LEEWAY_S)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_EXPIRED,
                       .detail = sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - expires_at)));
    if (client->require_signed_request && expires_at > call->now + MAX_LIFETIME_S)
        return refuse(call, "it lives longer than an hour");
    if (nbf != NULL && not_before > call->now + LEEWAY_S)
        return refuse(call, "its nbf lies ahead");
    /* FAPI 2.0 Message Signing 5.3.1. */
    if (client->is_fapi2 && (nbf == NULL || exp == NULL || not_before < call->now - MAX_LIFETIME_S ||
                             expires_at > not_before + MAX_LIFETIME_S))
        return refuse(call, "its nbf and exp are not within an hour");
    return SP_GOES_ON;
}

static enum sp_step judge(struct sp_call *call, const struct sp_client *client, struct sp_str text,
                          struct sp_signed_jwt *jwt)
{
    const char *fault = NULL;
    enum sp_status status = sp_signed_jwt_read(call->arena, text, jwt, &fault);
    if (status == SP_MALFORMED)
        return refuse(call, fault);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!is_of_type(jwt->type))
        return refuse(call, "its typ is of another kind of JWT");
    enum sp_step step = check_signature(call, client, jwt);
    if (step == SP_GOES_ON)
        step = check_parties(call, client, jwt);
    return step == SP_GOES_ON ? check_times(call, client, jwt) : step;
}

enum sp_step sp_request_object_take(struct sp_call *call, const struct sp_client *client)
{
    struct sp_str text = sp_call_parameter(call, "request");
    struct sp_signed_jwt jwt;
    const char *fault = NULL;
    if (text.at == NULL && client->require_signed_request)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_OBJECT_REQUIRED, .expected = SP_STR("request"),
                       .received = SP_STR("plain parameters"));
    if (text.at == NULL)
        return SP_GOES_ON;
    enum sp_step step = judge(call, client, text, &jwt);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = sp_request_object_parameters(call->arena, jwt.claims, &call->parameters, &fault);
    if (status == SP_MALFORMED)
        return refuse(call, fault);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}
