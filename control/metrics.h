/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text (exposition format 0.0.4): rows with a name, a kind and a help sentence; label values escaped. */
#ifndef SP_CONTROL_METRICS_H
#define SP_CONTROL_METRICS_H

#include "core/base/buffer.h"

/* kind: "counter" or "gauge". */
void sp_metric_describe(struct sp_buffer *out, const char *name, const char *kind, const char *help);
struct sp_metric_label {
    const char *name;
    struct sp_str value;
};
void sp_metric_sample_with(struct sp_buffer *out, const char *name, const struct sp_metric_label *labels, size_t count,
                           double value);
/* label NULL: none. */
void sp_metric_sample(struct sp_buffer *out, const char *name, const char *label, struct sp_str label_value,
                      double value);

#endif
