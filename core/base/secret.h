/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets have a type of their own: wiped when destroyed, compared in constant time, and accepted by no log or evidence
 * function. */
#ifndef SP_BASE_SECRET_H
#define SP_BASE_SECRET_H

#include "core/base/status.h"
#include "core/base/str.h"

struct sp_secret;

/* Copies; NULL without memory. The caller still wipes its own copy. */
struct sp_secret *sp_secret_create(struct sp_str value);
void sp_secret_destroy(struct sp_secret **secret);
/* The bytes, for the one function that needs them (HMAC key, form body). Borrowed. */
struct sp_str sp_secret_bytes(const struct sp_secret *secret);
/* Time depends on the lengths only. */
bool sp_secret_equal(struct sp_str a, struct sp_str b);
/* Overwrites; not removed by the optimiser. */
void sp_wipe(void *at, size_t len);

#endif
