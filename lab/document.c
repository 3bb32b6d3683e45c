/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/document.h"

#include <assert.h>
#include <inttypes.h>

#define MOST_BYTES (8u * 1024 * 1024)

void sp_lab_object_init(struct sp_lab_object *object, struct sp_arena *arena)
{
    object->arena = arena;
    object->count = 0;
}

static size_t place_of(const struct sp_lab_object *object, struct sp_str name)
{
    size_t i = 0;
    while (i < object->count && !sp_str_equal(object->at[i].name, name))
        i++;
    return i;
}

void sp_lab_put(struct sp_lab_object *object, const char *name, struct sp_str value)
{
    size_t i = place_of(object, sp_str_from_cstr(name));
    if (value.at == NULL)
        return;
    assert(i < SP_LAB_MEMBERS);
    object->at[i].name = sp_str_from_cstr(name);
    object->at[i].value = value;
    object->count += i == object->count;
}

void sp_lab_put_text(struct sp_lab_object *object, const char *name, struct sp_str text)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    if (text.at == NULL)
        return;
    sp_buffer_init(&buffer, object->arena, MOST_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    sp_json_put_string(&writer, text);
    if (sp_buffer_status(&buffer) == SP_OK)
        sp_lab_put(object, name, sp_buffer_str(&buffer));
}

void sp_lab_put_number(struct sp_lab_object *object, const char *name, int64_t number)
{
    sp_lab_put(object, name, sp_arena_printf(object->arena, "%" PRId64, number));
}

void sp_lab_drop(struct sp_lab_object *object, const char *name)
{
    size_t i = place_of(object, sp_str_from_cstr(name));
    if (i == object->count)
        return;
    object->count--;
    memmove(&object->at[i], &object->at[i + 1], (object->count - i) * sizeof object->at[0]);
}

unsigned sp_lab_apply(struct sp_lab_object *object, enum sp_cause fault, enum sp_lab_document document,
                      const struct sp_lab_words *words)
{
    const struct sp_lab_set *row;
    unsigned done = 0;
    for (size_t position = 0; (row = sp_lab_set_next(fault, document, &position)) != NULL; done++) {
        if (row->template == NULL)
            sp_lab_drop(object, row->member);
        else
            sp_lab_put(object, row->member, sp_lab_expand(object->arena, row->template, words));
    }
    return done;
}

struct sp_str sp_lab_object_text(const struct sp_lab_object *object)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, object->arena, MOST_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    sp_json_begin_object(&writer);
    for (size_t i = 0; i < object->count; i++) {
        sp_json_name(&writer, object->at[i].name);
        sp_json_put_raw(&writer, object->at[i].value);
    }
    sp_json_end_object(&writer);
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}
