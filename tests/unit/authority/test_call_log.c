/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a request says, its line is one JSON object; and what could not be written costs whole lines, never the next
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "authority/call_log.h"
#include "core/base/json.h"

#define ROOM (32u << 20)

struct reading {
    struct sp_arena *arena;
    struct sp_call_log log;
    int ends[2];
    char *text;
    size_t len;
};

static int start(void **state)
{
    struct reading *reading = calloc(1, sizeof *reading);
    reading->arena = sp_arena_create(64 << 20);
    reading->text = malloc(ROOM);
    assert_int_equal(pipe2(reading->ends, O_NONBLOCK | O_CLOEXEC), 0);
    sp_call_log_init(&reading->log, reading->ends[1], false);
    *state = reading;
    return 0;
}

static int stop(void **state)
{
    struct reading *reading = *state;
    sp_call_log_fini(&reading->log);
    close(reading->ends[0]);
    close(reading->ends[1]);
    sp_arena_destroy(&reading->arena);
    free(reading->text);
    free(reading);
    return 0;
}

static void add(struct reading *reading, const char *path, struct sp_str received)
{
    struct sp_call call = {.arena = reading->arena,
                           .now = 1800000000,
                           .asked = {.method = SP_STR("GET"), .path = sp_str_from_cstr(path)},
                           .answer = {.status = 400},
                           .finding = {.cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .received = received}};
    sp_call_log_add(&reading->log, &call);
}

static void drain(struct reading *reading)
{
    ssize_t got;
    while ((got = read(reading->ends[0], reading->text + reading->len, ROOM - reading->len)) > 0)
        reading->len += (size_t)got;
}

static const struct sp_json *parse(struct reading *reading, struct sp_str line)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    return sp_json_parse(reading->arena, line, &sp_json_limits_document, &json, &error) == SP_OK ? json : NULL;
}

static void evidence_is_cut_between_characters(void **state)
{
    struct reading *reading = *state;
    char text[3001];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    add(reading, "/\x1b[2Jpath", sp_str(text, 3000));
    sp_call_log_flush(&reading->log);
    drain(reading);
    const struct sp_json *line = parse(reading, sp_str(reading->text, reading->len));
    assert_non_null(line);
    struct sp_str received =
        sp_json_string(sp_json_member(sp_json_member(line, SP_STR("finding")), SP_STR("received")));
    assert_int_equal(received.len, 510); /* 170 euro signs, none of them broken */
    assert_memory_equal(received.at, text, received.len);
}

static void a_full_disk_costs_whole_lines_and_not_the_next_one(void **state)
{
    struct reading *reading = *state;
    fcntl(reading->ends[1], F_SETPIPE_SZ, 4096);
    for (int i = 0; i < 20; i++)
        add(reading, "/lost", SP_STR("x"));
    sp_call_log_flush(&reading->log); /* some of it fits */
    drain(reading);
    assert_int_not_equal(reading->text[reading->len - 1], '\n'); /* cut in a line */
    add(reading, "/next", SP_STR("x"));
    sp_call_log_flush(&reading->log);
    drain(reading);
    size_t from = reading->len - 1;
    while (from > 0 && reading->text[from - 1] != '\n')
        from--;
    const struct sp_json *last = parse(reading, sp_str(reading->text + from, reading->len - from));
    assert_non_null(last);
    assert_true(sp_str_equal(sp_json_string(sp_json_member(last, SP_STR("path"))), SP_STR("/next")));
}

static void the_cut_line_of_another_file_does_not_begin_the_new_one(void **state)
{
    struct reading *reading = *state;
    char path[] = "/tmp/sallyport-log-XXXXXX";
    int made = mkstemp(path);
    fcntl(reading->ends[1], F_SETPIPE_SZ, 4096);
    for (int i = 0; i < 20; i++)
        add(reading, "/lost", SP_STR("x"));
    sp_call_log_flush(&reading->log);
    assert_int_equal(sp_call_log_reopen(&reading->log, "/nowhere/log"), SP_IO);
    assert_int_equal(sp_call_log_reopen(&reading->log, path), SP_OK);
    for (int i = 0; i < 2; i++) { /* the second time it is the same file */
        add(reading, "/next", SP_STR("x"));
        assert_int_equal(sp_call_log_reopen(&reading->log, path), SP_OK);
    }
    char text[8192];
    ssize_t got = pread(made, text, sizeof text, 0);
    assert_true(got > 0);
    struct sp_str all = sp_str(text, (size_t)got);
    size_t first = (size_t)((char *)memchr(text, '\n', all.len) - text);
    assert_non_null(parse(reading, sp_str_slice(all, 0, first)));
    assert_non_null(parse(reading, sp_str_slice(all, first + 1, all.len - 1)));
    close(made);
    unlink(path);
}

static void a_turn_with_too_much_to_say_says_whole_lines(void **state)
{
    struct reading *reading = *state;
    for (int i = 0; i < 40000 && reading->log.waiting.len < (16u << 20) - 1200; i++) {
        add(reading, "/many", SP_STR("x"));
        sp_arena_reset(reading->arena);
    }
    for (int i = 0; i < 5; i++)
        add(reading, "/one-too-many", SP_STR("x"));
    struct sp_str waiting = sp_buffer_str(&reading->log.waiting);
    assert_true(waiting.len > (15u << 20));
    assert_int_equal(waiting.at[waiting.len - 1], '\n');
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        ROW(evidence_is_cut_between_characters),
        ROW(a_full_disk_costs_whole_lines_and_not_the_next_one),
        ROW(the_cut_line_of_another_file_does_not_begin_the_new_one),
        ROW(a_turn_with_too_much_to_say_says_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
