/* SPDX-License-Identifier: Apache-2.0 */
/* Request → API. Hosts from the most specific to the least: the name itself, `*.name` for each of its parents (nearest
 * first), any host. The first of them that has a path for the call decides; of its paths the longest prefix on whole
 * segments wins, `/photos` for `/photos` and `/photos/1`, never for `/photosX`. Then the method: a rule that names it,
 * else the rule that names none; if neither is there the answer is "no method" and nothing shorter is tried, so that a
 * place closed for a method is not opened by a wider rule. HEAD is served where GET is (RFC 9110 9.3.2).
 *
 * The path is hashed once from left to right and looked up at each of its slashes: the cost is the path's length,
 * whatever the number of routes. */
#include "core/policy/parts.h"
#include "core/policy/settings.h"

/* More methods than fit are not listed. */
#define MAX_ALLOWED_BYTES 512u

static uint64_t seed_of(uint32_t host)
{
    return SP_HASH_START ^ (uint64_t)host * UINT64_C(0x9e3779b97f4a7c15);
}

static struct sp_route_entry *entry_of(const struct sp_routes *routes, uint32_t host, struct sp_str path, uint64_t hash)
{
    for (size_t i = (size_t)(hash ^ hash >> 32);; i++) {
        struct sp_route_entry *entry = &routes->entries[i & routes->mask];
        if (entry->rule == SP_INDEX_NONE ||
            (entry->hash == hash && entry->host == host && sp_str_equal(entry->path, path))) {
            return entry;
        }
    }
}

/* ---- building ---- */
static uint32_t segments_of(struct sp_str path)
{
    uint32_t count = 0;
    for (size_t i = 0; i < path.len; i++) {
        count += path.at[i] == '/';
    }
    return count;
}

static bool names_method(const struct sp_rule *rule, struct sp_str method)
{
    for (size_t i = 0; i < rule->methods.count; i++) {
        if (sp_str_equal(rule->methods.at[i], method)) {
            return true;
        }
    }
    return false;
}

static struct sp_str rule_in_words(struct sp_draft *draft, const struct sp_policy_parts *parts,
                                   const struct sp_rule *rule)
{
    struct sp_str methods = sp_draft_join(draft, rule->methods.at, rule->methods.count);
    return sp_draft_printf(draft, "%.*s (%s%.*s%.*s%s%.*s)", SP_STR_ARG(parts->policy.apis[rule->api].name),
                           rule->host.len > 0 && rule->host.at[0] == '.' ? "*" : "", SP_STR_ARG(rule->host),
                           SP_STR_ARG(rule->path.len > 0 ? rule->path : SP_STR("/")),
                           rule->methods.count > 0 ? " " : "",
                           SP_STR_ARG(rule->methods.count > 0 ? methods : SP_STR_NONE));
}

/* How many of the rule's methods the earlier one takes from it. */
static size_t taken_methods(const struct sp_rule *earlier, const struct sp_rule *rule)
{
    size_t taken = 0;
    for (size_t i = 0; i < rule->methods.count; i++) {
        taken += names_method(earlier, rule->methods.at[i]);
    }
    return taken;
}

/* Two rules of one place: equal ones are a mistake that cannot be served, covered ones never act, overlapping ones act
 * by their order. */
static void judge_overlap(struct sp_draft *draft, const struct sp_policy_parts *parts, const struct sp_rule *earlier,
                          const struct sp_rule *rule)
{
    size_t taken = taken_methods(earlier, rule);
    bool both_take_all = earlier->methods.count == 0 && rule->methods.count == 0;
    bool same = both_take_all || (taken > 0 && taken == rule->methods.count && taken == earlier->methods.count);
    if (!same && taken == 0) {
        return;
    }
    enum sp_cause cause = same && earlier->api != rule->api      ? SP_CAUSE_CONFIG_DUPLICATE_ROUTE
                          : same || taken == rule->methods.count ? SP_CAUSE_CONFIG_SHADOWED_ROUTE
                                                                 : SP_CAUSE_CONFIG_POLICY_ORDER;
    struct sp_str first = rule_in_words(draft, parts, earlier), second = rule_in_words(draft, parts, rule);
    const struct sp_complaint complaint = {
        .cause = cause,
        .value = rule->source,
        .where = sp_draft_printf(draft, "apis.%.*s.match", SP_STR_ARG(parts->policy.apis[rule->api].name)),
        .expected = first,
        .received = second,
        .detail = cause == SP_CAUSE_CONFIG_DUPLICATE_ROUTE
                      ? first
                      : SP_STR("The rule that comes first in the file takes the call.")};
    sp_draft_complain(draft, &complaint, "%.*s %s %.*s", SP_STR_ARG(second),
                      cause == SP_CAUSE_CONFIG_DUPLICATE_ROUTE  ? "is the same route as"
                      : cause == SP_CAUSE_CONFIG_SHADOWED_ROUTE ? "is never reached: all its calls go to"
                                                                : "loses some of its methods to the earlier",
                      SP_STR_ARG(first));
}

static void add_to_chain(struct sp_draft *draft, struct sp_policy_parts *parts, uint32_t first, uint32_t added)
{
    uint32_t at = first;
    size_t judged = 0;
    for (;;) {
        /* Hundreds of rules at one place are no configuration but an attempt; its first conflicts say enough. */
        if (judged++ < 64) {
            judge_overlap(draft, parts, &parts->rules[at], &parts->rules[added]);
        }
        if (parts->rules[at].next == SP_INDEX_NONE) {
            break;
        }
        at = parts->rules[at].next;
    }
    parts->rules[at].next = added;
}

static void add_rule(struct sp_draft *draft, struct sp_policy_parts *parts, uint32_t index)
{
    struct sp_routes *routes = &parts->routes;
    const struct sp_rule *rule = &parts->rules[index];
    uint32_t host = sp_index_find(&routes->hosts, rule->host);
    uint64_t hash = sp_hash_text(seed_of(host), rule->path);
    struct sp_route_entry *entry = entry_of(routes, host, rule->path, hash);
    uint32_t segments = segments_of(rule->path);
    routes->max_segments[host] = segments > routes->max_segments[host] ? segments : routes->max_segments[host];
    if (entry->rule == SP_INDEX_NONE) {
        *entry = (struct sp_route_entry){.hash = hash, .path = rule->path, .host = host, .rule = index};
    } else {
        add_to_chain(draft, parts, entry->rule, index);
    }
}

static void append_method(struct sp_buffer *out, struct sp_str method)
{
    if (!sp_str_has_word(sp_buffer_str(out), SP_STR(", "), method)) {
        sp_buffer_printf(out, "%s%.*s", out->len > 0 ? ", " : "", SP_STR_ARG(method));
    }
}

/* Each method once, in the order of the file, HEAD behind GET. */
static struct sp_str methods_of_chain(struct sp_draft *draft, const struct sp_policy_parts *parts, uint32_t first)
{
    struct sp_buffer out;
    sp_buffer_init(&out, draft->arena, MAX_ALLOWED_BYTES);
    for (uint32_t at = first; at != SP_INDEX_NONE; at = parts->rules[at].next) {
        for (size_t i = 0; i < parts->rules[at].methods.count; i++) {
            append_method(&out, parts->rules[at].methods.at[i]);
            if (sp_str_equal(parts->rules[at].methods.at[i], SP_STR("GET"))) {
                append_method(&out, SP_STR("HEAD"));
            }
        }
    }
    return sp_buffer_str(&out);
}

static void note_allowed_methods(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    const struct sp_routes *routes = &parts->routes;
    for (size_t i = 0; i <= routes->mask && draft->status == SP_OK; i++) {
        uint32_t first = routes->entries[i].rule;
        if (first != SP_INDEX_NONE) {
            parts->rules[first].allowed = methods_of_chain(draft, parts, first);
        }
    }
}

void sp_index_routes(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    struct sp_routes *routes = &parts->routes;
    size_t slots = 8;
    while (slots < parts->rule_count * 2) {
        slots *= 2;
    }
    routes->entries = SP_DRAFT_ARRAY(draft, struct sp_route_entry, slots);
    routes->max_segments = SP_DRAFT_ARRAY(draft, uint32_t, parts->rule_count + 1);
    routes->mask = slots - 1;
    if (routes->entries == NULL || routes->max_segments == NULL ||
        sp_index_init(&routes->hosts, draft->arena, parts->rule_count + 1) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    for (size_t i = 0; i < slots; i++) {
        routes->entries[i].rule = SP_INDEX_NONE;
    }
    sp_index_put(&routes->hosts, SP_STR(""), 0);
    for (uint32_t i = 0; i < parts->rule_count; i++) {
        sp_index_put(&routes->hosts, parts->rules[i].host, (uint32_t)routes->hosts.count);
        routes->has_wildcards |= parts->rules[i].host.len > 0 && parts->rules[i].host.at[0] == '.';
    }
    for (uint32_t i = 0; i < parts->rule_count && draft->status == SP_OK; i++) {
        add_rule(draft, parts, i);
    }
    note_allowed_methods(draft, parts);
}

/* ---- matching ---- */
/* The longest prefix among the host's paths; NULL: none. */
static const struct sp_route_entry *find_path(const struct sp_routes *routes, uint32_t host, struct sp_str path)
{
    const struct sp_route_entry *longest = NULL;
    uint64_t hash = seed_of(host);
    uint32_t segments = 0;
    for (size_t i = 0; i <= path.len; i++) {
        if (i == path.len || path.at[i] == '/') {
            const struct sp_route_entry *entry = entry_of(routes, host, sp_str_slice(path, 0, i), hash);
            longest = entry->rule != SP_INDEX_NONE ? entry : longest;
            if (i == path.len || segments++ == routes->max_segments[host]) {
                break;
            }
        }
        hash = sp_hash_byte(hash, path.at[i]);
    }
    return longest;
}

static const struct sp_route_entry *find_entry(const struct sp_routes *routes, struct sp_str host, struct sp_str path)
{
    const struct sp_route_entry *entry = NULL;
    const size_t end = routes->hosts.count > 1 && host.len < 256 ? host.len : 0; /* 1: any host */
    /* The name itself, then what follows each of its dots, dot included: the key of a wildcard. */
    for (size_t from = 0; from < end && entry == NULL;) {
        uint32_t number = sp_index_find(&routes->hosts, sp_str_slice(host, from, host.len));
        entry = number != SP_INDEX_NONE ? find_path(routes, number, path) : NULL;
        from = routes->has_wildcards ? sp_str_index_of(host, '.', from + 1) : end;
    }
    return entry != NULL ? entry : find_path(routes, 0, path);
}

static const struct sp_rule *find_rule(const struct sp_policy_parts *parts, uint32_t first, struct sp_str method)
{
    const struct sp_rule *others = NULL;
    for (uint32_t at = first; at != SP_INDEX_NONE; at = parts->rules[at].next) {
        const struct sp_rule *rule = &parts->rules[at];
        if (names_method(rule, method)) {
            return rule;
        }
        if (rule->methods.count == 0 && others == NULL) {
            others = rule;
        }
    }
    return others;
}

static const struct sp_requirements *requirements_of(const struct sp_api *api, struct sp_str method)
{
    for (size_t i = 0; i + 1 < api->method_count; i++) {
        if (sp_str_equal(api->methods[i].method, method)) {
            return &api->methods[i].requirements;
        }
    }
    return NULL;
}

enum sp_match_outcome sp_policy_match(const struct sp_policy *policy, struct sp_str host, struct sp_str path,
                                      struct sp_str method, struct sp_route_match *match)
{
    const struct sp_policy_parts *parts = (const struct sp_policy_parts *)policy;
    const struct sp_str get = SP_STR("GET");
    bool is_head = sp_str_equal(method, SP_STR("HEAD"));
    const struct sp_route_entry *entry = find_entry(&parts->routes, host, path);
    if (entry == NULL) {
        return SP_MATCH_NO_ROUTE;
    }
    const struct sp_rule *rule = find_rule(parts, entry->rule, method);
    if (is_head && (rule == NULL || rule->methods.count == 0)) {
        rule = find_rule(parts, entry->rule, get);
    }
    const struct sp_api *api = &policy->apis[rule != NULL ? rule->api : parts->rules[entry->rule].api];
    const struct sp_requirements *requirements = requirements_of(api, method);
    if (requirements == NULL && is_head) {
        requirements = requirements_of(api, get);
    }
    *match = (struct sp_route_match){
        .api = api,
        .requirements = requirements != NULL ? requirements : &api->methods[api->method_count - 1].requirements,
        .allowed = rule != NULL ? SP_STR_NONE : parts->rules[entry->rule].allowed,
    };
    return rule != NULL ? SP_MATCH_FOUND : SP_MATCH_NO_METHOD;
}
