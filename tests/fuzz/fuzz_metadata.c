/* SPDX-License-Identifier: Apache-2.0 */
/* An issuer's metadata from anywhere: one that names another issuer than was asked is told, and keys are never to be
 * fetched from a URL that is neither https nor loopback. */
#include "core/diagnosis/document.h"
#include "tests/fuzz/known.h"

#define ISSUER "https://idp.example.com/realms/one"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins(struct sp_str text, const char *prefix)
{
    return text.len >= strlen(prefix) && strncasecmp(text.at, prefix, strlen(prefix)) == 0;
}

static bool has_finding(const struct sp_document_findings *findings, enum sp_cause cause)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->rows[i].cause == cause)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(16 << 20);
    struct sp_fetch_report report = {.url = SP_STR(ISSUER "/.well-known/openid-configuration"),
                                     .http_status = 200,
                                     .content_type = SP_STR("application/json"),
                                     .body = sp_str((const char *)data, size),
                                     .max_bytes = SP_MAX_METADATA_BYTES};
    struct sp_metadata metadata;
    struct sp_document_findings findings;
    enum sp_status status = sp_metadata_examine(arena, &report, SP_STR(ISSUER), &metadata, &findings);
    if (status == SP_OK) {
        ALWAYS(findings.count <= SP_MAX_FINDINGS && (!findings.refused || findings.count > 0));
        if (!findings.refused) {
            /* Another name is tolerated here, so that tokens can be told why they are refused; never in silence. */
            ALWAYS(sp_str_equal(metadata.issuer, SP_STR(ISSUER)) ||
                   has_finding(&findings, SP_CAUSE_DISCOVERY_ISSUER_MISMATCH));
            ALWAYS(begins(metadata.jwks_uri, "https://") || begins(metadata.jwks_uri, "http://localhost") ||
                   begins(metadata.jwks_uri, "http://127.") || begins(metadata.jwks_uri, "http://[::1]"));
        }
    }
    struct sp_jwk_set *set = NULL;
    if (sp_keys_document_examine(arena, &report, &set, &findings) == SP_OK)
        ALWAYS((set == NULL) == findings.refused);
    sp_jwk_set_unref(&set);
    sp_arena_destroy(&arena);
    return 0;
}
