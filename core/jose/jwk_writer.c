/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as JSON: the JWK (RFC 7517 4) and its thumbprint (RFC 7638). */
#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"

/* A key's JSON, private numbers of RSA 8192 included, is below 12 kB. */
#define KEY_ARENA_BYTES (64u * 1024)

static void put_number(struct sp_json_writer *writer, struct sp_arena *arena, const char *name, struct sp_str bytes)
{
    struct sp_str text;
    if (bytes.at == NULL) {
        return;
    }
    if (sp_base64url_encode(arena, bytes, &text) != SP_OK) {
        writer->out->status = SP_NO_MEMORY;
        return;
    }
    sp_json_string_member(writer, name, text);
}

/* The public numbers in the order of their names, as the thumbprint hashes them. */
static void put_required(struct sp_json_writer *writer, struct sp_arena *arena, const struct sp_key_parts *parts)
{
    if (parts->type == SP_KEY_TYPE_EC || parts->type == SP_KEY_TYPE_OKP) {
        sp_json_string_member(writer, "crv", sp_curve_name(parts->curve));
    }
    put_number(writer, arena, "e", parts->e);
    put_number(writer, arena, "k", parts->k);
    sp_json_string_member(writer, "kty", sp_key_type_name(parts->type));
    put_number(writer, arena, "n", parts->n);
    put_number(writer, arena, "x", parts->x);
    put_number(writer, arena, "y", parts->y);
}

enum sp_status sp_jwk_thumbprint(const struct sp_key *key, unsigned char thumbprint[32])
{
    struct sp_arena *arena = sp_arena_create(KEY_ARENA_BYTES);
    if (arena == NULL) {
        return SP_NO_MEMORY;
    }
    struct sp_key_parts parts;
    /* A secret's thumbprint is of the secret itself. */
    enum sp_status status = sp_key_export(key, sp_key_type(key) == SP_KEY_TYPE_OCT, arena, &parts);
    if (status == SP_OK) {
        struct sp_buffer text;
        struct sp_json_writer writer;
        sp_buffer_init(&text, arena, KEY_ARENA_BYTES);
        sp_json_writer_init(&writer, &text, false);
        sp_json_begin_object(&writer);
        put_required(&writer, arena, &parts);
        sp_json_end_object(&writer);
        status = sp_buffer_status(&text);
        if (status == SP_OK) {
            sp_sha256(sp_buffer_str(&text), thumbprint);
        }
    }
    sp_arena_destroy(&arena);
    return status;
}

enum sp_status sp_jwk_write(struct sp_json_writer *writer, const struct sp_key *key, struct sp_str kid, struct sp_str use, struct sp_str alg,
                            bool with_private)
{
    struct sp_arena *arena = sp_arena_create(KEY_ARENA_BYTES);
    if (arena == NULL) {
        return SP_NO_MEMORY;
    }
    struct sp_key_parts parts;
    enum sp_status status = sp_key_export(key, with_private, arena, &parts);
    if (status == SP_OK) {
        sp_json_begin_object(writer);
        put_required(writer, arena, &parts);
        put_number(writer, arena, "d", parts.d);
        put_number(writer, arena, "p", parts.p);
        put_number(writer, arena, "q", parts.q);
        put_number(writer, arena, "dp", parts.dp);
        put_number(writer, arena, "dq", parts.dq);
        put_number(writer, arena, "qi", parts.qi);
        const struct {
            const char *name;
            struct sp_str value;
        } rows[] = {{"kid", kid}, {"use", use}, {"alg", alg}};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (rows[i].value.at != NULL) {
                sp_json_string_member(writer, rows[i].name, rows[i].value);
            }
        }
        sp_json_end_object(writer);
        status = sp_buffer_status(writer->out);
    }
    sp_arena_destroy(&arena);
    return status;
}
