/* SPDX-License-Identifier: Apache-2.0 */
/* ${NAME} and ${file:PATH} inside texts. Who knows the environment and the files is a callback; `$${` writes a `${`
 * that is meant. What a variable brings is text and nothing else: it is not expanded again and cannot become a member
 * or a list. A value that is one ${NAME} and nothing more may be a number, true or false, as if it stood there plain.
 */
#include "core/base/limits.h"
#include "core/policy/draft.h"

#define MAX_EXPANDED_BYTES (1024u * 1024)

static struct sp_str trimmed_line_end(struct sp_str s)
{
    while (s.len > 0 && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == '\r')) {
        s.len--;
    }
    return s;
}

static void complain_of_missing(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path,
                                struct sp_str reference, enum sp_expanded how)
{
    static const char *const words[] = {[SP_EXPANDED] = "",
                                        [SP_EXPANSION_MISSING] = "is not set",
                                        [SP_EXPANSION_UNREADABLE] = "cannot be read",
                                        [SP_EXPANSION_TOO_LARGE] = "is too large",
                                        [SP_EXPANSION_MALFORMED] =
                                            "has no closing brace, no name, or is no UTF-8 text"};
    const bool is_absent_file = how == SP_EXPANSION_MISSING && sp_str_has_prefix(reference, SP_STR("${file:"));
    const char *const what = is_absent_file ? "names a file that does not exist" : words[how];
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_ENVIRONMENT_MISSING,
                                           .value = value,
                                           .path = path,
                                           .expected = SP_STR("a variable that is set, a file that can be read"),
                                           .received = reference,
                                           .detail = sp_draft_printf(draft, "It %s.", what)};
    sp_draft_complain(draft, &complaint, "%.*s %s", SP_STR_ARG(reference), what);
}

void sp_draft_warn_of_exposure(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path,
                               struct sp_str where, struct sp_str file, struct sp_str exposure)
{
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_SECRET_EXPOSED,
                                           .value = value,
                                           .path = path,
                                           .where = where,
                                           .expected = sp_draft_printf(draft, "chmod 600 %.*s", SP_STR_ARG(file)),
                                           .received = file,
                                           .detail = exposure};
    sp_draft_complain(draft, &complaint, "%.*s has %.*s", SP_STR_ARG(file), SP_STR_ARG(exposure));
}

/* Certificates, public keys and sets of them are read from files too, and are nobody's secret. */
static bool is_public(struct sp_str text)
{
    const bool is_pem = sp_str_has_prefix(text, SP_STR("-----BEGIN ")),
               is_json = sp_str_has_prefix(text, SP_STR("{")) || sp_str_has_prefix(text, SP_STR("["));
    return (is_pem && !sp_str_contains(text, SP_STR("PRIVATE KEY-----"))) ||
           (is_json && !sp_str_contains(text, SP_STR("\"d\"")) && !sp_str_contains(text, SP_STR("\"k\"")));
}

/* One reference, without its braces. */
static enum sp_expanded look_up(struct sp_draft *draft, const struct sp_expansion *expansion,
                                const struct sp_json *value, const struct sp_path *place, struct sp_str inside,
                                struct sp_str *found)
{
    const struct sp_str file = SP_STR("file:");
    if (!sp_str_has_prefix(inside, file)) {
        return inside.len == 0 ? SP_EXPANSION_MALFORMED
                               : expansion->variable(expansion->context, draft->arena, inside, found);
    }
    struct sp_str path = sp_str_slice(inside, file.len, inside.len);
    if (path.len == 0) {
        return SP_EXPANSION_MALFORMED;
    }
    struct sp_str directory = draft->texts[sp_draft_text_of(draft, value->offset)].directory;
    if (path.at[0] != '/' && directory.len > 0) {
        path = sp_draft_printf(draft, "%.*s/%.*s", SP_STR_ARG(directory), SP_STR_ARG(path));
    }
    if (draft->names_file != NULL && path.at != NULL) {
        draft->names_file(draft->names_data, path);
    }
    enum sp_expanded how = expansion->file(expansion->context, draft->arena, path, found);
    *found = how == SP_EXPANDED ? trimmed_line_end(*found) : *found;
    const struct sp_str exposure = how == SP_EXPANDED && expansion->exposure != NULL && !is_public(*found)
                                       ? expansion->exposure(expansion->context, draft->arena, path)
                                       : SP_STR_NONE;
    if (exposure.len > 0) {
        sp_draft_warn_of_exposure(draft, value, place, SP_STR_NONE, path, exposure);
    }
    return how;
}

static bool is_one_variable(struct sp_str text)
{
    return sp_str_has_prefix(text, SP_STR("${")) && sp_str_index_of(text, '}', 0) == text.len - 1 &&
           !sp_str_has_prefix(text, SP_STR("${file:"));
}

static void expand_text(struct sp_draft *draft, struct sp_json *value, const struct sp_path *path,
                        const struct sp_expansion *expansion)
{
    struct sp_buffer out;
    struct sp_str text = value->text, found = SP_STR_NONE;
    sp_buffer_init(&out, draft->arena, MAX_EXPANDED_BYTES);
    for (size_t at = 0; at < text.len;) {
        struct sp_str rest = sp_str_slice(text, at, text.len);
        if (sp_str_has_prefix(rest, SP_STR("$${"))) {
            sp_buffer_append(&out, SP_STR("${"));
            at += 3;
            continue;
        }
        if (!sp_str_has_prefix(rest, SP_STR("${"))) {
            sp_buffer_append_char(&out, text.at[at++]);
            continue;
        }
        size_t end = sp_str_index_of(text, '}', at);
        struct sp_str reference = sp_str_slice(text, at, end + 1);
        enum sp_expanded how = end == text.len
                                   ? SP_EXPANSION_MALFORMED
                                   : look_up(draft, expansion, value, path, sp_str_slice(text, at + 2, end), &found);
        if (how == SP_EXPANDED && !sp_str_is_utf8(found)) {
            how = SP_EXPANSION_MALFORMED;
        }
        if (how != SP_EXPANDED) {
            complain_of_missing(draft, value, path, reference, how);
        } else {
            sp_buffer_append(&out, found);
        }
        at = end + 1;
    }
    if (sp_buffer_status(&out) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    value->text = out.len > 0 ? sp_buffer_str(&out) : SP_STR("");
    if (is_one_variable(text) && value->text.len > 0) {
        sp_scalar_resolve(value);
    }
}

static void expand_value(struct sp_draft *draft, struct sp_json *value, const struct sp_path *path,
                         const struct sp_expansion *expansion)
{
    if (value->type == SP_JSON_STRING && sp_str_contains(value->text, SP_STR("${"))) {
        expand_text(draft, value, path, expansion);
        return;
    }
    size_t index = 0;
    for
        SP_JSON_EACH(child, value)
        {
            const struct sp_path down = {.up = path, .name = child->name, .index = index++};
            expand_value(draft, sp_draft_own(child), &down, expansion);
        }
}

void sp_expand(struct sp_draft *draft, const struct sp_json *root, const struct sp_expansion *expansion)
{
    expand_value(draft, sp_draft_own(root), NULL, expansion);
}
