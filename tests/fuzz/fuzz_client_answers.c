/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream provider answers in a sign-in: no bytes of its make an ID token that nobody signed acceptable, and
 * what is accepted is about the one who was asked for. */
#include "core/diagnosis/client_answers.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(16 << 20);
    struct sp_str text = sp_str((const char *)data, size);
    struct sp_fetch_report report = {.url = SP_STR("https://idp.example/token"),
                                     .http_status = size > 0 && data[0] == '!' ? 400 : 200,
                                     .content_type = SP_STR("application/json"),
                                     .body = text,
                                     .max_age_s = -1};
    struct sp_token_response response = {{NULL, 0}, {NULL, 0}};
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    const struct sp_json *claims = NULL;
    if (sp_token_response_examine(arena, &report, &response, &finding) == SP_OK && finding.cause == SP_CAUSE_NONE)
        ALWAYS(response.access_token.len > 0 && response.id_token.len > 0 && report.http_status == 200);
    if (sp_userinfo_examine(arena, &report, SP_STR("u"), &claims, &finding) == SP_OK && finding.cause == SP_CAUSE_NONE)
        ALWAYS(sp_str_equal(sp_json_string(sp_json_member(claims, SP_STR("sub"))), SP_STR("u")));
    struct sp_jwk_set *none = NULL;
    struct sp_json_error error;
    ALWAYS(sp_jwk_set_parse(SP_STR("{\"keys\":[]}"), &none, &error) == SP_OK);
    const struct sp_id_token_terms terms = {.issuer = SP_STR("https://idp.example"),
                                            .client_id = SP_STR("c"),
                                            .nonce = SP_STR("n"),
                                            .algorithms = sp_algorithms_asymmetric(),
                                            .keys = none,
                                            .now = 1800000000};
    claims = NULL;
    struct sp_str tokens[] = {text, response.id_token};
    for (size_t i = 0; i < 2; i++)
        if (sp_id_token_examine(arena, tokens[i], &terms, &claims, &finding) == SP_OK)
            ALWAYS(finding.cause != SP_CAUSE_NONE && claims == NULL);
    sp_jwk_set_unref(&none);
    sp_arena_destroy(&arena);
    return 0;
}
