/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that run errands. Each lane has threads and a queue of its own, with a ceiling: slow servers outside never
 * keep a login waiting, and too many logins are told so (503) instead of piling up. A thread sees its errand only; what
 * is done comes back to the loop's thread by a descriptor that becomes readable. */
#ifndef SP_AUTHORITY_ERRAND_POOL_H
#define SP_AUTHORITY_ERRAND_POOL_H

#include "authority/errand.h"

struct sp_errand_pool;

/* SP_NO_MEMORY, or SP_IO: no thread or descriptor could be made. */
SP_MUST_CHECK enum sp_status sp_errand_pool_create(struct sp_errand_pool **pool);
/* Waits for what runs; what still waits is forgotten. Nobody may look at the errands afterwards. */
void sp_errand_pool_destroy(struct sp_errand_pool **pool);

/* Readable when an errand is done. */
int sp_errand_pool_descriptor(const struct sp_errand_pool *pool);
/* Whether the errand was taken: its lane's queue is full, or the pool is stopping, when not. finished(context, errand)
 * will be called by sp_errand_pool_collect. */
bool sp_errand_pool_take(struct sp_errand_pool *pool, struct sp_errand *errand);
/* Hands out what is done, on the caller's thread; errands may be given to the pool meanwhile. */
void sp_errand_pool_collect(struct sp_errand_pool *pool);
/* Takes nothing more. */
void sp_errand_pool_stop(struct sp_errand_pool *pool);
bool sp_errand_pool_is_idle(const struct sp_errand_pool *pool);

#endif
