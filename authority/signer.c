/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/signer.h"

#include <stdlib.h>
#include "core/base/limits.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"
#include "core/jose/jws.h"

#define RSA_BITS 2048u
#define KID_CHARACTERS SP_BASE64URL_ENCODED(32u)

struct sp_signer {
    enum sp_algorithm algorithm;
    struct sp_key *key;
    char kid[KID_CHARACTERS];
};

/* takes key */
static enum sp_status wrap(enum sp_algorithm algorithm, struct sp_key *key, struct sp_signer **out)
{
    unsigned char thumbprint[32];
    struct sp_signer *signer = calloc(1, sizeof *signer);
    enum sp_status status = signer != NULL ? sp_jwk_thumbprint(key, thumbprint) : SP_NO_MEMORY;
    if (status != SP_OK) {
        sp_key_destroy(&key);
        free(signer);
        return status;
    }
    signer->algorithm = algorithm;
    signer->key = key;
    sp_base64url_encode_into(sp_str((const char *)thumbprint, sizeof thumbprint), signer->kid);
    *out = signer;
    return SP_OK;
}

enum sp_status sp_signer_generate(struct sp_str name, struct sp_signer **signer)
{
    enum sp_algorithm algorithm = sp_algorithm_find(name);
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    if (algorithm == SP_ALGORITHM_UNKNOWN || info->key_type == SP_KEY_TYPE_OCT)
        return SP_UNSUPPORTED;
    bool is_rsa = info->key_type == SP_KEY_TYPE_RSA;
    /* "EdDSA" alone leaves the curve open. */
    enum sp_curve curve = info->curve == SP_CURVE_NONE && !is_rsa ? SP_CURVE_ED25519 : info->curve;
    struct sp_key *key = NULL;
    enum sp_status status = sp_key_generate(info->key_type, curve, is_rsa ? RSA_BITS : 0, &key);
    return status == SP_OK ? wrap(algorithm, key, signer) : status;
}

enum sp_status sp_signer_export(const struct sp_signer *signer, struct sp_arena *arena, struct sp_str *pem)
{
    return sp_key_export_private_pem(signer->key, arena, pem);
}

enum sp_status sp_signer_import(struct sp_str name, struct sp_str pem, struct sp_signer **signer)
{
    enum sp_algorithm algorithm = sp_algorithm_find(name);
    struct sp_key *key = NULL;
    enum sp_status status = sp_key_import_pem(pem, &key);
    if (status == SP_OK && (!sp_key_is_private(key) || !sp_key_fits(key, algorithm))) {
        sp_key_destroy(&key);
        status = SP_UNSUPPORTED;
    }
    return status == SP_OK ? wrap(algorithm, key, signer) : status;
}

void sp_signer_destroy(struct sp_signer **signer)
{
    if (*signer == NULL)
        return;
    sp_key_destroy(&(*signer)->key);
    free(*signer);
    *signer = NULL;
}

struct sp_str sp_signer_kid(const struct sp_signer *signer)
{
    return sp_str(signer->kid, sizeof signer->kid);
}

struct sp_str sp_signer_algorithm(const struct sp_signer *signer)
{
    return sp_algorithm_get(signer->algorithm)->name;
}

void sp_signer_write_public(const struct sp_signer *signer, struct sp_json_writer *writer)
{
    enum sp_status status =
        sp_jwk_write(writer, signer->key, sp_signer_kid(signer), SP_STR("sig"), sp_signer_algorithm(signer), false);
    if (status != SP_OK)
        writer->out->status = status;
}

/* The header of what it signs; SP_STR_NONE without memory. */
static struct sp_str header_of(const struct sp_signer *signer, struct sp_arena *arena, const char *type)
{
    struct sp_buffer text;
    struct sp_json_writer writer;
    sp_buffer_init(&text, arena, SP_MAX_TOKEN_BYTES);
    sp_json_writer_init(&writer, &text, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "typ", sp_str_from_cstr(type));
    sp_json_string_member(&writer, "alg", sp_signer_algorithm(signer));
    sp_json_string_member(&writer, "kid", sp_signer_kid(signer));
    sp_json_end_object(&writer);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

enum sp_status sp_signer_sign(const struct sp_signer *signer, struct sp_arena *arena, const char *type,
                              struct sp_str payload, struct sp_str *jws)
{
    struct sp_str header = header_of(signer, arena, type);
    return header.at != NULL ? sp_jws_sign(arena, signer->key, signer->algorithm, header, payload, jws) : SP_NO_MEMORY;
}

/* Ours is exactly what sign writes: nothing of the header is believed before that. */
static enum sp_status header_is_ours(const struct sp_signer *signer, struct sp_arena *arena, const char *type,
                                     struct sp_str encoded)
{
    struct sp_str header;
    enum sp_status status = sp_base64url_decode(arena, encoded, &header);
    if (status != SP_OK)
        return status;
    struct sp_str ours = header_of(signer, arena, type);
    if (ours.at == NULL)
        return SP_NO_MEMORY;
    return sp_str_equal(header, ours) ? SP_OK : SP_NOT_FOUND;
}

enum sp_status sp_signer_verify(const struct sp_signer *signer, struct sp_arena *arena, const char *type,
                                struct sp_str jws, struct sp_str *payload)
{
    size_t first = sp_str_index_of(jws, '.', 0), second = sp_str_index_of(jws, '.', first + 1);
    if (jws.len > SP_MAX_TOKEN_BYTES || second >= jws.len || sp_str_index_of(jws, '.', second + 1) < jws.len)
        return SP_MALFORMED;
    enum sp_status status = header_is_ours(signer, arena, type, sp_str_slice(jws, 0, first));
    struct sp_str signature;
    if (status == SP_OK)
        status = sp_base64url_decode(arena, sp_str_slice(jws, second + 1, jws.len), &signature);
    if (status != SP_OK)
        return status;
    if (sp_key_verify(signer->key, signer->algorithm, sp_str_slice(jws, 0, second), signature) != SP_VERIFICATION_HOLDS)
        return SP_NOT_FOUND;
    return sp_base64url_decode(arena, sp_str_slice(jws, first + 1, second), payload);
}
