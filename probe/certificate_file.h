/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate and key files as evidence for core/policy/check.h. */
#ifndef SP_PROBE_CERTIFICATE_FILE_H
#define SP_PROBE_CERTIFICATE_FILE_H

#include "core/policy/check.h"

extern const struct sp_certificate_eyes sp_certificate_files;

#endif
