/* SPDX-License-Identifier: Apache-2.0 */
/* What the authority can do, said by the tables that it does it by (RFC 8414 2; OpenID Connect Discovery 3); and the
 * key set. */
#include "authority/assurance.h"
#include "authority/claims.h"
#include "authority/endpoint.h"
#include "authority/key_ring.h"
#include "authority/request_object.h"
#include "core/oauth/dpop_proof.h"

static const struct {
    unsigned bit;
    const char *text;
    bool uses_secret;
} methods[] = {
#define CLIENT_METHOD(NAME, bit, text, uses_secret) {SP_CLIENT_##NAME, text, uses_secret},
#include "authority/client_methods.def"
#undef CLIENT_METHOD
};

static const char *const grant_types[] = {
#define GRANT(NAME, bit, text, ...) text,
#include "authority/grants.def"
#undef GRANT
};

static void write_texts(struct sp_json_writer *json, struct sp_str name, const char *const *texts, size_t count)
{
    sp_json_name(json, name);
    sp_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        sp_json_put_string(json, sp_str_from_cstr(texts[i]));
    sp_json_end_array(json);
}

#define WRITE_TEXTS(json, name, ...)                                                                                   \
    write_texts((json), (name), (const char *const[]){__VA_ARGS__},                                                    \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool is_offered(const struct sp_authority_settings *settings, unsigned method)
{
    if (method == (unsigned)SP_CLIENT_TLS)
        return settings->mtls.trust != NULL;
    return method != (unsigned)SP_CLIENT_SELF_SIGNED_TLS || settings->mtls.enabled;
}

static void write_algorithms(struct sp_json_writer *json, struct sp_str name, uint32_t set)
{
    sp_json_name(json, name);
    sp_json_begin_array(json);
    for (unsigned i = SP_ALGORITHM_UNKNOWN + 1; i < SP_ALGORITHM_COUNT; i++)
        if ((set & sp_algorithm_bit((enum sp_algorithm)i)) != 0)
            sp_json_put_string(json, sp_algorithm_get((enum sp_algorithm)i)->name);
    sp_json_end_array(json);
}

/* RFC 8414 2: each list of methods with assertions among them has a list of their algorithms beside it. */
static void write_assertion_algorithms(struct sp_call *call, struct sp_json_writer *json, struct sp_str methods_member)
{
    struct sp_str tail = SP_STR("methods_supported");
    struct sp_str stem = sp_str_slice(methods_member, 0, methods_member.len - tail.len);
    write_algorithms(json, sp_arena_printf(call->arena, "%.*ssigning_alg_values_supported", SP_STR_ARG(stem)),
                     sp_algorithms_asymmetric() | sp_algorithms_symmetric());
}

static void write_endpoints(struct sp_call *call, struct sp_json_writer *json)
{
    for (size_t i = 0; i < sp_endpoint_count; i++) {
        const struct sp_endpoint *endpoint = &sp_endpoints[i];
        if (endpoint->metadata != NULL && sp_endpoint_is_on(endpoint, call->authority->settings))
            sp_json_string_member(json, endpoint->metadata, sp_authority_url(call, endpoint->path.at));
        if (endpoint->auth_methods_metadata == NULL)
            continue;
        sp_json_name(json, sp_str_from_cstr(endpoint->auth_methods_metadata));
        sp_json_begin_array(json);
        for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++)
            if (is_offered(call->authority->settings, methods[m].bit) &&
                (methods[m].uses_secret || endpoint->answer != sp_introspection_endpoint))
                sp_json_put_string(json, sp_str_from_cstr(methods[m].text));
        sp_json_end_array(json);
        write_assertion_algorithms(call, json, sp_str_from_cstr(endpoint->auth_methods_metadata));
    }
}

/* RFC 8705 5: where clients come with their certificate, if that is another host. */
static void write_mtls(struct sp_call *call, struct sp_json_writer *json)
{
    static enum sp_step (*const answers[])(struct sp_call *) = {
        sp_token_endpoint,          sp_userinfo_endpoint,      sp_device_authorization_endpoint,
        sp_pushed_request_endpoint, sp_introspection_endpoint, sp_revocation_endpoint};
    const struct sp_mtls_settings *mtls = &call->authority->settings->mtls;
    if (!mtls->enabled)
        return;
    sp_json_bool_member(json, "tls_client_certificate_bound_access_tokens", true);
    if (mtls->alias.at == NULL)
        return;
    sp_json_name(json, SP_STR("mtls_endpoint_aliases"));
    sp_json_begin_object(json);
    for (size_t i = 0; i < sp_endpoint_count; i++)
        for (size_t a = 0; a < sizeof answers / sizeof answers[0]; a++)
            if (sp_endpoints[i].answer == answers[a])
                sp_json_string_member(json, sp_endpoints[i].metadata,
                                      sp_authority_alias_url(call, sp_endpoints[i].path.at));
    sp_json_end_object(json);
}

static const char *const languages[] = {
#define LANGUAGE(NAME, tag) tag,
#include "authority/languages.def"
#undef LANGUAGE
};

static void write_scopes(struct sp_call *call, struct sp_json_writer *json)
{
    struct sp_str_list scopes = call->authority->settings->scopes;
    sp_json_name(json, SP_STR("scopes_supported"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < scopes.count; i++)
        sp_json_put_string(json, scopes.at[i]);
    sp_json_end_array(json);
}

/* Those that standard rows and scopes before have are there already. */
static bool is_new(const struct sp_authority_settings *settings, size_t scope, struct sp_str claim)
{
    for (size_t i = 0; i < sp_standard_claim_count; i++)
        if (sp_str_equal(claim, sp_str_from_cstr(sp_standard_claims[i])))
            return false;
    for (size_t i = 0; i < scope; i++)
        if (sp_scope_tells(settings, settings->told_scopes[i].name, claim, SP_TOLD_TO_CLIENT))
            return false;
    return true;
}

static void write_told_claims(struct sp_json_writer *json, const struct sp_authority_settings *settings)
{
    for (size_t i = 0; i < settings->told_scope_count; i++) {
        const struct sp_told_scope *told = &settings->told_scopes[i];
        for (size_t c = 0; (told->in & SP_TOLD_TO_CLIENT) != 0 && c < told->claims.count; c++)
            if (is_new(settings, i, told->claims.at[c]))
                sp_json_put_string(json, told->claims.at[c]);
    }
}

static void write_claims(struct sp_json_writer *json, const struct sp_authority_settings *settings)
{
    static const char *const of_the_login[] = {"sub",       "iss",   "aud", "exp", "iat",
                                               "auth_time", "nonce", "acr", "amr", "sid"};
    sp_json_name(json, SP_STR("claims_supported"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < sizeof of_the_login / sizeof of_the_login[0]; i++)
        sp_json_put_string(json, sp_str_from_cstr(of_the_login[i]));
    for (size_t i = 0; i < sp_standard_claim_count; i++)
        sp_json_put_string(json, sp_str_from_cstr(sp_standard_claims[i]));
    write_told_claims(json, settings);
    sp_json_end_array(json);
}

static void write_acrs(struct sp_json_writer *json)
{
    sp_json_name(json, SP_STR("acr_values_supported"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < sp_assurance_count; i++)
        sp_json_put_string(json, sp_assurances[i].acr);
    sp_json_end_array(json);
}

/* What we sign by: the standard one first, for clients that take the first. */
static void write_own_algorithms(struct sp_call *call, struct sp_json_writer *json, const char *name)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    enum sp_algorithm standard = sp_key_ring_algorithm(call->authority->keys, SP_ALGORITHM_UNKNOWN, call->now);
    sp_json_name(json, sp_str_from_cstr(name));
    sp_json_begin_array(json);
    sp_json_put_string(json, sp_algorithm_get(standard)->name);
    for (unsigned i = SP_ALGORITHM_UNKNOWN + 1; i < SP_ALGORITHM_COUNT; i++)
        if ((enum sp_algorithm)i != standard && (settings->algorithms & sp_algorithm_bit((enum sp_algorithm)i)) != 0)
            sp_json_put_string(json, sp_algorithm_get((enum sp_algorithm)i)->name);
    sp_json_end_array(json);
}

static void allow_caching(struct sp_call *call, int64_t seconds)
{
    struct sp_answer *answer = &call->answer;
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, "Cache-Control") == 0)
            answer->headers[i].value = sp_arena_printf(call->arena, "public, max-age=%lld", (long long)seconds);
}

enum sp_step sp_discovery_endpoint(struct sp_call *call)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "issuer", call->authority->settings->issuer);
    write_endpoints(call, &json);
    write_mtls(call, &json);
    write_scopes(call, &json);
    write_texts(&json, SP_STR("grant_types_supported"), grant_types, sizeof grant_types / sizeof grant_types[0]);
    write_texts(&json, SP_STR("ui_locales_supported"), languages, sizeof languages / sizeof languages[0]);
    WRITE_TEXTS(&json, SP_STR("response_types_supported"), "code");
    WRITE_TEXTS(&json, SP_STR("response_modes_supported"), "query", "fragment", "form_post");
    WRITE_TEXTS(&json, SP_STR("code_challenge_methods_supported"), "S256");
    WRITE_TEXTS(&json, SP_STR("prompt_values_supported"), "none", "login", "consent", "select_account");
    write_claims(&json, call->authority->settings);
    write_acrs(&json);
    write_algorithms(&json, SP_STR("dpop_signing_alg_values_supported"), sp_dpop_algorithms());
    sp_json_bool_member(&json, "authorization_response_iss_parameter_supported", true);
    sp_json_bool_member(&json, "request_parameter_supported", true);
    sp_json_bool_member(&json, "require_signed_request_object", false);
    write_algorithms(&json, SP_STR("request_object_signing_alg_values_supported"), sp_request_object_algorithms());
    sp_json_bool_member(&json, "request_uri_parameter_supported", false); /* only pushed ones */
    sp_json_bool_member(&json, "require_pushed_authorization_requests", false);
    sp_json_bool_member(&json, "claims_parameter_supported", true);
    static const char *const logout[] = {"backchannel_logout_supported", "backchannel_logout_session_supported",
                                         "frontchannel_logout_supported", "frontchannel_logout_session_supported"};
    for (size_t i = 0; i < sizeof logout / sizeof logout[0]; i++)
        sp_json_bool_member(&json, logout[i], true);
    WRITE_TEXTS(&json, SP_STR("subject_types_supported"), "public", "pairwise");
    static const char *const signed_answers[] = {"id_token_signing_alg_values_supported",
                                                 "userinfo_signing_alg_values_supported",
                                                 "introspection_signing_alg_values_supported"};
    for (size_t i = 0; i < sizeof signed_answers / sizeof signed_answers[0]; i++)
        write_own_algorithms(call, &json, signed_answers[i]);
    sp_json_end_object(&json);
    sp_answer_json(call, 200, &buffer);
    allow_caching(call, 300);
    return SP_GOES_ON;
}

enum sp_step sp_key_set_endpoint(struct sp_call *call)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_key_ring_write_set(call->authority->keys, call->now, &json);
    sp_answer_json(call, 200, &buffer);
    /* Whoever caches this long still sees a new key before it signs. */
    int64_t half = call->authority->settings->overlap_s / 2;
    allow_caching(call, half < 300 ? half : 300);
    return SP_GOES_ON;
}
