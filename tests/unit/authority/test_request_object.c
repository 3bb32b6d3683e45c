/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "authority/request_object.h"

static void claims_become_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *parameters; /* absent: refused */
    } rows[] = {
        {"{}", ""},
        {"{\"iss\":\"c\",\"aud\":\"a\",\"exp\":1,\"nbf\":1,\"iat\":1,\"jti\":\"j\",\"sub\":\"c\"}", ""},
        {"{\"client_id\":\"c\",\"max_age\":3600,\"x\":true,\"y\":null}", "client_id=c max_age=3600 x=true "},
        {"{\"claims\":{\"userinfo\":{\"email\":null}}}", "claims={\"userinfo\":{\"email\":null}} "},
        {"{\"resource\":[\"urn:a\",\"urn:b\"],\"audience\":[]}", "resource=urn:a resource=urn:b "},
        {"{\"resource\":\"urn:a\"}", "resource=urn:a "},
        {"{\"scope\":[\"openid\"]}", NULL},
        {"{\"resource\":[[\"urn:a\"]]}", NULL},
        {"{\"state\":\"a\\u0000b\"}", NULL},
        {"{\"st\\u0000ate\":\"a\"}", NULL},
        {"{\"request\":\"x.y.z\"}", NULL},
        {"{\"request_uri\":\"urn:x\"}", NULL},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_json *json = NULL;
        struct sp_json_error error;
        struct sp_form form = {NULL, 0};
        struct sp_buffer text;
        const char *fault = NULL;
        assert_int_equal(sp_json_parse(arena, sp_str_from_cstr(rows[i].claims), &sp_json_limits_token, &json, &error),
                         SP_OK);
        enum sp_status status = sp_request_object_parameters(arena, json, &form, &fault);
        sp_buffer_init(&text, arena, 4096);
        for (size_t j = 0; j < form.count; j++)
            sp_buffer_printf(&text, "%.*s=%.*s ", SP_STR_ARG(form.at[j].name), SP_STR_ARG(form.at[j].value));
        if (rows[i].parameters == NULL ? status != SP_MALFORMED || fault == NULL
                                       : !sp_str_equal(sp_buffer_str(&text), sp_str_from_cstr(rows[i].parameters)))
            fail_msg("%s: %d %.*s", rows[i].claims, status, SP_STR_ARG(sp_buffer_str(&text)));
    }
    sp_arena_destroy(&arena);
}

static void there_is_an_end_to_the_members(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_buffer text;
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_form form;
    const char *fault = NULL;
    sp_buffer_init(&text, arena, 1 << 16);
    sp_buffer_append(&text, SP_STR("{\"iss\":\"c\""));
    for (unsigned i = 0; i <= SP_MAX_FORM_PARAMETERS; i++)
        sp_buffer_printf(&text, ",\"p%u\":1", i);
    sp_buffer_append(&text, SP_STR("}"));
    assert_int_equal(sp_json_parse(arena, sp_buffer_str(&text), &sp_json_limits_token, &json, &error), SP_OK);
    assert_int_equal(sp_request_object_parameters(arena, json, &form, &fault), SP_MALFORMED);
    assert_string_equal(fault, "it has too many members");
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_become_parameters),
        cmocka_unit_test(there_is_an_end_to_the_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
