/* SPDX-License-Identifier: Apache-2.0 */
/* An attestation object and an authenticator's data from anywhere. A credential is only made for the name that we have,
 * with a key that can be used; a use is accepted for the one data that the published signature is over and no other. */
#include "core/factor/authenticator_data.h"
#include "core/factor/factor.h"
#include "core/factor/passkey.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"
#include "core/jose/jwk.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Web Authentication Level 3, 16.1: none.ES256. */
#define CREATED                                                                                                        \
    "{\"type\":\"webauthn.create\",\"challenge\":\"AMMPt4Uxx\",\"origin\":\"https://"                                  \
    "example.org\",\"crossOrigin\":false}"
#define USED                                                                                                           \
    "{\"type\":\"webauthn.get\",\"challenge\":\"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag\",\"origin\":\"https://"   \
    "example.org\",\"crossOrigin\":false}"
#define USED_DATA                                                                                                      \
    "\xbf\xab\xc3\x74\x32\x95\x8b\x06\x33\x60\xd3\xad\x64\x61\xc9\xc4\x73\x5a\xe7\xf8\xed\xd4\x65\x92\xa5\xe0\xf0\x14" \
    "\x52\xb2\xe4\xb5\x19\x00\x00\x00\x00"
#define SIGNATURE "MEYCIQD1Ck4uRAkknEqFO6NhKC8JhB303UVHoTqHeAIY3v_NOAIhAISArA8Lk1OBdPV1vxGh3V14xuSGAT-TcpXqE2U-Mx6H"
#define PUBLIC_KEY                                                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"r--hb5fKmy0j64bMtkCY0g25CFYGLrJJwzqbZy8m32E\",\"y\":"                   \
    "\"kwpWuHovymYzSwNFir-HlxfBLMaO1zKQry4mZHlrkiA\"}"

static void check_data(struct sp_arena *arena, struct sp_str input)
{
    struct sp_authenticator_data data;
    if (sp_authenticator_data_read(arena, input, &data) != SP_OK)
        return;
    ALWAYS(data.rp_id_hash.len == 32 && data.rp_id_hash.at == input.at);
    bool has_credential = (data.flags & (unsigned)SP_AUTHENTICATOR_CREDENTIAL) != 0;
    ALWAYS(has_credential == (data.jwk.len > 0));
    ALWAYS(has_credential == (data.credential_id.len > 0));
    ALWAYS(data.credential_id.len <= SP_MAX_CREDENTIAL_ID_BYTES);
    ALWAYS(37 + data.aaguid.len + data.credential_id.len <= input.len);
    ALWAYS(has_credential || (data.flags & (unsigned)SP_AUTHENTICATOR_EXTENSIONS) != 0 || input.len == 37);
}

static void check_registration(struct sp_arena *arena, struct sp_str input)
{
    struct sp_passkey_expectation expectation = {
        .origin = SP_STR("https://example.org"), .rp_id = SP_STR("example.org"), .challenge = SP_STR("AMMPt4Uxx")};
    struct sp_passkey_result result;
    struct sp_new_passkey made;
    if (sp_passkey_register(arena, SP_STR(CREATED), input, &expectation, &made, &result) != SP_OK)
        return;
    if (result.fault != SP_PASSKEY_OK) {
        ALWAYS(result.part.len > 0 && result.expected.at != NULL && result.received.at != NULL);
        return;
    }
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_jwk jwk = {0};
    struct sp_str evidence;
    ALWAYS(memmem(input.at, input.len, USED_DATA, 32) != NULL); /* our name's hash */
    ALWAYS(made.credential_id.at >= input.at && made.credential_id.at < input.at + input.len);
    ALWAYS(made.is_backup_eligible || !made.is_backed_up);
    if (sp_json_parse(arena, made.jwk, &sp_json_limits_token, &json, &error) != SP_OK)
        abort();
    ALWAYS(sp_jwk_parse(arena, json, &jwk, &evidence) == SP_JWK_OK && !jwk.has_private);
    sp_jwk_fini(&jwk);
    expectation.rp_id = SP_STR("example.com");
    ALWAYS(sp_passkey_register(arena, SP_STR(CREATED), input, &expectation, &made, &result) != SP_OK ||
           result.fault == SP_PASSKEY_RELYING_PARTY);
}

static void check_use(struct sp_arena *arena, struct sp_str input)
{
    struct sp_passkey_expectation expectation = {.origin = SP_STR("https://example.org"),
                                                 .rp_id = SP_STR("example.org"),
                                                 .challenge = SP_STR("OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag")};
    struct sp_passkey_assertion assertion = {
        .client_data = SP_STR(USED), .authenticator_data = input, .jwk = SP_STR(PUBLIC_KEY)};
    struct sp_passkey_result result;
    struct sp_passkey_use use;
    if (sp_base64url_decode(arena, SP_STR(SIGNATURE), &assertion.signature) != SP_OK ||
        sp_passkey_use(arena, &assertion, &expectation, &use, &result) != SP_OK)
        return;
    bool is_published = sp_str_equal(input, sp_str(USED_DATA, 37));
    ALWAYS((result.fault == SP_PASSKEY_OK) == is_published);
    assertion.sign_count = 7; /* then nothing that counts 0 may pass */
    ALWAYS(sp_passkey_use(arena, &assertion, &expectation, &use, &result) != SP_OK || result.fault != SP_PASSKEY_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(4 << 20);
    struct sp_str input = sp_str((const char *)data, size);
    check_data(arena, input);
    check_registration(arena, input);
    check_use(arena, input);
    sp_arena_destroy(&arena);
    return 0;
}
