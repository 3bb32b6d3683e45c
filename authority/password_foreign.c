/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/password_foreign.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/secret.h"

#define MAX_ENCODED_BYTES 160u
#define MAX_ARGON2_KIB (256u * 1024)
#define MAX_ARGON2_PASSES 16u
#define MAX_ARGON2_LANES 16u
#define MAX_BCRYPT_COST 14
#define MAX_SHA_ROUNDS 1000000l
/* libcrypt reads no further than this; bcrypt itself only 72. */
#define MAX_PHRASE_BYTES 512u

static const struct sp_str prefixes[] = {{"$2a$", 4}, {"$2b$", 4}, {"$2y$", 4}, {"$5$", 3}, {"$6$", 3}};

bool sp_password_hash_is_foreign(struct sp_str encoded)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (sp_str_has_prefix(encoded, prefixes[i]))
            return true;
    return false;
}

static bool is_of(struct sp_str text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(characters, text.at[i]) == NULL || text.at[i] == '\0')
            return false;
    return true;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char *argon2_trouble(const char *text)
{
    unsigned memory = 0, passes = 0, lanes = 0;
    int read = 0;
    if (sscanf(text, "$argon2id$v=19$m=%9u,t=%9u,p=%9u$%n", &memory, &passes, &lanes, &read) != 3 || read == 0)
        return "it is no argon2id encoding of version 19";
    if (memory > MAX_ARGON2_KIB || passes > MAX_ARGON2_PASSES || lanes > MAX_ARGON2_LANES || lanes == 0 || passes == 0)
        return "its parameters ask for more than 256 MiB, 16 passes or 16 lanes";
    struct sp_str rest = sp_str_from_cstr(text + read);
    size_t between = sp_str_index_of(rest, '$', 0);
    struct sp_str salt = sp_str_slice(rest, 0, between), hash = sp_str_slice(rest, between + 1, rest.len);
    if (salt.len < 11 || hash.len < 16 || !is_of(salt, LETTERS "+/") || !is_of(hash, LETTERS "+/"))
        return "its salt or hash is cut or no base64";
    return NULL;
}

static const char *bcrypt_trouble(struct sp_str encoded)
{
    int cost = encoded.len == 60 && encoded.at[6] == '$' ? atoi(encoded.at + 4) : -1;
    if (cost < 4 || !is_of(sp_str_slice(encoded, 7, 60), LETTERS "./"))
        return "a bcrypt hash is $2b$, two digits of cost, $ and 53 characters";
    return cost > MAX_BCRYPT_COST ? "its cost is above 14: one sign-in would take seconds" : NULL;
}

static const char *sha_trouble(struct sp_str encoded, size_t hash_len)
{
    struct sp_str rest = sp_str_slice(encoded, 3, encoded.len);
    if (sp_str_has_prefix(rest, SP_STR("rounds="))) {
        long rounds = atol(rest.at + 7);
        if (rounds < 1000 || rounds > MAX_SHA_ROUNDS)
            return "its rounds are outside of 1000 to 1000000";
        rest = sp_str_slice(rest, sp_str_index_of(rest, '$', 0) + 1, rest.len);
    }
    size_t between = sp_str_index_of(rest, '$', 0);
    struct sp_str hash = sp_str_slice(rest, between + 1, rest.len);
    if (between > 16 || hash.len != hash_len || !is_of(hash, LETTERS "./"))
        return "its salt or hash is cut or holds a character that is none of theirs";
    return NULL;
}

const char *sp_password_hash_trouble(struct sp_str encoded)
{
    char text[MAX_ENCODED_BYTES];
    if (encoded.len >= sizeof text || sp_str_index_of(encoded, '\0', 0) < encoded.len)
        return "it is longer than any hash that is taken here";
    memcpy(text, encoded.at, encoded.len);
    text[encoded.len] = '\0';
    struct sp_str copy = sp_str(text, encoded.len);
    if (sp_str_has_prefix(copy, SP_STR("$argon2id$")))
        return argon2_trouble(text);
    if (sp_str_has_prefix(copy, SP_STR("$2")) && sp_password_hash_is_foreign(copy))
        return bcrypt_trouble(copy);
    if (sp_str_has_prefix(copy, SP_STR("$5$")))
        return sha_trouble(copy, 43);
    if (sp_str_has_prefix(copy, SP_STR("$6$")))
        return sha_trouble(copy, 86);
    return "it is of no kind that can be verified here: " SP_PASSWORD_HASHES_TAKEN;
}

bool sp_password_foreign_matches(struct sp_str encoded, struct sp_str password)
{
    char setting[MAX_ENCODED_BYTES], phrase[MAX_PHRASE_BYTES];
    if (encoded.len >= sizeof setting || password.len >= sizeof phrase || !sp_password_hash_is_foreign(encoded) ||
        sp_str_index_of(password, '\0', 0) < password.len)
        return false;
    struct crypt_data *data = calloc(1, sizeof *data);
    if (data == NULL)
        return false;
    memcpy(setting, encoded.at, encoded.len);
    setting[encoded.len] = '\0';
    if (password.len > 0)
        memcpy(phrase, password.at, password.len);
    phrase[password.len] = '\0';
    const char *made = crypt_rn(phrase, setting, data, (int)sizeof *data);
    bool matches = made != NULL && sp_secret_equal(sp_str_from_cstr(made), encoded);
    sp_wipe(phrase, sizeof phrase);
    sp_wipe(data, sizeof *data);
    free(data);
    return matches;
}
