/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/fapi2.h"

/* 5.3.2.1: a code lives no longer. */
#define MAX_CODE_LIFETIME_S 60

uint32_t sp_fapi2_algorithms(void)
{
    return sp_algorithm_bit(SP_ALGORITHM_PS256) | sp_algorithm_bit(SP_ALGORITHM_ES256) |
           sp_algorithm_bit(SP_ALGORITHM_EDDSA) | sp_algorithm_bit(SP_ALGORITHM_ED25519);
}

bool sp_fapi2_allows(enum sp_algorithm algorithm, enum sp_curve curve)
{
    return (sp_algorithm_bit(algorithm) & sp_fapi2_algorithms()) != 0 && curve != SP_CURVE_ED448;
}

static bool signs_weakly(enum sp_algorithm algorithm)
{
    return algorithm != SP_ALGORITHM_UNKNOWN && (sp_algorithm_bit(algorithm) & sp_fapi2_algorithms()) == 0;
}

static enum sp_status check_signatures(struct sp_settings_reader *reader, struct sp_str where,
                                       const struct sp_authority_settings *settings, const struct sp_client *client)
{
    enum sp_algorithm id_token = client->id_token_algorithm;
    if (signs_weakly(id_token != SP_ALGORITHM_UNKNOWN ? id_token : settings->algorithm))
        return sp_settings_complain(
            reader, where, "id_token_signed_response_alg",
            SP_STR("FAPI 2.0 wants PS256, ES256 or EdDSA: write one, or set tokens.algorithm."));
    if (client->token_format == SP_TOKEN_FORMAT_JWT && signs_weakly(settings->algorithm))
        return sp_settings_complain(
            reader, where, "token_format",
            SP_STR("FAPI 2.0 wants PS256, ES256 or EdDSA for access tokens: set tokens.algorithm, or write opaque."));
    if (signs_weakly(client->userinfo_algorithm))
        return sp_settings_complain(reader, where, "userinfo_signed_response_alg",
                                    SP_STR("FAPI 2.0 wants PS256, ES256 or EdDSA."));
    if (signs_weakly(client->introspection_algorithm))
        return sp_settings_complain(reader, where, "introspection_signed_response_alg",
                                    SP_STR("FAPI 2.0 wants PS256, ES256 or EdDSA."));
    return SP_OK;
}

enum sp_status sp_fapi2_check(struct sp_settings_reader *reader, struct sp_str where,
                              const struct sp_authority_settings *settings, struct sp_client *client)
{
    const unsigned strong =
        (unsigned)SP_CLIENT_PRIVATE_KEY_JWT | (unsigned)SP_CLIENT_TLS | (unsigned)SP_CLIENT_SELF_SIGNED_TLS;
    if (!client->is_fapi2)
        return SP_OK;
    client->require_pushed = true;
    client->require_pkce = true;
    if ((client->methods & ~strong) != 0)
        return sp_settings_complain(
            reader, where, "method",
            SP_STR("FAPI 2.0 wants private_key_jwt, tls_client_auth or self_signed_tls_client_auth and no other."));
    if (!client->require_dpop && !client->bound_to_certificate)
        return sp_settings_complain(reader, where, "require_dpop",
                                    SP_STR("FAPI 2.0 wants sender-constrained tokens: write require_dpop: true, or "
                                           "tls_client_certificate_bound_access_tokens: true."));
    if (client->allow_plain_pkce)
        return sp_settings_complain(reader, where, "allow_plain_pkce", SP_STR("FAPI 2.0 wants S256."));
    if (settings->code_lifetime_s > MAX_CODE_LIFETIME_S)
        return sp_settings_complain(reader, where, "profile",
                                    SP_STR("FAPI 2.0 wants codes of a minute at most: lower tokens.code_lifetime."));
    for (size_t i = 0; i < client->redirect_uris.count; i++)
        if (!sp_str_has_prefix(client->redirect_uris.at[i], SP_STR("https://")))
            return sp_settings_complain(reader, where, "redirect_uris", SP_STR("FAPI 2.0 wants https."));
    return check_signatures(reader, where, settings, client);
}
