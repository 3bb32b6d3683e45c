/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange as an entry of a HAR, as browsers write it: what `inspect` and every HAR viewer reads. */
#ifndef SP_FLOW_HAR_WRITER_H
#define SP_FLOW_HAR_WRITER_H

#include "core/base/json.h"
#include "core/flow/exchange.h"

/* Up to the entries: what follows is entries separated by commas and SP_HAR_TAIL. */
#define SP_HAR_HEAD                                                                                                    \
    "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"sallyport record\",\"version\":\"1\"},\"entries\":[\n"
#define SP_HAR_TAIL "\n]}}\n"

/* Bodies that are no UTF-8 are written as base64; scratch holds them. */
void sp_har_write_entry(struct sp_json_writer *writer, struct sp_arena *scratch,
                        const struct sp_flow_exchange *exchange);

#endif
