/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_BACKTEST_H
#define SP_CLI_BACKTEST_H

#include "cli/cli.h"
#include "core/backtest/tally.h"

extern const struct sp_cli_command sp_cli_backtest;

/* What was read and what came of it. */
struct sp_backtest {
    struct sp_tally *tally;
    uint64_t lines, unreadable, outside_time; /* unreadable: no JSON, or not the line of a call */
    uint64_t bytes;
    unsigned files, unreadable_files;
    const char *fault;        /* of a packed file; NULL: none */
    char first[32], last[32]; /* times of the calls judged; empty: none */
    struct sp_str log;
    const char *since, *until; /* as times of a log; NULL: not given */
};

/* backtest_text.c */
/* One call as a line of JSON, unless it is as before. SP_IO: standard output failed; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_backtest_print_call(struct sp_arena *arena, const struct sp_recorded_call *call,
                                                    const struct sp_rejudgement *judged);
void sp_backtest_print(const struct sp_cli *cli, const struct sp_backtest *backtest, size_t limit);
void sp_backtest_write(struct sp_json_writer *json, const struct sp_backtest *backtest, size_t limit);

#endif
