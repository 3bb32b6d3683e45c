/* SPDX-License-Identifier: Apache-2.0 */
/* An introspection answer from anywhere: an opaque token is accepted only on an object that says "active": true. */
#include "core/diagnosis/introspection.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
    const struct sp_str body = sp_str(size > 0 ? (const char *)data : "", size);
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    bool active = sp_json_parse(arena, body, &sp_json_limits_document, &json, &error) == SP_OK &&
                  sp_json_is(sp_json_member(json, SP_STR("active")), SP_JSON_TRUE);

    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, NULL);
    const struct sp_verdict *verdict = examine(arena, SP_STR("2YotnFZFEjr1zCsicMWpAA"), &issuer, body);
    if (verdict != NULL && verdict->accepted)
        ALWAYS(active);

    const struct sp_fetch_report report = {.url = SP_STR("https://idp.example.com/introspect"),
                                           .http_status = 200,
                                           .content_type = SP_STR("application/json"),
                                           .body = body};
    struct sp_introspection_outcome outcome;
    sp_introspection_judge(arena, &report, &outcome);
    if (outcome.active)
        ALWAYS(active && outcome.failure == SP_CAUSE_NONE);
    sp_arena_destroy(&arena);
    return 0;
}
