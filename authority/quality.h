/* SPDX-License-Identifier: Apache-2.0 */
/* How much a client wants one of several: the parameter `q` of Accept and Accept-Language (RFC 9110 12.4.2). Pure. */
#ifndef SP_AUTHORITY_QUALITY_H
#define SP_AUTHORITY_QUALITY_H

#include "core/base/str.h"

/* ";q=0.8" in thousandths; 1000 without one, 0 (not wanted) for what is no qvalue. */
unsigned sp_quality_of(struct sp_str parameters);

#endif
