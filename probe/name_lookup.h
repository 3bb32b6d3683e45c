/* SPDX-License-Identifier: Apache-2.0 */
/* What a host name resolves to here, asked twice: as every program of this machine asks (getaddrinfo: hosts file, DNS,
 * whatever nsswitch.conf says), and of the name servers alone, so that an entry of the hosts file that says something
 * else shows. Both in threads, because getaddrinfo knows no time limit. */
#ifndef SP_PROBE_NAME_LOOKUP_H
#define SP_PROBE_NAME_LOOKUP_H

#include "core/diagnosis/reach.h"

/* host: may be an address, then nothing is asked. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_name_look_up(struct sp_arena *arena, struct sp_str host, int64_t timeout_ms,
                                             struct sp_name_evidence *evidence);

#endif
