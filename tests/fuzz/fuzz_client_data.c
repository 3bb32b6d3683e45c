/* SPDX-License-Identifier: Apache-2.0 */
/* The browser's JSON from anywhere, under the published signature of Web Authentication Level 3, 16.1 (none.ES256): no
 * other bytes may pass, however like they read. */
#include "core/factor/client_data.h"
#include "core/factor/factor.h"
#include "core/factor/passkey.h"
#include "core/jose/base64url.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PUBLISHED                                                                                                      \
    "{\"type\":\"webauthn.get\",\"challenge\":\"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag\",\"origin\":\"https://"   \
    "example.org\",\"crossOrigin\":false}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(4 << 20);
    struct sp_str input = sp_str((const char *)data, size);
    struct sp_client_data read;
    if (sp_client_data_read(arena, input, &read) == SP_OK) {
        ALWAYS(size <= SP_MAX_CLIENT_DATA_BYTES);
        ALWAYS(read.type.at != NULL && read.challenge.at != NULL && read.origin.at != NULL);
    }
    struct sp_passkey_expectation expectation = {.origin = SP_STR("https://example.org"),
                                                 .rp_id = SP_STR("example.org"),
                                                 .challenge = SP_STR("OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag")};
    struct sp_passkey_assertion assertion = {
        .client_data = input,
        .authenticator_data = sp_str("\xbf\xab\xc3\x74\x32\x95\x8b\x06\x33\x60\xd3\xad\x64\x61\xc9\xc4\x73\x5a\xe7\xf8"
                                     "\xed\xd4\x65\x92\xa5\xe0\xf0\x14\x52\xb2\xe4\xb5\x19\x00\x00\x00\x00",
                                     37),
        .jwk = SP_STR("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"r--hb5fKmy0j64bMtkCY0g25CFYGLrJJwzqbZy8m32E\",\"y\":"
                      "\"kwpWuHovymYzSwNFir-HlxfBLMaO1zKQry4mZHlrkiA\"}")};
    struct sp_passkey_result result;
    struct sp_passkey_use use;
    if (sp_base64url_decode(
            arena,
            SP_STR("MEYCIQD1Ck4uRAkknEqFO6NhKC8JhB303UVHoTqHeAIY3v_NOAIhAISArA8Lk1OBdPV1vxGh3V14xuSGAT-TcpXqE2U-Mx6H"),
            &assertion.signature) == SP_OK &&
        sp_passkey_use(arena, &assertion, &expectation, &use, &result) == SP_OK)
        ALWAYS((result.fault == SP_PASSKEY_OK) == sp_str_equal(input, SP_STR(PUBLISHED)));
    sp_arena_destroy(&arena);
    return 0;
}
