/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx_module.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "control/file_digest.h"
#include "control/log.h"

#define PREFIX "module-"
#define SUFFIX ".so"
#define BUILD_BYTES 8u /* of the digest; it tells builds apart, it proves nothing */
#define NAME_LENGTH (sizeof PREFIX - 1 + 2 * BUILD_BYTES + sizeof SUFFIX - 1)
#define MAX_MODULE_BYTES ((size_t)256 * 1024 * 1024)

static bool is_link_name(const char *name)
{
    return strlen(name) == NAME_LENGTH && strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 &&
           strcmp(name + NAME_LENGTH - (sizeof SUFFIX - 1), SUFFIX) == 0;
}

/* How many links there are beside `kept`, a path; removes them if that is wanted. */
static size_t others(const char *state, const char *kept, bool removes)
{
    const char *slash = strrchr(kept, '/');
    size_t count = 0;
    DIR *folder = opendir(state);
    for (struct dirent *at = folder != NULL ? readdir(folder) : NULL; at != NULL; at = readdir(folder)) {
        if (is_link_name(at->d_name) && (slash == NULL || strcmp(at->d_name, slash + 1) != 0)) {
            count++;
            if (removes) {
                unlinkat(dirfd(folder), at->d_name, 0);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static bool leads_to(const char *path, const char *module)
{
    char target[SP_NGINX_MODULE_PATH_BYTES];
    const ssize_t len = readlink(path, target, sizeof target);
    return len >= 0 && (size_t)len == strlen(module) && memcmp(target, module, (size_t)len) == 0;
}

static bool make_link(const char *path, const char *module)
{
    if (symlink(module, path) == 0) {
        return true;
    }
    /* The same build at another place: the old link goes to where it was. */
    return errno == EEXIST && (leads_to(path, module) || (unlink(path) == 0 && symlink(module, path) == 0));
}

enum sp_status sp_nginx_module_link(const char *state, const char *module, char path[SP_NGINX_MODULE_PATH_BYTES],
                                    bool *has_others)
{
    unsigned char digest[SP_FILE_DIGEST_BYTES];
    char made[SP_NGINX_MODULE_PATH_BYTES], build[2 * BUILD_BYTES + 1];
    if (sp_file_digest(module, MAX_MODULE_BYTES, digest) != SP_OK) {
        sp_log(SP_LOG_ERROR, "the gateway's module %s cannot be read: %s. Put it back (make install, or the package)",
               module, strerror(errno));
        return SP_IO;
    }
    for (size_t i = 0; i < BUILD_BYTES; i++) {
        snprintf(build + 2 * i, 3, "%02x", digest[i]);
    }
    const int len = snprintf(made, sizeof made, "%s/" PREFIX "%s" SUFFIX, state, build);
    if (len < 0 || (size_t)len >= sizeof made || !make_link(made, module)) {
        sp_log(SP_LOG_ERROR, "%s, a link to %s, cannot be made: %s", made, module,
               len >= 0 && (size_t)len < sizeof made ? strerror(errno) : strerror(ENAMETOOLONG));
        return SP_IO;
    }
    *has_others = others(state, made, false) > 0;
    memcpy(path, made, (size_t)len + 1);
    return SP_OK;
}

void sp_nginx_module_settle(const char *state, const char *path)
{
    (void)others(state, path, true);
}
