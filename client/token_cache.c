/* SPDX-License-Identifier: Apache-2.0 */
#include "client/token_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/secret.h"
#include "core/jose/base64url.h"

struct sp_token_cache {
    struct sp_arena *arena;
    const char *path;              /* NULL: keeps nothing */
    int lock;                      /* descriptor of PATH.lock */
    const struct sp_json *entries; /* an array, or NULL */
};

static enum sp_status say(struct sp_token_cache *cache, struct sp_str *why, const char *path, const char *what)
{
    *why = sp_arena_printf(cache->arena, "%s: %s", path, what);
    return SP_IO;
}

/* Each folder that is missing on the way, for its owner alone. */
static void make_folders(struct sp_arena *arena, const char *path)
{
    struct sp_str copy;
    if (sp_arena_copy(arena, sp_str_from_cstr(path), &copy) != SP_OK)
        return;
    char *text = (char *)(uintptr_t)copy.at; /* our own copy */
    for (size_t i = 1; i < copy.len; i++)
        if (text[i] == '/') {
            text[i] = '\0';
            (void)mkdir(text, 0700);
            text[i] = '/';
        }
}

static enum sp_status take_lock(struct sp_token_cache *cache, struct sp_str *why)
{
    struct sp_str name = sp_arena_printf(cache->arena, "%s.lock", cache->path);
    if (name.at == NULL)
        return SP_NO_MEMORY;
    cache->lock = open(name.at, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (cache->lock < 0)
        return say(cache, why, name.at, strerror(errno));
    while (flock(cache->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return say(cache, why, name.at, strerror(errno));
    return SP_OK;
}

/* A file that somebody else owns, may write or has read is not believed. */
static const char *fault_of(const struct stat *state)
{
    if (!S_ISREG(state->st_mode))
        return "it is no regular file";
    if (state->st_uid != geteuid())
        return "it belongs to somebody else";
    if ((state->st_mode & 077) != 0)
        return "others can read or write it; make it private with chmod 600, or take it away";
    if (state->st_size > (off_t)SP_MAX_TOKEN_CACHE_BYTES)
        return "it is too large";
    return NULL;
}

static enum sp_status read_entries(struct sp_token_cache *cache, int file, size_t size, struct sp_str *why)
{
    char *bytes = sp_arena_alloc(cache->arena, size + 1);
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    size_t len = 0;
    if (bytes == NULL)
        return SP_NO_MEMORY;
    for (ssize_t got = 1; len < size && got > 0; len += got > 0 ? (size_t)got : 0) {
        got = read(file, bytes + len, size - len);
        if (got < 0)
            return say(cache, why, cache->path, strerror(errno));
    }
    enum sp_status status = sp_json_parse(cache->arena, sp_str(bytes, len), &sp_json_limits_document, &json, &error);
    if (status == SP_NO_MEMORY)
        return status;
    /* What cannot be read is begun anew: only logins are lost. */
    cache->entries = status == SP_OK ? sp_json_member(json, SP_STR("tokens")) : NULL;
    if (!sp_json_is(cache->entries, SP_JSON_ARRAY))
        cache->entries = NULL;
    return SP_OK;
}

static enum sp_status load(struct sp_token_cache *cache, struct sp_str *why)
{
    struct stat state;
    int file = open(cache->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 && errno == ENOENT)
        return SP_OK;
    if (file < 0)
        return say(cache, why, cache->path, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    enum sp_status status;
    if (fstat(file, &state) != 0)
        status = say(cache, why, cache->path, strerror(errno));
    else if (fault_of(&state) != NULL)
        status = say(cache, why, cache->path, fault_of(&state));
    else
        status = read_entries(cache, file, (size_t)state.st_size, why);
    close(file);
    return status;
}

enum sp_status sp_token_cache_open(struct sp_arena *arena, const char *path, struct sp_token_cache **cache,
                                   struct sp_str *why)
{
    struct sp_token_cache *made = SP_ARENA_NEW(arena, struct sp_token_cache);
    if (made == NULL)
        return SP_NO_MEMORY;
    *made = (struct sp_token_cache){.arena = arena, .path = path, .lock = -1};
    enum sp_status status = SP_OK;
    if (path != NULL) {
        make_folders(arena, path);
        status = take_lock(made, why);
        if (status == SP_OK)
            status = load(made, why);
    }
    if (status != SP_OK)
        sp_token_cache_close(&made);
    else
        *cache = made;
    return status;
}

void sp_token_cache_close(struct sp_token_cache **cache)
{
    if (*cache != NULL && (*cache)->lock >= 0)
        close((*cache)->lock);
    *cache = NULL;
}

/* ---- keys ---- */

static void add_list(struct sp_json_writer *writer, const char *name, struct sp_str_list list)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < list.count; i++)
        sp_json_put_string(writer, list.at[i]);
    sp_json_end_array(writer);
}

/* A hash over all of it: what was asked is nobody's to read out of the file. */
static struct sp_str identity_of(struct sp_arena *arena, const struct sp_token_key *key)
{
    unsigned char digest[32], thumbprint[32] = {0};
    struct sp_str identity = SP_STR_NONE;
    struct sp_buffer text;
    struct sp_json_writer writer;
    sp_buffer_init(&text, NULL, SP_MAX_TOKEN_CACHE_BYTES);
    sp_json_writer_init(&writer, &text, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "issuer", key->issuer);
    sp_json_string_member(&writer, "client_id", key->client_id);
    sp_json_string_member(&writer, "grant", key->grant);
    sp_json_string_member(&writer, "scope", key->scope);
    add_list(&writer, "resources", key->resources);
    add_list(&writer, "audiences", key->audiences);
    add_list(&writer, "parameters", key->parameters);
    sp_json_string_member(&writer, "subject", key->subject);
    sp_json_end_object(&writer);
    bool complete =
        sp_buffer_status(&text) == SP_OK && (key->dpop == NULL || sp_jwk_thumbprint(key->dpop, thumbprint) == SP_OK);
    sp_buffer_append(&text, sp_str((const char *)thumbprint, sizeof thumbprint));
    if (complete && sp_buffer_status(&text) == SP_OK) {
        sp_sha256(sp_buffer_str(&text), digest);
        if (sp_base64url_encode(arena, sp_str((const char *)digest, sizeof digest), &identity) != SP_OK)
            identity = SP_STR_NONE;
    }
    if (text.at != NULL)
        sp_wipe(text.at, text.len);
    sp_buffer_fini(&text);
    return identity;
}

static struct sp_str member(const struct sp_json *json, const char *name)
{
    return sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
}

bool sp_token_cache_find(struct sp_token_cache *cache, const struct sp_token_key *key, struct sp_client_tokens *tokens)
{
    struct sp_str identity = identity_of(cache->arena, key);
    for
        SP_JSON_EACH(entry, cache->entries)
        {
            const struct sp_json *response = sp_json_member(entry, SP_STR("response"));
            if (identity.len == 0 || !sp_str_equal(member(entry, "key"), identity) ||
                member(response, "access_token").len == 0)
                continue;
            *tokens = (struct sp_client_tokens){.access_token = member(response, "access_token"),
                                                .token_type = member(response, "token_type"),
                                                .refresh_token = member(entry, "refresh_token"),
                                                .id_token = member(response, "id_token"),
                                                .scope = member(response, "scope"),
                                                .response = response->text};
            if (sp_json_int64(sp_json_member(entry, SP_STR("expires_at")), &tokens->expires_at) != SP_OK)
                tokens->expires_at = 0;
            return true;
        }
    return false;
}

/* ---- writing ---- */

static bool is_of_use(const struct sp_json *entry, int64_t now)
{
    int64_t expires_at = 0;
    return member(entry, "refresh_token").len > 0 ||
           (sp_json_int64(sp_json_member(entry, SP_STR("expires_at")), &expires_at) == SP_OK && expires_at > now);
}

static void write_entries(struct sp_token_cache *cache, const struct sp_token_key *key, struct sp_str identity,
                          const struct sp_client_tokens *tokens, int64_t now, struct sp_buffer *text)
{
    struct sp_json_writer writer;
    unsigned count = 0;
    sp_json_writer_init(&writer, text, false);
    sp_json_begin_object(&writer);
    sp_json_name(&writer, SP_STR("tokens"));
    sp_json_begin_array(&writer);
    /* The newest stands first, so that the oldest fall off. */
    if (tokens != NULL) {
        sp_json_begin_object(&writer);
        sp_json_string_member(&writer, "key", identity);
        sp_json_string_member(&writer, "issuer", key->issuer);
        sp_json_string_member(&writer, "client_id", key->client_id);
        sp_json_int_member(&writer, "expires_at", tokens->expires_at);
        if (tokens->refresh_token.len > 0)
            sp_json_string_member(&writer, "refresh_token", tokens->refresh_token);
        sp_json_name(&writer, SP_STR("response"));
        sp_json_put_raw(&writer, tokens->response);
        sp_json_end_object(&writer);
        count++;
    }
    for
        SP_JSON_EACH(entry, cache->entries)
        {
            if (count < SP_MAX_CACHED_TOKENS && text->len < SP_MAX_TOKEN_CACHE_BYTES / 2 && is_of_use(entry, now) &&
                !sp_str_equal(member(entry, "key"), identity)) {
                sp_json_put_value(&writer, entry);
                count++;
            }
        }
    sp_json_end_array(&writer);
    sp_json_end_object(&writer);
}

static bool write_whole(int file, struct sp_str text)
{
    while (text.len > 0) {
        ssize_t put = write(file, text.at, text.len);
        if (put < 0 && errno != EINTR)
            return false;
        text = sp_str_slice(text, put > 0 ? (size_t)put : 0, text.len);
    }
    return fsync(file) == 0;
}

static enum sp_status replace(struct sp_token_cache *cache, struct sp_str text, struct sp_str *why)
{
    struct sp_str name = sp_arena_printf(cache->arena, "%s.new", cache->path);
    if (name.at == NULL)
        return SP_NO_MEMORY;
    (void)unlink(name.at); /* of a command that died; the lock is ours */
    int file = open(name.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return say(cache, why, name.at, strerror(errno));
    bool written = write_whole(file, text);
    int error = errno;
    if (close(file) != 0 || !written || rename(name.at, cache->path) != 0) {
        error = written ? errno : error;
        (void)unlink(name.at);
        return say(cache, why, cache->path, strerror(error));
    }
    return SP_OK;
}

enum sp_status sp_token_cache_put(struct sp_token_cache *cache, const struct sp_token_key *key,
                                  const struct sp_client_tokens *tokens, int64_t now, struct sp_str *why)
{
    struct sp_buffer text;
    if (cache->path == NULL)
        return SP_OK;
    struct sp_str identity = identity_of(cache->arena, key);
    if (identity.len == 0)
        return SP_NO_MEMORY;
    sp_buffer_init(&text, NULL, SP_MAX_TOKEN_CACHE_BYTES);
    write_entries(cache, key, identity, tokens, now, &text);
    enum sp_status status = sp_buffer_status(&text);
    if (status == SP_OK)
        status = replace(cache, sp_buffer_str(&text), why);
    if (text.at != NULL)
        sp_wipe(text.at, text.len);
    sp_buffer_fini(&text);
    return status;
}
