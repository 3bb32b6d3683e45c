/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/watched_files.h"

static char folder[] = "/tmp/sallyport-watched-XXXXXX";

static struct sp_str in_folder(const char *name)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return sp_str_from_cstr(path);
}

static void put(const char *name, const char *content)
{
    FILE *file = fopen(in_folder(name).at, "we");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static void watch(struct sp_watched_files *files, const char *a, const char *b, bool was_refused)
{
    sp_watched_files_begin(files);
    sp_watched_files_add(files, in_folder(a));
    if (b != NULL) {
        sp_watched_files_add(files, in_folder(b));
        sp_watched_files_add(files, in_folder(b));
    }
    sp_watched_files_end(files, was_refused);
}

static void each_way_of_replacing_a_file_is_one_change(void **state)
{
    struct sp_watched_files files = {.at = NULL};
    (void)state;
    put("a", "1");
    put("other", "1");
    assert_int_equal(symlink("a", in_folder("link").at), 0);
    watch(&files, "a", "link", false);
    assert_int_equal(files.count, 2);
    assert_false(sp_watched_files_changed(&files));
    put("a", "22"); /* written over */
    assert_true(sp_watched_files_changed(&files));
    assert_false(sp_watched_files_changed(&files));
    assert_int_equal(rename(in_folder("other").at, in_folder("a").at), 0);
    assert_true(sp_watched_files_changed(&files));
    put("other", "1");
    assert_int_equal(symlink("other", in_folder("new").at), 0);
    assert_int_equal(rename(in_folder("new").at, in_folder("link").at), 0);
    assert_true(sp_watched_files_changed(&files));
    assert_false(sp_watched_files_changed(&files));
    sp_watched_files_fini(&files);
}

static void one_that_is_gone_is_waited_for(void **state)
{
    struct sp_watched_files files = {.at = NULL};
    (void)state;
    put("a", "1");
    watch(&files, "a", "late", false);
    unlink(in_folder("a").at);
    assert_false(sp_watched_files_changed(&files));
    put("a", "1");
    assert_true(sp_watched_files_changed(&files));
    put("late", "1"); /* was never there */
    assert_true(sp_watched_files_changed(&files));
    sp_watched_files_fini(&files);
}

static void what_is_not_named_any_more_is_forgotten_unless_the_reading_broke_off(void **state)
{
    struct sp_watched_files files = {.at = NULL};
    (void)state;
    put("a", "1");
    put("b", "1");
    watch(&files, "a", "b", false);
    watch(&files, "a", NULL, true);
    put("b", "22");
    assert_true(sp_watched_files_changed(&files));
    watch(&files, "a", NULL, false);
    put("b", "333");
    assert_false(sp_watched_files_changed(&files));
    assert_int_equal(files.count, 1);
    sp_watched_files_fini(&files);
}

static void what_there_is_no_room_for_is_counted(void **state)
{
    struct sp_watched_files files = {.at = NULL};
    char name[32];
    (void)state;
    sp_watched_files_begin(&files);
    for (unsigned i = 0; i < SP_MAX_WATCHED_FILES + 3; i++) {
        snprintf(name, sizeof name, "none-%u", i);
        sp_watched_files_add(&files, in_folder(name));
    }
    sp_watched_files_end(&files, false);
    assert_int_equal(files.count, SP_MAX_WATCHED_FILES);
    assert_int_equal(files.left_out, 3);
    sp_watched_files_fini(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_replacing_a_file_is_one_change),
        cmocka_unit_test(one_that_is_gone_is_waited_for),
        cmocka_unit_test(what_is_not_named_any_more_is_forgotten_unless_the_reading_broke_off),
        cmocka_unit_test(what_there_is_no_room_for_is_counted),
    };
    static const char *const left[] = {"a", "b", "link", "other", "late"};
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        unlink(in_folder(left[i]).at);
    }
    rmdir(folder);
    return failed;
}
