/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/key_history.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/words.h"

static struct sp_str thumbprint_of(struct sp_arena *arena, const struct sp_jwk *jwk)
{
    char text[65];
    for (size_t i = 0; i < 32; i++) {
        text[2 * i] = "0123456789abcdef"[jwk->thumbprint[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[jwk->thumbprint[i] & 15];
    }
    text[64] = '\0';
    return sp_arena_printf(arena, "%s", text);
}

static struct sp_seen_key *find(struct sp_key_history *history, struct sp_str thumbprint)
{
    for (size_t i = 0; i < history->count; i++) {
        if (sp_str_equal(history->keys[i].thumbprint, thumbprint)) {
            return &history->keys[i];
        }
    }
    return NULL;
}

static bool is_published(struct sp_arena *arena, const struct sp_jwk_set *set, const struct sp_seen_key *key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (sp_str_equal(thumbprint_of(arena, &set->keys[i]), key->thumbprint)) {
            return true;
        }
    }
    return false;
}

/* Of the last set that was seen, not of older ones. */
static bool was_last(const struct sp_key_history *history, const struct sp_seen_key *key)
{
    return key->last_seen == history->seen_at;
}

static struct sp_str name_of(struct sp_arena *arena, struct sp_str kid, struct sp_str thumbprint)
{
    return kid.at != NULL ? kid : sp_arena_printf(arena, "(no kid, %.8s…)", thumbprint.at != NULL ? thumbprint.at : "");
}

static struct sp_str names_of_set(struct sp_arena *arena, const struct sp_jwk_set *set)
{
    struct sp_str *names = sp_arena_calloc(arena, set->count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < set->count; i++) {
        names[i] = name_of(arena, set->keys[i].kid, thumbprint_of(arena, &set->keys[i]));
    }
    return names != NULL ? sp_words_list(arena, names, set->count) : SP_STR_NONE;
}

struct change {
    struct sp_str gone[SP_MAX_SEEN_KEYS], fresh[SP_MAX_SEEN_KEYS];
    size_t gone_count, fresh_count, kept_count;
};

static void tell_retired(struct sp_arena *arena, const struct sp_seen_key *key, int64_t now,
                         struct sp_document_findings *findings)
{
    if (key->signs_until > now) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_RETIRED_EARLY);
        finding->expected = SP_STR("published until its last token has expired");
        finding->received = name_of(arena, key->kid, key->thumbprint);
        finding->detail = sp_words_duration(arena, key->signs_until - now);
    }
}

static void compare(struct sp_arena *arena, const struct sp_key_history *history, const struct sp_jwk_set *set,
                    int64_t now, struct change *change, struct sp_document_findings *findings)
{
    struct sp_key_history copy = *history;
    for (size_t i = 0; i < history->count; i++) {
        const struct sp_seen_key *key = &history->keys[i];
        bool is_there = is_published(arena, set, key);
        if (!is_there) {
            tell_retired(arena, key, now, findings);
        }
        if (was_last(history, key) && is_there) {
            change->kept_count++;
        } else if (was_last(history, key)) {
            change->gone[change->gone_count++] = name_of(arena, key->kid, key->thumbprint);
        }
    }
    for (size_t i = 0; i < set->count && change->fresh_count < SP_MAX_SEEN_KEYS; i++) {
        struct sp_str thumbprint = thumbprint_of(arena, &set->keys[i]);
        struct sp_seen_key *known = find(&copy, thumbprint);
        if (known == NULL || !was_last(history, known)) {
            change->fresh[change->fresh_count++] = name_of(arena, set->keys[i].kid, thumbprint);
        }
    }
}

struct sp_str sp_key_history_judge(struct sp_arena *arena, const struct sp_key_history *history,
                                   const struct sp_jwk_set *set, int64_t now, struct sp_document_findings *findings)
{
    struct change *change = SP_ARENA_NEW(arena, struct change);
    if (change == NULL || history->seen_at == 0 || history->count == 0) {
        return SP_STR_NONE;
    }
    compare(arena, history, set, now, change, findings);
    if (change->gone_count > 0 && change->kept_count == 0 && set->count > 0) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_REPLACED);
        finding->expected = sp_words_list(arena, change->gone, change->gone_count);
        finding->received = names_of_set(arena, set);
        finding->detail = sp_arena_printf(arena, "The set before was seen %.*s.",
                                          SP_STR_ARG(sp_words_instant_from(arena, history->seen_at, now)));
        /* Seen once since: whether there was an overlap in between is not known. It is over, and nothing fails by it
         * that is not told beside it. */
        finding->tolerated = true;
    }
    if (change->gone_count == 0 && change->fresh_count == 0) {
        return SP_STR_NONE;
    }
    return sp_arena_printf(arena, "since %.*s: new %.*s; gone %.*s; %zu kept",
                           SP_STR_ARG(sp_words_instant(arena, history->seen_at)),
                           SP_STR_ARG(sp_words_list(arena, change->fresh, change->fresh_count)),
                           SP_STR_ARG(sp_words_list(arena, change->gone, change->gone_count)), change->kept_count);
}

/* The one that was gone for longest gives way. */
static struct sp_seen_key *place_for(struct sp_key_history *history)
{
    if (history->count < SP_MAX_SEEN_KEYS) {
        return &history->keys[history->count++];
    }
    struct sp_seen_key *oldest = &history->keys[0];
    for (size_t i = 1; i < history->count; i++) {
        oldest = history->keys[i].last_seen < oldest->last_seen ? &history->keys[i] : oldest;
    }
    return oldest;
}

enum sp_status sp_key_history_update(struct sp_arena *arena, struct sp_key_history *history,
                                     const struct sp_jwk_set *set, int64_t now)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct sp_jwk *jwk = &set->keys[i];
        struct sp_str thumbprint = thumbprint_of(arena, jwk), kid = SP_STR_NONE;
        struct sp_seen_key *key = find(history, thumbprint);
        if (thumbprint.at == NULL || (jwk->kid.at != NULL && sp_arena_copy(arena, jwk->kid, &kid) != SP_OK)) {
            return SP_NO_MEMORY;
        }
        if (key == NULL) {
            key = place_for(history);
            *key = (struct sp_seen_key){.thumbprint = thumbprint, .first_seen = now};
        }
        key->kid = kid;
        key->last_seen = now;
    }
    history->seen_at = now;
    return SP_OK;
}

void sp_key_history_note_token(struct sp_key_history *history, struct sp_str kid, int64_t exp)
{
    for (size_t i = 0; i < history->count; i++) {
        struct sp_seen_key *key = &history->keys[i];
        if (was_last(history, key) && sp_str_equal(key->kid, kid) && exp > key->signs_until) {
            key->signs_until = exp;
        }
    }
}

void sp_key_history_write(struct sp_json_writer *writer, const struct sp_key_history *history)
{
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "seen_at", history->seen_at);
    sp_json_name(writer, SP_STR("keys"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < history->count; i++) {
        const struct sp_seen_key *key = &history->keys[i];
        sp_json_begin_object(writer);
        if (key->kid.at != NULL) {
            sp_json_string_member(writer, "kid", key->kid);
        }
        sp_json_string_member(writer, "thumbprint", key->thumbprint);
        sp_json_int_member(writer, "first_seen", key->first_seen);
        sp_json_int_member(writer, "last_seen", key->last_seen);
        sp_json_int_member(writer, "signs_until", key->signs_until);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
    sp_json_end_object(writer);
}

static int64_t number_of(const struct sp_json *object, const char *name)
{
    int64_t value = 0;
    enum sp_status status = sp_json_int64(sp_json_member(object, sp_str_from_cstr(name)), &value);
    return status == SP_OK && value >= 0 && value < INT64_C(253402300800) ? value : 0;
}

void sp_key_history_read(const struct sp_json *json, struct sp_key_history *history)
{
    *history = (struct sp_key_history){.seen_at = number_of(json, "seen_at")};
    for
        SP_JSON_EACH(item, sp_json_member(json, SP_STR("keys")))
        {
            struct sp_str thumbprint = sp_json_string(sp_json_member(item, SP_STR("thumbprint")));
            if (thumbprint.len == 64 && history->count < SP_MAX_SEEN_KEYS) {
                history->keys[history->count++] =
                    (struct sp_seen_key){.kid = sp_json_string(sp_json_member(item, SP_STR("kid"))),
                                         .thumbprint = thumbprint,
                                         .first_seen = number_of(item, "first_seen"),
                                         .last_seen = number_of(item, "last_seen"),
                                         .signs_until = number_of(item, "signs_until")};
            }
        }
}
