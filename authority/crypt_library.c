/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypt, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <crypt.h>

static const enum sp_library library = SP_LIBRARY_CRYPT;

SP_LIBRARY_ROW(char *, crypt_rn, (const char *phrase, const char *setting, void *data, int size), phrase, setting, data,
               size)
