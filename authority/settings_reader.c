/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/settings_reader.h"

#include <string.h>
#include "core/policy/settings.h"

/* ---- complaints ---- */
enum sp_status sp_settings_complain(struct sp_settings_reader *reader, struct sp_str where, const char *name,
                                    struct sp_str message)
{
    if (message.at == NULL)
        return SP_NO_MEMORY;
    reader->error->member = name != NULL ? sp_arena_printf(reader->arena, "%.*s.%s", SP_STR_ARG(where), name) : where;
    reader->error->message = message;
    return SP_MALFORMED;
}

/* Shared letters in order, from the left: enough to tell `grant` from `grants`. */
static size_t likeness(struct sp_str a, struct sp_str b)
{
    size_t same = 0;
    for (size_t i = 0, j = 0; i < a.len && j < b.len; j++)
        if (a.at[i] == b.at[j]) {
            same++;
            i++;
        }
    return same;
}

static enum sp_status complain_of_unknown(struct sp_settings_reader *reader, struct sp_str where, struct sp_str name,
                                          const struct sp_member_row *rows)
{
    const char *nearest = rows[0].name;
    size_t most = 0;
    for (const struct sp_member_row *row = rows; row->name != NULL; row++) {
        size_t alike = likeness(sp_str_from_cstr(row->name), name);
        if (alike > most) {
            most = alike;
            nearest = row->name;
        }
    }
    struct sp_str member = sp_arena_printf(reader->arena, "%.*s.%.*s", SP_STR_ARG(where), SP_STR_ARG(name));
    return sp_settings_complain(
        reader, member, NULL,
        sp_arena_printf(reader->arena, "There is no such member here; the nearest known one is '%s'.", nearest));
}

/* ---- values ---- */
enum sp_status sp_settings_duration(const struct sp_json *value, int64_t *seconds)
{
    int64_t number = 0;
    if (sp_json_is(value, SP_JSON_NUMBER)) {
        enum sp_status status = sp_json_int64(value, &number);
        if (status != SP_OK || number < 0)
            return SP_MALFORMED;
        *seconds = number;
        return SP_OK;
    }
    if (!sp_json_is(value, SP_JSON_STRING) || sp_duration_parse(value->text, &number) != SP_OK)
        return SP_MALFORMED;
    *seconds = number / 1000;
    return SP_OK;
}

enum sp_status sp_settings_texts(struct sp_settings_reader *reader, const struct sp_json *value,
                                 struct sp_str_list *list)
{
    bool is_list = sp_json_is(value, SP_JSON_ARRAY);
    size_t count = is_list ? value->count : 1;
    struct sp_str *texts = sp_arena_calloc(reader->arena, count + 1, sizeof *texts);
    if (texts == NULL)
        return SP_NO_MEMORY;
    size_t i = 0;
    for (const struct sp_json *item = is_list ? value->first : value; item != NULL;
         item = is_list ? item->next : NULL) {
        texts[i] = sp_json_string(item);
        if (texts[i++].len == 0)
            return SP_MALFORMED;
    }
    *list = (struct sp_str_list){texts, i};
    return SP_OK;
}

static const char *const expectations[] = {
    [SP_MEMBER_TEXT] = "Write a text.",
    [SP_MEMBER_BOOL] = "Write true or false.",
    [SP_MEMBER_DURATION] = "Write a duration as 30s, 10m, 1h or 30d.",
    [SP_MEMBER_TEXTS] = "Write a text or a list of texts.",
    [SP_MEMBER_SECTION] = "Write members below it.",
};

static enum sp_status read_value(struct sp_settings_reader *reader, const struct sp_member_row *row,
                                 const struct sp_json *value, void *into)
{
    void *at = (char *)into + row->offset;
    switch (row->kind) {
    case SP_MEMBER_TEXT:
        *(struct sp_str *)at = sp_json_string(value);
        return sp_json_is(value, SP_JSON_STRING) && value->text.len > 0 ? SP_OK : SP_MALFORMED;
    case SP_MEMBER_BOOL:
        *(bool *)at = sp_json_is(value, SP_JSON_TRUE);
        return sp_json_is(value, SP_JSON_TRUE) || sp_json_is(value, SP_JSON_FALSE) ? SP_OK : SP_MALFORMED;
    case SP_MEMBER_DURATION:
        return sp_settings_duration(value, at);
    case SP_MEMBER_TEXTS:
        return sp_settings_texts(reader, value, at);
    case SP_MEMBER_OF_ITS_OWN:
        return row->read(reader, value, at);
    case SP_MEMBER_SECTION:
        return sp_json_is(value, SP_JSON_OBJECT) ? SP_OK : SP_MALFORMED;
    }
    return SP_MALFORMED;
}

enum sp_status sp_settings_read_members(struct sp_settings_reader *reader, struct sp_str where,
                                        const struct sp_json *section, const struct sp_member_row *rows, void *into)
{
    if (!sp_json_is(section, SP_JSON_OBJECT))
        return sp_settings_complain(reader, where, NULL, SP_STR("Write members below it."));
    for (const struct sp_json *member = section->first; member != NULL; member = member->next) {
        const struct sp_member_row *row = rows;
        while (row->name != NULL && !sp_str_equal(sp_str_from_cstr(row->name), member->name))
            row++;
        if (row->name == NULL && reader->ignores_unknown)
            continue;
        if (row->name == NULL)
            return complain_of_unknown(reader, where, member->name, rows);
        enum sp_status status = read_value(reader, row, member, into);
        if (status == SP_MALFORMED)
            return sp_settings_complain(
                reader, where, row->name,
                sp_str_from_cstr(row->expectation != NULL ? row->expectation : expectations[row->kind]));
        if (status != SP_OK)
            return status;
    }
    return SP_OK;
}
