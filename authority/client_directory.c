/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_directory.h"

#include <stdlib.h>
#include "authority/client_metadata.h"
#include "authority/denial.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* Clients in use at one time on one node; one more costs a query each time it takes another's place. */
#define PLACES 512u
#define ENTRY_ARENA_BYTES (512u * 1024)
#define PURGED_AT_ONCE 20u
/* Clients hold up to SP_MAX_REGISTRATION_BYTES each. */
#define PURGE_ARENA_BYTES (4u * 1024 * 1024)
/* Whoever registers has this long to get a first token before others may take the place. */
#define SETTLING_S 3600

struct entry {
    unsigned holders; /* the place and the calls that looked it up */
    struct sp_arena *arena;
    struct sp_client client;
};

struct sp_client_directory {
    struct entry *places[PLACES];
    uint64_t lost_turns;
    uint64_t run;    /* of the loop, in which the store's version was looked at last */
    int64_t version; /* the store's then */
};

static void let_go(void *held)
{
    struct entry *entry = held;
    if (entry == NULL || --entry->holders > 0)
        return;
    sp_arena_destroy(&entry->arena);
    free(entry);
}

static size_t place_of(struct sp_str id)
{
    unsigned char hash[32];
    sp_sha256(id, hash);
    return ((size_t)hash[0] << 8 | hash[1]) % PLACES;
}

static void forget_all(struct sp_client_directory *directory)
{
    for (size_t i = 0; i < PLACES; i++) {
        let_go(directory->places[i]);
        directory->places[i] = NULL;
    }
}

void sp_client_directory_forget(struct sp_authority *authority, struct sp_str id)
{
    struct sp_client_directory *directory = authority->directory;
    if (directory == NULL)
        return;
    if (id.at == NULL) {
        forget_all(directory);
        return;
    }
    size_t place = place_of(id);
    let_go(directory->places[place]);
    directory->places[place] = NULL;
}

void sp_client_directory_destroy(struct sp_client_directory **directory)
{
    if (*directory != NULL)
        forget_all(*directory);
    free(*directory);
    *directory = NULL;
}

/* ---- a record ---- */
enum sp_status sp_registered_client_read(struct sp_arena *arena, struct sp_str data, struct sp_registered_client *out)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_str kept, hash;
    enum sp_status status = sp_arena_copy(arena, data, &kept);
    if (status == SP_OK)
        status = sp_json_parse(arena, kept, &sp_json_limits_document, &json, &error);
    if (status != SP_OK)
        return status;
    struct sp_registered_client read = {.metadata = sp_json_member(json, SP_STR("metadata")),
                                        .token_hash = sp_json_string(sp_json_member(json, SP_STR("token")))};
    struct sp_str secret = sp_json_string(sp_json_member(json, SP_STR("secret")));
    if (!sp_json_is(read.metadata, SP_JSON_OBJECT) || read.token_hash.len == 0)
        return SP_MALFORMED;
    if (secret.at != NULL) {
        status = sp_base64url_decode(arena, secret, &hash);
        if (status != SP_OK || hash.len != 32)
            return status != SP_OK ? status : SP_MALFORMED;
        read.secret = (struct sp_client_secret){.kind = SP_CLIENT_SECRET_SHA256};
        memcpy(read.secret.sha256, hash.at, 32);
        read.has_secret = true;
    }
    *out = read;
    return SP_OK;
}

static enum sp_status read_entry(const struct sp_authority_settings *settings, const struct sp_record *record,
                                 struct entry *entry)
{
    struct sp_registered_client *registered = SP_ARENA_NEW(entry->arena, struct sp_registered_client);
    struct sp_metadata_fault fault;
    enum sp_status status =
        registered != NULL ? sp_registered_client_read(entry->arena, record->data, registered) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_arena_copy(entry->arena, record->id, &entry->client.id);
    if (status != SP_OK)
        return status;
    const struct sp_metadata_terms terms = {
        .settings = settings, .secret = registered->has_secret ? &registered->secret : NULL, .kept = true};
    status = sp_client_metadata_read(entry->arena, &terms, registered->metadata, &entry->client, &fault);
    entry->client.kept_until = record->due_at;
    return status;
}

static enum sp_status load(struct sp_call *call, struct sp_str id, struct entry **out)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_CLIENT, id, call->arena, &record);
    if (status != SP_OK)
        return status;
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL || (entry->arena = sp_arena_create(ENTRY_ARENA_BYTES)) == NULL) {
        free(entry);
        return SP_NO_MEMORY;
    }
    entry->holders = 1;
    status = read_entry(call->authority->settings, &record, entry);
    if (status != SP_OK) {
        let_go(entry);
        /* It was fine when it registered; the configuration allows it no more (mTLS was switched off, …). */
        return status == SP_MALFORMED ? SP_NOT_FOUND : status;
    }
    *out = entry;
    return SP_OK;
}

/* What was read while writes waited for a flush that failed never was. */
static struct sp_client_directory *directory_of(struct sp_authority *authority)
{
    if (authority->directory == NULL)
        authority->directory = calloc(1, sizeof *authority->directory);
    struct sp_client_directory *directory = authority->directory;
    if (directory != NULL && directory->lost_turns != authority->lost_turns) {
        forget_all(directory);
        directory->lost_turns = authority->lost_turns;
    }
    return directory;
}

/* What another node or the command line changed is old from its very answer on. One look serves all calls of a run. */
static enum sp_status look_for_changes(const struct sp_authority *authority, struct sp_client_directory *directory)
{
    int64_t version = 0;
    if (directory->run == authority->runs)
        return SP_OK;
    enum sp_status status = authority->store->methods->version(authority->store, &version);
    if (status != SP_OK)
        return status;
    if (version != directory->version)
        forget_all(directory);
    directory->version = version;
    directory->run = authority->runs;
    return SP_OK;
}

static enum sp_status find(struct sp_call *call, struct sp_str id, const struct sp_client **client)
{
    struct sp_client_directory *directory = directory_of(call->authority);
    if (directory == NULL)
        return SP_NO_MEMORY;
    enum sp_status fresh = look_for_changes(call->authority, directory);
    if (fresh != SP_OK)
        return fresh;
    size_t place = place_of(id);
    struct entry *entry = directory->places[place];
    if (entry == NULL || !sp_str_equal(entry->client.id, id)) {
        enum sp_status status = load(call, id, &entry);
        if (status != SP_OK)
            return status;
        let_go(directory->places[place]);
        directory->places[place] = entry;
    }
    entry->holders++;
    enum sp_status status = sp_arena_defer(call->arena, let_go, entry);
    if (status != SP_OK)
        let_go(entry);
    else
        *client = &entry->client;
    return status;
}

enum sp_status sp_client_find_any(struct sp_call *call, struct sp_str id, const struct sp_client **client)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    *client = sp_client_find(settings, id);
    if (*client != NULL || !settings->registration.enabled ||
        !sp_str_has_prefix(id, SP_STR(SP_REGISTERED_CLIENT_PREFIX)) || id.len > 64)
        return SP_OK;
    enum sp_status status = find(call, id, client);
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_step sp_client_look_up(struct sp_call *call, struct sp_str id, const struct sp_client **client)
{
    enum sp_status status = sp_client_find_any(call, id, client);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

const struct sp_client *sp_client_look_up_or_none(struct sp_call *call, struct sp_str id)
{
    const struct sp_client *client = NULL;
    return sp_client_find_any(call, id, &client) == SP_OK ? client : NULL;
}

/* ---- clients that nobody uses ---- */
static enum sp_status keep(struct sp_call *call, struct sp_str id, int64_t until)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_CLIENT, id, call->arena, &record);
    if (status != SP_OK || record.due_at == 0) /* gone, or another node did it */
        return status;
    record.due_at = until;
    return store->methods->put_record(store, &record, NULL);
}

void sp_client_directory_keep(struct sp_call *call, const struct sp_client *client, bool for_itself)
{
    struct sp_store *store = call->authority->store;
    const int64_t lifetime_s = call->authority->settings->registration.unused_lifetime_s;
    const int64_t until = for_itself ? call->now + lifetime_s : 0;
    /* Not with each token: an eighth of the time says as much. */
    if (client->kept_until == 0 || (for_itself && until - client->kept_until < lifetime_s / 8) ||
        store->methods->begin(store) != SP_OK)
        return;
    if (sp_store_settle(store, keep(call, client->id, until)) == SP_OK)
        sp_client_directory_forget(call->authority, client->id);
}

static enum sp_status drop_due(struct sp_authority *authority, struct sp_arena *arena, int64_t now, size_t most,
                               int64_t made_before, size_t *dropped)
{
    struct sp_store *store = authority->store;
    struct sp_record *records = NULL;
    size_t count = 0;
    *dropped = 0;
    enum sp_status status = store->methods->list_due(store, SP_RECORD_CLIENT, now, most, arena, &records, &count);
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        if (records[i].created_at > made_before)
            continue;
        status = store->methods->drop_record(store, SP_RECORD_CLIENT, records[i].id);
        sp_client_directory_forget(authority, records[i].id);
        *dropped += status == SP_OK;
    }
    return status;
}

enum sp_status sp_client_directory_purge(struct sp_authority *authority, int64_t now)
{
    struct sp_store *store = authority->store;
    struct sp_record *records = NULL;
    size_t count = 0;
    struct sp_arena *arena = sp_arena_create(PURGE_ARENA_BYTES);
    if (arena == NULL)
        return SP_NO_MEMORY;
    /* Most seconds there is none, and a look costs no write. */
    enum sp_status status = store->methods->list_due(store, SP_RECORD_CLIENT, now, 1, arena, &records, &count);
    if (status == SP_OK && count > 0)
        status = store->methods->begin(store);
    if (status == SP_OK && count > 0) {
        status = drop_due(authority, arena, now, PURGED_AT_ONCE, now, &count);
        status = sp_store_commit(store, status);
    }
    sp_arena_destroy(&arena);
    return status;
}

enum sp_status sp_client_directory_make_room(struct sp_call *call, bool *made)
{
    size_t dropped = 0;
    enum sp_status status = drop_due(call->authority, call->arena, INT64_MAX, 1, call->now - SETTLING_S, &dropped);
    *made = dropped > 0;
    return status;
}
