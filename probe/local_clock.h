/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of its clock: adjtimex(2), reading only. */
#ifndef SP_PROBE_LOCAL_CLOCK_H
#define SP_PROBE_LOCAL_CLOCK_H

#include "core/diagnosis/clock.h"

void sp_local_clock_look(struct sp_arena *arena, struct sp_kernel_clock *clock);
/* Milliseconds since 1970. */
int64_t sp_wall_clock_ms(void);

#endif
