/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fetcher.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "control/log.h"

struct running {
    struct running *next;
    struct sp_http_call *call;
    void (*done)(void *data, const struct sp_fetch_report *report);
    void *data;
};

struct sp_fetcher {
    struct sp_loop *loop;
    CURLM *multi;
    struct sp_timer timer;
    struct running *running;
};

static void collect(struct sp_fetcher *fetcher);

static void socket_ready(void *data, int fd, uint32_t events)
{
    struct sp_fetcher *fetcher = data;
    int left, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(fetcher->multi, fd, what, &left);
    collect(fetcher);
}

static int watch_socket(CURL *handle, curl_socket_t fd, int what, void *data, void *unused)
{
    struct sp_fetcher *fetcher = data;
    (void)handle, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        sp_loop_unwatch(fetcher->loop, fd);
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (sp_loop_watch(fetcher->loop, fd, events, socket_ready, fetcher) != SP_OK) {
        /* -1 would end every transfer for good; this one ends by its own time-out. */
        sp_log(SP_LOG_ERROR, "a connection cannot be watched: %s", strerror(errno));
    }
    return 0;
}

static void timer_expired(void *data)
{
    struct sp_fetcher *fetcher = data;
    int left;
    curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &left);
    collect(fetcher);
}

static int set_timer(CURLM *multi, long delay_ms, void *data)
{
    struct sp_fetcher *fetcher = data;
    (void)multi;
    if (delay_ms < 0) {
        sp_timer_clear(&fetcher->timer);
    } else {
        sp_timer_set(fetcher->loop, &fetcher->timer, delay_ms, timer_expired, fetcher);
    }
    return 0;
}

struct sp_fetcher *sp_fetcher_create(struct sp_loop *loop)
{
    struct sp_fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (fetcher == NULL) {
        return NULL;
    }
    fetcher->loop = loop;
    fetcher->multi = curl_multi_init();
    if (fetcher->multi == NULL) {
        free(fetcher);
        return NULL;
    }
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    return fetcher;
}

static struct running *unlink_call(struct sp_fetcher *fetcher, const struct sp_http_call *call)
{
    for (struct running **at = &fetcher->running; *at != NULL; at = &(*at)->next) {
        if ((*at)->call == call) {
            struct running *found = *at;
            *at = found->next;
            return found;
        }
    }
    return NULL;
}

static void end(struct sp_fetcher *fetcher, struct running *running)
{
    curl_multi_remove_handle(fetcher->multi, sp_http_call_handle(running->call));
    sp_http_call_destroy(&running->call);
    free(running);
}

void sp_fetcher_destroy(struct sp_fetcher **fetcher)
{
    if (*fetcher == NULL) {
        return;
    }
    while ((*fetcher)->running != NULL) {
        end(*fetcher, unlink_call(*fetcher, (*fetcher)->running->call));
    }
    sp_timer_clear(&(*fetcher)->timer);
    curl_multi_cleanup((*fetcher)->multi);
    free(*fetcher);
    *fetcher = NULL;
}

/* Hands out what is done. done may start and cancel calls, so each is unlinked before it is told. */
static void collect(struct sp_fetcher *fetcher)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(fetcher->multi, &left)) != NULL;) {
        struct sp_http_call *call = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call) != CURLE_OK) {
            continue;
        }
        struct running *running = unlink_call(fetcher, call);
        if (running == NULL) {
            continue;
        }
        sp_http_call_finish(call, result);
        running->done(running->data, sp_http_call_report(call));
        end(fetcher, running);
    }
}

enum sp_status sp_fetcher_start(struct sp_fetcher *fetcher, struct sp_http_call *call,
                                void (*done)(void *data, const struct sp_fetch_report *report), void *data)
{
    struct running *running = malloc(sizeof *running);
    if (running == NULL) {
        sp_http_call_destroy(&call);
        return SP_NO_MEMORY;
    }
    *running = (struct running){.next = fetcher->running, .call = call, .done = done, .data = data};
    fetcher->running = running;
    if (curl_multi_add_handle(fetcher->multi, sp_http_call_handle(call)) != CURLM_OK) {
        unlink_call(fetcher, call);
        sp_http_call_destroy(&call);
        free(running);
        return SP_NO_MEMORY;
    }
    return SP_OK;
}

void sp_fetcher_cancel(struct sp_fetcher *fetcher, const void *data)
{
    for (struct running *at = fetcher->running, *next; at != NULL; at = next) {
        next = at->next;
        if (at->data == data) {
            end(fetcher, unlink_call(fetcher, at->call));
        }
    }
}
