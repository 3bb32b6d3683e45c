/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read a file that holds a secret or a private key. Its owner may, and its group: that is how systemd's
 * credentials, Kubernetes' volumes (fsGroup, 0440) and a service's own group hand secrets over. Every user of the
 * machine may not, nor may the group replace it. A directory above that keeps others out is as good as a mode. */
#ifndef SP_PROBE_SECRET_FILE_H
#define SP_PROBE_SECRET_FILE_H

#include "core/base/arena.h"

/* "mode 0644: every user of this machine may read it"; absent: nothing is wrong, or the file is not there. A callback
 * of core/policy; context is not looked at. */
struct sp_str sp_secret_file_look(void *context, struct sp_arena *arena, struct sp_str path);

#endif
