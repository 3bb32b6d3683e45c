/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_set_reader.h"

#include "core/base/url.h"
#include "core/jose/jwk_set.h"

static void release_keys(void *keys)
{
    struct sp_jwk_set *set = keys;
    sp_jwk_set_unref(&set);
}

/* takes set */
static enum sp_status keep(struct sp_settings_reader *reader, struct sp_jwk_set *set, void *at)
{
    enum sp_status status = sp_arena_defer(reader->arena, release_keys, set);
    if (status != SP_OK)
        sp_jwk_set_unref(&set);
    else
        *(const struct sp_jwk_set **)at = set;
    return status;
}

enum sp_status sp_read_key_set(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_jwk_set *set = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_is(value, SP_JSON_STRING) ? sp_jwk_set_parse(value->text, &set, &error)
                                                              : sp_jwk_set_from_json(value, &set);
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_MALFORMED;
    if (set->count == 0 || set->has_private) {
        sp_jwk_set_unref(&set);
        return SP_MALFORMED;
    }
    return keep(reader, set, at);
}

enum sp_status sp_read_public_key(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_key *key = NULL;
    struct sp_jwk_set *set = NULL;
    enum sp_status status = sp_json_is(value, SP_JSON_STRING) ? sp_key_import_pem(value->text, &key) : SP_MALFORMED;
    if (status == SP_OK && sp_key_is_private(key)) {
        sp_key_destroy(&key);
        return SP_MALFORMED;
    }
    if (status == SP_OK)
        status = sp_jwk_set_of_key(&key, SP_STR_NONE, &set);
    return status == SP_OK ? keep(reader, set, at) : status == SP_NO_MEMORY ? status : SP_MALFORMED;
}

enum sp_status sp_read_secure_url(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_url url;
    struct sp_str text = sp_json_string(value);
    (void)reader;
    if (sp_url_split(text, &url) != SP_OK || !sp_url_is_secure(&url) || url.fragment.at != NULL ||
        url.userinfo.at != NULL)
        return SP_MALFORMED;
    *(struct sp_str *)at = text;
    return SP_OK;
}

static enum sp_status find_algorithm(struct sp_str name, enum sp_algorithm *algorithm)
{
    enum sp_algorithm found = sp_algorithm_find(name);
    if ((sp_algorithm_bit(found) & sp_algorithms_asymmetric()) == 0)
        return SP_MALFORMED;
    *algorithm = found;
    return SP_OK;
}

enum sp_status sp_read_algorithm(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    return find_algorithm(sp_json_string(value), at);
}

enum sp_status sp_read_algorithms(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_str_list names;
    uint32_t set = 0;
    enum sp_status status = sp_settings_texts(reader, value, &names);
    for (size_t i = 0; status == SP_OK && i < names.count; i++) {
        enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN;
        status = find_algorithm(names.at[i], &algorithm);
        set |= sp_algorithm_bit(algorithm);
    }
    if (status == SP_OK)
        *(uint32_t *)at = set;
    return status;
}
