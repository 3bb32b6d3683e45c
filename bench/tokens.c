/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's tokens: COUNT access tokens of about 700 bytes, all different, one per line into DIR/ALG.tokens; the key set into
 * DIR/ALG.jwks, the public key into DIR/ALG.pem, and 500 more of the same key that have expired into DIR/ALG.expired.
 *
 * bench-tokens DIR ALG COUNT [NAME] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/base/json.h"
#include "core/jose/jwk.h"
#include "core/jose/jws.h"

#define ISSUER "https://idp.example.com/realms/bench"
#define AUDIENCE "https://api.example.com/v1"

static FILE *open_file(const char *folder, const char *name, const char *ending)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void must(enum sp_status status, const char *what)
{
    if (status != SP_OK) {
        fprintf(stderr, "bench-tokens: %s: %s\n", what, sp_status_text(status));
        exit(1);
    }
}

static void generate(enum sp_algorithm algorithm, struct sp_key **key)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    enum sp_curve curve = info->family == SP_FAMILY_EDDSA && info->curve == SP_CURVE_NONE ? SP_CURVE_ED25519 : info->curve;
    must(sp_key_generate(info->key_type, curve, info->key_type == SP_KEY_TYPE_RSA ? 2048 : 0, key), "key");
}

static void write_key(const char *folder, const char *name, const struct sp_key *key, struct sp_str algorithm)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_buffer text;
    struct sp_json_writer writer;
    struct sp_str pem;
    sp_buffer_init(&text, arena, 1 << 16);
    sp_json_writer_init(&writer, &text, false);
    sp_json_begin_object(&writer);
    sp_json_name(&writer, SP_STR("keys"));
    sp_json_begin_array(&writer);
    must(sp_jwk_write(&writer, key, sp_arena_printf(arena, "bench-%.*s", SP_STR_ARG(algorithm)), SP_STR("sig"), algorithm, false), "jwks");
    sp_json_end_array(&writer);
    sp_json_end_object(&writer);
    must(sp_key_export_public(key, SP_PUBLIC_PEM, arena, &pem), "pem");
    FILE *jwks = open_file(folder, name, "jwks"), *file = open_file(folder, name, "pem");
    fprintf(jwks, "%.*s\n", SP_STR_ARG(sp_buffer_str(&text)));
    fprintf(file, "%.*s", SP_STR_ARG(pem));
    fclose(jwks);
    fclose(file);
    sp_arena_destroy(&arena);
}

static void write_tokens(FILE *file, const struct sp_key *key, struct sp_str alg, long count, long long issued, long long expires)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (long i = 0; i < count; i++) {
        struct sp_str token, header = sp_arena_printf(arena, "{\"alg\":\"%.*s\",\"typ\":\"at+jwt\",\"kid\":\"bench-%.*s\"}", SP_STR_ARG(alg), SP_STR_ARG(alg));
        struct sp_str payload = sp_arena_printf(
            arena,
            "{\"iss\":\"" ISSUER "\",\"sub\":\"user-%08ld\",\"aud\":\"" AUDIENCE "\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"%016lx\","
            "\"client_id\":\"web-frontend\",\"scope\":\"read:photos write:photos\",\"azp\":\"web-frontend\","
            "\"roles\":[\"reader\",\"writer\"],\"tenant\":\"acme\",\"session\":\"c1f4e6a0-7a9e-4a6e-9a52-3d5d3a1f2b77\"}",
            i, issued, expires, (unsigned long)i * 2654435761u);
        must(sp_jws_sign(arena, key, sp_algorithm_find(alg), header, payload, &token), "token");
        fprintf(file, "%.*s\n", SP_STR_ARG(token));
        sp_arena_reset(arena);
    }
    fclose(file);
    sp_arena_destroy(&arena);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "Usage: bench-tokens DIR ALG COUNT [NAME]\n");
        return 2;
    }
    struct sp_str alg = sp_str_from_cstr(argv[2]);
    const char *name = argc > 4 ? argv[4] : argv[2];
    long long now = (long long)time(NULL);
    struct sp_key *key = NULL;
    if (sp_algorithm_find(alg) == SP_ALGORITHM_UNKNOWN) {
        fprintf(stderr, "bench-tokens: there is no algorithm %s\n", argv[2]);
        return 2;
    }
    generate(sp_algorithm_find(alg), &key);
    write_key(argv[1], name, key, alg);
    write_tokens(open_file(argv[1], name, "tokens"), key, alg, strtol(argv[3], NULL, 10), now, now + 86400);
    write_tokens(open_file(argv[1], name, "expired"), key, alg, 500, now - 7200, now - 3600);
    sp_key_destroy(&key);
    return 0;
}
