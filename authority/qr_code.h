/* SPDX-License-Identifier: Apache-2.0 */
/* A text as a QR code inside a page: one SVG path, so nothing is loaded and no style is needed. */
#ifndef SP_AUTHORITY_QR_CODE_H
#define SP_AUTHORITY_QR_CODE_H

#include "authority/page.h"

/* Nothing is written when the text is too long for one: what it says stands beside it as text. */
void sp_page_qr_code(struct sp_page *page, struct sp_str text, struct sp_str description);

#endif
