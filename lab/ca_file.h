/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the lab's CA, in a folder of its own: a lab that was killed leaves one behind, which the next lab takes
 * away. */
#ifndef SP_LAB_CA_FILE_H
#define SP_LAB_CA_FILE_H

#include "core/base/arena.h"
#include "core/base/str.h"

/* Paths in the arena, ending with NUL; *folder is set as soon as there is one. SP_IO: trouble says what. */
SP_MUST_CHECK enum sp_status sp_lab_ca_file_write(struct sp_arena *arena, struct sp_str pem, struct sp_str *folder,
                                                  struct sp_str *file, char trouble[256]);
/* Either may be absent. */
void sp_lab_ca_file_remove(struct sp_str folder, struct sp_str file);

#endif
