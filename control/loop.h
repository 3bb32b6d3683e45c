/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane's one thread: epoll over descriptors and timers. Nothing in it waits for anything else, so that an
 * issuer that hangs costs a timer and not a thread. */
#ifndef SP_CONTROL_LOOP_H
#define SP_CONTROL_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/status.h"

struct sp_loop;

/* Owned by whoever sets it; part of a list of the loop while it is set. Zero it before first use. */
struct sp_timer {
    int64_t due_ms; /* monotonic */
    void (*expired)(void *data);
    void *data;
    struct sp_timer *next, **previous; /* previous == NULL: not set */
};

struct sp_loop *sp_loop_create(void); /* NULL: no memory or no descriptors */
void sp_loop_destroy(struct sp_loop **loop);

/* events: EPOLLIN | EPOLLOUT. ready may unwatch any descriptor, its own too. Watching again changes events and
 * callback. */
SP_MUST_CHECK enum sp_status sp_loop_watch(struct sp_loop *loop, int fd, uint32_t events,
                                           void (*ready)(void *data, int fd, uint32_t events), void *data);
void sp_loop_unwatch(struct sp_loop *loop, int fd);

/* Calls expired once, no earlier than delay_ms from now; setting again moves it. */
void sp_timer_set(struct sp_loop *loop, struct sp_timer *timer, int64_t delay_ms, void (*expired)(void *data),
                  void *data);
void sp_timer_clear(struct sp_timer *timer);

/* Called before each wait; returns the longest time to wait in ms, -1: any. For libraries with clocks of their own
 * (MHD). */
void sp_loop_before_wait(struct sp_loop *loop, int64_t (*prepare)(void *data), void *data);

/* Until sp_loop_stop. SP_IO when epoll fails. */
SP_MUST_CHECK enum sp_status sp_loop_run(struct sp_loop *loop);
void sp_loop_stop(struct sp_loop *loop);

int64_t sp_loop_now_ms(void); /* monotonic */

#endif
