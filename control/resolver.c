/* SPDX-License-Identifier: Apache-2.0 */
#include "control/resolver.h"
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "control/log.h"
#include "core/base/host.h"

#define LOOK_UP_EVERY_S 30
#define MAX_ADDRESSES 16u
#define MAX_HOST_BYTES 256u
#define ADDRESS_BYTES 64u

struct name {
    struct name *next;
    char host[MAX_HOST_BYTES];
    char addresses[MAX_ADDRESSES][ADDRESS_BYTES]; /* "10.0.0.1", "[::1]", sorted */
    size_t count;
    bool was_looked_up, is_failing;
};

struct sp_resolver {
    struct sp_loop *loop;
    void (*changed)(void *data);
    void *data;
    int event_fd;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake, looked_up;
    struct name *names;
    bool must_look_up, stopping;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Fills count and addresses of a copy; false: no answer. Runs without the lock. */
static bool look_up(struct name *name, const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int failure = getaddrinfo(name->host, NULL, &hints, &found);
    if (failure != 0) {
        *why = gai_strerror(failure);
        return false;
    }
    name->count = 0;
    for (const struct addrinfo *at = found; at != NULL && name->count < MAX_ADDRESSES; at = at->ai_next) {
        char text[ADDRESS_BYTES - 3];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0) {
            snprintf(name->addresses[name->count], ADDRESS_BYTES, at->ai_family == AF_INET6 ? "[%s]" : "%s", text);
            name->count++;
        }
    }
    freeaddrinfo(found);
    qsort(name->addresses, name->count, ADDRESS_BYTES, by_text);
    return name->count > 0;
}

static struct name *find(const struct sp_resolver *resolver, const char *host)
{
    for (struct name *name = resolver->names; name != NULL; name = name->next) {
        if (strcmp(name->host, host) == 0) {
            return name;
        }
    }
    return NULL;
}

/* With the lock held. True when the addresses differ. */
static bool take_answer(struct sp_resolver *resolver, const struct name *looked_up, bool answered, const char *why)
{
    struct name *name = find(resolver, looked_up->host);
    if (name == NULL) {
        return false; /* not wanted any more */
    }
    name->was_looked_up = true;
    if (!answered) {
        if (!name->is_failing) {
            sp_log(SP_LOG_ERROR,
                   "upstream.dns: %s has no address: %s. Correct upstream.url or the resolver of this machine.%s",
                   name->host, why, name->count > 0 ? " The addresses from before are used." : "");
        }
        name->is_failing = true;
        return false;
    }
    bool differs = name->count != looked_up->count ||
                   memcmp(name->addresses, looked_up->addresses, name->count * ADDRESS_BYTES) != 0;
    memcpy(name->addresses, looked_up->addresses, sizeof name->addresses);
    name->count = looked_up->count;
    name->is_failing = false;
    return differs;
}

static void look_up_all(struct sp_resolver *resolver)
{
    bool differs = false;
    /* By position: the list may be replaced while the lock is free. */
    for (size_t index = 0;; index++) {
        struct name *name = resolver->names, copy;
        for (size_t i = 0; name != NULL && i < index; i++) {
            name = name->next;
        }
        if (name == NULL || resolver->stopping) {
            break;
        }
        copy = (struct name){.next = NULL};
        memcpy(copy.host, name->host, sizeof copy.host);
        const char *why = "";
        pthread_mutex_unlock(&resolver->mutex);
        bool answered = look_up(&copy, &why);
        pthread_mutex_lock(&resolver->mutex);
        differs |= take_answer(resolver, &copy, answered, why);
    }
    pthread_cond_broadcast(&resolver->looked_up);
    if (differs) {
        uint64_t one = 1;
        if (write(resolver->event_fd, &one, sizeof one) < 0) {
            sp_log(SP_LOG_WARN, "eventfd: %s", strerror(errno));
        }
    }
}

/* By the clock that nobody sets, as the conditions wait by it. */
static struct timespec in_ms(int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void *run(void *data)
{
    struct sp_resolver *resolver = data;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->stopping) {
        resolver->must_look_up = false;
        look_up_all(resolver);
        const struct timespec until = in_ms(LOOK_UP_EVERY_S * 1000);
        while (!resolver->stopping && !resolver->must_look_up &&
               pthread_cond_timedwait(&resolver->wake, &resolver->mutex, &until) != ETIMEDOUT) {
        }
    }
    pthread_mutex_unlock(&resolver->mutex);
    return NULL;
}

static void told(void *data, int fd, uint32_t events)
{
    struct sp_resolver *resolver = data;
    uint64_t count;
    (void)events;
    if (read(fd, &count, sizeof count) > 0) {
        resolver->changed(resolver->data);
    }
}

struct sp_resolver *sp_resolver_create(struct sp_loop *loop, void (*changed)(void *data), void *data)
{
    struct sp_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL) {
        return NULL;
    }
    resolver->loop = loop;
    resolver->changed = changed;
    resolver->data = data;
    pthread_mutex_init(&resolver->mutex, NULL);
    init_condition(&resolver->wake);
    init_condition(&resolver->looked_up);
    resolver->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolver->event_fd < 0 || sp_loop_watch(loop, resolver->event_fd, EPOLLIN, told, resolver) != SP_OK ||
        pthread_create(&resolver->thread, NULL, run, resolver) != 0) {
        if (resolver->event_fd >= 0) {
            sp_loop_unwatch(loop, resolver->event_fd);
            close(resolver->event_fd);
        }
        free(resolver);
        return NULL;
    }
    return resolver;
}

static void free_names(struct name *names)
{
    while (names != NULL) {
        struct name *next = names->next;
        free(names);
        names = next;
    }
}

void sp_resolver_destroy(struct sp_resolver **resolver)
{
    struct sp_resolver *dying = *resolver;
    if (dying == NULL) {
        return;
    }
    pthread_mutex_lock(&dying->mutex);
    dying->stopping = true;
    pthread_cond_broadcast(&dying->wake);
    pthread_mutex_unlock(&dying->mutex);
    pthread_join(dying->thread, NULL); /* a lookup in progress ends by the resolver's own time-out */
    sp_loop_unwatch(dying->loop, dying->event_fd);
    close(dying->event_fd);
    free_names(dying->names);
    pthread_cond_destroy(&dying->wake);
    pthread_cond_destroy(&dying->looked_up);
    pthread_mutex_destroy(&dying->mutex);
    free(dying);
    *resolver = NULL;
}

/* With the lock held: adds the host, with what is known of it. */
static void want(struct sp_resolver *resolver, struct name **wanted, struct sp_str host)
{
    if (host.len == 0 || host.len >= MAX_HOST_BYTES || sp_host_is_address(host)) {
        return;
    }
    struct name *name = calloc(1, sizeof *name);
    if (name == NULL) {
        return;
    }
    memcpy(name->host, host.at, host.len);
    for (const struct name *known = *wanted; known != NULL; known = known->next) {
        if (strcmp(known->host, name->host) == 0) {
            free(name);
            return;
        }
    }
    const struct name *before = find(resolver, name->host);
    if (before != NULL) {
        *name = *before;
    }
    name->next = *wanted;
    *wanted = name;
}

static bool all_looked_up(const struct sp_resolver *resolver)
{
    for (const struct name *name = resolver->names; name != NULL; name = name->next) {
        if (!name->was_looked_up) {
            return false;
        }
    }
    return true;
}

void sp_resolver_configure(struct sp_resolver *resolver, const struct sp_policy *policy, int timeout_ms)
{
    struct name *wanted = NULL;
    pthread_mutex_lock(&resolver->mutex);
    for (size_t i = 0; i < policy->api_count; i++) {
        for (size_t j = 0; j < policy->apis[i].upstream.server_count; j++) {
            want(resolver, &wanted, policy->apis[i].upstream.servers[j].host);
        }
    }
    free_names(resolver->names);
    resolver->names = wanted;
    resolver->must_look_up = true;
    pthread_cond_broadcast(&resolver->wake);
    const struct timespec until = in_ms(timeout_ms);
    while (!all_looked_up(resolver) &&
           pthread_cond_timedwait(&resolver->looked_up, &resolver->mutex, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&resolver->mutex);
}

struct sp_str_list sp_resolver_addresses(struct sp_resolver *resolver, struct sp_arena *arena, struct sp_str host,
                                         unsigned port)
{
    char terminated[MAX_HOST_BYTES];
    struct sp_str *list = sp_arena_calloc(arena, MAX_ADDRESSES, sizeof *list);
    size_t count = 0;
    if (list == NULL || host.len >= sizeof terminated) {
        return (struct sp_str_list){.count = 0};
    }
    memcpy(terminated, host.at, host.len);
    terminated[host.len] = '\0';
    pthread_mutex_lock(&resolver->mutex);
    const struct name *name = find(resolver, terminated);
    for (size_t i = 0; name != NULL && i < name->count; i++) {
        list[count] = sp_arena_printf(arena, "%s:%u", name->addresses[i], port);
        count += list[count].at != NULL;
    }
    pthread_mutex_unlock(&resolver->mutex);
    return (struct sp_str_list){list, count};
}
