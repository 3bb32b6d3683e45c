/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges written down as text, one file a cause (tests/data/flows/ID.txt):
 *
 *   # what happens             comment
 *   registered URI             a redirect URI as --redirect-uri gives it
 *   @5                         seconds since the first exchange, for the next one
 *   from 10.0.0.1              server address of the next exchange
 *   > GET https://…            a request …
 *   > Name: value              … its headers …
 *   >> body                    … and its body
 *   < 302                      its answer; `< net::ERR_…`: none
 *   < Name: value
 *   << body
 *
 * ${jwt HEADER CLAIMS} in a line is that token, signed with the key of ${keys}; ${name*N} is name N times. */
#ifndef SP_TEST_FLOW_TEXT_H
#define SP_TEST_FLOW_TEXT_H

#include "core/flow/judge.h"

#define FLOW_TEXT_START INT64_C(1700000000)

/* A judged capture of the text; the arena holds what it borrows. */
struct sp_flow_capture *flow_text_judged(struct sp_arena *arena, struct sp_str text);

#endif
