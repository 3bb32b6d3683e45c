/* SPDX-License-Identifier: Apache-2.0 */
#include "control/issuer_setups.h"
#include <errno.h>
#include "control/log.h"
#include "control/state_file.h"
#include "core/policy/settings.h"
#include "probe/file.h"

#define MAX_KEY_FILE_BYTES ((size_t)64 * 1024)

/* An empty text means "not given" to the configuration; here that is an absent one. */
static struct sp_str given(const struct sp_json *object, enum sp_setting setting)
{
    struct sp_str text = sp_setting_text(object, setting);
    return text.len > 0 ? text : SP_STR_NONE;
}

enum sp_status sp_issuer_introspection_setup(const struct sp_policy *policy, size_t index, struct sp_arena *arena,
                                             struct sp_introspection_setup *setup)
{
    const struct sp_json *source = policy->issuer_sources[index];
    const struct sp_json *introspection = sp_setting_value(source, SP_SETTING_ISSUER_INTROSPECTION);
    struct sp_str file = given(introspection, SP_SETTING_INTROSPECTION_PRIVATE_KEY_FILE), terminated;
    *setup = (struct sp_introspection_setup){
        .name = policy->issuers[index].name,
        .issuer = policy->issuers[index].issuer,
        .client_id = given(introspection, SP_SETTING_INTROSPECTION_CLIENT_ID),
        .client_secret = given(introspection, SP_SETTING_INTROSPECTION_CLIENT_SECRET),
        .method = sp_choice_at(sp_setting_get(SP_SETTING_INTROSPECTION_METHOD)->standard,
                               sp_setting_choice(introspection, SP_SETTING_INTROSPECTION_METHOD)),
        .ca_file = given(source, SP_SETTING_ISSUER_CA_FILE),
        .cache_s = sp_setting_number(introspection, SP_SETTING_INTROSPECTION_CACHE) / 1000,
    };
    if (!sp_str_equal(setup->method, SP_STR("private_key_jwt"))) {
        return SP_OK;
    }
    enum sp_status status = sp_arena_copy(arena, file, &terminated);
    if (status == SP_OK) {
        status = file.at != NULL ? sp_file_read(arena, terminated.at, MAX_KEY_FILE_BYTES, &setup->private_key)
                                 : SP_NOT_FOUND;
    }
    if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "issuer %.*s: introspection.private_key_file %.*s cannot be read: %s",
               SP_STR_ARG(setup->name), SP_STR_ARG(file), file.at != NULL ? strerror(errno) : "it is not given");
    }
    return status;
}

enum sp_status sp_issuer_setups_make(const struct sp_policy *policy, struct sp_arena *arena,
                                     struct sp_issuer_setups *setups)
{
    struct sp_issuer_setups made = {
        .keeper = sp_arena_calloc(arena, policy->issuer_count, sizeof *made.keeper),
        .introspection = sp_arena_calloc(arena, policy->issuer_count, sizeof *made.introspection),
    };
    if (made.keeper == NULL || made.introspection == NULL) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < policy->issuer_count; i++) {
        const struct sp_json *source = policy->issuer_sources[i];
        struct sp_keeper_issuer *issuer = &made.keeper[made.keeper_count++];
        *issuer = (struct sp_keeper_issuer){
            .name = policy->issuers[i].name,
            .issuer = policy->issuers[i].issuer.len > 0 ? policy->issuers[i].issuer : SP_STR_NONE,
            .jwks_uri = given(source, SP_SETTING_ISSUER_JWKS_URI),
            .jwks_file = given(source, SP_SETTING_ISSUER_JWKS_FILE),
            .ca_file = given(source, SP_SETTING_ISSUER_CA_FILE),
            .heals = policy->issuers[i].heals,
            .refresh_s = (policy->serving.key_refresh_ms + 999) / 1000,
            /* A shared secret needs no key set. */
            .needs_keys = given(source, SP_SETTING_ISSUER_SECRET).at == NULL,
        };
        if (policy->issuers[i].introspects) {
            enum sp_status status =
                sp_issuer_introspection_setup(policy, i, arena, &made.introspection[made.introspection_count++]);
            if (status != SP_OK) {
                return status == SP_NO_MEMORY ? status : SP_IO;
            }
        }
    }
    *setups = made;
    return SP_OK;
}

struct sp_str sp_issuer_introspection_endpoint(const struct sp_policy *policy, struct sp_str issuer)
{
    for (size_t i = 0; i < policy->issuer_count; i++) {
        if (sp_str_equal(policy->issuers[i].name, issuer)) {
            return given(sp_setting_value(policy->issuer_sources[i], SP_SETTING_ISSUER_INTROSPECTION),
                         SP_SETTING_INTROSPECTION_ENDPOINT);
        }
    }
    return SP_STR_NONE;
}
