/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/id_token.h"

#include "authority/signed_jwt.h"
#include "authority/claims.h"
#include "authority/denial.h"
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/subject.h"
#include "core/jose/crypto.h"

struct sp_id_token_draft {
    const struct sp_client *client;
    struct sp_buffer claims; /* an object that is still open */
    struct sp_json_writer json;
};

enum sp_step sp_id_token_draft(struct sp_call *call, const struct sp_client *client,
                               const struct sp_grant_record *record, struct sp_str scope,
                               struct sp_id_token_draft **out)
{
    struct sp_id_token_draft *draft = SP_ARENA_NEW(call->arena, struct sp_id_token_draft);
    if (draft == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    struct sp_json_writer *json = &draft->json;
    char room[SP_PAIRWISE_BYTES];
    draft->client = client;
    sp_answer_buffer(call, &draft->claims);
    sp_json_writer_init(json, &draft->claims, false);
    sp_json_begin_object(json);
    sp_json_string_member(json, "iss", call->authority->settings->issuer);
    sp_json_string_member(json, "sub", sp_subject_of(call->authority->process_secret, client, record->subject, room));
    sp_json_string_member(json, "aud", client->id);
    sp_json_int_member(json, "iat", call->now);
    sp_json_int_member(json, "exp", call->now + SP_ID_TOKEN_LIFETIME_S);
    if (record->auth_time != 0)
        sp_json_int_member(json, "auth_time", record->auth_time);
    if (record->nonce.at != NULL)
        sp_json_string_member(json, "nonce", record->nonce);
    if (record->acr.len > 0)
        sp_json_string_member(json, "acr", record->acr);
    struct sp_str rest = record->amr, method;
    sp_json_name(json, SP_STR("amr"));
    sp_json_begin_array(json);
    while (sp_str_next_word(&rest, SP_STR(" "), &method))
        sp_json_put_string(json, method);
    sp_json_end_array(json);
    if (record->sid.len > 0)
        sp_json_string_member(json, "sid", record->sid);
    const struct sp_claims_wish wish = {.scope = scope,
                                        .names = record->id_token_claims,
                                        .in = client->userinfo_in_id_token ? SP_TOLD_TO_CLIENT
                                                                           : (unsigned)SP_TOLD_IN_ID_TOKEN};
    if (sp_claims_tell(call, json, record->subject, &wish) != SP_GOES_ON)
        return SP_DENIED;
    *out = draft;
    return SP_GOES_ON;
}

enum sp_algorithm sp_id_token_algorithm(const struct sp_call *call, const struct sp_id_token_draft *draft)
{
    return sp_key_ring_algorithm(call->authority->keys, draft->client->id_token_algorithm, call->now);
}

/* OIDC Core 3.1.3.6: the left half of the hash that the signature uses; Ed25519 signs over SHA-512. */
static struct sp_str access_token_hash(struct sp_call *call, const struct sp_id_token_draft *draft,
                                       struct sp_str access_token)
{
    unsigned char digest[64];
    enum sp_hash hash = sp_algorithm_get(sp_id_token_algorithm(call, draft))->hash;
    size_t len = sp_hash_bytes(hash != SP_HASH_NONE ? hash : SP_HASH_SHA512, access_token, digest);
    return sp_base64url_of(call->arena, digest, len / 2);
}

enum sp_status sp_id_token_sign(struct sp_call *call, struct sp_id_token_draft *draft, struct sp_str access_token,
                                struct sp_str *id_token)
{
    sp_json_string_member(&draft->json, "at_hash", access_token_hash(call, draft, access_token));
    sp_json_end_object(&draft->json);
    enum sp_status status = sp_buffer_status(&draft->claims);
    return status == SP_OK ? sp_key_ring_sign(call->authority->keys, call->arena, draft->client->id_token_algorithm,
                                              "JWT", sp_buffer_str(&draft->claims), call->now, id_token)
                           : status;
}

enum sp_status sp_id_token_read_hint(struct sp_call *call, const struct sp_json **claims)
{
    struct sp_str hint = sp_call_parameter(call, "id_token_hint"), payload;
    struct sp_json_error error;
    *claims = NULL;
    if (hint.at == NULL)
        return SP_OK;
    enum sp_status status = sp_key_ring_verify(call->authority->keys, call->arena, "JWT", hint, &payload);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, payload, &sp_json_limits_token, claims, &error);
    return status == SP_MALFORMED ? SP_NOT_FOUND : status;
}

enum sp_status sp_id_token_read_outlived_hint(struct sp_call *call, struct sp_str *audience)
{
    struct sp_signed_jwt jwt;
    const char *fault = NULL;
    int64_t expires_at = 0;
    enum sp_status status = sp_signed_jwt_read(call->arena, sp_call_parameter(call, "id_token_hint"), &jwt, &fault);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(jwt.claims, SP_STR("exp")), &expires_at);
    if (status == SP_NO_MEMORY)
        return status;
    if (status != SP_OK || expires_at > call->now ||
        !sp_str_equal(sp_signed_jwt_text(&jwt, "iss"), call->authority->settings->issuer))
        return SP_NOT_FOUND;
    *audience = sp_signed_jwt_text(&jwt, "aud");
    return SP_OK;
}
