/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of certificates from anywhere – PEM, DER, PKCS #7 –, read, verified and judged. Against a trust store without
 * anything in it nothing is ever trusted, and nothing that is not trusted goes without a finding that rejects; names
 * out of certificates are one line of printable text. */
#include <openssl/x509.h>
#include "core/diagnosis/tls.h"
#include "core/diagnosis/verdict.h"
#include "probe/certificate_chain.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool rejects(const struct sp_document_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (sp_finding_severity(&findings->rows[i]) == SP_SEVERITY_REJECT)
            return true;
    return false;
}

static void check_text(struct sp_str text)
{
    ALWAYS(text.at != NULL && text.len <= 256);
    for (size_t i = 0; i < text.len; i++)
        ALWAYS((unsigned char)text.at[i] >= 0x20 && text.at[i] != 0x7f);
}

/* What an AIA URL leads to: the same bytes again, so that a chain may point at itself. */
struct source {
    struct sp_str bytes;
    unsigned asked;
};

static struct sp_str fetch(void *context, struct sp_arena *arena, struct sp_str url)
{
    struct source *source = context;
    (void)arena;
    check_text(url);
    source->asked++;
    return source->bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(16 << 20);
    struct sp_trust *trust = NULL;
    struct source source = {.bytes = sp_str((const char *)data, size)};
    struct sp_document_findings findings = {.count = 0};
    static struct sp_chain_evidence evidence;
    STACK_OF(X509) *chain = sp_chain_read(source.bytes);
    ALWAYS(sp_trust_create(SP_STR(""), &trust) == SP_OK);
    const struct sp_chain_question question = {.trust = trust,
                                               .host = SP_STR("idp.example.com"),
                                               .now = 1700000000,
                                               .security_level = 2,
                                               .fetch = fetch,
                                               .context = &source};
    if (chain != NULL && sp_chain_examine(arena, &question, chain, &evidence) == SP_OK) {
        ALWAYS(evidence.count > 0 && evidence.count <= SP_MAX_CHAIN && evidence.fault_count <= SP_MAX_CHAIN_FAULTS);
        ALWAYS(!evidence.trusted && source.asked <= 4);
        for (size_t i = 0; i < evidence.count; i++) {
            check_text(evidence.certificates[i].subject);
            check_text(evidence.certificates[i].issuer);
            for (size_t j = 0; j < evidence.certificates[i].names.count; j++)
                check_text(evidence.certificates[i].names.at[j]);
        }
        sp_chain_judge(arena, &evidence, question.host, question.now, &findings);
        ALWAYS(findings.count <= SP_MAX_FINDINGS && rejects(&findings));
    }
    sk_X509_pop_free(chain, X509_free);
    sp_trust_destroy(&trust);
    sp_arena_destroy(&arena);
    return 0;
}
