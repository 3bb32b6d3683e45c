/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the state directory for nginx: its configuration and its folders. The configuration carries a mark,
 * the digest of its text and of the content of every file that it names (certificates, keys, authorities), which nginx
 * tells at SP_NGINX_MARK_PATH of gateway.sock once it has taken it: so a renewed certificate is a new configuration,
 * and whether nginx took it is asked and not supposed. */
#ifndef SP_CONTROL_NGINX_FILES_H
#define SP_CONTROL_NGINX_FILES_H

#include "control/nginx_conf.h"

#define SP_NGINX_MARK_BYTES 65u /* hexadecimal, and a NUL */

/* The folders that nginx wants to have; user: their owner, or NULL. SP_IO: told. */
SP_MUST_CHECK enum sp_status sp_nginx_folders_make(const char *state, const char *user);

/* Makes the logs that are not there yet, before nginx does, which lets every user of the machine read them; one that is
 * there keeps the mode that somebody gave it. */
void sp_nginx_logs_make(const char *state, const struct sp_serving *serving);

/* Writes all files with their mark (conf's own mark and names_file are not looked at); none when a value cannot be
 * written (SP_MALFORMED). Failures are told. */
SP_MUST_CHECK enum sp_status sp_nginx_files_write(const struct sp_nginx_conf *conf, char mark[SP_NGINX_MARK_BYTES]);

#endif
