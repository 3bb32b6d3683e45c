/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/name_lookup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "core/base/host.h"
#include "probe/file.h"
#include "probe/connection.h"

#define MAX_ADDRESSES 32
#define HOSTS_FILE "/etc/hosts"
#define MAX_HOSTS_BYTES ((size_t)1024 * 1024)
/* Once the system has answered, the name servers only add evidence: they get this much longer. */
#define DNS_GRACE_MS 1500

/* Shared by the asking thread and the waiting one; who leaves last frees it. */
struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned holders;
    bool is_done;
    char host[256];
    enum sp_lookup outcome;
    char addresses[MAX_ADDRESSES][INET6_ADDRSTRLEN];
    size_t count;
    char detail[160];
};

static void leave(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    bool is_last = --job->holders == 0;
    pthread_mutex_unlock(&job->lock);
    if (is_last) {
        pthread_cond_destroy(&job->changed);
        pthread_mutex_destroy(&job->lock);
        free(job);
    }
}

static void finish(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    job->is_done = true;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
    leave(job);
}

static void add_address(struct job *job, int family, const void *bytes)
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(family, bytes, text, sizeof text) == NULL) {
        return;
    }
    for (size_t i = 0; i < job->count; i++) {
        if (strcmp(job->addresses[i], text) == 0) {
            return;
        }
    }
    if (job->count < MAX_ADDRESSES) {
        memcpy(job->addresses[job->count++], text, sizeof text);
    }
}

static void *ask_system(void *data)
{
    struct job *job = data;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int error = getaddrinfo(job->host, NULL, &hints, &list);
    for (struct addrinfo *at = list; error == 0 && at != NULL; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            struct sockaddr_in v4;
            memcpy(&v4, at->ai_addr, sizeof v4);
            add_address(job, AF_INET, &v4.sin_addr);
        } else if (at->ai_family == AF_INET6) {
            struct sockaddr_in6 v6;
            memcpy(&v6, at->ai_addr, sizeof v6);
            add_address(job, AF_INET6, &v6.sin6_addr);
        }
    }
    if (error == 0) {
        freeaddrinfo(list);
    }
    snprintf(job->detail, sizeof job->detail, "%s", error == 0 ? "" : gai_strerror(error));
    job->outcome = job->count > 0 ? SP_LOOKUP_FOUND : error == EAI_AGAIN ? SP_LOOKUP_TIMEOUT : SP_LOOKUP_NOT_FOUND;
    finish(job);
    return NULL;
}

static bool ask_for(struct job *job, res_state state, int type)
{
    unsigned char answer[8192];
    ns_msg message;
    ns_rr record;
    errno = 0;
    int len = res_nsearch(state, job->host, ns_c_in, type, answer, sizeof answer);
    if (len <= 0) {
        bool has_none = state->res_h_errno == HOST_NOT_FOUND || state->res_h_errno == NO_DATA;
        snprintf(job->detail, sizeof job->detail, "%s%s%s", hstrerror(state->res_h_errno), errno != 0 ? ": " : "",
                 errno != 0 && !has_none ? strerror(errno) : "");
        return has_none;
    }
    if (len > (int)sizeof answer || ns_initparse(answer, len, &message) != 0) {
        return true;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (ns_parserr(&message, ns_s_an, i, &record) == 0 && (int)ns_rr_type(record) == type &&
            ns_rr_rdlen(record) == (type == ns_t_a ? 4 : 16)) {
            add_address(job, type == ns_t_a ? AF_INET : AF_INET6, ns_rr_rdata(record));
        }
    }
    return true;
}

static void *ask_name_servers(void *data)
{
    struct job *job = data;
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) == 0) {
        state.retrans = 1;
        state.retry = 2;
        bool answered = ask_for(job, &state, ns_t_a);
        answered = answered && ask_for(job, &state, ns_t_aaaa);
        job->outcome = job->count > 0 ? SP_LOOKUP_FOUND : answered ? SP_LOOKUP_NOT_FOUND : SP_LOOKUP_TIMEOUT;
        res_nclose(&state);
    }
    finish(job);
    return NULL;
}

static struct job *start(struct sp_str host, void *(*ask)(void *))
{
    struct job *job = calloc(1, sizeof *job);
    pthread_t thread;
    if (job == NULL || host.len >= sizeof job->host) {
        free(job);
        return NULL;
    }
    memcpy(job->host, host.at, host.len);
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&job->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    job->holders = 2;
    if (pthread_create(&thread, NULL, ask, job) != 0) {
        job->holders = 1;
        leave(job);
        return NULL;
    }
    pthread_detach(thread);
    return job;
}

static bool wait_for(struct job *job, int64_t deadline_ms)
{
    struct timespec until = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
    pthread_mutex_lock(&job->lock);
    int error = 0;
    while (!job->is_done && error == 0) {
        error = pthread_cond_timedwait(&job->changed, &job->lock, &until);
    }
    bool is_done = job->is_done;
    pthread_mutex_unlock(&job->lock);
    return is_done;
}

static enum sp_status take(struct sp_arena *arena, struct job *job, struct sp_str_list *addresses,
                           struct sp_str *detail)
{
    struct sp_str *list = sp_arena_calloc(arena, job->count + 1, sizeof *list);
    if (list == NULL) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < job->count; i++) {
        if (sp_arena_copy(arena, sp_str_from_cstr(job->addresses[i]), &list[i]) != SP_OK) {
            return SP_NO_MEMORY;
        }
    }
    *addresses = (struct sp_str_list){list, job->count};
    return sp_arena_copy(arena, sp_str_from_cstr(job->detail), detail);
}

/* The lines of the hosts file that have the name. */
static enum sp_status read_hosts(struct sp_arena *arena, struct sp_name_evidence *evidence)
{
    struct sp_str text, line, word;
    struct sp_str *found = sp_arena_calloc(arena, MAX_ADDRESSES, sizeof *found);
    size_t count = 0, number = 0, first = 0;
    if (found == NULL) {
        return SP_NO_MEMORY;
    }
    if (sp_file_read(arena, HOSTS_FILE, MAX_HOSTS_BYTES, &text) != SP_OK) {
        return SP_OK; /* none is a way to have no entries */
    }
    for (size_t at = 0; at < text.len && count < MAX_ADDRESSES; number++) {
        size_t end = sp_str_index_of(text, '\n', at);
        line = sp_str_slice(text, at, end);
        line = sp_str_slice(line, 0, sp_str_index_of(line, '#', 0));
        at = end + 1;
        struct sp_str address;
        if (!sp_str_next_word(&line, SP_STR(" \t\r"), &address)) {
            continue;
        }
        while (sp_str_next_word(&line, SP_STR(" \t\r"), &word)) {
            if (sp_str_equal_ignoring_case(word, evidence->host)) {
                found[count++] = address;
                first = first == 0 ? number + 1 : first;
                break;
            }
        }
    }
    evidence->hosts = (struct sp_str_list){found, count};
    evidence->hosts_file = sp_arena_printf(arena, HOSTS_FILE ":%zu", first);
    return SP_OK;
}

static struct sp_str resolver_of(struct sp_arena *arena)
{
    struct __res_state state;
    struct sp_buffer text;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) {
        return SP_STR_NONE;
    }
    sp_buffer_init(&text, arena, 1024);
    for (int i = 0; i < state.nscount && i < MAXNS; i++) {
        char name[INET6_ADDRSTRLEN] = "";
        if (state.nsaddr_list[i].sin_family == AF_INET) {
            inet_ntop(AF_INET, &state.nsaddr_list[i].sin_addr, name, sizeof name);
        } else if (state._u._ext.nsaddrs[i] != NULL) {
            inet_ntop(AF_INET6, &state._u._ext.nsaddrs[i]->sin6_addr, name, sizeof name);
        }
        sp_buffer_printf(&text, "%s%s", text.len > 0 ? ", " : "", name);
    }
    res_nclose(&state);
    sp_buffer_printf(&text, " (/etc/resolv.conf)");
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static enum sp_status take_address(struct sp_arena *arena, struct sp_name_evidence *evidence)
{
    struct sp_str *one = sp_arena_calloc(arena, 1, sizeof *one);
    if (one == NULL) {
        return SP_NO_MEMORY;
    }
    bool bracketed = sp_str_has_prefix(evidence->host, SP_STR("["));
    *one = bracketed ? sp_str_slice(evidence->host, 1, evidence->host.len - 1) : evidence->host;
    evidence->is_address = true;
    evidence->system = SP_LOOKUP_FOUND;
    evidence->addresses = (struct sp_str_list){one, 1};
    return SP_OK;
}

enum sp_status sp_name_look_up(struct sp_arena *arena, struct sp_str host, int64_t timeout_ms,
                               struct sp_name_evidence *evidence)
{
    *evidence = (struct sp_name_evidence){.host = host};
    if (sp_host_is_address(host)) {
        return take_address(arena, evidence);
    }
    int64_t started = sp_monotonic_ms(), deadline = started + timeout_ms;
    struct sp_str dns_detail = SP_STR_NONE;
    /* localhost is never a name server's business (RFC 6761 6.3). */
    struct job *system = start(host, ask_system),
               *dns = sp_host_is_loopback(host) ? NULL : start(host, ask_name_servers);
    evidence->resolver = resolver_of(arena);
    enum sp_status status = system != NULL ? read_hosts(arena, evidence) : SP_NO_MEMORY;
    if (system != NULL && status == SP_OK) {
        evidence->system = SP_LOOKUP_TIMEOUT;
        evidence->detail = sp_arena_printf(arena, "none within %lld ms", (long long)timeout_ms);
        if (wait_for(system, deadline)) {
            evidence->system = system->outcome;
            status = take(arena, system, &evidence->addresses, &evidence->detail);
        }
        evidence->elapsed_ms = sp_monotonic_ms() - started;
    }
    if (dns != NULL && status == SP_OK) {
        int64_t grace = sp_monotonic_ms() + DNS_GRACE_MS;
        evidence->dns = SP_LOOKUP_TIMEOUT;
        if (wait_for(dns, grace < deadline ? grace : deadline)) {
            evidence->dns = dns->outcome;
            status = take(arena, dns, &evidence->dns_addresses, &dns_detail);
        }
    }
    if (evidence->system != SP_LOOKUP_FOUND && dns_detail.len > 0) {
        evidence->detail = sp_arena_printf(arena, "%.*s (%.*s)", SP_STR_ARG(evidence->detail), SP_STR_ARG(dns_detail));
    }
    if (system != NULL) {
        leave(system);
    }
    if (dns != NULL) {
        leave(dns);
    }
    return status;
}
