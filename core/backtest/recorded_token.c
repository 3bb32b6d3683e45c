/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backtest/recorded_token.h"

#include "core/jose/base64url.h"

/* ---- what is kept ---- */
static void put_words(struct sp_json_writer *json, const char *name, struct sp_str words)
{
    struct sp_str word;
    if (words.len == 0)
        return;
    sp_json_name(json, sp_str_from_cstr(name));
    sp_json_begin_array(json);
    while (sp_str_next_word(&words, SP_STR(" "), &word))
        sp_json_put_string(json, word);
    sp_json_end_array(json);
}

static void put_number(struct sp_json_writer *json, const char *name, int64_t value)
{
    if (value != 0)
        sp_json_int_member(json, name, value);
}

static void put_text(struct sp_json_writer *json, const char *name, struct sp_str value)
{
    if (value.len > 0)
        sp_json_string_member(json, name, value);
}

static void put_header(struct sp_json_writer *json, const struct sp_facts *facts)
{
    static const struct sp_str types[] = {[SP_TYPE_ABSENT] = {"", 0},
                                          [SP_TYPE_ACCESS_TOKEN] = {"at+jwt", 6},
                                          [SP_TYPE_JWT] = {"JWT", 3},
                                          [SP_TYPE_OTHER] = {"another", 7}};
    sp_json_name(json, SP_STR("header"));
    sp_json_begin_object(json);
    sp_json_string_member(json, "alg", sp_algorithm_get(facts->algorithm)->name);
    put_text(json, "typ", types[facts->type]);
    sp_json_end_object(json);
}

/* An accepted JWT has the issuer's name byte for byte; an answer about an opaque token need not repeat it. */
static void put_claims(struct sp_json_writer *json, const struct sp_facts *facts, struct sp_str issuer)
{
    if (facts->kind != SP_TOKEN_JWT)
        sp_json_string_member(json, "issuer", issuer);
    sp_json_name(json, SP_STR("claims"));
    sp_json_begin_object(json);
    if (facts->kind == SP_TOKEN_JWT)
        sp_json_string_member(json, "iss", issuer);
    put_words(json, "aud", facts->audiences);
    put_number(json, "exp", facts->expires_at);
    put_number(json, "nbf", facts->not_before);
    put_number(json, "iat", facts->issued_at);
    put_number(json, "auth_time", facts->auth_time);
    put_text(json, "scope", facts->scope);
    put_text(json, "acr", facts->acr);
    if (facts->email_verified)
        sp_json_bool_member(json, "email_verified", true);
    sp_json_end_object(json);
    if (facts->claims.len > 0) {
        sp_json_name(json, SP_STR("kept"));
        sp_json_put_raw(json, facts->claims);
    }
}

static void put_kept(struct sp_json_writer *json, const struct sp_token_told *told)
{
    if (told->facts->kind == SP_TOKEN_JWT)
        put_header(json, told->facts);
    else
        sp_json_string_member(json, "kind", sp_str_from_cstr(sp_token_kind_name(told->facts->kind)));
    put_claims(json, told->facts, told->issuer);
}

/* ---- the whole ---- */
/* A segment of a token that was parsed when it was examined. Between its values JSON may have line ends, which would
 * end the line of the log: they are written as spaces. Within a value there is no such byte. */
static bool decode(struct sp_arena *arena, struct sp_str segment, struct sp_str *text)
{
    if (sp_base64url_decode(arena, segment, text) != SP_OK)
        return false;
    char *bytes = (char *)(uintptr_t)text->at; /* ours: just decoded */
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)bytes[i] < 0x20)
            bytes[i] = ' ';
    return true;
}

static bool put_whole(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_token_told *told)
{
    const struct sp_str token = told->token;
    const size_t first = sp_str_index_of(token, '.', 0), second = sp_str_index_of(token, '.', first + 1);
    struct sp_str header, claims;
    /* Both or none: half of it and what is kept would name members twice. */
    if (told->facts->kind != SP_TOKEN_JWT || arena == NULL || second >= token.len ||
        !decode(arena, sp_str_slice(token, 0, first), &header) ||
        !decode(arena, sp_str_slice(token, first + 1, second), &claims))
        return false;
    sp_json_name(json, SP_STR("header"));
    sp_json_put_raw(json, header);
    sp_json_name(json, SP_STR("claims"));
    sp_json_put_raw(json, claims);
    sp_json_bool_member(json, "whole", true);
    return true;
}

/* One that does not look at the proof says nothing of it. */
static void put_binding(struct sp_json_writer *json, const struct sp_token_told *told)
{
    const struct sp_facts *facts = told->facts;
    if (!facts->bound_to_key && !facts->bound_to_certificate)
        return;
    sp_json_string_member(json, "bound",
                          !facts->bound_to_key           ? SP_STR("certificate")
                          : !facts->bound_to_certificate ? SP_STR("key")
                                                         : SP_STR("both"));
    sp_json_bool_member(json, "proven",
                        (!facts->bound_to_key || told->looks_at_key) &&
                            (!facts->bound_to_certificate || told->looks_at_certificate));
}

void sp_recorded_token_write(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_token_told *told)
{
    sp_json_begin_object(json);
    if (!told->whole || !put_whole(json, arena, told))
        put_kept(json, told);
    sp_json_int_member(json, "bytes", (int64_t)told->token.len);
    put_binding(json, told);
    if (told->facts->introspected)
        sp_json_bool_member(json, "introspected", true);
    sp_json_end_object(json);
}
