/* SPDX-License-Identifier: Apache-2.0 */
/* consumers.NAME, found by API key and by client id in O(1). Only hashes of keys are known here; what is compared with
 * an attacker's value is compared in constant time. */
#include "core/base/secret.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"

/* text: "sha256:" and 64 digits, validated. */
static void read_hash(struct sp_str text, unsigned char sha256[32])
{
    const char *digits = text.at + text.len - 64;
    for (size_t i = 0; i < 32; i++) {
        sha256[i] = (unsigned char)(sp_hex_digit(digits[2 * i]) * 16 + sp_hex_digit(digits[2 * i + 1]));
    }
}

/* SHA-256 spreads evenly, so its first bytes are the hash. */
static struct sp_key_slot *key_slot(const struct sp_policy_parts *parts, const unsigned char sha256[32])
{
    uint64_t start;
    memcpy(&start, sha256, sizeof start);
    for (size_t i = (size_t)start;; i++) {
        struct sp_key_slot *slot = &parts->keys[i & parts->key_mask];
        if (slot->consumer == SP_INDEX_NONE ||
            sp_secret_equal(sp_str((const char *)slot->sha256, 32), sp_str((const char *)sha256, 32))) {
            return slot;
        }
    }
}

static void complain_of_second_owner(struct sp_draft *draft, const struct sp_policy_parts *parts,
                                     const struct sp_json *value, const char *what, uint32_t owner, uint32_t second)
{
    struct sp_str first_name = parts->policy.consumers[owner].name, name = parts->policy.consumers[second].name;
    const struct sp_complaint complaint = {
        .cause = SP_CAUSE_CONFIG_REFERENCE,
        .value = value,
        .where = sp_draft_printf(draft, "consumers.%.*s", SP_STR_ARG(name)),
        .expected = sp_draft_printf(draft, "one consumer for each %s", what),
        .received = sp_draft_printf(draft, "consumers %.*s and %.*s", SP_STR_ARG(first_name), SP_STR_ARG(name)),
        .detail = sp_draft_printf(draft, "The %s", what)};
    sp_draft_complain(draft, &complaint, "the %s of consumers.%.*s belongs to consumers.%.*s already", what,
                      SP_STR_ARG(name), SP_STR_ARG(first_name));
}

static void add_keys(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                     uint32_t consumer)
{
    size_t count;
    const struct sp_json *key = sp_first_element(sp_setting_value(object, SP_SETTING_CONSUMER_API_KEYS), &count);
    for (; count > 0; count--, key = key->next) {
        unsigned char sha256[32];
        read_hash(key->text, sha256);
        struct sp_key_slot *slot = key_slot(parts, sha256);
        if (slot->consumer == SP_INDEX_NONE) {
            memcpy(slot->sha256, sha256, sizeof sha256);
            slot->consumer = consumer;
        } else if (slot->consumer != consumer) {
            complain_of_second_owner(draft, parts, key, "API key", slot->consumer, consumer);
        }
    }
}

static void add_client_ids(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                           uint32_t consumer)
{
    size_t count;
    const struct sp_json *id = sp_first_element(sp_setting_value(object, SP_SETTING_CONSUMER_CLIENT_IDS), &count);
    for (; count > 0; count--, id = id->next) {
        uint32_t owner = sp_index_put(&parts->client_ids, id->text, consumer);
        if (owner != SP_INDEX_NONE && owner != consumer) {
            complain_of_second_owner(draft, parts, id, "client id", owner, consumer);
        }
    }
}

static void read_consumer(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                          struct sp_consumer *consumer)
{
    size_t count;
    const struct sp_json *api = sp_first_element(sp_setting_value(object, SP_SETTING_CONSUMER_APIS), &count);
    size_t *apis = SP_DRAFT_ARRAY(draft, size_t, count);
    *consumer = (struct sp_consumer){
        .name = object->name,
        .state = (enum sp_consumer_state)sp_setting_choice(object, SP_SETTING_CONSUMER_STATE),
        .apis = sp_setting_value(object, SP_SETTING_CONSUMER_APIS) != NULL ? apis : NULL,
    };
    for (; apis != NULL && count > 0; count--, api = api->next) {
        struct sp_str where = sp_draft_printf(draft, "consumers.%.*s.apis", SP_STR_ARG(object->name));
        uint32_t index = sp_draft_refer(draft, &parts->api_names, "API",
                                        sp_setting_value(parts->policy.source, SP_SETTING_ROOT_APIS), api, where);
        if (index != SP_INDEX_NONE) {
            apis[consumer->api_count++] = index;
        }
    }
}

static void count_references(const struct sp_json *map, size_t *keys, size_t *ids)
{
    for
        SP_JSON_EACH(object, map)
        {
            size_t count;
            (void)sp_first_element(sp_setting_value(object, SP_SETTING_CONSUMER_API_KEYS), &count);
            *keys += count;
            (void)sp_first_element(sp_setting_value(object, SP_SETTING_CONSUMER_CLIENT_IDS), &count);
            *ids += count;
        }
}

static enum sp_status make_key_slots(struct sp_draft *draft, struct sp_policy_parts *parts, size_t keys)
{
    size_t slots = 8;
    while (slots < keys * 2) {
        slots *= 2;
    }
    parts->keys = SP_DRAFT_ARRAY(draft, struct sp_key_slot, slots);
    parts->key_mask = slots - 1;
    for (size_t i = 0; parts->keys != NULL && i < slots; i++) {
        parts->keys[i].consumer = SP_INDEX_NONE;
    }
    return parts->keys != NULL ? SP_OK : SP_NO_MEMORY;
}

void sp_read_consumers(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    const struct sp_json *map = sp_setting_value(parts->policy.source, SP_SETTING_ROOT_CONSUMERS);
    size_t keys = 0, ids = 0, count = map != NULL ? map->count : 0;
    count_references(map, &keys, &ids);
    struct sp_consumer *consumers = SP_DRAFT_ARRAY(draft, struct sp_consumer, count);
    if (consumers == NULL || make_key_slots(draft, parts, keys) != SP_OK ||
        sp_index_init(&parts->client_ids, draft->arena, ids) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    parts->policy.consumers = consumers;
    uint32_t at = 0;
    for (const struct sp_json *object = map != NULL ? map->first : NULL; object != NULL && draft->status == SP_OK;
         object = object->next) {
        if (object->type == SP_JSON_OBJECT) {
            read_consumer(draft, parts, object, &consumers[at]);
            add_keys(draft, parts, object, at);
            add_client_ids(draft, parts, object, at);
            parts->policy.consumer_count = ++at;
        }
    }
}

const struct sp_consumer *sp_policy_consumer_of_key(const struct sp_policy *policy, const unsigned char sha256[32])
{
    const struct sp_key_slot *slot = key_slot((const struct sp_policy_parts *)policy, sha256);
    return slot->consumer == SP_INDEX_NONE ? NULL : &policy->consumers[slot->consumer];
}

const struct sp_consumer *sp_policy_consumer_of_client(const struct sp_policy *policy, struct sp_str client_id)
{
    uint32_t found = sp_index_find(&((const struct sp_policy_parts *)policy)->client_ids, client_id);
    return found == SP_INDEX_NONE ? NULL : &policy->consumers[found];
}

bool sp_consumer_may_use(const struct sp_consumer *consumer, const struct sp_api *api)
{
    for (size_t i = 0; i < consumer->api_count; i++) {
        if (consumer->apis[i] == api->index) {
            return true;
        }
    }
    return consumer->apis == NULL;
}

enum sp_cause sp_consumer_fault(const struct sp_consumer *consumer, const struct sp_api *api)
{
    static const enum sp_cause by_state[] = {
        [SP_CONSUMER_ACTIVE] = SP_CAUSE_NONE,
        [SP_CONSUMER_PENDING] = SP_CAUSE_CONSUMER_PENDING,
        [SP_CONSUMER_SUSPENDED] = SP_CAUSE_CONSUMER_SUSPENDED,
    };
    if (consumer == NULL) {
        return SP_CAUSE_NONE;
    }
    const enum sp_cause fault = by_state[consumer->state];
    if (fault != SP_CAUSE_NONE) {
        return fault;
    }
    return sp_consumer_may_use(consumer, api) ? SP_CAUSE_NONE : SP_CAUSE_CONSUMER_NOT_SUBSCRIBED;
}
