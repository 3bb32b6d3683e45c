/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration gives the doctor to examine. */
#include "cli/doctor.h"

#include "control/issuer_setups.h"
#include "core/base/url.h"
#include "core/oauth/client_authentication.h"

static struct sp_str text_of(const struct sp_json *object, const char *member)
{
    struct sp_str text = sp_json_string(sp_json_member(object, sp_str_from_cstr(member)));
    return text.len > 0 ? text : SP_STR_NONE;
}

/* By discovery or by a URL of keys; a file or a secret needs nobody to be asked. */
static bool is_asked(const struct sp_policy *policy, size_t index)
{
    const struct sp_json *source = policy->issuer_sources[index];
    struct sp_url url;
    bool by_hand = text_of(source, "jwks_file").at != NULL || text_of(source, "secret").at != NULL;
    struct sp_str from =
        text_of(source, "jwks_uri").at != NULL ? text_of(source, "jwks_uri") : policy->issuers[index].issuer;
    return !by_hand && sp_url_split(from, &url) == SP_OK;
}

static void release_key(void *key)
{
    struct sp_key *held = key;
    sp_key_destroy(&held);
}

/* The gateway's own credentials at the issuer. */
static enum sp_status add_introspection(struct sp_arena *arena, const struct sp_policy *policy, size_t index,
                                        struct sp_doctor_question *question)
{
    struct sp_introspection_setup setup;
    struct sp_doctor_introspection *made = SP_ARENA_NEW(arena, struct sp_doctor_introspection);
    struct sp_key *key = NULL;
    if (made == NULL) {
        return SP_NO_MEMORY;
    }
    question->introspection = made;
    enum sp_status status = sp_issuer_introspection_setup(policy, index, arena, &setup);
    *made = (struct sp_doctor_introspection){.endpoint = sp_issuer_introspection_endpoint(policy, question->name),
                                             .method = setup.method,
                                             .client_id = setup.client_id,
                                             .client_secret = setup.client_secret};
    if (status == SP_OK && setup.private_key.at != NULL) {
        status = sp_client_key_read(arena, setup.private_key, &key, &made->kid);
        made->key = key;
    }
    if (key != NULL && sp_arena_defer(arena, release_key, key) != SP_OK) {
        sp_key_destroy(&key);
        status = SP_NO_MEMORY;
    }
    if (status != SP_OK && status != SP_NO_MEMORY) {
        made->trouble = "introspection.private_key_file holds no private key that can be read";
    }
    return status == SP_NO_MEMORY ? status : SP_OK;
}

/* The others are witnesses of the time. */
static enum sp_status add_references(struct sp_arena *arena, struct sp_doctor_target *targets, size_t count,
                                     struct sp_str_list given)
{
    enum { MOST = 8 };
    for (size_t i = 0; i < count; i++) {
        struct sp_str *list = sp_arena_calloc(arena, given.count + MOST, sizeof *list);
        size_t used = 0;
        if (list == NULL) {
            return SP_NO_MEMORY;
        }
        for (; used < given.count; used++) {
            list[used] = given.at[used];
        }
        for (size_t j = 0; j < count && used < given.count + MOST; j++) {
            if (j != i && targets[j].question.issuer.len > 0 && !targets[j].is_upstream) {
                list[used++] = targets[j].question.issuer;
            }
        }
        targets[i].question.references = (struct sp_str_list){list, used};
    }
    return SP_OK;
}

static bool is_there(const struct sp_doctor_target *targets, size_t count, struct sp_str url)
{
    for (size_t i = 0; i < count; i++) {
        if (targets[i].is_upstream && sp_str_equal(targets[i].question.issuer, url)) {
            return true;
        }
    }
    return false;
}

enum sp_status sp_doctor_targets_of(struct sp_arena *arena, const struct sp_policy *policy,
                                    const struct sp_doctor_question *common, struct sp_doctor_target **targets,
                                    size_t *count)
{
    struct sp_doctor_target *made =
        sp_arena_calloc(arena, policy->issuer_count + sp_policy_server_count(policy) + 1, sizeof *made);
    size_t used = 0;
    if (made == NULL) {
        return SP_NO_MEMORY;
    }
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < policy->issuer_count && status == SP_OK; i++) {
        if (is_asked(policy, i)) {
            struct sp_doctor_question *question = &made[used++].question;
            *question = *common;
            question->name = policy->issuers[i].name;
            question->issuer = policy->issuers[i].issuer;
            question->algorithms = policy->issuers[i].algorithms;
            question->jwks_uri = text_of(policy->issuer_sources[i], "jwks_uri");
            if (text_of(policy->issuer_sources[i], "ca_file").at != NULL) {
                question->ca_file = text_of(policy->issuer_sources[i], "ca_file");
            }
            question->blocked_networks = policy->serving.blocked_networks;
            if (policy->issuers[i].introspects) {
                status = add_introspection(arena, policy, i, question);
            }
        }
    }
    if (status == SP_OK) {
        status = add_references(arena, made, used, common->references);
    }
    for (size_t i = 0; i < policy->api_count; i++) {
        const struct sp_upstream *upstream = &policy->apis[i].upstream;
        for (size_t j = 0; j < upstream->server_count; j++) {
            struct sp_url url;
            if (sp_url_split(upstream->servers[j].url, &url) != SP_OK ||
                is_there(made, used, upstream->servers[j].url)) {
                continue;
            }
            made[used].is_upstream = true;
            made[used].question = (struct sp_doctor_question){.name = policy->apis[i].name,
                                                              .issuer = upstream->servers[j].url,
                                                              .ca_file = upstream->ca_file,
                                                              .timeout_ms = common->timeout_ms,
                                                              .told = common->told};
            used++;
        }
    }
    *targets = made;
    *count = used;
    return status;
}
