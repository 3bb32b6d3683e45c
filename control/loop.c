/* SPDX-License-Identifier: Apache-2.0 */
#include "control/loop.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MAX_WATCHED_FD 65536
#define EVENTS_AT_ONCE 64

struct watch {
    void (*ready)(void *data, int fd, uint32_t events);
    void *data;
    uint32_t generation; /* an event of a descriptor that was closed and opened again meanwhile is not its own */
    bool is_active;
};

struct sp_loop {
    int epoll_fd;
    bool stopped;
    struct watch *watches; /* by descriptor */
    size_t watch_count;
    struct sp_timer *timers; /* soonest first */
    int64_t (*prepare)(void *data);
    void *prepare_data;
};

int64_t sp_loop_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct sp_loop *sp_loop_create(void)
{
    struct sp_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return NULL;
    }
    return loop;
}

void sp_loop_destroy(struct sp_loop **loop)
{
    if (*loop == NULL) {
        return;
    }
    while ((*loop)->timers != NULL) {
        sp_timer_clear((*loop)->timers);
    }
    close((*loop)->epoll_fd);
    free((*loop)->watches);
    free(*loop);
    *loop = NULL;
}

static bool make_room(struct sp_loop *loop, int fd)
{
    if (fd < 0 || fd >= MAX_WATCHED_FD) {
        return false;
    }
    if ((size_t)fd < loop->watch_count) {
        return true;
    }
    size_t count = ((size_t)fd + 64) / 64 * 64;
    struct watch *longer = realloc(loop->watches, count * sizeof *longer);
    if (longer == NULL) {
        return false;
    }
    for (size_t i = loop->watch_count; i < count; i++) {
        longer[i] = (struct watch){.ready = NULL};
    }
    loop->watches = longer;
    loop->watch_count = count;
    return true;
}

enum sp_status sp_loop_watch(struct sp_loop *loop, int fd, uint32_t events,
                             void (*ready)(void *data, int fd, uint32_t events), void *data)
{
    if (!make_room(loop, fd)) {
        return SP_NO_MEMORY;
    }
    struct watch *watch = &loop->watches[fd];
    bool is_new = !watch->is_active;
    uint32_t generation = is_new ? watch->generation + 1 : watch->generation;
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd};
    int failed = epoll_ctl(loop->epoll_fd, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    if (failed != 0 && !is_new && errno == ENOENT) {
        /* It was closed behind our back, which took it out of epoll, and its number is in use again. */
        failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
    if (failed != 0) {
        return SP_IO;
    }
    *watch = (struct watch){.ready = ready, .data = data, .generation = generation, .is_active = true};
    return SP_OK;
}

void sp_loop_unwatch(struct sp_loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->watch_count || !loop->watches[fd].is_active) {
        return;
    }
    loop->watches[fd].is_active = false;
    /* Fails when the descriptor is closed already, which took it out of epoll as well. */
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void sp_timer_clear(struct sp_timer *timer)
{
    if (timer->previous == NULL) {
        return;
    }
    *timer->previous = timer->next;
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    timer->next = NULL;
    timer->previous = NULL;
}

void sp_timer_set(struct sp_loop *loop, struct sp_timer *timer, int64_t delay_ms, void (*expired)(void *data),
                  void *data)
{
    sp_timer_clear(timer);
    timer->due_ms = sp_loop_now_ms() + (delay_ms > 0 ? delay_ms : 0);
    timer->expired = expired;
    timer->data = data;
    struct sp_timer **at = &loop->timers;
    while (*at != NULL && (*at)->due_ms <= timer->due_ms) {
        at = &(*at)->next;
    }
    timer->next = *at;
    timer->previous = at;
    if (timer->next != NULL) {
        timer->next->previous = &timer->next;
    }
    *at = timer;
}

void sp_loop_before_wait(struct sp_loop *loop, int64_t (*prepare)(void *data), void *data)
{
    loop->prepare = prepare;
    loop->prepare_data = data;
}

static void run_due_timers(struct sp_loop *loop)
{
    int64_t now = sp_loop_now_ms();
    while (!loop->stopped && loop->timers != NULL && loop->timers->due_ms <= now) {
        struct sp_timer *timer = loop->timers;
        sp_timer_clear(timer);
        timer->expired(timer->data);
    }
}

static int wait_ms(const struct sp_loop *loop)
{
    int64_t wait = loop->prepare != NULL ? loop->prepare(loop->prepare_data) : -1;
    if (loop->timers != NULL) {
        int64_t until = loop->timers->due_ms - sp_loop_now_ms();
        until = until > 0 ? until : 0;
        wait = wait < 0 || until < wait ? until : wait;
    }
    return wait > 3600000 ? 3600000 : (int)wait;
}

enum sp_status sp_loop_run(struct sp_loop *loop)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    loop->stopped = false;
    while (!loop->stopped) {
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, wait_ms(loop));
        if (count < 0 && errno != EINTR) {
            return SP_IO;
        }
        for (int i = 0; i < count && !loop->stopped; i++) {
            size_t fd = (uint32_t)events[i].data.u64;
            uint32_t generation = (uint32_t)(events[i].data.u64 >> 32);
            if (fd < loop->watch_count && loop->watches[fd].is_active && loop->watches[fd].generation == generation) {
                loop->watches[fd].ready(loop->watches[fd].data, (int)fd, events[i].events);
            }
        }
        run_due_timers(loop);
    }
    return SP_OK;
}

void sp_loop_stop(struct sp_loop *loop)
{
    loop->stopped = true;
}
