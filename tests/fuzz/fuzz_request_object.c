/* SPDX-License-Identifier: Apache-2.0 */
/* A request object from anywhere; `header` and, on the next lines, `claims` are signed by the client's key. Whatever it
 * is, it is answered; only one that this client signed for this server goes on to the sign-in, and what it holds can
 * stand in a form. */
#include "authority/authority.h"
#include "authority/errand.h"
#include "authority/key_ring.h"
#include "authority/request_object.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ISSUER "https://login.example"
static const char section[] =
    "{\"issuer\":\"" ISSUER "\",\"tokens\":{\"algorithm\":\"ES256\"},\"clients\":{\"web\":{\"jwks\":" KNOWN_KEY_SET
    ",\"redirect_uris\":[\"https://w.example/cb\"],\"scopes\":[\"openid\",\"email\"],\"audiences\":[\"urn:a\"]}}}";

static struct sp_authority *authority(void)
{
    static struct sp_authority one;
    static struct sp_authority_settings settings;
    static struct sp_arena *arena; /* as long as the process, and seen by the leak sanitizer */
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_settings_error wrong;
    char trouble[256];
    unsigned char master_key[32] = {1};
    if (one.settings != NULL)
        return &one;
    arena = sp_arena_create(1 << 20);
    ALWAYS(sp_json_parse(arena, SP_STR(section), &sp_json_limits_document, &json, &error) == SP_OK);
    ALWAYS(sp_authority_settings_read(arena, json, SP_STR_NONE, &settings, &wrong) == SP_OK);
    ALWAYS(sp_store_open_sqlite(":memory:", &one.store, trouble) == SP_OK);
    ALWAYS(sp_key_ring_create(one.store, &settings, master_key, 1800000000, &one.keys, trouble) == SP_OK);
    one.settings = &settings;
    return &one;
}

static void check_parameters(struct sp_arena *arena, const struct sp_json *claims)
{
    struct sp_form form, again;
    struct sp_buffer out;
    const char *fault = NULL;
    size_t offset;
    if (sp_request_object_parameters(arena, claims, &form, &fault) != SP_OK)
        return;
    sp_buffer_init(&out, arena, 2 << 20);
    ALWAYS(form.count <= SP_MAX_FORM_PARAMETERS);
    for (size_t i = 0; i < form.count; i++) {
        ALWAYS(!sp_str_equal(form.at[i].name, SP_STR("request")) && !sp_str_equal(form.at[i].name, SP_STR("iss")));
        sp_buffer_append(&out, i > 0 ? SP_STR("&") : SP_STR(""));
        sp_form_encode(&out, form.at[i].name);
        sp_buffer_append_char(&out, '=');
        sp_form_encode(&out, form.at[i].value);
    }
    if (sp_buffer_status(&out) == SP_OK && out.len <= SP_MAX_FORM_BYTES)
        ALWAYS(sp_form_parse(arena, sp_buffer_str(&out), &again, &offset) == SP_OK);
}

static struct sp_str location_of(const struct sp_call *call)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, "Location") == 0)
            return call->answer.headers[i].value;
    return SP_STR_NONE;
}

static bool is_text(const struct sp_json *json, const char *wanted)
{
    return sp_json_is(json, SP_JSON_STRING) && sp_str_equal(json->text, sp_str_from_cstr(wanted));
}

static void check_accepted(const struct sp_json *claims)
{
    const struct sp_json *aud = sp_json_member(claims, SP_STR("aud"));
    bool ours = aud == NULL || is_text(aud, ISSUER);
    for
        SP_JSON_EACH(item, sp_json_is(aud, SP_JSON_ARRAY) ? aud : NULL)
    ours = ours || is_text(item, ISSUER);
    ALWAYS(claims != NULL && ours && is_text(sp_json_member(claims, SP_STR("client_id")), "web"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(16 << 20);
    struct sp_call call = {.authority = authority(), .arena = arena, .now = 1800000000};
    struct sp_str input = sp_str((const char *)data, size), object = signed_if_wanted(arena, input);
    size_t line = sp_str_index_of(input, '\n', 0);
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    struct sp_buffer query;
    if (object.at != input.at &&
        sp_json_parse(arena, sp_str_slice(input, line + 1, size), &sp_json_limits_token, &claims, &error) == SP_OK)
        check_parameters(arena, claims);
    sp_buffer_init(&query, arena, 4 << 20);
    sp_buffer_append(&query, SP_STR("client_id=web&request="));
    sp_form_encode(&query, object);
    call.asked =
        (struct sp_asked){.method = SP_STR("GET"), .path = SP_STR("/authorize"), .query = sp_buffer_str(&query)};
    while (sp_authority_answer(&call) == SP_WAITS)
        sp_errand_run(call.waits_for);
    ALWAYS(call.answer.status >= 200 && call.answer.status < 600);
    struct sp_str location = location_of(&call);
    if (sp_str_has_prefix(location, SP_STR(ISSUER "/signin?visit=")))
        check_accepted(claims);
    else
        ALWAYS(location.at == NULL || sp_str_has_prefix(location, SP_STR("https://w.example/cb?error=")) ||
               sp_str_has_prefix(location, SP_STR("https://w.example/cb#error=")));
    ALWAYS(call.authority->store->methods->flush(call.authority->store) == SP_OK);
    sp_arena_destroy(&arena);
    return 0;
}
