/* SPDX-License-Identifier: Apache-2.0 */
/* apis.NAME → what a call must bring, what else is done with it, and its match rules. Requirements are made ready for
 * each method that auth.scopes names and for "*", so that a call costs no thought. */
#include "core/policy/parts.h"
#include "core/policy/settings.h"

/* ---- names that all APIs together need ---- */
struct name_set {
    struct sp_index index;
    struct sp_str *names;
    size_t count;
};

static void add_name(struct name_set *set, struct sp_str name)
{
    if (sp_index_put(&set->index, name, (uint32_t)set->count) == SP_INDEX_NONE) {
        set->names[set->count++] = name;
    }
}

static enum sp_status init_names(struct sp_draft *draft, struct name_set *set, size_t capacity)
{
    set->names = SP_DRAFT_ARRAY(draft, struct sp_str, capacity);
    return set->names != NULL ? sp_index_init(&set->index, draft->arena, capacity) : SP_NO_MEMORY;
}

static struct sp_str lower_case(struct sp_draft *draft, struct sp_str s)
{
    struct sp_str copy = s;
    if (sp_arena_copy(draft->arena, s, &copy) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return s;
    }
    for (size_t i = 0; i < copy.len; i++) {
        char *c = (char *)(uintptr_t)copy.at + i;
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    }
    return copy;
}

/* ---- requirements ---- */
static void read_issuer_indices(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *api,
                                const struct sp_json *auth, struct sp_requirements *requirements)
{
    const struct sp_json *named = sp_setting_value(auth, SP_SETTING_AUTH_ISSUERS);
    size_t count;
    const struct sp_json *name = sp_first_element(named, &count);
    bool all = named == NULL && !sp_setting_bool(auth, SP_SETTING_AUTH_API_KEYS);
    uint16_t *indices = SP_DRAFT_ARRAY(draft, uint16_t, all ? parts->policy.issuer_count : count);
    requirements->issuers = indices;
    for (size_t i = 0; indices != NULL && all && i < parts->policy.issuer_count; i++) {
        indices[requirements->issuer_count++] = (uint16_t)i;
    }
    struct sp_str where =
        count > 0 ? sp_draft_printf(draft, "apis.%.*s.auth.issuers", SP_STR_ARG(api->name)) : SP_STR_NONE;
    for (; indices != NULL && count > 0; count--, name = name->next) {
        uint32_t index = sp_draft_refer(draft, &parts->issuer_names, "issuer",
                                        sp_setting_value(parts->policy.source, SP_SETTING_ROOT_ISSUERS), name, where);
        if (index != SP_INDEX_NONE) {
            indices[requirements->issuer_count++] = (uint16_t)index;
        }
    }
}

static void read_claims(struct sp_draft *draft, const struct sp_json *auth, struct sp_requirements *requirements)
{
    const struct sp_json *object = sp_setting_value(auth, SP_SETTING_AUTH_CLAIMS);
    struct sp_claim_rule *claims = SP_DRAFT_ARRAY(draft, struct sp_claim_rule, object != NULL ? object->count : 0);
    requirements->claims = claims;
    for
        SP_JSON_EACH(member, object)
        {
            if (claims != NULL) {
                struct sp_claim_rule *rule = &claims[requirements->claim_count++];
                rule->name = member->name;
                if (member->type != SP_JSON_TRUE) {
                    rule->any_of = sp_read_names(draft, member);
                }
            }
        }
}

static void read_requirements(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                              struct sp_requirements *requirements)
{
    const struct sp_json *auth = sp_setting_value(object, SP_SETTING_API_AUTH);
    *requirements = (struct sp_requirements){
        .api = object->name,
        .audiences = sp_read_names(draft, sp_setting_value(auth, SP_SETTING_AUTH_AUDIENCE)),
        .dpop = (enum sp_binding_rule)sp_setting_choice(auth, SP_SETTING_AUTH_DPOP),
        .mtls = (enum sp_binding_rule)sp_setting_choice(auth, SP_SETTING_AUTH_MTLS),
        .acr_values = sp_read_names(draft, sp_setting_value(auth, SP_SETTING_AUTH_ACR)),
        .max_age_s = sp_setting_number(auth, SP_SETTING_AUTH_MAX_AGE) / 1000,
        .require_verified_email = sp_setting_bool(auth, SP_SETTING_AUTH_VERIFIED_EMAIL),
        .introspect_jwt = sp_setting_bool(auth, SP_SETTING_AUTH_INTROSPECT),
        .max_token_bytes = (size_t)sp_setting_number(auth, SP_SETTING_AUTH_MAX_TOKEN_SIZE),
    };
    read_issuer_indices(draft, parts, object, auth, requirements);
    read_claims(draft, auth, requirements);
}

static void read_methods(struct sp_draft *draft, const struct sp_json *object, const struct sp_requirements *base,
                         struct sp_api *api)
{
    const struct sp_json *scopes =
        sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_SCOPES);
    bool by_method = scopes != NULL && scopes->type == SP_JSON_OBJECT;
    struct sp_method_requirements *methods =
        SP_DRAFT_ARRAY(draft, struct sp_method_requirements, (by_method ? scopes->count : 0) + 1);
    if (methods == NULL) {
        return;
    }
    struct sp_method_requirements others = {.method = SP_STR("*"), .requirements = *base};
    if (!by_method) {
        others.requirements.scopes = sp_read_names(draft, scopes);
    }
    for (const struct sp_json *member = by_method ? scopes->first : NULL; member != NULL; member = member->next) {
        bool is_others = sp_str_equal(member->name, SP_STR("*"));
        struct sp_method_requirements *row = is_others ? &others : &methods[api->method_count++];
        row->method = member->name;
        row->requirements = *base;
        row->requirements.scopes = sp_read_names(draft, member);
    }
    methods[api->method_count++] = others;
    api->methods = methods;
}

/* ---- what else an API says ---- */
static void read_limits(struct sp_draft *draft, const struct sp_json *object, struct sp_api *api)
{
    const struct sp_json *element =
        sp_first_element(sp_setting_value(object, SP_SETTING_API_LIMITS), &api->limit_count);
    struct sp_limit *limits = SP_DRAFT_ARRAY(draft, struct sp_limit, api->limit_count);
    api->limits = limits;
    for (size_t i = 0; limits != NULL && i < api->limit_count; i++, element = element->next) {
        limits[i] = (struct sp_limit){
            .per = (enum sp_limit_per)sp_setting_choice(element, SP_SETTING_LIMIT_PER),
            .requests = (uint32_t)sp_setting_number(element, SP_SETTING_LIMIT_REQUESTS),
            .window_ms = sp_setting_number(element, SP_SETTING_LIMIT_WINDOW),
        };
    }
}

/* "*" among them says what leaving them out does. As a header "*" would not do: browsers take it for no Authorization,
 * and beside credentials for nothing at all (Fetch 4.8). */
static struct sp_str joined(struct sp_draft *draft, const struct sp_json *value)
{
    struct sp_str_list names = sp_read_names(draft, value);
    struct sp_buffer out;
    if (names.count == 0) {
        return SP_STR_NONE;
    }
    sp_buffer_init(&out, draft->arena, 64u * 1024);
    for (size_t i = 0; i < names.count; i++) {
        if (sp_str_equal(names.at[i], SP_STR("*"))) {
            return SP_STR_NONE;
        }
        sp_buffer_append(&out, i > 0 ? SP_STR(", ") : SP_STR(""));
        sp_buffer_append(&out, names.at[i]);
    }
    return sp_buffer_str(&out);
}

static void read_cors(struct sp_draft *draft, const struct sp_json *object, struct sp_api *api)
{
    const struct sp_json *cors = sp_setting_value(object, SP_SETTING_API_CORS);
    if (cors == NULL) {
        return;
    }
    api->cors = (struct sp_cors){
        .mode = sp_setting_choice(cors, SP_SETTING_CORS_MODE) == 0 ? SP_CORS_ANSWER : SP_CORS_PASS,
        .origins = sp_read_names(draft, sp_setting_value(cors, SP_SETTING_CORS_ORIGINS)),
        .methods = joined(draft, sp_setting_value(cors, SP_SETTING_CORS_METHODS)),
        .headers = joined(draft, sp_setting_value(cors, SP_SETTING_CORS_HEADERS)),
        .credentials = sp_setting_bool(cors, SP_SETTING_CORS_CREDENTIALS),
        .max_age_s = sp_setting_number(cors, SP_SETTING_CORS_MAX_AGE) / 1000,
    };
}

static void read_identity_headers(struct sp_draft *draft, const struct sp_json *object, struct sp_api *api)
{
    const struct sp_json *headers = sp_setting_value(object, SP_SETTING_API_IDENTITY_HEADERS);
    struct sp_identity_header *rows =
        SP_DRAFT_ARRAY(draft, struct sp_identity_header, headers != NULL ? headers->count : 0);
    api->identity_headers = rows;
    for
        SP_JSON_EACH(member, headers)
        {
            if (rows != NULL) {
                rows[api->identity_header_count++] = (struct sp_identity_header){
                    .name = member->name, .lower = lower_case(draft, member->name), .claim = member->text};
            }
        }
}

static void read_resource_metadata(struct sp_draft *draft, const struct sp_json *object, struct sp_api *api)
{
    const struct sp_json *value = sp_setting_value(object, SP_SETTING_API_RESOURCE_METADATA);
    api->has_resource_metadata = value != NULL && value->type != SP_JSON_FALSE;
    api->resource_metadata = SP_STR("{}");
    if (value != NULL && value->type == SP_JSON_OBJECT) {
        struct sp_buffer out;
        struct sp_json_writer writer;
        sp_buffer_init(&out, draft->arena, 64u * 1024);
        sp_json_writer_init(&writer, &out, false);
        sp_json_put_value(&writer, value);
        if (sp_buffer_status(&out) == SP_OK) {
            api->resource_metadata = sp_buffer_str(&out);
        } else {
            draft->status = SP_NO_MEMORY;
        }
    }
}

static bool any_introspects(const struct sp_policy *policy, const struct sp_requirements *requirements)
{
    for (size_t i = 0; i < requirements->issuer_count; i++) {
        if (policy->issuers[requirements->issuers[i]].introspects) {
            return true;
        }
    }
    return false;
}

static void demand_some_credential(struct sp_draft *draft, const struct sp_json *object, const struct sp_api *api)
{
    size_t named; /* issuers that are not there were complained of already */
    (void)sp_first_element(sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_ISSUERS),
                           &named);
    if (api->accepts_token || api->accepts_api_key || api->anonymous || named > 0) {
        return;
    }
    struct sp_str where = sp_draft_printf(draft, "apis.%.*s.auth", SP_STR_ARG(object->name));
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_REFERENCE,
                                           .value = object,
                                           .where = where,
                                           .expected = SP_STR("at least one issuer"),
                                           .received = SP_STR("no issuer"),
                                           .detail = where};
    sp_draft_complain(draft, &complaint,
                      "%.*s accepts nobody: configure an issuer, or set api_keys or anonymous to true",
                      SP_STR_ARG(where));
}

static void read_api(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                     struct sp_api *api)
{
    const struct sp_json *auth = sp_setting_value(object, SP_SETTING_API_AUTH);
    const struct sp_path apis = {.name = SP_STR("apis")}, path = {.up = &apis, .name = object->name};
    struct sp_requirements base;
    read_requirements(draft, parts, object, &base);
    api->name = object->name;
    api->accepts_token = base.issuer_count > 0;
    api->accepts_api_key = sp_setting_bool(auth, SP_SETTING_AUTH_API_KEYS);
    api->accepts_query = sp_setting_bool(auth, SP_SETTING_AUTH_IN_QUERY);
    api->accepts_dpop = api->accepts_token && base.dpop != SP_BINDING_OFF;
    api->anonymous = sp_setting_bool(auth, SP_SETTING_AUTH_ANONYMOUS);
    api->forwards_token = sp_setting_choice(auth, SP_SETTING_AUTH_TOKEN) == 0;
    api->introspects = any_introspects(&parts->policy, &base);
    api->diagnostics = (enum sp_diagnostics)sp_setting_choice(object, SP_SETTING_API_DIAGNOSTICS);
    read_methods(draft, object, &base, api);
    sp_read_upstream(draft, object, &path, &api->upstream);
    read_limits(draft, object, api);
    read_cors(draft, object, api);
    read_identity_headers(draft, object, api);
    read_resource_metadata(draft, object, api);
    demand_some_credential(draft, object, api);
}

/* ---- match rules ---- */
/* Without methods of its own a rule means those that auth.scopes names, unless that names "*" too. */
static struct sp_str_list methods_of_rule(struct sp_draft *draft, const struct sp_json *match,
                                          const struct sp_json *object)
{
    const struct sp_json *named = sp_setting_value(match, SP_SETTING_MATCH_METHODS);
    const struct sp_json *scopes =
        sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_SCOPES);
    if (named != NULL || scopes == NULL || scopes->type != SP_JSON_OBJECT ||
        sp_json_member(scopes, SP_STR("*")) != NULL) {
        struct sp_str_list methods = sp_read_names(draft, named);
        for (size_t i = 0; i < methods.count; i++) {
            if (sp_str_equal(methods.at[i], SP_STR("*"))) {
                return (struct sp_str_list){0};
            }
        }
        return methods;
    }
    struct sp_str *names = SP_DRAFT_ARRAY(draft, struct sp_str, scopes->count);
    size_t count = 0;
    for
        SP_JSON_EACH(member, scopes)
        {
            if (names != NULL) {
                names[count++] = member->name;
            }
        }
    return (struct sp_str_list){.at = names, .count = count};
}

static void read_rule(struct sp_draft *draft, const struct sp_json *match, const struct sp_json *object, uint32_t api,
                      struct sp_rule *rule)
{
    struct sp_str host = lower_case(draft, sp_setting_text(match, SP_SETTING_MATCH_HOST));
    struct sp_str path = sp_setting_text(match, SP_SETTING_MATCH_PATH);
    if (sp_str_has_prefix(host, SP_STR("*."))) {
        host = sp_str_slice(host, 1, host.len);
    }
    if (path.len > 0 && path.at[path.len - 1] == '/') {
        path.len--;
    }
    *rule = (struct sp_rule){.host = host,
                             .path = path,
                             .methods = methods_of_rule(draft, match, object),
                             .api = api,
                             .next = SP_INDEX_NONE,
                             .source = match != NULL ? match : object};
}

static void read_rules(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sp_json *object,
                       uint32_t index, struct sp_api *api)
{
    size_t count;
    const struct sp_json *match = sp_first_element(sp_setting_value(object, SP_SETTING_API_MATCH), &count);
    size_t first = parts->rule_count;
    do {
        read_rule(draft, match, object, index, &parts->rules[parts->rule_count++]);
        match = match != NULL ? match->next : NULL;
    } while (parts->rule_count - first < count);
    struct sp_str path = parts->rules[first].path;
    api->host = parts->rules[first].host;
    api->path = path.len > 0 ? path : SP_STR("/");
    api->index = index;
}

/* A wildcard's own text; the rule holds it without the star. */
static void restore_wildcard(const struct sp_json *object, struct sp_api *api)
{
    size_t count;
    const struct sp_json *match = sp_first_element(sp_setting_value(object, SP_SETTING_API_MATCH), &count);
    if (api->host.len > 0 && api->host.at[0] == '.') {
        api->host = sp_setting_text(match, SP_SETTING_MATCH_HOST);
    }
}

/* ---- all of them ---- */
struct sizes {
    size_t rules, audiences, claims, headers;
};

static struct sizes count_all(const struct sp_json *map)
{
    struct sizes sizes = {0};
    for
        SP_JSON_EACH(object, map)
        {
            size_t count;
            const struct sp_json *auth = sp_setting_value(object, SP_SETTING_API_AUTH);
            const struct sp_json *claims = sp_setting_value(auth, SP_SETTING_AUTH_CLAIMS);
            const struct sp_json *headers = sp_setting_value(object, SP_SETTING_API_IDENTITY_HEADERS);
            (void)sp_first_element(sp_setting_value(object, SP_SETTING_API_MATCH), &count);
            sizes.rules += count > 0 ? count : 1;
            (void)sp_first_element(sp_setting_value(auth, SP_SETTING_AUTH_AUDIENCE), &count);
            sizes.audiences += count;
            sizes.claims += (claims != NULL ? claims->count : 0) + (headers != NULL ? headers->count : 0);
            sizes.headers += headers != NULL ? headers->count : 0;
        }
    return sizes;
}

static void gather(struct sp_draft *draft, struct sp_policy_parts *parts, const struct sizes *sizes)
{
    struct name_set claims = {0}, headers = {0};
    struct sp_api_audience *audiences = SP_DRAFT_ARRAY(draft, struct sp_api_audience, sizes->audiences);
    if (audiences == NULL ||
        init_names(draft, &claims, sizes->claims + parts->policy.serving.logged_claims.count) != SP_OK ||
        init_names(draft, &headers, sizes->headers) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    struct sp_policy *policy = &parts->policy;
    const struct sp_str_list logged = policy->serving.logged_claims;
    for (size_t i = 0; i < logged.count; i++) {
        add_name(&claims, logged.at[i]);
    }
    for (size_t i = 0; i < policy->api_count; i++) {
        const struct sp_api *api = &policy->apis[i];
        const struct sp_requirements *others = &api->methods[api->method_count - 1].requirements;
        for (size_t j = 0; j < others->audiences.count; j++) {
            audiences[policy->api_audience_count++] =
                (struct sp_api_audience){.api = api->name, .audience = others->audiences.at[j]};
        }
        for (size_t j = 0; j < others->claim_count; j++) {
            add_name(&claims, others->claims[j].name);
        }
        for (size_t j = 0; j < api->identity_header_count; j++) {
            add_name(&claims, api->identity_headers[j].claim);
            add_name(&headers, api->identity_headers[j].lower);
        }
    }
    policy->api_audiences = audiences;
    policy->kept_claims = (struct sp_kept_claims){.names = {.at = claims.names, .count = claims.count}, .told = logged};
    policy->owned_headers = (struct sp_str_list){.at = headers.names, .count = headers.count};
}

void sp_read_apis(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    const struct sp_json *map = sp_setting_value(parts->policy.source, SP_SETTING_ROOT_APIS);
    size_t count = map != NULL ? map->count : 0;
    struct sizes sizes = count_all(map);
    struct sp_api *apis = SP_DRAFT_ARRAY(draft, struct sp_api, count);
    parts->rules = SP_DRAFT_ARRAY(draft, struct sp_rule, sizes.rules);
    parts->api_sources = SP_DRAFT_ARRAY(draft, const struct sp_json *, count);
    if (apis == NULL || parts->rules == NULL || parts->api_sources == NULL ||
        sp_index_init(&parts->api_names, draft->arena, count) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    uint32_t at = 0;
    for (const struct sp_json *object = map != NULL ? map->first : NULL; object != NULL && draft->status == SP_OK;
         object = object->next) {
        if (object->type == SP_JSON_OBJECT) {
            parts->api_sources[at] = object;
            read_api(draft, parts, object, &apis[at]);
            read_rules(draft, parts, object, at, &apis[at]);
            restore_wildcard(object, &apis[at]);
            sp_index_put(&parts->api_names, object->name, at++);
        }
    }
    parts->policy.apis = apis;
    parts->policy.api_count = at;
    if (draft->status == SP_OK) {
        gather(draft, parts, &sizes);
    }
}
