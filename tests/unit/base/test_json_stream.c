/* SPDX-License-Identifier: Apache-2.0 */
/* Events are the same wherever the text is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "core/base/json_stream.h"

/* A short writing of the events: { } [ ] N(name) T(text) S(scalar) E(nd) B(roken). */
static void write_events(const char *text, size_t piece, const char *skip_after, char *out, size_t room)
{
    struct sp_json_stream stream;
    size_t len = strlen(text), used = 0;
    bool in_text = false, done = false;
    sp_json_stream_init(&stream);
    out[0] = '\0';
    for (size_t at = 0; !done; at += piece) {
        size_t take = at >= len ? 0 : len - at < piece ? len - at : piece;
        sp_json_stream_give(&stream, sp_str(text + (at < len ? at : len), take), take == 0);
        for (enum sp_json_event event; (event = sp_json_stream_next(&stream)) != SP_JSON_EVENT_MORE && !done;) {
            static const char *const plain[] = {"", "{", "}", "[", "]", "", "", ")", "", "E", "B"};
            assert_true(used + stream.text.len + 8 < room);
            if (event == SP_JSON_EVENT_PIECE || event == SP_JSON_EVENT_NAME || event == SP_JSON_EVENT_SCALAR) {
                const char *open = event == SP_JSON_EVENT_NAME ? "N(" : event == SP_JSON_EVENT_SCALAR ? "S(" : "T(";
                used += (size_t)snprintf(out + used, room - used, "%s%.*s%s", in_text ? "" : open,
                                         SP_STR_ARG(stream.text), event == SP_JSON_EVENT_PIECE ? "" : ")");
                in_text = event == SP_JSON_EVENT_PIECE;
                if (event == SP_JSON_EVENT_NAME && skip_after != NULL &&
                    sp_str_equal(stream.text, sp_str_from_cstr(skip_after)))
                    sp_json_stream_skip(&stream);
            } else {
                used += (size_t)snprintf(out + used, room - used, "%s",
                                         event == SP_JSON_EVENT_TEXT_END && !in_text ? "T()" : plain[event]);
                in_text = false;
            }
            done = event == SP_JSON_EVENT_END || event == SP_JSON_EVENT_BROKEN;
        }
        assert_true(at <= len + piece);
    }
}

static const struct {
    const char *what, *text, *skip, *events;
} rows[] = {
    {"an object", "{\"a\":1,\"b\":[true,null,-1.5e3],\"c\":{}}", NULL,
     "{N(a)S(1)N(b)[S(true)S(null)S(-1.5e3)]N(c){}}E"},
    {"an empty text", "{\"a\":\"\"}", NULL, "{N(a)T()}E"},
    {"escapes", "[\"a\\n\\\"\\\\b\\u00e4\\ud83d\\ude00c\"]", NULL,
     "[T(a\n\"\\b\xc3\xa4\xf0\x9f\x98\x80"
     "c)]E"},
    {"a lone surrogate", "[\"\\ude00\"]", NULL, "[T(\xef\xbf\xbd)]E"},
    {"bytes that are not UTF-8 pass", "[\"\xff\xfe\"]", NULL, "[T(\xff\xfe)]E"},
    {"a member passed over", "{\"a\":{\"x\":[1,{\"y\":\"}\\\"\"}]},\"b\":2}", "a", "{N(a)N(b)S(2)}E"},
    {"a text passed over", "{\"a\":\"lo\\\"ng\\\\\",\"b\":2}", "a", "{N(a)N(b)S(2)}E"},
    {"a number passed over", "{\"a\":17,\"b\":2}", "a", "{N(a)N(b)S(2)}E"},
    {"the last member passed over", "{\"b\":2,\"a\":[1]}", "a", "{N(b)S(2)N(a)}E"},
    {"a number alone", "12", NULL, "S(12)E"},
    {"cut in a text", "{\"a\":\"b", NULL, "{N(a)T(bB"},
    {"cut in an object", "{\"a\":1", NULL, "{N(a)S(1)B"},
    {"nothing", "", NULL, "B"},
    {"no comma", "[1 2]", NULL, "[S(1)B"},
    {"the wrong bracket", "[1}", NULL, "[S(1)B"},
    {"a word", "[nil]", NULL, "[B"},
    {"a bad escape", "[\"\\x\"]", NULL, "[B"},
    {"a bad \\u", "[\"\\u12g4\"]", NULL, "[B"},
    {"something behind", "{}x", NULL, "{}B"},
};

static void events_are_those_of_the_text_however_it_is_cut(void **state)
{
    char events[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 40; piece++) {
            write_events(rows[i].text, piece, rows[i].skip, events, sizeof events);
            if (strcmp(events, rows[i].events) != 0)
                print_error("%s, in pieces of %zu\n", rows[i].what, piece);
            assert_string_equal(events, rows[i].events);
        }
}

static void depth_is_bounded(void **state)
{
    char text[2 * SP_JSON_STREAM_DEPTH + 2], events[4 * SP_JSON_STREAM_DEPTH];
    (void)state;
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_events(text, 64, NULL, events, sizeof events);
    assert_int_equal(strlen(events), SP_JSON_STREAM_DEPTH + 1);
    assert_int_equal(events[SP_JSON_STREAM_DEPTH], 'B');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_those_of_the_text_however_it_is_cut),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
