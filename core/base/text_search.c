/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that occur in no text share a class, so that the table is as wide as the alphabet in use. */
#include "core/base/text_search.h"

#define MAX_STATES 60000u
#define NO_TEXT UINT16_MAX

struct sp_text_search {
    uint8_t class_of[256];
    uint32_t classes;
    uint16_t *next;  /* [state * classes + class] */
    uint16_t *found; /* [state]: the longest text that ends there, or NO_TEXT */
    uint32_t states;
};

struct builder {
    struct sp_text_search *search;
    const struct sp_str *texts;
    uint16_t *fail, *queue;
};

static bool number_classes(struct sp_text_search *search, const struct sp_str *texts, size_t count)
{
    search->classes = 1; /* 0: in no text */
    for (size_t i = 0; i < count; i++)
        for (size_t b = 0; b < texts[i].len; b++) {
            uint8_t *class = &search->class_of[(unsigned char)texts[i].at[b]];
            if (*class == 0 && search->classes == 256)
                return false;
            if (*class == 0)
                *class = (uint8_t)search->classes++;
        }
    return true;
}

static void add_text(struct sp_text_search *search, struct sp_str text, uint16_t which)
{
    uint32_t state = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint16_t *next = &search->next[state * search->classes + search->class_of[(unsigned char)text.at[i]]];
        if (*next == 0)
            *next = (uint16_t)search->states++;
        state = *next;
    }
    if (text.len > 0 && search->found[state] == NO_TEXT)
        search->found[state] = which;
}

/* Breadth first: a state's way out where no text goes on is that of its longest proper suffix. */
static void complete(const struct builder *builder)
{
    struct sp_text_search *search = builder->search;
    uint32_t from = 0, to = 0;
    for (uint32_t c = 0; c < search->classes; c++)
        if (search->next[c] != 0)
            builder->queue[to++] = search->next[c];
    while (from < to) {
        uint32_t state = builder->queue[from++], suffix = builder->fail[state];
        if (search->found[state] == NO_TEXT)
            search->found[state] = search->found[suffix];
        for (uint32_t c = 0; c < search->classes; c++) {
            uint16_t *next = &search->next[state * search->classes + c];
            uint16_t other = search->next[suffix * search->classes + c];
            if (*next == 0) {
                *next = other;
            } else {
                builder->fail[*next] = other;
                builder->queue[to++] = *next;
            }
        }
    }
}

enum sp_status sp_text_search_create(struct sp_arena *arena, const struct sp_str *texts, size_t count,
                                     struct sp_text_search **out)
{
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        most += texts[i].len;
    if (count > SP_TEXT_SEARCH_TEXTS || most > MAX_STATES)
        return SP_TOO_LARGE;
    struct sp_text_search *search = SP_ARENA_NEW(arena, struct sp_text_search);
    if (search == NULL)
        return SP_NO_MEMORY;
    if (!number_classes(search, texts, count))
        return SP_TOO_LARGE;
    struct builder builder = {.search = search, .texts = texts};
    search->next = sp_arena_calloc(arena, most * search->classes, sizeof *search->next);
    search->found = sp_arena_calloc(arena, most, sizeof *search->found);
    builder.fail = sp_arena_calloc(arena, most, sizeof *builder.fail);
    builder.queue = sp_arena_calloc(arena, most, sizeof *builder.queue);
    if (search->next == NULL || search->found == NULL || builder.fail == NULL || builder.queue == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < most; i++)
        search->found[i] = NO_TEXT;
    search->states = 1;
    for (size_t i = 0; i < count; i++)
        add_text(search, texts[i], (uint16_t)i);
    complete(&builder);
    *out = search;
    return SP_OK;
}

bool sp_text_search_next(const struct sp_text_search *search, struct sp_str text, struct sp_text_search_place *place,
                         size_t *which)
{
    uint32_t state = place->state, classes = search->classes;
    for (size_t i = place->position; i < text.len; i++) {
        state = search->next[state * classes + search->class_of[(unsigned char)text.at[i]]];
        if (search->found[state] != NO_TEXT) {
            *place = (struct sp_text_search_place){i + 1, state};
            *which = search->found[state];
            return true;
        }
    }
    *place = (struct sp_text_search_place){text.len, state};
    return false;
}
