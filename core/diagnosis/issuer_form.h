/* SPDX-License-Identifier: Apache-2.0 */
/* How two issuer identifiers (or other URLs that are compared byte by byte) differ. Pure text, used for tokens,
 * metadata documents and configuration alike. */
#ifndef SP_DIAGNOSIS_ISSUER_FORM_H
#define SP_DIAGNOSIS_ISSUER_FORM_H

#include "core/base/str.h"
#include "core/diagnosis/cause.h"

/* The issuer.* cause that is proven by the two texts alone; issuer.mismatch when no finer one is; SP_CAUSE_NONE when
 * equal. */
enum sp_cause sp_issuer_difference(struct sp_str expected, struct sp_str received);

/* Equal but for one trailing '/' on either. */
bool sp_url_differs_by_slash(struct sp_str a, struct sp_str b);
bool sp_url_differs_by_case(struct sp_str a, struct sp_str b);

#endif
