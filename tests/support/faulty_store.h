/* SPDX-License-Identifier: Apache-2.0 */
/* A store that fails once, at a step that the test chooses: beginning a write, each statement, keeping it. */
#ifndef SP_TESTS_FAULTY_STORE_H
#define SP_TESTS_FAULTY_STORE_H

#include "authority/store.h"

/* The n-th step from now on fails (1: the next); 0: none does. One store at a time. */
void faulty_store_fail_at(struct sp_store *store, unsigned step);
/* Of the turns from now on that hold the writes of a call, the n-th is lost at its flush. */
void faulty_store_lose_turn(struct sp_store *store, unsigned turn);
/* Whether it has failed since. */
bool faulty_store_has_failed(void);

#endif
