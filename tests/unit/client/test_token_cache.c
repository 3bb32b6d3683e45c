/* SPDX-License-Identifier: Apache-2.0 */
/* The file that tokens are kept in: private, whole, locked, and never larger than it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "client/token_cache.h"

#define NOW 1000000

struct room {
    char folder[64], path[96];
    struct sp_arena *arena;
};

static int make_room(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    snprintf(room->folder, sizeof room->folder, "/tmp/sallyport-cache-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    snprintf(room->path, sizeof room->path, "%s/deep/tokens.json", room->folder);
    room->arena = sp_arena_create((size_t)256 * 1024 * 1024);
    *state = room;
    return 0;
}

static int leave_room(void **state)
{
    struct room *room = *state;
    static const char *const names[] = {"deep/tokens.json", "deep/tokens.json.lock", "deep/tokens.json.new",
                                        "elsewhere", "deep"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", room->folder, names[i]);
        (void)remove(path);
    }
    assert_int_equal(rmdir(room->folder), 0);
    sp_arena_destroy(&room->arena);
    free(room);
    return 0;
}

static struct sp_token_key key_of(const char *client)
{
    return (struct sp_token_key){.issuer = SP_STR("https://idp.example"),
                                 .client_id = sp_str_from_cstr(client),
                                 .grant = SP_STR("client_credentials")};
}

static struct sp_client_tokens token_of(struct sp_arena *arena, const char *text, int64_t expires_at)
{
    return (struct sp_client_tokens){.access_token = sp_str_from_cstr(text),
                                     .expires_at = expires_at,
                                     .response = sp_arena_printf(arena, "{\"access_token\":\"%s\"}", text)};
}

static struct sp_token_cache *open_cache(struct room *room)
{
    struct sp_token_cache *cache = NULL;
    struct sp_str why = SP_STR_NONE;
    assert_int_equal(sp_token_cache_open(room->arena, room->path, &cache, &why), SP_OK);
    return cache;
}

static void put(struct room *room, const char *client, const char *text, int64_t expires_at)
{
    struct sp_token_cache *cache = open_cache(room);
    struct sp_token_key key = key_of(client);
    struct sp_client_tokens tokens = token_of(room->arena, text, expires_at);
    struct sp_str why;
    assert_int_equal(sp_token_cache_put(cache, &key, &tokens, NOW, &why), SP_OK);
    sp_token_cache_close(&cache);
}

static bool has(struct room *room, const char *client, const char *text)
{
    struct sp_token_cache *cache = open_cache(room);
    struct sp_token_key key = key_of(client);
    struct sp_client_tokens tokens;
    bool found = sp_token_cache_find(cache, &key, &tokens);
    if (found)
        assert_true(sp_str_equal(tokens.access_token, sp_str_from_cstr(text)));
    sp_token_cache_close(&cache);
    return found;
}

static void is_refused(struct room *room, const char *word)
{
    struct sp_token_cache *cache = NULL;
    struct sp_str why = SP_STR_NONE;
    assert_int_equal(sp_token_cache_open(room->arena, room->path, &cache, &why), SP_IO);
    assert_null(cache);
    assert_true(sp_str_contains(why, sp_str_from_cstr(word)));
    assert_true(sp_str_contains(why, sp_str_from_cstr(room->path)));
}

static void what_is_put_is_found_by_its_key_alone(void **state)
{
    struct room *room = *state;
    struct stat kept;
    mode_t before = umask(0);
    put(room, "a", "token-a", NOW + 60);
    umask(before);
    put(room, "b", "token-b", NOW + 60);
    put(room, "old", "token-old", NOW - 1);
    assert_true(has(room, "a", "token-a") && has(room, "b", "token-b") && !has(room, "c", ""));
    put(room, "a", "token-new", NOW + 60);
    assert_true(has(room, "a", "token-new"));
    assert_false(has(room, "old", "")); /* written, and dropped by the next that wrote */
    assert_int_equal(stat(room->path, &kept), 0);
    assert_int_equal(kept.st_mode & 07777, 0600);
    char folder[96];
    snprintf(folder, sizeof folder, "%s/deep", room->folder);
    assert_int_equal(stat(folder, &kept), 0);
    assert_int_equal(kept.st_mode & 077, 0);
}

static void each_part_of_the_question_makes_another_key(void **state)
{
    struct room *room = *state;
    struct sp_token_key keys[] = {key_of("a"), key_of("a"), key_of("a"), key_of("a"),
                                  key_of("a"), key_of("a"), key_of("b")};
    struct sp_str one = SP_STR("x"), pair[] = {SP_STR("x"), SP_STR("y")};
    struct sp_client_tokens tokens;
    keys[1].scope = one;
    keys[2].resources = (struct sp_str_list){&one, 1};
    keys[3].audiences = (struct sp_str_list){&one, 1};
    keys[4].resources = (struct sp_str_list){pair, 2};
    keys[5].subject = one;
    for (size_t i = 0; i < 7; i++) {
        struct sp_token_cache *cache = open_cache(room);
        struct sp_client_tokens made = token_of(room->arena, "t", NOW + 60);
        struct sp_str why;
        assert_false(sp_token_cache_find(cache, &keys[i], &tokens));
        assert_int_equal(sp_token_cache_put(cache, &keys[i], &made, NOW, &why), SP_OK);
        assert_int_equal(sp_token_cache_put(cache, &keys[i], &made, NOW, &why), SP_OK);
        sp_token_cache_close(&cache);
    }
}

static void a_file_that_is_not_ours_alone_is_not_believed(void **state)
{
    struct room *room = *state;
    put(room, "a", "token-a", NOW + 60);
    for (unsigned bit = 1; bit <= 040; bit <<= 1) {
        assert_int_equal(chmod(room->path, 0600 | bit), 0);
        is_refused(room, "others can read");
    }
    assert_int_equal(chmod(room->path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(room->path, 12345, 12345), 0);
        is_refused(room, "somebody else");
        assert_int_equal(chown(room->path, 0, 0), 0);
    }
    assert_true(has(room, "a", "token-a"));
}

static void a_link_a_pipe_and_a_folder_are_no_caches(void **state)
{
    struct room *room = *state;
    char elsewhere[96];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", room->folder);
    put(room, "a", "token-a", NOW + 60);
    assert_int_equal(rename(room->path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, room->path), 0);
    is_refused(room, "symbolic link");
    assert_int_equal(unlink(room->path), 0);
    assert_int_equal(mkfifo(room->path, 0600), 0);
    is_refused(room, "no regular file");
    assert_int_equal(unlink(room->path), 0);
    assert_int_equal(mkdir(room->path, 0700), 0);
    is_refused(room, "no regular file");
}

static void write_file(const char *path, const char *text, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    if (size > 0)
        assert_int_equal(ftruncate(file, (off_t)size), 0);
    close(file);
}

static void what_cannot_be_read_is_begun_anew(void **state)
{
    static const char *const texts[] = {
        "",          "{", "[]", "{\"tokens\":17}", "{\"tokens\":[1,null,{\"key\":[]},{\"key\":\"x\",\"response\":7}]}",
        "\xff\xfe{}"};
    struct room *room = *state;
    put(room, "a", "token-a", NOW + 60);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(room->path, texts[i], 0);
        assert_false(has(room, "a", ""));
        put(room, "a", "token-a", NOW + 60);
        assert_true(has(room, "a", "token-a"));
    }
    write_file(room->path, "{}", SP_MAX_TOKEN_CACHE_BYTES + 1);
    is_refused(room, "too large");
}

static void what_a_command_that_died_left_is_in_nobodys_way(void **state)
{
    struct room *room = *state;
    char left[128];
    put(room, "a", "token-a", NOW + 60);
    snprintf(left, sizeof left, "%s.new", room->path);
    write_file(left, "half", 0);
    put(room, "b", "token-b", NOW + 60);
    assert_true(has(room, "a", "token-a") && has(room, "b", "token-b"));
    assert_int_equal(access(left, F_OK), -1);
}

static void it_does_not_grow_without_end(void **state)
{
    struct room *room = *state;
    enum { BIG = 700 * 1024 };
    struct stat kept;
    char *text = malloc(BIG + 1);
    assert_non_null(text);
    memset(text, 'x', BIG);
    text[BIG] = '\0';
    for (unsigned i = 0; i < 16; i++) {
        char name[16];
        snprintf(name, sizeof name, "client-%u", i);
        put(room, name, text, NOW + 60);
        assert_true(has(room, name, text));
        sp_arena_reset(room->arena);
    }
    free(text);
    assert_int_equal(stat(room->path, &kept), 0);
    assert_true((size_t)kept.st_size < SP_MAX_TOKEN_CACHE_BYTES);
    for (unsigned i = 0; i < SP_MAX_CACHED_TOKENS + 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "small-%u", i);
        put(room, name, "t", NOW + 60);
        sp_arena_reset(room->arena);
    }
    assert_false(has(room, "small-0", ""));
    assert_true(has(room, "small-275", "t"));
}

/* Each of many processes adds its own entry: without the lock they would write over one another. */
static void many_at_once_lose_nothing(void **state)
{
    struct room *room = *state;
    enum { PROCESSES = 12 };
    pid_t children[PROCESSES];
    char name[16];
    for (unsigned i = 0; i < PROCESSES; i++) {
        snprintf(name, sizeof name, "client-%u", i);
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            put(room, name, "t", NOW + 60);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        snprintf(name, sizeof name, "client-%u", i);
        assert_true(has(room, name, "t"));
    }
}

static void without_a_path_nothing_is_kept(void **state)
{
    struct room *room = *state;
    struct sp_token_cache *cache = NULL;
    struct sp_str why;
    struct sp_token_key key = key_of("a");
    struct sp_client_tokens tokens = token_of(room->arena, "t", NOW + 60);
    assert_int_equal(sp_token_cache_open(room->arena, NULL, &cache, &why), SP_OK);
    assert_int_equal(sp_token_cache_put(cache, &key, &tokens, NOW, &why), SP_OK);
    assert_false(sp_token_cache_find(cache, &key, &tokens));
    sp_token_cache_close(&cache);
    assert_null(cache);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_room, leave_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_put_is_found_by_its_key_alone),
        CASE(each_part_of_the_question_makes_another_key),
        CASE(a_file_that_is_not_ours_alone_is_not_believed),
        CASE(a_link_a_pipe_and_a_folder_are_no_caches),
        CASE(what_cannot_be_read_is_begun_anew),
        CASE(what_a_command_that_died_left_is_in_nobodys_way),
        CASE(it_does_not_grow_without_end),
        CASE(many_at_once_lose_nothing),
        CASE(without_a_path_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
