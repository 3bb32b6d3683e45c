/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's module under a name that says its build: STATE/module-BUILD.so, a link, BUILD being the digest of its
 * content. A program that has a library open gets the same one again for the same name, whatever file has that name by
 * then; so nginx would go on with the code that it started with, through every reload. Under another name it loads what
 * is there now, beside the old one, which goes once its last worker has.
 *
 * What the old build kept in shared memory is not the new one's: nginx gives zones only to the module that made them,
 * which is told by an address in it. */
#ifndef SP_CONTROL_NGINX_MODULE_H
#define SP_CONTROL_NGINX_MODULE_H

#include <stdbool.h>
#include "core/base/status.h"

#define SP_NGINX_MODULE_PATH_BYTES 4096u

/* Makes the link to module as it is now, and says whether there are links of other builds: what nginx runs, if it runs.
 * SP_IO: told. */
SP_MUST_CHECK enum sp_status sp_nginx_module_link(const char *state, const char *module,
                                                  char path[SP_NGINX_MODULE_PATH_BYTES], bool *has_others);
/* nginx runs this one: removes the links of all others. */
void sp_nginx_module_settle(const char *state, const char *path);

#endif
