/* SPDX-License-Identifier: Apache-2.0 */
/* `--what-if NAME=VALUE,…`: a change of the policy in a few words, written as a configuration that is laid over the one
 * in force. So each setting means what it means in sallyport.yaml, is validated as there, and is judged by the policy
 * that comes of it. One row a setting (what_ifs.def). */
#ifndef SP_BACKTEST_WHAT_IF_H
#define SP_BACKTEST_WHAT_IF_H

#include "core/base/arena.h"

struct sp_what_if {
    struct sp_str api, issuer; /* names in the configuration: whose settings are changed; api may be none */
};

struct sp_what_if_result {
    struct sp_str overlay; /* JSON; absent: no setting changes the configuration */
    int64_t now;           /* epoch seconds; 0: not given */
    struct sp_str refused; /* of SP_MALFORMED: a whole sentence that says what is wrong and what there is */
};

/* texts: each "name=value[,name=value…]". A value without a name before it (",b") continues the list before it.
 * SP_MALFORMED, SP_NO_MEMORY; what is made is in arena. */
SP_MUST_CHECK enum sp_status sp_what_if_write(struct sp_arena *arena, const struct sp_what_if *what,
                                              const struct sp_str *texts, size_t count,
                                              struct sp_what_if_result *result);

#endif
