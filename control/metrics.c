/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics.h"

void sp_metric_describe(struct sp_buffer *out, const char *name, const char *kind, const char *help)
{
    sp_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_label_value(struct sp_buffer *out, struct sp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\n') {
            sp_buffer_append(out, SP_STR("\\n"));
            continue;
        }
        if (c == '"' || c == '\\') {
            sp_buffer_append_char(out, '\\');
        }
        sp_buffer_append_char(out, c);
    }
}

void sp_metric_sample_with(struct sp_buffer *out, const char *name, const struct sp_metric_label *labels, size_t count,
                           double value)
{
    sp_buffer_append(out, sp_str_from_cstr(name));
    for (size_t i = 0; i < count; i++) {
        sp_buffer_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_label_value(out, labels[i].value);
        sp_buffer_append(out, i + 1 == count ? SP_STR("\"}") : SP_STR("\""));
    }
    sp_buffer_printf(out, " %.15g\n", value);
}

void sp_metric_sample(struct sp_buffer *out, const char *name, const char *label, struct sp_str label_value,
                      double value)
{
    const struct sp_metric_label one = {label, label_value};
    sp_metric_sample_with(out, name, &one, label != NULL ? 1 : 0, value);
}
