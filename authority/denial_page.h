/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals as pages, for people. */
#ifndef SP_AUTHORITY_DENIAL_PAGE_H
#define SP_AUTHORITY_DENIAL_PAGE_H

#include "authority/denial.h"

/* Does whoever asks read pages rather than JSON, by Accept? A program that takes anything reads JSON. */
bool sp_call_wants_page(const struct sp_call *call);

/* There is nothing at this address. A value for call->deny. */
enum sp_step sp_nowhere_page(struct sp_call *call, const struct sp_denial *denial);

#endif
