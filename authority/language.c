/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/language.h"

#include "authority/quality.h"

/* Nobody reads more languages; a header may list thousands. */
#define MAX_RANGES 32u

static const struct sp_str tags[SP_LANGUAGE_COUNT] = {
#define LANGUAGE(NAME, tag) [SP_LANGUAGE_##NAME] = {tag, sizeof tag - 1},
#include "authority/languages.def"
#undef LANGUAGE
};

/* Ours are primary tags, so RFC 4647 3.4's cutting from the right ends at the first part of the range. */
static enum sp_language find(struct sp_str range)
{
    struct sp_str primary = sp_str_slice(range, 0, sp_str_index_of(range, '-', 0));
    unsigned i = 0;
    while (i < SP_LANGUAGE_COUNT && !sp_str_equal_ignoring_case(tags[i], primary))
        i++;
    return (enum sp_language)i;
}

enum sp_language sp_language_choose(struct sp_str ui_locales, struct sp_str accept_language)
{
    struct sp_str word;
    for (unsigned i = 0; i < MAX_RANGES && sp_str_next_word(&ui_locales, SP_STR(" "), &word); i++)
        if (find(word) < SP_LANGUAGE_COUNT)
            return find(word);
    enum sp_language best = (enum sp_language)0;
    unsigned most = 0;
    for (unsigned i = 0; i < MAX_RANGES && sp_str_next_word(&accept_language, SP_STR(","), &word); i++) {
        size_t end = sp_str_index_of(word, ';', 0);
        enum sp_language found = find(sp_str_trim(sp_str_slice(word, 0, end)));
        unsigned weight = sp_quality_of(sp_str_slice(word, end + 1, word.len));
        if (found < SP_LANGUAGE_COUNT && weight > most) {
            best = found;
            most = weight;
        }
    }
    return best;
}

struct sp_str sp_language_tag(enum sp_language language)
{
    return tags[language];
}
