/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the store has its name once it is whole; half of one is no store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "authority/store.h"
#include "authority/store_backup.h"

#define PATH_BYTES 128

static char folder[] = "/tmp/sallyport-backup-XXXXXX";

static const char *path(char out[PATH_BYTES], const char *name)
{
    snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    return out;
}

static void write_file(const char *at, const char *text)
{
    FILE *file = fopen(at, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool exists(const char *at)
{
    return access(at, F_OK) == 0;
}

static void make_store(const char *at)
{
    char trouble[256];
    struct sp_store *store = NULL;
    assert_int_equal(sp_store_open_sqlite(at, &store, trouble), SP_OK);
    store->methods->destroy(&store);
}

static void a_copy_opens_and_leaves_nothing_beside_it(void **state)
{
    (void)state;
    char from[PATH_BYTES], to[PATH_BYTES], part[PATH_BYTES], trouble[256];
    struct stat about;
    make_store(path(from, "a.sqlite"));
    write_file(path(part, "copy.part"), "what an interrupted run left");
    assert_int_equal(sp_store_backup(from, path(to, "copy"), trouble), SP_OK);
    assert_false(exists(part));
    assert_int_equal(stat(to, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    make_store(to);
}

static void another_file_is_never_replaced(void **state)
{
    (void)state;
    char from[PATH_BYTES], to[PATH_BYTES], part[PATH_BYTES], trouble[256];
    make_store(path(from, "b.sqlite"));
    write_file(path(to, "taken"), "mine");
    assert_int_equal(sp_store_backup(from, to, trouble), SP_IO);
    assert_non_null(strstr(trouble, "exists"));
    assert_false(exists(path(part, "taken.part")));
}

static void what_cannot_be_copied_leaves_no_file(void **state)
{
    (void)state;
    char from[PATH_BYTES], to[PATH_BYTES], part[PATH_BYTES], trouble[256];
    write_file(path(from, "c.sqlite"), "this is no database, but it is long enough to be asked whether it is one");
    assert_int_equal(sp_store_backup(from, path(to, "none"), trouble), SP_IO);
    assert_false(exists(to));
    assert_false(exists(path(part, "none.part")));
}

/* As an interrupted VACUUM INTO leaves it: a valid database of many pages without a table. */
static void half_a_copy_is_no_store(void **state)
{
    (void)state;
    char at[PATH_BYTES], command[512], trouble[256];
    struct sp_store *store = NULL;
    snprintf(command, sizeof command,
             "python3 -c 'import sqlite3,sys; db=sqlite3.connect(sys.argv[1]); db.executescript(\"CREATE TABLE t(x);"
             "INSERT INTO t VALUES(zeroblob(100000)); DROP TABLE t\")' %s",
             path(at, "half"));
    assert_int_equal(system(command), 0);
    assert_int_equal(sp_store_open_sqlite(at, &store, trouble), SP_UNSUPPORTED);
    assert_null(store);
    assert_non_null(strstr(trouble, "interrupted"));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_opens_and_leaves_nothing_beside_it),
        cmocka_unit_test(another_file_is_never_replaced),
        cmocka_unit_test(what_cannot_be_copied_leaves_no_file),
        cmocka_unit_test(half_a_copy_is_no_store),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
