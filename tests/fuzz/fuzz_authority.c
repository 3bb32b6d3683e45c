/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the authority from anywhere: `METHOD PATH?QUERY`, lines of headers, an empty line, the body. Whatever it
 * is, it is answered, issues nothing without the client's secret, and redirects to no address but the registered one.
 */
#include <stdlib.h>
#include "authority/errand.h"
#include "tests/fuzz/memory_authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The hash of a secret that nobody kept: a fuzzer that watches comparisons finds one that stands in memory. */
#define SECRET_HASH "sha256:97f1f10e70703ca2840bdf43c115759f6115a8704d0805b98b3d6dd067b0269e"
static const char section[] =
    "{\"issuer\":\"https://login.example\",\"tokens\":{\"algorithm\":\"ES256\"},\"clients\":{"
    "\"web\":{\"secret_hash\":\"" SECRET_HASH
    "\",\"redirect_uris\":[\"https://w.example/cb\"],\"scopes\":[\"openid\",\"email\"]},"
    "\"spa\":{\"method\":\"none\",\"redirect_uris\":[\"https://w.example/cb\"],\"scopes\":[\"openid\"]}}}";

static struct sp_authority *authority(void)
{
    bool is_new;
    return memory_authority(SP_STR(section), &is_new);
}

static void read_headers(struct sp_str *rest, struct sp_asked *asked)
{
    for (struct sp_str line = cut(rest, '\n'); line.len > 0; line = cut(rest, '\n')) {
        struct sp_str name = cut(&line, ':');
        if (sp_str_equal(name, SP_STR("Authorization"))) {
            asked->authorization = sp_str_trim(line);
            asked->authorization_count++;
        } else if (sp_str_equal(name, SP_STR("Cookie"))) {
            asked->cookie = sp_str_trim(line);
        } else if (sp_str_equal(name, SP_STR("DPoP"))) {
            asked->dpop = sp_str_trim(line);
            asked->dpop_count++;
        } else if (sp_str_equal(name, SP_STR("Content-Type"))) {
            asked->content_type = sp_str_trim(line);
        } else if (sp_str_equal(name, SP_STR("Accept-Language"))) {
            asked->accept_language = sp_str_trim(line);
        } else if (sp_str_equal(name, SP_STR("Origin"))) {
            asked->origin = sp_str_trim(line);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(8 << 20);
    struct sp_call call = {.authority = authority(), .arena = arena, .now = 1800000000};
    struct sp_str rest = sp_str((const char *)data, size), line = cut(&rest, '\n');
    call.asked.method = cut(&line, ' ');
    call.asked.path = cut(&line, '?');
    call.asked.query = line;
    read_headers(&rest, &call.asked);
    call.asked.body = rest;
    while (sp_authority_answer(&call) == SP_WAITS)
        sp_errand_run(call.waits_for);
    if (sp_call_finish(&call) != SP_GOES_ON)
        ALWAYS(call.answer.status >= 500);
    ALWAYS(call.answer.status >= 200 && call.answer.status < 600);
    ALWAYS(!sp_str_contains(call.answer.body, SP_STR("access_token\":")));
    for (size_t i = 0; i < call.answer.header_count; i++) {
        struct sp_str value = call.answer.headers[i].value;
        ALWAYS(sp_str_index_of(value, '\n', 0) == value.len && sp_str_index_of(value, '\r', 0) == value.len);
        if (strcmp(call.answer.headers[i].name, "Location") == 0)
            ALWAYS(sp_str_has_prefix(value, SP_STR("https://w.example/cb?")) ||
                   sp_str_has_prefix(value, SP_STR("https://w.example/cb#")) ||
                   sp_str_has_prefix(value, SP_STR("https://login.example/signin?visit=")) ||
                   /* the same once more, with the cookies that a form of another site leaves out */
                   (sp_str_equal(call.asked.method, SP_STR("POST")) &&
                    sp_str_has_prefix(value, SP_STR("https://login.example/authorize?"))));
    }
    ALWAYS(call.authority->store->methods->flush(call.authority->store) == SP_OK);
    sp_arena_destroy(&arena);
    return 0;
}
