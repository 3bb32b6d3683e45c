/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS proxy says of a client's certificate, or a name that somebody registered. A certificate has one hash
 * whatever way it came, a name that was read is written so that it reads the same, and nobody is trusted by an
 * authority that is not his. */
#include "authority/client_certificate.h"
#include "core/jose/base64url.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody has its key any more. */
static const char stranger[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBeTCCAR+gAwIBAgIUOAOvHk5Ce+1MrMFh1LZeRRfZjEUwCgYIKoZIzj0EAwIw\n"
                               "ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyNjAzMzY0NloYDzIxMjYxMTAyMDMz\n"
                               "NjQ2WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
                               "AAR1tp1YVi4lhSN26KWuFNuTRp26PtIVWMOLkmIELoO20tOwk2VqUd3cgMUemU0+\n"
                               "BE7ezkeQVnBwS8dkw2uQG0afo1MwUTAdBgNVHQ4EFgQUUGIENdsGX+Geo1WVov7o\n"
                               "0wrF2LgwHwYDVR0jBBgwFoAUUGIENdsGX+Geo1WVov7o0wrF2LgwDwYDVR0TAQH/\n"
                               "BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBpiaB8eRXVoJtNyZHzUt+/G6aM4sqJ\n"
                               "BqEERHxKge82ogIhAPr7z4eXWcx3lofCs9ZS2g6WGLwAzKMSxFrhwHtnPOaU\n"
                               "-----END CERTIFICATE-----\n";

static const struct sp_certificate_trust *trust(void)
{
    static struct sp_certificate_trust *one;
    ALWAYS(one != NULL || sp_certificate_trust_create(SP_STR(stranger), &one) == SP_OK);
    return one;
}

static void judge_name(struct sp_arena *arena, const struct sp_distinguished_name *name)
{
    struct sp_distinguished_name again;
    size_t offset = 0;
    struct sp_str text = sp_distinguished_name_text(arena, name);
    if (text.at == NULL || name->count == 0)
        return;
    enum sp_status status = sp_distinguished_name_parse(arena, text, &again, &offset);
    bool has_empty = false;
    for (size_t i = 0; i < name->count; i++)
        has_empty = has_empty || name->parts[i].value.len == 0;
    /* Values of registered names are never empty, those of certificates may be. */
    ALWAYS(status == SP_NO_MEMORY || has_empty ||
           (status == SP_OK && sp_distinguished_name_equal(name, &again) &&
            sp_distinguished_name_difference(name, &again).len > 0));
}

static void judge_certificate(struct sp_arena *arena, const struct sp_certificate *certificate, struct sp_str der)
{
    unsigned char sha256[32], thumbprint[32];
    const char *why = NULL;
    struct sp_distinguished_name subject;
    sp_sha256(der, sha256);
    ALWAYS(memcmp(sp_certificate_sha256(certificate), sha256, 32) == 0);
    ALWAYS(sp_certificate_trust_judge(trust(), certificate, KNOWN_NOW, &why) == SP_NOT_FOUND && why != NULL);
    for (enum sp_certificate_name kind = SP_CERTIFICATE_DNS; kind <= SP_CERTIFICATE_EMAIL; kind++) {
        (void)sp_certificate_names(certificate, kind, arena);
        ALWAYS(!sp_certificate_has_name(certificate, kind, SP_STR("")));
    }
    int time = sp_certificate_judge_time(certificate, KNOWN_NOW);
    ALWAYS(time >= -1 && time <= 1);
    (void)sp_certificate_dates(certificate, arena);
    if (sp_certificate_key_thumbprint(certificate, thumbprint) == SP_OK &&
        sp_certificate_subject(certificate, arena, &subject) == SP_OK)
        judge_name(arena, &subject);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(8 << 20);
    struct sp_str input = sp_str((const char *)data, size), der, text, again;
    struct sp_certificate *certificate = NULL;
    struct sp_distinguished_name name;
    size_t offset = 0;
    if (sp_client_certificate_decode(arena, input, &der) == SP_OK) {
        ALWAYS(der.len > 0 && der.len <= SP_MAX_CERTIFICATE_BYTES);
        ALWAYS(sp_base64_encode(arena, der, &text) == SP_OK);
        text = sp_arena_printf(arena, ":%.*s:", SP_STR_ARG(text));
        ALWAYS(sp_client_certificate_decode(arena, text, &again) == SP_OK && sp_str_equal(der, again));
        if (sp_certificate_parse(der, &certificate) == SP_OK)
            judge_certificate(arena, certificate, der);
        sp_certificate_destroy(&certificate);
    }
    if (sp_distinguished_name_parse(arena, input, &name, &offset) == SP_OK)
        judge_name(arena, &name);
    else
        ALWAYS(offset <= size);
    sp_arena_destroy(&arena);
    return 0;
}
