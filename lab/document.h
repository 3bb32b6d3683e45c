/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON object that is being made: members in order, each value as JSON text, so that a fault can replace or drop any
 * of them. Also the parameters of a redirect, whose values are plain text. Pure. */
#ifndef SP_LAB_DOCUMENT_H
#define SP_LAB_DOCUMENT_H

#include "core/base/json.h"
#include "lab/fault.h"
#include "lab/template.h"

#define SP_LAB_MEMBERS 40u

struct sp_lab_object {
    struct sp_arena *arena;
    struct {
        struct sp_str name, value;
    } at[SP_LAB_MEMBERS];
    size_t count;
};

void sp_lab_object_init(struct sp_lab_object *object, struct sp_arena *arena);
/* value is JSON, or plain text where the document is no JSON; replaces one of that name. An absent value is not put. */
void sp_lab_put(struct sp_lab_object *object, const char *name, struct sp_str value);
void sp_lab_put_text(struct sp_lab_object *object, const char *name, struct sp_str text); /* as a JSON string */
void sp_lab_put_number(struct sp_lab_object *object, const char *name, int64_t number);
void sp_lab_drop(struct sp_lab_object *object, const char *name);
/* What the fault does to such a document; returns how many rows did something. */
unsigned sp_lab_apply(struct sp_lab_object *object, enum sp_cause fault, enum sp_lab_document document,
                      const struct sp_lab_words *words);
/* Absent without memory. */
struct sp_str sp_lab_object_text(const struct sp_lab_object *object);

#endif
