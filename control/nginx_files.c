/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx_files.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/file_digest.h"
#include "control/log.h"
#include "control/state_file.h"
#include "core/base/limits.h"
#include "core/jose/crypto.h"

#define MAX_CONF_BYTES ((size_t)4 * 1024 * 1024)
#define MAX_DIGESTS_BYTES ((size_t)64 * 1024) /* 32 a file */

/* ---- folders ---- */

static bool make_folder(const char *path, unsigned mode, const char *user)
{
    struct passwd *account = user != NULL ? getpwnam(user) : NULL;
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return false;
    }
    return account == NULL || chown(path, account->pw_uid, account->pw_gid) == 0;
}

enum sp_status sp_nginx_folders_make(const char *state, const char *user)
{
    static const char *const names[] = {"tmp", "tmp/body", "tmp/proxy", "tmp/fastcgi", "tmp/uwsgi", "tmp/scgi"};
    char path[4096];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", state, names[i]);
        if (!make_folder(path, 0700, user)) {
            sp_log(SP_LOG_ERROR, "%s cannot be made: %s", path, strerror(errno));
            return SP_IO;
        }
    }
    return SP_OK;
}

/* What cannot be made is for nginx to complain of. */
static void make_log(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0) {
        close(fd);
    }
}

void sp_nginx_logs_make(const char *state, const struct sp_serving *serving)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/nginx.error.log", state);
    make_log(path);
    if (serving->logs_calls) {
        sp_nginx_call_log_path(state, serving->call_log_file, path);
        make_log(path);
    }
}

/* ---- the mark ---- */

static void add_digest(struct sp_buffer *digests, struct sp_str content)
{
    unsigned char sha256[32];
    sp_sha256(content, sha256);
    sp_buffer_append(digests, sp_str((const char *)sha256, sizeof sha256));
}

/* One that cannot be read counts as what was read of it: nginx will say what it thinks of it. */
static void add_named_file(void *data, struct sp_str path)
{
    unsigned char digest[SP_FILE_DIGEST_BYTES] = {0};
    char name[4096];
    int len = snprintf(name, sizeof name, "%.*s", SP_STR_ARG(path));
    if (len > 0 && (size_t)len < sizeof name) {
        (void)sp_file_digest(name, SP_MAX_NAMED_FILE_BYTES, digest);
    }
    sp_buffer_append(data, sp_str((const char *)digest, sizeof digest));
}

static void make_mark(const struct sp_buffer *digests, char mark[SP_NGINX_MARK_BYTES])
{
    unsigned char sha256[32];
    sp_sha256(sp_buffer_str(digests), sha256);
    for (size_t i = 0; i < sizeof sha256; i++) {
        snprintf(mark + 2 * i, 3, "%02x", sha256[i]);
    }
}

/* ---- the files ---- */

static enum sp_status make_text(const struct sp_nginx_conf *conf, enum sp_nginx_file file, struct sp_buffer *text)
{
    struct sp_str bad = SP_STR_NONE;
    enum sp_status status = sp_nginx_conf_write(conf, file, text, &bad);
    if (status == SP_MALFORMED) {
        sp_log(SP_LOG_ERROR,
               "config.type: \"%.*s\" cannot stand in nginx's configuration; choose a value without quotes, `$`, "
               "backslashes and spaces",
               SP_STR_ARG(bad));
    } else if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "%s cannot be made: %s", sp_nginx_file_name(file), sp_status_text(status));
    }
    return status;
}

static enum sp_status replace_file(const struct sp_nginx_conf *conf, enum sp_nginx_file file, struct sp_str text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", conf->state, sp_nginx_file_name(file));
    enum sp_status status = sp_state_file_replace(path, text, sp_nginx_file_mode(file), -1);
    if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "%s cannot be written: %s", path, strerror(errno));
    }
    return status;
}

enum sp_status sp_nginx_files_write(const struct sp_nginx_conf *given, char mark[SP_NGINX_MARK_BYTES])
{
    struct sp_buffer texts[SP_NGINX_FILES], digests;
    struct sp_nginx_conf conf = *given;
    enum sp_status status = SP_OK;
    char made[SP_NGINX_MARK_BYTES] = "";
    sp_buffer_init(&digests, NULL, MAX_DIGESTS_BYTES);
    for (enum sp_nginx_file file = SP_NGINX_MAIN; file < SP_NGINX_FILES; file++) {
        sp_buffer_init(&texts[file], NULL, MAX_CONF_BYTES);
    }
    conf.mark = made;
    conf.names_file = add_named_file;
    conf.data = &digests;
    for (enum sp_nginx_file file = SP_NGINX_MAIN; file < SP_NGINX_FILES && status == SP_OK; file++) {
        status = make_text(&conf, file, &texts[file]);
        add_digest(&digests, sp_buffer_str(&texts[file]));
    }
    status = status == SP_OK ? sp_buffer_status(&digests) : status;
    if (status == SP_OK) {
        /* Once more, now with its mark in it. */
        make_mark(&digests, made);
        conf.names_file = NULL;
        sp_buffer_clear(&texts[SP_NGINX_MAIN]);
        status = make_text(&conf, SP_NGINX_MAIN, &texts[SP_NGINX_MAIN]);
    }
    for (enum sp_nginx_file file = SP_NGINX_MAIN; file < SP_NGINX_FILES; file++) {
        status = status == SP_OK ? replace_file(&conf, file, sp_buffer_str(&texts[file])) : status;
        sp_buffer_fini(&texts[file]);
    }
    sp_buffer_fini(&digests);
    if (status == SP_OK) {
        memcpy(mark, made, sizeof made);
    }
    return status;
}
