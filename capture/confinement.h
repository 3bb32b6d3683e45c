/* SPDX-License-Identifier: Apache-2.0 */
/* What a child may do that parses a stranger's bytes by code that is not ours: compute, load its program and libraries,
 * and use the descriptors that it was given. It reads no other file and writes none, opens no socket, looks into no
 * other process and sends none a signal. It does not need root: where the kernel has them, Landlock names the files
 * (5.13) and seccomp refuses the calls; an old kernel leaves what tshark.c sets besides – user, limits, no new
 * privileges. */
#ifndef SP_CAPTURE_CONFINEMENT_H
#define SP_CAPTURE_CONFINEMENT_H

#include <stdbool.h>

/* In the child, right before it becomes `program`; for good, and for all that it starts. False: the kernel has a means
 * and it could not be used: the child must end. */
bool sp_confine_to(const char *program);

#endif
