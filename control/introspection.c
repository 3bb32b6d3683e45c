/* SPDX-License-Identifier: Apache-2.0 */
#include "control/introspection.h"
#include <stdlib.h>
#include <time.h>
#include <uthash.h>
#include "control/log.h"
#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/diagnosis/introspection.h"
#include "core/oauth/client_authentication.h"
#include "core/oauth/form.h"

#define MAX_KEPT_ANSWERS 20000u
#define MAX_ASKED 4096u /* questions in flight: beyond it callers are told that the endpoint is out of reach */
#define INACTIVE_KEPT_S 5
#define FAILURE_KEPT_S 1
#define CONNECT_TIMEOUT_MS 3000
#define ASK_TIMEOUT_MS 8000
/* Its names, and its key as a JWK. */
#define ISSUER_ARENA_BYTES ((size_t)256 * 1024)
#define ASK_ARENA_BYTES ((size_t)16 * 1024 * 1024)

struct issuer {
    struct issuer *next;
    struct sp_arena *arena;
    struct sp_introspection_setup setup;
    struct sp_secret *secret;
    struct sp_key *key;
    struct sp_str kid;
};

struct waiter {
    struct waiter *next;
    void (*done)(void *data, struct sp_str answer);
    void *data;
};

/* A question in flight (answer == NULL) or an answer kept. */
struct entry {
    unsigned char sha256[32];
    struct sp_introspector *introspector;
    const struct issuer *issuer;
    struct waiter *waiters;
    char *answer;
    size_t answer_len;
    int64_t keep_until, keep_until_ms; /* by the wall clock, and by the one that is never set back */
    UT_hash_handle hh;
};

struct sp_introspector {
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    struct issuer *issuers;
    struct entry *entries; /* oldest first, as uthash keeps the order of adding */
    size_t asked;
    struct sp_str_list blocked_networks;
    struct sp_introspector_counts counts;
};

/* ---- setups ---- */

static void destroy_issuer(struct issuer *issuer)
{
    sp_secret_destroy(&issuer->secret);
    sp_key_destroy(&issuer->key);
    sp_arena_destroy(&issuer->arena);
    free(issuer);
}

static struct issuer *create_issuer(const struct sp_introspection_setup *setup, enum sp_status *status)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    *status = SP_NO_MEMORY;
    if (issuer == NULL) {
        return NULL;
    }
    issuer->setup = *setup;
    issuer->setup.client_secret = issuer->setup.private_key = SP_STR_NONE;
    issuer->arena = sp_arena_create(ISSUER_ARENA_BYTES);
    issuer->secret = sp_secret_create(setup->client_secret);
    if (issuer->arena == NULL || issuer->secret == NULL ||
        sp_arena_copy(issuer->arena, setup->name, &issuer->setup.name) != SP_OK ||
        sp_arena_copy(issuer->arena, setup->issuer, &issuer->setup.issuer) != SP_OK ||
        sp_arena_copy(issuer->arena, setup->client_id, &issuer->setup.client_id) != SP_OK ||
        sp_arena_copy(issuer->arena, setup->ca_file, &issuer->setup.ca_file) != SP_OK) {
        destroy_issuer(issuer);
        return NULL;
    }
    if (setup->private_key.at != NULL &&
        sp_client_key_read(issuer->arena, setup->private_key, &issuer->key, &issuer->kid) != SP_OK) {
        sp_log(SP_LOG_ERROR, "issuer %.*s: introspection.private_key_file holds no private key in PEM or JWK form",
               SP_STR_ARG(setup->name));
        *status = SP_MALFORMED;
        destroy_issuer(issuer);
        return NULL;
    }
    *status = SP_OK;
    return issuer;
}

static void destroy_issuers(struct issuer *issuers)
{
    while (issuers != NULL) {
        struct issuer *next = issuers->next;
        destroy_issuer(issuers);
        issuers = next;
    }
}

static const struct issuer *find_issuer(const struct sp_introspector *introspector, struct sp_str name)
{
    for (const struct issuer *issuer = introspector->issuers; issuer != NULL; issuer = issuer->next) {
        if (sp_str_equal(issuer->setup.name, name)) {
            return issuer;
        }
    }
    return NULL;
}

/* ---- entries ---- */

static void remove_entry(struct entry *entry)
{
    HASH_DELETE(hh, entry->introspector->entries, entry);
    free(entry->answer);
    free(entry);
}

static void tell(struct entry *entry, struct sp_str answer)
{
    struct waiter *waiter = entry->waiters;
    entry->waiters = NULL;
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        waiter->done(waiter->data, answer);
        free(waiter);
        waiter = next;
    }
}

static void write_failure(struct sp_buffer *out, enum sp_cause cause, enum sp_cause reason, struct sp_str detail)
{
    struct sp_json_writer writer;
    sp_json_writer_init(&writer, out, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "outcome", sp_cause_get(cause)->id);
    sp_json_string_member(&writer, "cause", sp_cause_get(cause)->id);
    if (reason != SP_CAUSE_NONE) {
        sp_json_string_member(&writer, "reason", sp_cause_get(reason)->id);
    }
    if (detail.at != NULL) {
        sp_json_string_member(&writer, "detail", detail);
    }
    sp_json_end_object(&writer);
}

/* Whoever waits is told; everything is forgotten. */
static void forget_all(struct sp_introspector *introspector)
{
    static const struct sp_str gone = {
        "{\"outcome\":\"introspection.unreachable\",\"cause\":\"introspection.unreachable\","
        "\"detail\":\"The configuration changed while the question was asked.\"}",
        sizeof "{\"outcome\":\"introspection.unreachable\",\"cause\":\"introspection.unreachable\","
               "\"detail\":\"The configuration changed while the question was asked.\"}" -
            1};
    struct entry *entry, *next;
    HASH_ITER(hh, introspector->entries, entry, next)
    {
        sp_fetcher_cancel(introspector->fetcher, entry);
        tell(entry, gone);
        remove_entry(entry);
    }
    introspector->asked = 0;
}

/* The oldest answers give way; questions in flight stay. */
static void make_room(struct sp_introspector *introspector)
{
    struct entry *entry, *next;
    if (HASH_COUNT(introspector->entries) < MAX_KEPT_ANSWERS) {
        return;
    }
    size_t surplus = MAX_KEPT_ANSWERS / 10;
    HASH_ITER(hh, introspector->entries, entry, next)
    {
        if (entry->answer != NULL && surplus > 0) {
            remove_entry(entry);
            surplus--;
        }
    }
}

struct sp_introspector *sp_introspector_create(struct sp_loop *loop, struct sp_fetcher *fetcher)
{
    struct sp_introspector *introspector = calloc(1, sizeof *introspector);
    if (introspector != NULL) {
        introspector->loop = loop;
        introspector->fetcher = fetcher;
    }
    return introspector;
}

void sp_introspector_destroy(struct sp_introspector **introspector)
{
    if (*introspector != NULL) {
        forget_all(*introspector);
        destroy_issuers((*introspector)->issuers);
        free(*introspector);
        *introspector = NULL;
    }
}

enum sp_status sp_introspector_configure(struct sp_introspector *introspector,
                                         const struct sp_introspection_setup *setups, size_t count,
                                         struct sp_str_list blocked_networks)
{
    struct issuer *made = NULL;
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < count && status == SP_OK; i++) {
        struct issuer *issuer = create_issuer(&setups[i], &status);
        if (issuer != NULL) {
            issuer->next = made;
            made = issuer;
        }
    }
    if (status != SP_OK) {
        destroy_issuers(made);
        return status;
    }
    forget_all(introspector);
    destroy_issuers(introspector->issuers);
    introspector->issuers = made;
    introspector->blocked_networks = blocked_networks;
    return SP_OK;
}

/* ---- asking ---- */

static void keep(struct entry *entry, struct sp_str answer, int64_t keep_until)
{
    entry->introspector->asked--;
    entry->answer = keep_until > 0 ? strndup(answer.at, answer.len) : NULL;
    entry->answer_len = answer.len;
    entry->keep_until = keep_until;
    entry->keep_until_ms = sp_loop_now_ms() + (keep_until - (int64_t)time(NULL)) * 1000;
    tell(entry, answer);
    if (entry->answer == NULL) {
        remove_entry(entry);
    }
}

static void answer_came(void *data, const struct sp_fetch_report *report)
{
    struct entry *entry = data;
    struct sp_arena *arena = sp_arena_create(ASK_ARENA_BYTES);
    struct sp_introspection_outcome outcome = {.failure = SP_CAUSE_INTROSPECTION_UNREACHABLE};
    struct sp_buffer out;
    int64_t now = time(NULL), keep_until;
    if (arena != NULL) {
        sp_introspection_judge(arena, report, &outcome);
    }
    sp_buffer_init(&out, NULL, 2 * SP_MAX_INTROSPECTION_BYTES);
    if (outcome.failure == SP_CAUSE_NONE) {
        int64_t longest = outcome.active ? entry->issuer->setup.cache_s : INACTIVE_KEPT_S;
        keep_until = longest > 0 ? now + longest : 0;
        if (outcome.active && outcome.expires_at != 0 && outcome.expires_at < keep_until) {
            keep_until = outcome.expires_at;
        }
        /* A worker that keeps it too forgets it at the same moment: two caches in a row do not double the time. */
        sp_buffer_printf(
            &out, "{\"outcome\":\"answered\",\"status\":200,\"keep_until\":%lld,\"answer\":", (long long)keep_until);
        sp_buffer_append(&out, report->body); /* judged to be a JSON object */
        sp_buffer_append_char(&out, '}');
    } else {
        write_failure(&out, outcome.failure, outcome.reason, outcome.detail);
        keep_until = now + FAILURE_KEPT_S;
        entry->introspector->counts.failed++;
    }
    keep(entry, sp_buffer_str(&out), keep_until);
    sp_buffer_fini(&out);
    sp_arena_destroy(&arena);
}

static enum sp_status start(struct sp_introspector *introspector, struct entry *entry, struct sp_str endpoint,
                            struct sp_str token)
{
    const struct issuer *issuer = entry->issuer;
    struct sp_arena *arena = sp_arena_create(1024 * 1024);
    struct sp_buffer form;
    struct sp_http_call *call;
    struct sp_http_request request = {
        .url = endpoint,
        .ca_file = issuer->setup.ca_file,
        .blocked_networks = introspector->blocked_networks,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = ASK_TIMEOUT_MS,
        .max_bytes = SP_MAX_INTROSPECTION_BYTES,
    };
    struct sp_client_proof proof = {
        .method = issuer->setup.method,
        .client_id = issuer->setup.client_id,
        .secret = sp_secret_bytes(issuer->secret),
        .audience = issuer->setup.issuer,
        .key = issuer->key,
        .kid = issuer->kid,
        .algorithm = issuer->key != NULL ? sp_key_signs_with(issuer->key, 0) : SP_ALGORITHM_UNKNOWN,
        .now = time(NULL),
    };
    if (arena == NULL) {
        return SP_NO_MEMORY;
    }
    sp_buffer_init(&form, NULL, 4 * SP_MAX_TOKEN_BYTES + 16 * 1024);
    sp_buffer_append(&form, SP_STR("token="));
    sp_form_encode(&form, token);
    sp_buffer_append(&form, SP_STR("&token_type_hint=access_token"));
    enum sp_status status = sp_random_text(arena, &proof.jti);
    if (status == SP_OK) {
        status = sp_client_prove(arena, &proof, &form, &request.authorization);
    }
    if (status == SP_OK) {
        request.form = sp_buffer_str(&form);
        status = sp_http_call_create(&request, &call);
    }
    if (status == SP_OK) {
        introspector->counts.asked++;
        status = sp_fetcher_start(introspector->fetcher, call, answer_came, entry);
    }
    sp_wipe(form.at, form.len);
    sp_buffer_fini(&form);
    if (request.authorization.at != NULL) {
        sp_wipe((char *)(uintptr_t)request.authorization.at, request.authorization.len); /* our own arena's */
    }
    sp_arena_destroy(&arena);
    return status;
}

static bool add_waiter(struct entry *entry, void (*done)(void *data, struct sp_str answer), void *data)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) {
        return false;
    }
    *waiter = (struct waiter){.next = entry->waiters, .done = done, .data = data};
    entry->waiters = waiter;
    return true;
}

static void fail_at_once(void (*done)(void *data, struct sp_str answer), void *data, enum sp_cause cause,
                         struct sp_str detail)
{
    struct sp_buffer out;
    sp_buffer_init(&out, NULL, 4096);
    write_failure(&out, cause, SP_CAUSE_NONE, detail);
    done(data, sp_buffer_str(&out));
    sp_buffer_fini(&out);
}

static void hash_question(struct sp_str issuer, struct sp_str token, unsigned char sha256[32])
{
    unsigned char parts[64];
    sp_sha256(issuer, parts);
    sp_sha256(token, parts + 32);
    sp_sha256(sp_str((const char *)parts, sizeof parts), sha256);
}

enum sp_status sp_introspector_ask(struct sp_introspector *introspector, struct sp_str issuer_name,
                                   struct sp_str endpoint, struct sp_str token,
                                   void (*done)(void *data, struct sp_str answer), void *data)
{
    unsigned char sha256[32];
    struct entry *entry;
    const struct issuer *issuer = find_issuer(introspector, issuer_name);
    if (issuer == NULL) {
        return SP_NOT_FOUND;
    }
    hash_question(issuer_name, token, sha256);
    HASH_FIND(hh, introspector->entries, sha256, sizeof sha256, entry);
    if (entry != NULL && entry->answer != NULL) {
        if ((int64_t)time(NULL) < entry->keep_until && sp_loop_now_ms() < entry->keep_until_ms) {
            introspector->counts.from_cache++;
            done(data, sp_str(entry->answer, entry->answer_len));
            return SP_OK;
        }
        remove_entry(entry);
        entry = NULL;
    }
    if (entry != NULL) {
        introspector->counts.joined++;
        return add_waiter(entry, done, data) ? SP_OK : SP_NO_MEMORY;
    }
    if (endpoint.at == NULL || introspector->asked >= MAX_ASKED) {
        fail_at_once(
            done, data, SP_CAUSE_INTROSPECTION_UNREACHABLE,
            endpoint.at == NULL
                ? SP_STR("The introspection endpoint is neither configured nor known from the issuer's metadata.")
                : SP_STR("Too many questions wait for this issuer's answer."));
        return SP_OK;
    }
    make_room(introspector);
    entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return SP_NO_MEMORY;
    }
    *entry = (struct entry){.introspector = introspector, .issuer = issuer};
    memcpy(entry->sha256, sha256, sizeof sha256);
    if (!add_waiter(entry, done, data)) {
        free(entry);
        return SP_NO_MEMORY;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer loses the list inside uthash's macros */
    HASH_ADD(hh, introspector->entries, sha256, sizeof entry->sha256, entry);
    introspector->asked++;
    enum sp_status status = start(introspector, entry, endpoint, token);
    if (status != SP_OK) {
        struct sp_buffer out;
        sp_buffer_init(&out, NULL, 4096);
        write_failure(&out, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CAUSE_NONE,
                      status == SP_MALFORMED ? SP_STR("The introspection endpoint is no https URL.")
                      : status == SP_UNSUPPORTED
                          ? SP_STR("The configured method needs a secret or a key that is not configured.")
                          : SP_STR("The question could not be asked."));
        keep(entry, sp_buffer_str(&out), 0);
        sp_buffer_fini(&out);
    }
    return SP_OK;
}

void sp_introspector_forget(struct sp_introspector *introspector, const void *data)
{
    struct entry *entry, *next_entry;
    HASH_ITER(hh, introspector->entries, entry, next_entry)
    {
        for (struct waiter **at = &entry->waiters; *at != NULL;) {
            struct waiter *waiter = *at;
            if (waiter->data == data) {
                *at = waiter->next;
                free(waiter);
            } else {
                at = &waiter->next;
            }
        }
    }
}

void sp_introspector_counts(const struct sp_introspector *introspector, struct sp_introspector_counts *counts)
{
    *counts = introspector->counts;
}
