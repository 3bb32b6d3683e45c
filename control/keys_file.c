/* SPDX-License-Identifier: Apache-2.0 */
/* keys.json: what the workers judge by and what the keeper starts from again. Its form is core/policy/knowledge.h's;
 * beyond that it holds `issuer` and `jwks_uri`, so that knowledge is never taken over for another issuer of the same
 * name. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "control/kept_issuer.h"
#include "control/log.h"
#include "probe/schedule.h"
#include "control/state_file.h"
#include "core/jose/crypto.h"
#include "probe/file.h"

/* Key sets of many issuers, with what they were before. */
#define KEYS_FILE_BYTES ((size_t)64 * 1024 * 1024)

static void put_json(struct sp_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL) {
        sp_json_name(writer, sp_str_from_cstr(name));
        sp_json_put_raw(writer, sp_str_from_cstr(text));
    }
}

static void put_text(struct sp_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL) {
        sp_json_string_member(writer, name, sp_str_from_cstr(text));
    }
}

static void put_time(struct sp_json_writer *writer, const char *name, int64_t epoch_s)
{
    if (epoch_s != 0) {
        sp_json_int_member(writer, name, epoch_s);
    }
}

static void write_issuer(struct sp_json_writer *writer, const struct sp_kept_issuer *issuer, int64_t now)
{
    int64_t stale_until = issuer->stale_since != 0 ? sp_schedule_stale_until(issuer->fetched_at) : 0;
    bool keys_serve = stale_until == 0 || now < stale_until;
    sp_json_name(writer, issuer->setup.name);
    sp_json_begin_object(writer);
    sp_json_string_member(writer, "issuer", issuer->setup.issuer.at != NULL ? issuer->setup.issuer : SP_STR(""));
    put_text(writer, "jwks_uri", issuer->jwks_uri);
    put_text(writer, "introspection_endpoint", issuer->introspection_endpoint);
    put_text(writer, "published_issuer", issuer->published_issuer);
    if (keys_serve) {
        put_json(writer, "jwks", issuer->keys_text);
    }
    if (issuer->keys_text == NULL) {
        put_json(writer, "unusable_jwks", issuer->unusable_text);
    }
    put_json(writer, "old_jwks", issuer->old_text);
    put_json(writer, "unadopted_jwks", issuer->unadopted_text);
    sp_json_name(writer, SP_STR("previous_kids"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < issuer->previous_kid_count; i++) {
        sp_json_put_string(writer, sp_str_from_cstr(issuer->previous_kids[i]));
    }
    sp_json_end_array(writer);
    put_time(writer, "fetched_at", issuer->fetched_at);
    put_time(writer, "stale_since", issuer->stale_since);
    put_time(writer, "stale_until", stale_until);
    if (issuer->failure != SP_CAUSE_NONE) {
        sp_json_string_member(writer, "failure", sp_cause_get(issuer->failure)->id);
        if (issuer->failure_reason != SP_CAUSE_NONE) {
            sp_json_string_member(writer, "failure_reason", sp_cause_get(issuer->failure_reason)->id);
        }
        put_text(writer, "failure_detail", issuer->failure_detail);
    }
    if (issuer->clock_skew_known) {
        sp_json_int_member(writer, "clock_skew_s", issuer->clock_skew_s);
    }
    sp_json_name(writer, SP_STR("advertised_algorithms"));
    sp_json_begin_array(writer);
    for (enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN + 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if (issuer->advertised_algorithms & sp_algorithm_bit(algorithm)) {
            sp_json_put_string(writer, sp_algorithm_get(algorithm)->name);
        }
    }
    sp_json_end_array(writer);
    sp_json_end_object(writer);
}

char *sp_kept_text(struct sp_str text)
{
    return text.at != NULL ? strndup(text.at, text.len) : NULL;
}

static char *source_of(const struct sp_json *object, struct sp_str name)
{
    const struct sp_json *member = sp_json_member(object, name);
    return sp_json_is(member, SP_JSON_OBJECT) ? sp_kept_text(member->text) : NULL;
}

static int64_t number(const struct sp_json *object, struct sp_str name)
{
    int64_t value;
    return sp_json_int64(sp_json_member(object, name), &value) == SP_OK ? value : 0;
}

void sp_keys_file_restore(struct sp_kept_issuer *issuer, const struct sp_json *object)
{
    struct sp_str url = sp_json_string(sp_json_member(object, SP_STR("issuer")));
    if (!sp_json_is(object, SP_JSON_OBJECT) || !sp_str_equal(url, issuer->setup.issuer)) {
        return;
    }
    const struct sp_json *keys = sp_json_member(object, SP_STR("jwks"));
    if (keys == NULL || sp_jwk_set_from_json(keys, &issuer->keys) != SP_OK) {
        return;
    }
    issuer->keys_text = sp_kept_text(keys->text);
    issuer->old_text = source_of(object, SP_STR("old_jwks"));
    issuer->unadopted_text = source_of(object, SP_STR("unadopted_jwks"));
    issuer->jwks_uri = sp_kept_text(sp_json_string(sp_json_member(object, SP_STR("jwks_uri"))));
    issuer->introspection_endpoint =
        sp_kept_text(sp_json_string(sp_json_member(object, SP_STR("introspection_endpoint"))));
    if (issuer->setup.jwks_uri.at == NULL && issuer->setup.jwks_file.at == NULL) {
        issuer->published_issuer = sp_kept_text(sp_json_string(sp_json_member(object, SP_STR("published_issuer"))));
    }
    issuer->fetched_at = number(object, SP_STR("fetched_at"));
    issuer->stale_since = number(object, SP_STR("stale_since"));
    for
        SP_JSON_EACH(kid, sp_json_member(object, SP_STR("previous_kids")))
        {
            char *text = issuer->previous_kid_count < SP_MAX_PREVIOUS_KIDS ? sp_kept_text(sp_json_string(kid)) : NULL;
            if (text != NULL) {
                issuer->previous_kids[issuer->previous_kid_count++] = text;
            }
        }
    for
        SP_JSON_EACH(name, sp_json_member(object, SP_STR("advertised_algorithms")))
        {
            issuer->advertised_algorithms |= sp_algorithm_bit(sp_algorithm_find(sp_json_string(name)));
        }
}

void sp_keys_file_open(struct sp_keeper *keeper)
{
    struct sp_str text;
    struct sp_json_error error;
    keeper->restored_arena = sp_arena_create(4 * KEYS_FILE_BYTES);
    if (keeper->restored_arena == NULL ||
        sp_file_read(keeper->restored_arena, keeper->path, KEYS_FILE_BYTES, &text) != SP_OK) {
        return;
    }
    if (sp_json_parse(keeper->restored_arena, text, &sp_json_limits_document, &keeper->restored, &error) != SP_OK) {
        sp_log(SP_LOG_WARN, "%s cannot be read (byte %zu: %s); all keys are fetched anew", keeper->path, error.offset,
               error.message);
        keeper->restored = NULL;
        return;
    }
    int64_t generation;
    if (sp_json_int64(sp_json_member(keeper->restored, SP_STR("generation")), &generation) == SP_OK && generation > 0) {
        keeper->generation = generation;
    }
}

static void write_issuers(struct sp_json_writer *writer, const struct sp_keeper *keeper)
{
    int64_t now = time(NULL);
    sp_json_begin_object(writer);
    for (const struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        write_issuer(writer, issuer, now);
    }
    sp_json_end_object(writer);
}

/* Writes keys.json if anything in it changed. */

void sp_keys_file_publish(struct sp_keeper *keeper)
{
    struct sp_buffer issuers, text;
    struct sp_json_writer writer;
    unsigned char sha256[32];
    sp_buffer_init(&issuers, NULL, KEYS_FILE_BYTES);
    sp_buffer_init(&text, NULL, KEYS_FILE_BYTES);
    sp_json_writer_init(&writer, &issuers, false);
    write_issuers(&writer, keeper);
    sp_sha256(sp_buffer_str(&issuers), sha256);
    if (memcmp(sha256, keeper->written_sha256, sizeof sha256) != 0) {
        sp_json_writer_init(&writer, &text, false);
        sp_json_begin_object(&writer);
        sp_json_int_member(&writer, "generation", keeper->generation + 1);
        sp_json_name(&writer, SP_STR("issuers"));
        sp_json_put_raw(&writer, sp_buffer_str(&issuers));
        sp_json_end_object(&writer);
        bool whole = sp_buffer_status(&issuers) == SP_OK && sp_buffer_status(&text) == SP_OK;
        if (whole && sp_state_file_replace(keeper->path, sp_buffer_str(&text), 0644, -1) == SP_OK) {
            keeper->generation++;
            memcpy(keeper->written_sha256, sha256, sizeof sha256);
        } else {
            sp_log(SP_LOG_ERROR, "%s cannot be written: %s. Workers go on with the last one.", keeper->path,
                   whole ? strerror(errno) : "too large");
        }
    }
    sp_buffer_fini(&issuers);
    sp_buffer_fini(&text);
}
