/* SPDX-License-Identifier: Apache-2.0 */
/* The check of `iss`: byte for byte (RFC 8414 3.3, OIDC Core 3.1.3.7, RFC 9207 2.4). How two issuers differ is
 * refine.c's question. */
#include "core/diagnosis/document.h"
#include "core/diagnosis/examination.h"

/* Only of a token against which its keys say nothing: what else is wrong with it is true all the same. */
static void examine_publication(struct sp_exam *exam)
{
    struct sp_str published = exam->issuer->known.published_issuer;
    if (published.at == NULL || exam->kind == SP_TOKEN_OPAQUE || !exam->authenticated)
        return;
    struct sp_finding *finding =
        sp_exam_saw(exam, SP_CAUSE_DISCOVERY_ISSUER_MISMATCH, SP_CHECK_KEY, exam->issuer->terms->issuer, published);
    sp_metadata_tell_issuer(exam->arena, finding->expected, finding->received, finding);
}

void sp_issuer_examine(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    if (terms == NULL || terms->issuer.at == NULL)
        return;
    struct sp_str received = sp_json_string(exam->claims.iss);
    if (sp_str_equal(received, terms->issuer) && received.len > 0) {
        sp_exam_pass_with(exam, SP_CHECK_ISSUER, terms->issuer, received);
        examine_publication(exam);
        return;
    }
    /* An introspection answer need not repeat the issuer (RFC 7662 2.2): we asked that issuer ourselves. */
    if (exam->claims.iss == NULL && exam->kind == SP_TOKEN_OPAQUE)
        return;
    if (exam->claims.iss == NULL || exam->claims.iss->type == SP_JSON_NULL) {
        sp_exam_claimed(exam, SP_CAUSE_ISSUER_MISSING, SP_CHECK_ISSUER, terms->issuer, SP_STR_NONE);
        return;
    }
    if (exam->claims.iss->type != SP_JSON_STRING) {
        struct sp_finding *finding =
            sp_exam_claimed(exam, SP_CAUSE_ISSUER_MISMATCH, SP_CHECK_ISSUER, terms->issuer, exam->claims.iss->text);
        finding->detail = SP_STR("The token's iss is not a string.");
        return;
    }
    sp_exam_claimed(exam, SP_CAUSE_ISSUER_MISMATCH, SP_CHECK_ISSUER, terms->issuer, received);
}
