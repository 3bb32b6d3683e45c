/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <sqlite3.h>
#include <stdarg.h>

static const enum sp_library library = SP_LIBRARY_SQLITE;

SP_LIBRARY_ROW(int, sqlite3_bind_blob64,
               (sqlite3_stmt * statement, int place, const void *value, sqlite3_uint64 bytes, void (*destroy)(void *)),
               statement, place, value, bytes, destroy)
SP_LIBRARY_ROW(int, sqlite3_bind_int64, (sqlite3_stmt * statement, int place, sqlite3_int64 value), statement, place,
               value)
SP_LIBRARY_ROW(int, sqlite3_bind_null, (sqlite3_stmt * statement, int place), statement, place)
SP_LIBRARY_ROW(int, sqlite3_bind_parameter_count, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(const char *, sqlite3_bind_parameter_name, (sqlite3_stmt * statement, int place), statement, place)
SP_LIBRARY_ROW(int, sqlite3_bind_text,
               (sqlite3_stmt * statement, int place, const char *value, int bytes, void (*destroy)(void *)), statement,
               place, value, bytes, destroy)
SP_LIBRARY_ROW(int, sqlite3_bind_text64,
               (sqlite3_stmt * statement, int place, const char *value, sqlite3_uint64 bytes, void (*destroy)(void *),
                unsigned char encoding),
               statement, place, value, bytes, destroy, encoding)
SP_LIBRARY_ROW(int, sqlite3_busy_timeout, (sqlite3 * db, int ms), db, ms)
SP_LIBRARY_ROW(int, sqlite3_changes, (sqlite3 * db), db)
SP_LIBRARY_ROW(int, sqlite3_close, (sqlite3 * db), db)
SP_LIBRARY_ROW(const void *, sqlite3_column_blob, (sqlite3_stmt * statement, int column), statement, column)
SP_LIBRARY_ROW(int, sqlite3_column_bytes, (sqlite3_stmt * statement, int column), statement, column)
SP_LIBRARY_ROW(int, sqlite3_column_count, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(int, sqlite3_column_int, (sqlite3_stmt * statement, int column), statement, column)
SP_LIBRARY_ROW(sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt * statement, int column), statement, column)
SP_LIBRARY_ROW(int, sqlite3_column_type, (sqlite3_stmt * statement, int column), statement, column)
/* Nothing of what is configured takes another argument. */
int sqlite3_config(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    int value = va_arg(arguments, int);
    va_end(arguments);
    SP_LIBRARY_CALL(library, sqlite3_config, option, value);
}

SP_LIBRARY_ROW(int, sqlite3_errcode, (sqlite3 * db), db)
SP_LIBRARY_ROW(const char *, sqlite3_errmsg, (sqlite3 * db), db)
SP_LIBRARY_ROW(const char *, sqlite3_errstr, (int code), code)
SP_LIBRARY_ROW(int, sqlite3_exec,
               (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                char **trouble),
               db, sql, row, context, trouble)
SP_LIBRARY_ROW(int, sqlite3_file_control, (sqlite3 * db, const char *schema, int what, void *argument), db, schema,
               what, argument)
SP_LIBRARY_ROW(int, sqlite3_finalize, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(int, sqlite3_get_autocommit, (sqlite3 * db), db)
SP_LIBRARY_ROW(int, sqlite3_open_v2, (const char *path, sqlite3 **db, int flags, const char *vfs), path, db, flags, vfs)
SP_LIBRARY_ROW(int, sqlite3_prepare_v2,
               (sqlite3 * db, const char *sql, int bytes, sqlite3_stmt **statement, const char **tail), db, sql, bytes,
               statement, tail)
SP_LIBRARY_ROW(int, sqlite3_prepare_v3,
               (sqlite3 * db, const char *sql, int bytes, unsigned int flags, sqlite3_stmt **statement,
                const char **tail),
               db, sql, bytes, flags, statement, tail)
SP_LIBRARY_ROW(int, sqlite3_reset, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(int, sqlite3_step, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(int, sqlite3_stmt_readonly, (sqlite3_stmt * statement), statement)
SP_LIBRARY_ROW(sqlite3_vfs *, sqlite3_vfs_find, (const char *name), name)
SP_LIBRARY_ROW(int, sqlite3_vfs_register, (sqlite3_vfs * vfs, int is_default), vfs, is_default)
SP_LIBRARY_ROW(int, sqlite3_wal_checkpoint_v2,
               (sqlite3 * db, const char *schema, int mode, int *log_pages, int *copied_pages), db, schema, mode,
               log_pages, copied_pages)
