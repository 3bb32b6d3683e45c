/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane: everything that `sallyport serve` keeps running, put together. It applies a configuration, and a
 * changed one on SIGHUP (or when its file changes, if asked): a bad one is refused with its findings and the old one
 * stays in force. */
#ifndef SP_CONTROL_PLANE_H
#define SP_CONTROL_PLANE_H

#include "core/base/status.h"
#include "core/base/str.h"
#include "core/policy/policy.h"
#include "core/policy/report.h"

struct sp_plane_terms {
    const struct sp_str *configurations; /* paths, ending with NUL; borrowed */
    size_t configuration_count;
    const char *state;   /* absolute, exists */
    bool state_is_new;   /* made for us now, ours alone (0700) */
    const char *module;  /* absolute path of the nginx module */
    const char *program; /* absolute path of this program, for `sallyport authority` */
    bool watches;        /* reload when a configuration file changes, or one that it names */
    /* Adds what the authority would not run with: its section is its own to judge, and it is another process. */
    enum sp_status (*judge_authority)(const struct sp_policy *policy, struct sp_policy_report *report);
};

/* Until SIGTERM or SIGINT. SP_MALFORMED: the configuration was refused at the start; SP_IO: files, sockets or nginx.
 * Both were told. */
SP_MUST_CHECK enum sp_status sp_plane_run(const struct sp_plane_terms *terms);

#endif
