/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree of JSON values; the only file that sees libyaml. What YAML has beyond JSON and we take: comments,
 * block style, plain scalars by the core schema (YAML 1.2 10.3), anchors and aliases. What we refuse, each by name:
 * several documents in a file, tags, keys that are no scalars, a member twice, nesting or a count of values beyond the
 * limits. An alias is a copy of its anchor, counted value by value, so ten lines of "billion laughs" end at the ceiling
 * and not in memory.
 *
 * ${NAME} may stand unquoted anywhere, inside {…} too, where YAML would take its brace for the beginning of an object.
 * So the braces of references are exchanged for two characters of private use before reading, and back in each scalar;
 * marks count characters, so places stay right.
 *
 * A snapshot is JSON of perhaps 30 MB, for which libyaml is ten times slower than our own reader: a text that begins
 * with '{' goes there first, and comes here only when it is not JSON. */
#include <yaml.h>

#include "core/base/limits.h"
#include "core/policy/draft.h"
#include "core/policy/index.h"

/* Broken JSON above this size is reported as what it is and not tried as YAML. */
#define MAX_RETRIED_BYTES (1024u * 1024)

#define OPEN SP_STR("\xEE\x80\x80")  /* U+E000 for { */
#define CLOSE SP_STR("\xEE\x80\x81") /* U+E001 for } */

struct anchor {
    const struct anchor *next;
    struct sp_str name;
    const struct sp_json *value;
};

struct reader {
    struct sp_draft *draft;
    size_t which;
    yaml_parser_t parser;
    const struct anchor *anchors;
    unsigned depth;
    bool stopped; /* reported already, or no memory */
};

static const struct sp_json *read_node(struct reader *reader, yaml_event_t *event);

static struct sp_json place_of(const struct reader *reader, yaml_mark_t mark)
{
    return (struct sp_json){.offset = reader->draft->starts[reader->which] + (uint32_t)mark.index,
                            .line = (uint32_t)mark.line + 1,
                            .column = (uint32_t)mark.column + 1};
}

/* Stops the reading: behind a broken place nothing can be trusted. */
static const struct sp_json *refuse(struct reader *reader, yaml_mark_t mark, struct sp_str expected,
                                    struct sp_str received)
{
    const struct sp_json place = place_of(reader, mark);
    if (!reader->stopped) {
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                               .value = &place,
                                               .expected = expected,
                                               .received = received,
                                               .detail = SP_STR("the file")};
        sp_draft_complain(reader->draft, &complaint, "%.*s; it must be %.*s", SP_STR_ARG(received),
                          SP_STR_ARG(expected));
    }
    reader->stopped = true;
    return NULL;
}

/* The parser only knows that a token cannot begin here. */
static bool is_tab(const struct reader *reader, yaml_mark_t mark)
{
    const yaml_char_t *const at = reader->parser.buffer.pointer;
    return reader->parser.error == YAML_SCANNER_ERROR && reader->parser.mark.index == mark.index &&
           at < reader->parser.buffer.last && *at == '\t';
}

#define WELL_FORMED                                                                                                    \
    "YAML: every bracket and quote closed, the members of one object equally far in; the mistake may stand on a line " \
    "above"

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (reader->stopped) {
        return false;
    }
    if (!yaml_parser_parse(&reader->parser, event)) {
        const char *problem = reader->parser.problem != NULL ? reader->parser.problem : "it cannot be read";
        /* Of bytes that are no text the parser knows an offset only. */
        yaml_mark_t mark = reader->parser.problem_mark;
        if (reader->parser.error == YAML_READER_ERROR) {
            mark = (yaml_mark_t){.index = reader->parser.problem_offset};
        }
        if (is_tab(reader, mark)) {
            refuse(reader, mark, SP_STR("indented with spaces"), SP_STR("indented with a tab, which YAML forbids"));
        } else {
            const bool is_text = reader->parser.error != YAML_READER_ERROR;
            refuse(reader, mark, is_text ? SP_STR(WELL_FORMED) : SP_STR("YAML, a text in UTF-8"),
                   sp_draft_printf(reader->draft, "no YAML (%s)", problem));
        }
        return false;
    }
    return true;
}

static struct sp_json *new_value(struct reader *reader, yaml_mark_t mark)
{
    struct sp_draft *draft = reader->draft;
    if (++draft->values > SP_MAX_DOCUMENT_JSON_VALUES) {
        refuse(reader, mark, SP_STR("at most 4 million values, aliases counted"), SP_STR("too many values"));
        return NULL;
    }
    struct sp_json *value = SP_DRAFT_ARRAY(draft, struct sp_json, 1);
    if (value == NULL) {
        reader->stopped = true;
        return NULL;
    }
    *value = place_of(reader, mark);
    return value;
}

/* ---- ${…} ---- */
static size_t end_of_reference(struct sp_str text, size_t from)
{
    while (from < text.len && strchr("}{\r\n\"'", text.at[from]) == NULL) {
        from++;
    }
    return from < text.len && text.at[from] == '}' ? from : text.len;
}

static enum sp_status shield(struct sp_draft *draft, struct sp_str text, struct sp_str *shielded)
{
    struct sp_buffer out;
    sp_buffer_init(&out, draft->arena, 3 * (size_t)SP_MAX_POLICY_BYTES);
    size_t from = 0;
    for (size_t at = 0; at + 1 < text.len; at++) {
        size_t end = text.at[at] == '$' && text.at[at + 1] == '{' ? end_of_reference(text, at + 2) : text.len;
        if (end < text.len) {
            sp_buffer_append(&out, sp_str_slice(text, from, at + 1));
            sp_buffer_append(&out, OPEN);
            sp_buffer_append(&out, sp_str_slice(text, at + 2, end));
            sp_buffer_append(&out, CLOSE);
            from = end + 1;
            at = end;
        }
    }
    sp_buffer_append(&out, sp_str_slice(text, from, text.len));
    *shielded = sp_buffer_str(&out);
    return sp_buffer_status(&out);
}

/* In place: the text only gets shorter. */
static void unshield(struct sp_str *text)
{
    char *to = (char *)(uintptr_t)text->at;
    bool open = false;
    size_t at = 0;
    while (at < text->len) {
        struct sp_str rest = sp_str_slice(*text, at, text->len);
        bool opens = at > 0 && text->at[at - 1] == '$' && sp_str_has_prefix(rest, OPEN);
        bool closes = open && sp_str_has_prefix(rest, CLOSE);
        *to++ = opens ? '{' : closes ? '}' : text->at[at];
        open = opens || (open && !closes);
        at += opens || closes ? OPEN.len : 1;
    }
    text->len = (size_t)(to - text->at);
}

/* RFC 8259 6: what a plain scalar must look like to be a number. Others (0x1f, 1_000, .5) stay texts. */
static bool is_number(struct sp_str s)
{
    size_t at = s.len > 0 && s.at[0] == '-', from = at;
    while (at < s.len && s.at[at] >= '0' && s.at[at] <= '9') {
        at++;
    }
    if (at == from || (s.at[from] == '0' && at - from > 1)) {
        return false;
    }
    if (at < s.len && s.at[at] == '.') {
        from = ++at;
        while (at < s.len && s.at[at] >= '0' && s.at[at] <= '9') {
            at++;
        }
        if (at == from) {
            return false;
        }
    }
    return at == s.len;
}

void sp_scalar_resolve(struct sp_json *value)
{
    static const struct {
        const char *words;
        enum sp_json_type type;
        struct sp_str text;
    } rows[] = {{"|null|Null|NULL|~||", SP_JSON_NULL, {"null", 4}},
                {"|true|True|TRUE|", SP_JSON_TRUE, {"true", 4}},
                {"|false|False|FALSE|", SP_JSON_FALSE, {"false", 5}}};
    char framed[8];
    if (value->text.len <= 5) {
        framed[0] = '|';
        memcpy(framed + 1, value->text.at != NULL ? value->text.at : "", value->text.len);
        framed[value->text.len + 1] = '|';
        framed[value->text.len + 2] = '\0';
        for (size_t i = 0; i < sizeof rows / sizeof rows[0] && memchr(value->text.at, '|', value->text.len) == NULL;
             i++) {
            if (strstr(rows[i].words, framed) != NULL) {
                value->type = rows[i].type;
                value->text = rows[i].text;
                return;
            }
        }
    }
    value->type = is_number(value->text) ? SP_JSON_NUMBER : SP_JSON_STRING;
}

static const struct sp_json *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *tag = (const char *)event->data.scalar.tag;
    bool is_text = tag != NULL && (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0);
    if (tag != NULL && !is_text) {
        return refuse(reader, event->start_mark, SP_STR("a value without a tag"), sp_str_from_cstr(tag));
    }
    struct sp_json *value = new_value(reader, event->start_mark);
    if (value == NULL) {
        return NULL;
    }
    struct sp_str text = sp_str((const char *)event->data.scalar.value, event->data.scalar.length);
    if (sp_arena_copy(reader->draft->arena, text, &value->text) != SP_OK) {
        reader->draft->status = SP_NO_MEMORY;
        reader->stopped = true;
        return NULL;
    }
    if (sp_str_contains(value->text, OPEN)) {
        unshield(&value->text);
    }
    value->type = SP_JSON_STRING;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !is_text) {
        sp_scalar_resolve(value);
    }
    return value;
}

/* ---- anchors ---- */
static void remember(struct reader *reader, const yaml_char_t *name, const struct sp_json *value)
{
    struct anchor *anchor = name != NULL && value != NULL ? SP_DRAFT_ARRAY(reader->draft, struct anchor, 1) : NULL;
    if (anchor != NULL &&
        sp_arena_copy(reader->draft->arena, sp_str_from_cstr((const char *)name), &anchor->name) == SP_OK) {
        anchor->value = value;
        anchor->next = reader->anchors;
        reader->anchors = anchor;
    }
}

static struct sp_json *copy_of(struct reader *reader, const struct sp_json *value, yaml_mark_t mark)
{
    struct sp_json *copy = new_value(reader, mark);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *value;
    copy->first = copy->next = NULL;
    struct sp_json *last = NULL;
    for
        SP_JSON_EACH(child, value)
        {
            struct sp_json *child_copy = copy_of(reader, child, mark);
            if (child_copy == NULL) {
                return NULL;
            }
            if (last == NULL) {
                copy->first = child_copy;
            } else {
                last->next = child_copy;
            }
            last = child_copy;
        }
    return copy;
}

static const struct sp_json *read_alias(struct reader *reader, const yaml_event_t *event)
{
    struct sp_str name = sp_str_from_cstr((const char *)event->data.alias.anchor);
    for (const struct anchor *anchor = reader->anchors; anchor != NULL; anchor = anchor->next) {
        if (sp_str_equal(anchor->name, name)) {
            return copy_of(reader, anchor->value, event->start_mark);
        }
    }
    return refuse(reader, event->start_mark, SP_STR("the name of an anchor that ends before"), name);
}

/* ---- containers ---- */
static void append(struct sp_json *container, struct sp_json **last, const struct sp_json *child)
{
    struct sp_json *own = sp_draft_own(child);
    if (*last == NULL) {
        container->first = own;
    } else {
        (*last)->next = own;
    }
    *last = own;
    container->count++;
}

static const struct sp_json *read_sequence(struct reader *reader, struct sp_json *list)
{
    struct sp_json *last = NULL;
    yaml_event_t event;
    list->type = SP_JSON_ARRAY;
    while (next_event(reader, &event)) {
        bool ends = event.type == YAML_SEQUENCE_END_EVENT;
        const struct sp_json *child = ends ? NULL : read_node(reader, &event);
        yaml_event_delete(&event);
        if (ends) {
            return list;
        }
        if (child == NULL) {
            return NULL;
        }
        append(list, &last, child);
    }
    return NULL;
}

/* The member's name, from its event. */
static bool read_name(struct reader *reader, const yaml_event_t *event, struct sp_str *name)
{
    if (event->type != YAML_SCALAR_EVENT) {
        refuse(reader, event->start_mark, SP_STR("a member name"), SP_STR("a list or an object stands here as a name"));
        return false;
    }
    struct sp_str text = sp_str((const char *)event->data.scalar.value, event->data.scalar.length);
    if (sp_arena_copy(reader->draft->arena, text, name) != SP_OK) {
        reader->draft->status = SP_NO_MEMORY;
        reader->stopped = true;
        return false;
    }
    return true;
}

static const struct sp_json *read_member(struct reader *reader, const yaml_event_t *name_event)
{
    struct sp_str name;
    yaml_event_t event;
    if (!read_name(reader, name_event, &name) || !next_event(reader, &event)) {
        return NULL;
    }
    struct sp_json *value = sp_draft_own(read_node(reader, &event));
    yaml_event_delete(&event);
    if (value != NULL) {
        value->name = name;
        if (value->type >= SP_JSON_ARRAY || value->type == SP_JSON_NULL) {
            /* A block begins on a line of its own, an absent value nowhere: the name is what people look for. */
            const struct sp_json place = place_of(reader, name_event->start_mark);
            value->offset = place.offset;
            value->line = place.line;
            value->column = place.column;
        }
    }
    return value;
}

static bool names_are_unique(struct reader *reader, const struct sp_json *object)
{
    struct sp_index index;
    if (sp_index_init(&index, reader->draft->arena, object->count) != SP_OK) {
        reader->draft->status = SP_NO_MEMORY;
        reader->stopped = true;
        return false;
    }
    for
        SP_JSON_EACH(member, object)
        {
            if (sp_index_put(&index, member->name, 0) != SP_INDEX_NONE) {
                const yaml_mark_t mark = {.index = member->offset - reader->draft->starts[reader->which],
                                          .line = member->line - 1,
                                          .column = member->column - 1};
                refuse(reader, mark, SP_STR("written once"),
                       sp_draft_printf(reader->draft, "the member %.*s stands twice", SP_STR_ARG(member->name)));
                return false;
            }
        }
    return true;
}

static const struct sp_json *read_mapping(struct reader *reader, struct sp_json *object)
{
    struct sp_json *last = NULL;
    yaml_event_t event;
    object->type = SP_JSON_OBJECT;
    while (next_event(reader, &event)) {
        bool ends = event.type == YAML_MAPPING_END_EVENT;
        const struct sp_json *member = ends ? NULL : read_member(reader, &event);
        yaml_event_delete(&event);
        if (ends) {
            return names_are_unique(reader, object) ? object : NULL;
        }
        if (member == NULL) {
            return NULL;
        }
        append(object, &last, member);
    }
    return NULL;
}

static const struct sp_json *read_container(struct reader *reader, const yaml_event_t *event)
{
    bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag = is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    if (tag != NULL) {
        return refuse(reader, event->start_mark, SP_STR("a value without a tag"), sp_str_from_cstr((const char *)tag));
    }
    if (reader->depth >= SP_MAX_YAML_DEPTH) {
        return refuse(reader, event->start_mark, SP_STR("at most 32 levels deep"), SP_STR("nested too deep"));
    }
    struct sp_json *container = new_value(reader, event->start_mark);
    if (container == NULL) {
        return NULL;
    }
    reader->depth++;
    const struct sp_json *value = is_list ? read_sequence(reader, container) : read_mapping(reader, container);
    reader->depth--;
    return value;
}

/* NULL: stopped. The event stays the caller's. */
static const struct sp_json *read_node(struct reader *reader, yaml_event_t *event)
{
    const struct sp_json *value = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event);
    case YAML_SCALAR_EVENT:
        value = read_scalar(reader, event);
        remember(reader, event->data.scalar.anchor, value);
        return value;
    case YAML_SEQUENCE_START_EVENT:
        value = read_container(reader, event);
        remember(reader, event->data.sequence_start.anchor, value);
        return value;
    case YAML_MAPPING_START_EVENT:
        value = read_container(reader, event);
        remember(reader, event->data.mapping_start.anchor, value);
        return value;
    default:
        return refuse(reader, event->start_mark, SP_STR("a value"), SP_STR("nothing stands here"));
    }
}

/* The one document of the stream; NULL for an empty one. */
static const struct sp_json *read_stream(struct reader *reader)
{
    const struct sp_json *root = NULL;
    unsigned documents = 0;
    yaml_event_t event;
    bool ended = false;
    while (!ended && next_event(reader, &event)) {
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            refuse(reader, event.start_mark, SP_STR("one document a file; name several files with -c"),
                   SP_STR("a second document"));
        } else if (event.type >= YAML_ALIAS_EVENT && event.type <= YAML_MAPPING_START_EVENT) {
            root = read_node(reader, &event);
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return reader->stopped ? NULL : root;
}

/* ---- JSON ---- */
static void shift(struct sp_json *value, uint32_t by)
{
    value->offset += by;
    for
        SP_JSON_EACH(child, value)
        {
            shift(sp_draft_own(child), by);
        }
}

/* SP_MALFORMED: try it as YAML. */
static enum sp_status read_json(struct sp_draft *draft, size_t which, const struct sp_json **root)
{
    struct sp_str text = draft->texts[which].text;
    struct sp_json_limits limits = sp_json_limits_document;
    struct sp_json_error error = {0};
    limits.with_lines = true;
    enum sp_status status = sp_json_parse(draft->arena, text, &limits, root, &error);
    if (status == SP_OK && draft->starts[which] > 0) {
        shift(sp_draft_own(*root), draft->starts[which]);
    }
    if (status == SP_MALFORMED && text.len > MAX_RETRIED_BYTES) {
        const struct sp_json place = {.offset = draft->starts[which] + (uint32_t)error.offset};
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                               .value = &place,
                                               .expected = SP_STR("JSON"),
                                               .received = sp_str_from_cstr(error.message),
                                               .detail = SP_STR("the file")};
        sp_draft_complain(draft, &complaint, "at byte %zu: %s", error.offset, error.message);
        *root = NULL;
        return SP_OK;
    }
    return status;
}

const struct sp_json *sp_yaml_read(struct sp_draft *draft, size_t which)
{
    struct sp_str text = sp_str_trim(draft->texts[which].text);
    const struct sp_json *root = NULL;
    if (text.len > 0 && text.at[0] == '{') {
        enum sp_status status = read_json(draft, which, &root);
        if (status == SP_NO_MEMORY) {
            draft->status = SP_NO_MEMORY;
        }
        if (status != SP_MALFORMED) {
            return root;
        }
    }
    struct reader reader = {.draft = draft, .which = which};
    if (!yaml_parser_initialize(&reader.parser)) {
        draft->status = SP_NO_MEMORY;
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    text = draft->texts[which].text;
    if (sp_str_contains(text, SP_STR("${")) && shield(draft, text, &text) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        yaml_parser_delete(&reader.parser);
        return NULL;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.at != NULL ? text.at : ""), text.len);
    root = read_stream(&reader);
    yaml_parser_delete(&reader.parser);
    return root;
}
