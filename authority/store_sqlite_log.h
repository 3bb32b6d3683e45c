/* SPDX-License-Identifier: Apache-2.0 */
/* How SQLite's write-ahead log is written: SQLite writes each page of a commit by two calls of its own, a header of 24
 * bytes and the page. Here they are gathered, and written together when the commit ends, before it is synchronised and
 * before anybody is told of it. What stands in the file, and in which order it becomes durable, is as ever; a write
 * that fails makes its commit fail. */
#ifndef SP_AUTHORITY_STORE_SQLITE_LOG_H
#define SP_AUTHORITY_STORE_SQLITE_LOG_H

/* The name of the VFS that does it, for sqlite3_open_v2; NULL, SQLite's own, when it cannot be had. */
const char *sp_store_sqlite_log_vfs(void);

#endif
