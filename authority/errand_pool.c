/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/errand_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "core/base/limits.h"
#include "core/jose/crypto.h"
#include "probe/library.h"

#define MAX_THREADS 16u

struct queue {
    struct sp_errand *first, **last;
    size_t count;
};

struct lane {
    struct sp_errand_pool *pool;
    struct queue waiting;
    pthread_cond_t filled;
    pthread_t threads[MAX_THREADS];
    unsigned thread_count;
};

struct sp_errand_pool {
    pthread_mutex_t mutex; /* of all below */
    struct lane lanes[SP_LANE_COUNT];
    struct queue done;
    size_t out; /* taken and not yet collected: the loop's thread only */
    bool stops, ends;
    int descriptor;
};

static const struct {
    unsigned threads; /* 0: one per processor */
    size_t max_waiting;
} sizes[SP_LANE_COUNT] = {
    [SP_LANE_COMPUTE] = {0, SP_MAX_COMPUTE_ERRANDS},
    [SP_LANE_NETWORK] = {8, SP_MAX_NETWORK_ERRANDS},
    [SP_LANE_DELIVERY] = {4, SP_MAX_DELIVERY_ERRANDS},
};

static void queue_init(struct queue *queue)
{
    *queue = (struct queue){.last = &queue->first};
}

static void queue_put(struct queue *queue, struct sp_errand *errand)
{
    errand->next = NULL;
    *queue->last = errand;
    queue->last = &errand->next;
    queue->count++;
}

static struct sp_errand *queue_get(struct queue *queue)
{
    struct sp_errand *errand = queue->first;
    queue->first = errand->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return errand;
}

static void *work(void *data)
{
    struct lane *lane = data;
    struct sp_errand_pool *pool = lane->pool;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->ends) {
        if (lane->waiting.first == NULL) {
            pthread_cond_wait(&lane->filled, &pool->mutex);
            continue;
        }
        struct sp_errand *errand = queue_get(&lane->waiting);
        pthread_mutex_unlock(&pool->mutex);
        sp_errand_run(errand);
        pthread_mutex_lock(&pool->mutex);
        queue_put(&pool->done, errand);
        (void)eventfd_write(pool->descriptor, 1);
    }
    pthread_mutex_unlock(&pool->mutex);
    sp_hash_thread_end(); /* a signing key's name is a hash */
    return NULL;
}

static unsigned threads_of(unsigned wanted)
{
    long processors = wanted != 0 ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > (long)MAX_THREADS ? MAX_THREADS : (unsigned)processors;
}

/* Signals are the loop's affair: the threads are born with all of them blocked. */
static bool start_lane(struct lane *lane, unsigned wanted)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned count = threads_of(wanted);
    while (lane->thread_count < count && pthread_create(&lane->threads[lane->thread_count], NULL, work, lane) == 0)
        lane->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return lane->thread_count > 0;
}

/* What calls will need, now: whoever holds every descriptor later must not keep them from being opened. */
static void load_libraries(void)
{
    static const enum sp_library needed[] = {SP_LIBRARY_CURL, SP_LIBRARY_ARGON2, SP_LIBRARY_CRYPT, SP_LIBRARY_QRENCODE};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        sp_library_load(needed[i]);
}

enum sp_status sp_errand_pool_create(struct sp_errand_pool **out)
{
    load_libraries();
    struct sp_errand_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return SP_NO_MEMORY;
    pthread_mutex_init(&pool->mutex, NULL);
    queue_init(&pool->done);
    pool->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bool ready = pool->descriptor >= 0;
    for (unsigned i = 0; i < SP_LANE_COUNT; i++) {
        pool->lanes[i].pool = pool;
        queue_init(&pool->lanes[i].waiting);
        pthread_cond_init(&pool->lanes[i].filled, NULL);
    }
    for (unsigned i = 0; i < SP_LANE_COUNT; i++)
        ready = ready && start_lane(&pool->lanes[i], sizes[i].threads);
    if (!ready) {
        sp_errand_pool_destroy(&pool);
        return SP_IO;
    }
    *out = pool;
    return SP_OK;
}

void sp_errand_pool_destroy(struct sp_errand_pool **pool)
{
    struct sp_errand_pool *dying = *pool;
    if (dying == NULL)
        return;
    pthread_mutex_lock(&dying->mutex);
    dying->stops = dying->ends = true;
    for (unsigned i = 0; i < SP_LANE_COUNT; i++)
        pthread_cond_broadcast(&dying->lanes[i].filled);
    pthread_mutex_unlock(&dying->mutex);
    for (unsigned i = 0; i < SP_LANE_COUNT; i++) {
        for (unsigned j = 0; j < dying->lanes[i].thread_count; j++)
            pthread_join(dying->lanes[i].threads[j], NULL);
        pthread_cond_destroy(&dying->lanes[i].filled);
    }
    pthread_mutex_destroy(&dying->mutex);
    if (dying->descriptor >= 0)
        close(dying->descriptor);
    free(dying);
    *pool = NULL;
}

int sp_errand_pool_descriptor(const struct sp_errand_pool *pool)
{
    return pool->descriptor;
}

bool sp_errand_pool_take(struct sp_errand_pool *pool, struct sp_errand *errand)
{
    struct lane *lane = &pool->lanes[errand->lane];
    pthread_mutex_lock(&pool->mutex);
    bool takes = !pool->stops && lane->waiting.count < sizes[errand->lane].max_waiting;
    if (takes) {
        queue_put(&lane->waiting, errand);
        pthread_cond_signal(&lane->filled);
        pool->out++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return takes;
}

void sp_errand_pool_collect(struct sp_errand_pool *pool)
{
    eventfd_t ignored;
    (void)eventfd_read(pool->descriptor, &ignored);
    pthread_mutex_lock(&pool->mutex);
    struct sp_errand *errand = pool->done.first;
    queue_init(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
    while (errand != NULL) {
        struct sp_errand *next = errand->next;
        pool->out--;
        errand->finished(errand->context, errand);
        errand = next;
    }
}

void sp_errand_pool_stop(struct sp_errand_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stops = true;
    pthread_mutex_unlock(&pool->mutex);
}

bool sp_errand_pool_is_idle(const struct sp_errand_pool *pool)
{
    return pool->out == 0;
}
