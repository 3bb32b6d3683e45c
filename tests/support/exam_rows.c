/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/exam_rows.h"

const struct exam_row *exam_row_at(size_t index)
{
    const struct {
        const struct exam_row *rows;
        size_t count;
    } parts[] = {{exam_token_rows, exam_token_row_count},
                 {exam_key_rows, exam_key_row_count},
                 {exam_claim_rows, exam_claim_row_count},
                 {exam_introspection_rows, exam_introspection_row_count},
                 {exam_binding_rows, exam_binding_row_count}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (index < parts[i].count)
            return &parts[i].rows[index];
        index -= parts[i].count;
    }
    return NULL;
}

void exam_row_prepare(const struct exam_row *row, struct exam_bench *bench, struct sp_arena *arena)
{
    exam_bench_set_up(bench, arena);
    bench->input.token = exam_bench_sign(bench, row->key, row->header, row->claims);
    if (row->prepare != NULL)
        row->prepare(bench);
}
