/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/report.h"

void sp_flow_write_html(struct sp_buffer *out, struct sp_flow_capture *capture, const struct sp_flow_source *source)
{
    (void)out;
    (void)capture;
    (void)source;
}
