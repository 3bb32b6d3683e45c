/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs of the commands: files and standard input, bounded. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "core/base/url.h"

static enum sp_status read_all(int fd, size_t max_bytes, struct sp_buffer *buffer)
{
    char block[16 * 1024];
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SP_IO;
        if (got == 0)
            return sp_buffer_status(buffer);
        size_t room = max_bytes - buffer->len;
        sp_buffer_append(buffer, sp_str(block, (size_t)got < room ? (size_t)got : room));
        if ((size_t)got > room)
            return SP_TOO_LARGE;
    }
}

enum sp_status sp_cli_read_beginning(const struct sp_cli *cli, struct sp_str path, size_t max_bytes,
                                     struct sp_str *content)
{
    char name[4096];
    bool is_stdin = sp_str_equal(path, SP_STR("-"));
    if (path.len >= sizeof name || memchr(path.at, '\0', path.len) != NULL) {
        sp_cli_failure(cli, "this is no file name: '%.64s…'", path.at);
        return SP_IO;
    }
    memcpy(name, path.at, path.len);
    name[path.len] = '\0';
    int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        sp_cli_failure(cli, "cannot open %s: %s", name, strerror(errno));
        return SP_IO;
    }
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, NULL, max_bytes + 1);
    enum sp_status status = read_all(fd, max_bytes, &buffer);
    int error = errno;
    if (!is_stdin)
        close(fd);
    if ((status == SP_OK || status == SP_TOO_LARGE) &&
        sp_arena_copy(cli->arena, sp_buffer_str(&buffer), content) != SP_OK)
        status = SP_NO_MEMORY;
    sp_buffer_fini(&buffer);
    const char *shown = is_stdin ? "standard input" : name;
    if (status == SP_IO)
        sp_cli_failure(cli, "cannot read %s: %s", shown, strerror(error));
    else if (status != SP_OK && status != SP_TOO_LARGE)
        sp_cli_failure(cli, "no memory for %s", shown);
    return status;
}

enum sp_status sp_cli_read(const struct sp_cli *cli, struct sp_str path, size_t max_bytes, struct sp_str *content)
{
    struct sp_str text;
    enum sp_status status = sp_cli_read_beginning(cli, path, max_bytes, &text);
    struct sp_str shown = sp_str_equal(path, SP_STR("-")) ? SP_STR("standard input") : path;
    if (status == SP_TOO_LARGE)
        sp_cli_failure(cli, "%.*s is larger than %zu bytes", SP_STR_ARG(shown), max_bytes);
    if (status == SP_OK)
        *content = text;
    return status;
}

bool sp_cli_split_address(const struct sp_cli *cli, struct sp_str text, const char **address, unsigned *port)
{
    struct sp_url url;
    struct sp_str whole = sp_arena_printf(cli->arena, "http://%.*s", SP_STR_ARG(text)), host;
    if (whole.at == NULL || sp_url_split(whole, &url) != SP_OK || url.port.at == NULL || url.path.len > 0)
        return false;
    host = url.host.at[0] == '[' ? sp_str_slice(url.host, 1, url.host.len - 1) : url.host;
    *address = sp_arena_printf(cli->arena, "%.*s", SP_STR_ARG(host)).at;
    *port = (unsigned)strtoul(sp_arena_printf(cli->arena, "%.*s", SP_STR_ARG(url.port)).at, NULL, 10);
    return *address != NULL;
}

int64_t sp_cli_now(void)
{
    return (int64_t)time(NULL);
}
