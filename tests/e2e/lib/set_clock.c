/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by clock.mjs: a wall clock that is off by as many seconds as the file $SET_CLOCK says at the moment, or
 * that stands where it has "@SECONDS" (the monotonic one goes as it goes), and look-ups of names in .hangs that hang as
 * long as the file $HANG_WHILE exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char clock_path[4096], hang_path[4096];

/* nginx empties its environment. */
__attribute__((constructor)) static void remember(void)
{
    const char *clock = getenv("SET_CLOCK"), *hang = getenv("HANG_WHILE");
    snprintf(clock_path, sizeof clock_path, "%s", clock != NULL ? clock : "");
    snprintf(hang_path, sizeof hang_path, "%s", hang != NULL ? hang : "");
}

static void set(struct timespec *now)
{
    char text[32] = "";
    FILE *file = fopen(clock_path, "re");
    if (file == NULL) {
        return;
    }
    if (fgets(text, sizeof text, file) != NULL && text[0] == '@') {
        *now = (struct timespec){.tv_sec = atol(text + 1)};
    } else {
        now->tv_sec += atol(text);
    }
    fclose(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && clock == CLOCK_REALTIME) {
        set(now);
    }
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
    static const char hangs[] = ".hangs";
    const size_t len = name != NULL ? strlen(name) : 0, tail = sizeof hangs - 1;
    if (len > tail && strcmp(name + len - tail, hangs) == 0) {
        while (access(hang_path, F_OK) == 0) {
            usleep(20000);
        }
        return EAI_AGAIN;
    }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, hints, out);
}
