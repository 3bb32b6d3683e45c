/* SPDX-License-Identifier: Apache-2.0 */
/* What of a configuration this machine does not allow, asked of the machine itself: an address that nginx cannot listen
 * on (not ours, taken, forbidden), a file that cannot be written where it is to be. For `sallyport check --here`, and
 * for `serve` once nginx did not take a configuration: before, it would only race with who gives up the port just then.
 */
#ifndef SP_PROBE_CHECK_HERE_H
#define SP_PROBE_CHECK_HERE_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

struct sp_machine_terms {
    const char *state;     /* the state directory; it need not be there yet */
    bool is_state_assumed; /* nobody named it: unless it is there, what is in it is not judged, and the nginx of any
                              sallyport is taken for its own */
    /* Of whoever must not wait: names are not looked up (`localhost` is 127.0.0.1), and each that is left out is told;
     * path: "listen.address". NULL: they are looked up, for as long as that takes. */
    void (*leaves_out)(void *data, const char *path, struct sp_str address);
    void *data;
};

/* Binds each address for a moment, as the user who runs us; makes and writes no file. An address that the nginx of this
 * state directory holds is no fault. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_check_here(const struct sp_policy *policy, const struct sp_machine_terms *terms,
                                           struct sp_policy_report *report);

#endif
