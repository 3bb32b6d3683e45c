/* SPDX-License-Identifier: Apache-2.0 */
/* A process that the control plane watches: started here, or found running and adopted (a pidfd tells of its end either
 * way, child or not). Its own process group, so that Ctrl-C reaches only the control plane, which then ends it in
 * order. */
#ifndef SP_CONTROL_CHILD_H
#define SP_CONTROL_CHILD_H

#include <sys/types.h>
#include "control/loop.h"

struct sp_child {
    struct sp_loop *loop;
    pid_t pid; /* 0: none */
    int pidfd;
    void (*ended)(void *data);
    void *data;
};

struct sp_child_terms {
    char *const *argv;
    bool dies_with_us;  /* the kernel ends it (SIGTERM) when the control plane dies, however it dies */
    const char *output; /* file that gets what it prints (appended), so that it holds none of our pipes open when it
                           outlives us; NULL: it shares ours */
    int descriptor;     /* of ours that it keeps, under its number; 0: none */
    void (*ended)(void *data);
    void *data;
};

/* SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_child_start(struct sp_child *child, struct sp_loop *loop,
                                            const struct sp_child_terms *terms);
/* A process that runs already. SP_NOT_FOUND: no such process, or its program (comm) is another. */
SP_MUST_CHECK enum sp_status sp_child_adopt(struct sp_child *child, struct sp_loop *loop, pid_t pid,
                                            const char *program, void (*ended)(void *data), void *data);
bool sp_child_is_running(const struct sp_child *child);
void sp_child_signal(const struct sp_child *child, int signal);
/* Stops watching; the process goes on. */
void sp_child_release(struct sp_child *child);
/* Waits for its end, at most timeout_ms, then kills it. For the end of the program only. */
void sp_child_wait(struct sp_child *child, int timeout_ms);

#endif
