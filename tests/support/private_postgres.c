/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/private_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SCRIPT SP_SOURCE_ROOT "/tests/support/private-postgres"

static struct {
    pid_t pid;
    FILE *words, *answers;
    char url[256];
} server;

static void read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, server.answers) == NULL)
        *line = '\0';
    line[strcspn(line, "\n")] = '\0';
}

bool private_postgres_start(void)
{
    int to[2], from[2];
    char directory[64];
    snprintf(directory, sizeof directory, "/tmp/sp-postgres-%ld", (long)getpid());
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execl(SCRIPT, SCRIPT, directory, (char *)NULL);
        _exit(77);
    }
    close(to[0]);
    close(from[1]);
    server.words = fdopen(to[1], "w");
    server.answers = fdopen(from[0], "r");
    assert_true(server.words != NULL && server.answers != NULL);
    read_line(server.url, sizeof server.url);
    if (server.url[0] != '\0')
        return true;
    int status = 0;
    fclose(server.words);
    fclose(server.answers);
    assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
    server.pid = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 77);
    return false;
}

void private_postgres_stop(void)
{
    int status = 0;
    if (server.pid == 0)
        return;
    fclose(server.words);
    fclose(server.answers);
    assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
    server.pid = 0;
}

const char *private_postgres_url(void)
{
    return server.url;
}

void private_postgres_tell(const char *word)
{
    char line[64];
    fprintf(server.words, "%s\n", word);
    fflush(server.words);
    read_line(line, sizeof line);
    assert_string_equal(line, "done");
}
