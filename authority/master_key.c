/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "authority/handle.h"
#include "core/jose/crypto.h"
#include "core/base/secret.h"

static void derive(struct sp_str text, unsigned char key[32])
{
    unsigned char inner[32];
    sp_sha256(text, inner);
    sp_mac(inner, SP_STR("sallyport authority: signing keys at rest"), key);
    sp_wipe(inner, sizeof inner);
}

/* Written under another name first: a crash never leaves half a key behind. */
static enum sp_status generate(const char *path, char trouble[256])
{
    char fresh[4160], text[65];
    unsigned char bytes[32];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    sp_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    sp_wipe(bytes, sizeof bytes);
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, 64) == 64 && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    sp_wipe(text, sizeof text);
    /* link, not rename: of two processes that start together the second keeps the first one's key. */
    if (written && link(fresh, path) != 0 && errno != EEXIST) {
        written = false;
        error = errno;
    }
    (void)unlink(fresh);
    if (!written)
        snprintf(trouble, 256, "%.200s: %s", path, strerror(error));
    return written ? SP_OK : SP_IO;
}

static enum sp_status read_file(const char *path, unsigned char key[32], char trouble[256])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            snprintf(trouble, 256, "%.200s: %s", path, strerror(errno));
        return errno == ENOENT ? SP_NOT_FOUND : SP_IO;
    }
    struct stat about;
    char text[256];
    ssize_t len = fstat(fd, &about) == 0 ? read(fd, text, sizeof text) : -1;
    close(fd);
    enum sp_status status = SP_OK;
    struct sp_str trimmed = sp_str_trim(sp_str(text, len > 0 ? (size_t)len : 0));
    if (len < 0) {
        snprintf(trouble, 256, "%.200s cannot be read", path);
        status = SP_IO;
    } else if ((about.st_mode & 077) != 0) {
        snprintf(trouble, 256, "%.180s is open to others (mode %03o); make it 0600", path,
                 (unsigned)about.st_mode & 0777);
        status = SP_MALFORMED;
    } else if (trimmed.len < SP_MIN_MASTER_KEY_CHARACTERS) {
        snprintf(trouble, 256, "%.180s holds %zu characters; a master key has %u at least", path, trimmed.len,
                 SP_MIN_MASTER_KEY_CHARACTERS);
        status = SP_MALFORMED;
    } else {
        derive(trimmed, key);
    }
    sp_wipe(text, sizeof text);
    return status;
}

enum sp_status sp_master_key_get(struct sp_str configured, const char *state_directory, bool may_make,
                                 unsigned char key[32], char trouble[256])
{
    if (configured.at != NULL) {
        struct sp_str trimmed = sp_str_trim(configured);
        if (trimmed.len < SP_MIN_MASTER_KEY_CHARACTERS) {
            snprintf(trouble, 256,
                     "authority.keys.master_key has %zu characters; make it %u at least, such as `openssl rand -hex "
                     "32` prints",
                     trimmed.len, SP_MIN_MASTER_KEY_CHARACTERS);
            return SP_MALFORMED;
        }
        derive(trimmed, key);
        return SP_OK;
    }
    char path[4128];
    snprintf(path, sizeof path, "%.4000s/authority.master_key", state_directory);
    enum sp_status status = read_file(path, key, trouble);
    if (status != SP_NOT_FOUND)
        return status;
    if (!may_make) {
        snprintf(trouble, 256,
                 "%.80s is missing, and the store has signing keys that are sealed under it. Give it back from its "
                 "backup; docs/operations.md says what is lost without it",
                 path);
        return SP_NOT_FOUND;
    }
    status = generate(path, trouble);
    return status == SP_OK ? read_file(path, key, trouble) : status;
}
