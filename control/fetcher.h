/* SPDX-License-Identifier: Apache-2.0 */
/* Runs HTTP calls (probe/http_call.h) on the loop, many at a time, none of them blocking it. */
#ifndef SP_CONTROL_FETCHER_H
#define SP_CONTROL_FETCHER_H

#include "control/loop.h"
#include "probe/http_call.h"

struct sp_fetcher;

struct sp_fetcher *sp_fetcher_create(struct sp_loop *loop); /* NULL without memory */
/* Ends all calls without telling. */
void sp_fetcher_destroy(struct sp_fetcher **fetcher);

/* Takes call, also on failure. done gets its report, which lives until done returns; the call is destroyed then. */
SP_MUST_CHECK enum sp_status sp_fetcher_start(struct sp_fetcher *fetcher, struct sp_http_call *call,
                                              void (*done)(void *data, const struct sp_fetch_report *report),
                                              void *data);
/* Forgets all calls that were started with this data; done is not called for them. */
void sp_fetcher_cancel(struct sp_fetcher *fetcher, const void *data);

#endif
