/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/token.h"

#include "core/jose/base64url.h"
#include "lab/signing.h"

#define LIFETIME_S 300

static void note(struct sp_lab_call *call, unsigned changes)
{
    if (changes > 0)
        sp_lab_committed(call->lab);
}

/* What both tokens say alike. */
static void put_common(struct sp_lab_object *claims, const struct sp_lab_call *call, const struct sp_lab_order *order)
{
    sp_lab_put_text(claims, "iss", call->lab->facts.issuer);
    sp_lab_put_text(claims, "sub", order->subject);
    sp_lab_put_number(claims, "iat", call->now);
    sp_lab_put_number(claims, "exp", call->now + LIFETIME_S);
    sp_lab_put_number(claims, "auth_time", call->now);
    sp_lab_put_text(claims, "acr", SP_STR("urn:lab:2"));
    sp_lab_put_text(claims, "email", SP_STR("lab@lab.example"));
    sp_lab_put(claims, "email_verified", SP_STR("true"));
}

static struct sp_str random_id(struct sp_arena *arena)
{
    unsigned char bytes[16];
    struct sp_str text = SP_STR_NONE;
    if (sp_random(bytes, sizeof bytes) == SP_OK &&
        sp_base64url_encode(arena, sp_str((const char *)bytes, sizeof bytes), &text) != SP_OK)
        text = SP_STR_NONE;
    return text;
}

static enum sp_status sign(struct sp_lab_call *call, struct sp_lab_object *header, const struct sp_lab_object *claims,
                           struct sp_str *token)
{
    struct sp_lab_signing signing = {
        .keys = &call->lab->keys, .client_secret = call->lab->facts.client_secret, .fault = call->fault};
    size_t position = 0;
    const struct sp_lab_set *row = sp_lab_set_next(call->fault, SP_LAB_PAYLOAD, &position);
    struct sp_str payload =
        row != NULL ? sp_lab_expand(call->arena, row->template, &call->words) : sp_lab_object_text(claims);
    if (payload.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_lab_sign(&signing, header, payload, token);
    note(call, signing.committed || row != NULL);
    return status;
}

/* Pieces of the token for the templates of TOKEN_TEXT. */
static void change_text(struct sp_lab_call *call, struct sp_str *token)
{
    struct sp_str piece[3] = {SP_STR_NONE, SP_STR_NONE, SP_STR_NONE}, rest = *token;
    size_t position = 0;
    const struct sp_lab_set *row = sp_lab_set_next(call->fault, SP_LAB_TOKEN_TEXT, &position);
    if (row == NULL)
        return;
    for (size_t i = 0; i < 3 && sp_str_next_word(&rest, SP_STR("."), &piece[i]); i++) {
    }
    const struct sp_lab_word pieces[] = {{"token", *token},
                                         {"header", piece[0]},
                                         {"payload", piece[1]},
                                         {"signature", piece[2]},
                                         {"half", sp_str_slice(piece[2], 0, piece[2].len / 2)}};
    const struct sp_lab_words words = {pieces, sizeof pieces / sizeof pieces[0], &call->words, 0};
    struct sp_str changed = sp_lab_expand(call->arena, row->template, &words);
    if (changed.at != NULL)
        *token = changed;
    note(call, 1);
}

enum sp_status sp_lab_access_token(struct sp_lab_call *call, const struct sp_lab_order *order, struct sp_str *token)
{
    struct sp_lab_object header, claims;
    sp_lab_object_init(&header, call->arena);
    sp_lab_object_init(&claims, call->arena);
    sp_lab_put_text(&header, "typ", SP_STR("at+jwt"));
    put_common(&claims, call, order);
    sp_lab_put_text(&claims, "aud", order->audience);
    sp_lab_put_text(&claims, "client_id", call->lab->facts.client_id);
    sp_lab_put_text(&claims, "jti", random_id(call->arena));
    sp_lab_put_text(&claims, "scope", order->scope);
    sp_lab_put_text(&claims, "tenant", SP_STR("lab"));
    sp_lab_put(&claims, "groups", SP_STR("[\"staff\"]"));
    if (call->jkt.at != NULL && call->fault != SP_CAUSE_RESPONSE_TOKEN_TYPE_UNEXPECTED)
        sp_lab_put(&claims, "cnf", sp_arena_printf(call->arena, "{\"jkt\":\"%.*s\"}", SP_STR_ARG(call->jkt)));
    note(call, sp_lab_apply(&header, call->fault, SP_LAB_HEADER, &call->words) +
                   sp_lab_apply(&header, call->fault, SP_LAB_ACCESS_HEADER, &call->words) +
                   sp_lab_apply(&claims, call->fault, SP_LAB_CLAIM, &call->words) +
                   sp_lab_apply(&claims, call->fault, SP_LAB_ACCESS_CLAIM, &call->words));
    enum sp_status status = sign(call, &header, &claims, token);
    if (status == SP_OK)
        change_text(call, token);
    return status;
}

/* OIDC Core 3.1.3.6; every algorithm that the lab signs ID tokens with hashes by SHA-256 – but PS512 and none. */
static struct sp_str half_hash(struct sp_lab_call *call, struct sp_str text)
{
    unsigned char digest[64];
    struct sp_str encoded = SP_STR_NONE;
    enum sp_hash hash = call->fault == SP_CAUSE_ALGORITHM_NOT_ALLOWED ? SP_HASH_SHA512 : SP_HASH_SHA256;
    size_t len = sp_hash_bytes(hash, text, digest);
    if (text.at == NULL || sp_base64url_encode(call->arena, sp_str((const char *)digest, len / 2), &encoded) != SP_OK)
        return SP_STR_NONE;
    return encoded;
}

enum sp_status sp_lab_id_token(struct sp_lab_call *call, const struct sp_lab_order *order, struct sp_str access_token,
                               struct sp_str *token)
{
    struct sp_lab_object header, claims;
    sp_lab_object_init(&header, call->arena);
    sp_lab_object_init(&claims, call->arena);
    sp_lab_put_text(&header, "typ", SP_STR("JWT"));
    put_common(&claims, call, order);
    sp_lab_put_text(&claims, "aud", call->lab->facts.client_id);
    sp_lab_put_text(&claims, "azp", call->lab->facts.client_id);
    sp_lab_put_text(&claims, "nonce", order->nonce);
    sp_lab_put_text(&claims, "at_hash", half_hash(call, access_token));
    note(call, sp_lab_apply(&header, call->fault, SP_LAB_HEADER, &call->words) +
                   sp_lab_apply(&claims, call->fault, SP_LAB_CLAIM, &call->words) +
                   sp_lab_apply(&claims, call->fault, SP_LAB_ID_CLAIM, &call->words));
    return sign(call, &header, &claims, token);
}

enum sp_status sp_lab_signed(struct sp_lab_call *call, struct sp_str claims, struct sp_str *token)
{
    struct sp_lab_object header;
    struct sp_lab_signing signing = {.keys = &call->lab->keys, .fault = SP_CAUSE_NONE};
    sp_lab_object_init(&header, call->arena);
    sp_lab_put_text(&header, "typ", SP_STR("JWT"));
    return sp_lab_sign(&signing, &header, claims, token);
}
