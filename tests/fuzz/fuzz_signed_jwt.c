/* SPDX-License-Identifier: Apache-2.0 */
/* A JWT from anywhere, as a request object and as an assertion; `header` and, on the next lines, `claims` are signed by
 * the key of both client and trusted issuer. Whatever it is, it is answered; only a request that this client made for
 * this server goes on to the sign-in, and what it holds can stand in a form; only an assertion of the trusted issuer
 * for this server, alive and never seen before, earns a token. */
#include "authority/errand.h"
#include "authority/request_object.h"
#include "tests/fuzz/memory_authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ISSUER "https://login.example"
#define TRUSTED "https://trusted.example"
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
static const char section[] =
    "{\"issuer\":\"" ISSUER "\",\"tokens\":{\"algorithm\":\"ES256\"},\"clients\":{\"web\":{\"jwks\":" KNOWN_KEY_SET
    ",\"redirect_uris\":[\"https://w.example/cb\"],\"scopes\":[\"openid\",\"email\"],\"audiences\":[\"urn:a\"]},"
    "\"job\":{\"method\":\"none\",\"grants\":[\"" GRANT "\"]}},\"assertion_issuers\":{\"i\":{\"issuer\":\"" TRUSTED
    "\",\"subject\":\"as_is\",\"jwks\":" KNOWN_KEY_SET "}}}";

static struct sp_authority *authority(void)
{
    bool is_new;
    return memory_authority(SP_STR(section), &is_new);
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

static void answer(struct sp_call *call)
{
    while (sp_authority_answer(call) == SP_WAITS)
        sp_errand_run(call->waits_for);
    if (sp_call_finish(call) != SP_GOES_ON)
        ALWAYS(call->answer.status >= 500);
    ALWAYS(call->answer.status >= 200 && call->answer.status < 600);
    ALWAYS(call->authority->store->methods->flush(call->authority->store) == SP_OK);
}

static void ask_for_login(struct sp_arena *arena, struct sp_str object, const struct sp_json *claims)
{
    struct sp_call call = {.authority = authority(), .arena = arena, .now = 1800000000};
    struct sp_buffer query;
    sp_buffer_init(&query, arena, 4 << 20);
    sp_buffer_append(&query, SP_STR("client_id=web&request="));
    sp_form_encode(&query, object);
    call.asked =
        (struct sp_asked){.method = SP_STR("GET"), .path = SP_STR("/authorize"), .query = sp_buffer_str(&query)};
    answer(&call);
    struct sp_str location = location_of(&call);
    if (sp_str_has_prefix(location, SP_STR(ISSUER "/signin?visit=")))
        check_accepted(claims);
    else
        ALWAYS(location.at == NULL || sp_str_has_prefix(location, SP_STR("https://w.example/cb?error=")) ||
               sp_str_has_prefix(location, SP_STR("https://w.example/cb#error=")));
}

static int ask_for_token(struct sp_arena *arena, struct sp_str assertion)
{
    struct sp_call call = {.authority = authority(), .arena = arena, .now = 1800000000};
    struct sp_buffer body;
    sp_buffer_init(&body, arena, 4 << 20);
    sp_buffer_append(&body, SP_STR("client_id=job&grant_type=" GRANT "&assertion="));
    sp_form_encode(&body, assertion);
    call.asked = (struct sp_asked){.method = SP_STR("POST"),
                                   .path = SP_STR("/token"),
                                   .content_type = SP_STR("application/x-www-form-urlencoded"),
                                   .body = sp_buffer_str(&body)};
    answer(&call);
    return call.answer.status;
}

static void check_earned(const struct sp_json *claims)
{
    const struct sp_json *aud = sp_json_member(claims, SP_STR("aud"));
    int64_t exp = 0;
    bool ours = is_text(aud, ISSUER) || is_text(aud, ISSUER "/token");
    for
        SP_JSON_EACH(item, sp_json_is(aud, SP_JSON_ARRAY) ? aud : NULL)
    ours = ours || is_text(item, ISSUER) || is_text(item, ISSUER "/token");
    ALWAYS(ours && is_text(sp_json_member(claims, SP_STR("iss")), TRUSTED));
    ALWAYS(sp_json_int64(sp_json_member(claims, SP_STR("exp")), &exp) == SP_OK && exp > 1800000000 - 60);
    ALWAYS(sp_json_string(sp_json_member(claims, SP_STR("sub"))).len > 0);
    ALWAYS(sp_json_string(sp_json_member(claims, SP_STR("jti"))).len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(32 << 20);
    struct sp_str input = sp_str((const char *)data, size), jwt = signed_if_wanted(arena, input);
    size_t line = sp_str_index_of(input, '\n', 0);
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    if (jwt.at != input.at &&
        sp_json_parse(arena, sp_str_slice(input, line + 1, size), &sp_json_limits_token, &claims, &error) == SP_OK)
        check_parameters(arena, claims);
    ask_for_login(arena, jwt, claims);
    if (ask_for_token(arena, jwt) == 200) {
        check_earned(claims);
        ALWAYS(ask_for_token(arena, jwt) == 400); /* a second time */
    }
    sp_arena_destroy(&arena);
    return 0;
}
