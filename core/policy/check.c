/* SPDX-License-Identifier: Apache-2.0 */
/* What parses and is unwise, or cannot work: one function a cause, each looks at the model and names the line. Routes
 * that meet are judged where they are indexed (route.c), references where they are followed. */
#include "core/base/host.h"
#include "core/base/nearest.h"
#include "core/base/url.h"
#include "core/jose/algorithm.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"
#include "core/policy/walk.h"

/* "Usually no more than a few minutes" (RFC 7519 4.1.4). */
#define LARGE_LEEWAY_S 120

/* The member, or where it would stand. */
static const struct sp_json *place_of(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    return value != NULL ? value : object;
}

static struct sp_str member_path(struct sp_draft *draft, const char *map, struct sp_str name, enum sp_setting setting)
{
    struct sp_str member = sp_setting_get(setting)->name;
    return sp_draft_printf(draft, "%s.%.*s.%.*s", map, SP_STR_ARG(name), SP_STR_ARG(member));
}

/* ---- issuers ---- */
static void check_algorithms(struct sp_draft *draft, const struct sp_issuer_terms *terms, const struct sp_json *source)
{
    uint32_t asymmetric = terms->algorithms & sp_algorithms_asymmetric();
    uint32_t symmetric = terms->algorithms & sp_algorithms_symmetric();
    struct sp_complaint complaint = {.value = place_of(source, SP_SETTING_ISSUER_ALGORITHMS),
                                     .where = member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_ALGORITHMS)};
    complaint.received = complaint.where;
    if (terms->algorithms == 0) {
        complaint.cause = SP_CAUSE_CONFIG_NO_ALGORITHMS;
        complaint.expected = SP_STR("at least one algorithm");
        sp_draft_complain(draft, &complaint, "%.*s is empty: no token could be valid", SP_STR_ARG(complaint.where));
    } else if (asymmetric != 0 && symmetric != 0) {
        complaint.cause = SP_CAUSE_CONFIG_MIXED_ALGORITHMS;
        complaint.expected = SP_STR("either HS* or asymmetric algorithms");
        complaint.detail = sp_algorithms_in_words(draft->arena, terms->algorithms);
        sp_draft_complain(draft, &complaint,
                          "%.*s allows %.*s: shared secrets and public keys together open the door to key confusion",
                          SP_STR_ARG(complaint.where), SP_STR_ARG(complaint.detail));
    } else if (asymmetric == 0 && sp_setting_value(source, SP_SETTING_ISSUER_SECRET) == NULL && draft->has_secrets) {
        complaint.cause = SP_CAUSE_CONFIG_NO_ALGORITHMS;
        complaint.expected = SP_STR("a secret, or asymmetric algorithms");
        sp_draft_complain(draft, &complaint, "%.*s allows HS* only and there is no secret: no token could be valid",
                          SP_STR_ARG(complaint.where));
    }
}

static void check_leeway(struct sp_draft *draft, const struct sp_issuer_terms *terms, const struct sp_json *source)
{
    if (terms->leeway_s <= LARGE_LEEWAY_S) {
        return;
    }
    struct sp_str where = member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_LEEWAY);
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_LEEWAY_LARGE,
                                           .value = place_of(source, SP_SETTING_ISSUER_LEEWAY),
                                           .where = where,
                                           .expected = SP_STR("2m"),
                                           .received = sp_duration_in_words(draft->arena, terms->leeway_s * 1000),
                                           .detail = where};
    sp_draft_complain(draft, &complaint, "a leeway of %.*s: expired tokens stay valid that long",
                      SP_STR_ARG(complaint.received));
}

static void check_url(struct sp_draft *draft, const struct sp_json *value, struct sp_str where)
{
    struct sp_url url;
    if (value == NULL || sp_url_split(value->text, &url) != SP_OK || sp_url_is_secure(&url)) {
        return;
    }
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_INSECURE_ISSUER,
                                           .value = value,
                                           .where = where,
                                           .expected = SP_STR("https"),
                                           .received = value->text,
                                           .detail = where};
    sp_draft_complain(draft, &complaint, "%.*s is %.*s: without TLS whoever sits in between can replace the keys",
                      SP_STR_ARG(where), SP_STR_ARG(value->text));
}

static bool has_keys_by_hand(const struct sp_json *source)
{
    return sp_setting_value(source, SP_SETTING_ISSUER_JWKS_FILE) != NULL ||
           sp_setting_value(source, SP_SETTING_ISSUER_SECRET) != NULL;
}

static void check_urls(struct sp_draft *draft, const struct sp_issuer_terms *terms, const struct sp_json *source)
{
    const struct sp_json *introspection = sp_setting_value(source, SP_SETTING_ISSUER_INTROSPECTION);
    if (!has_keys_by_hand(source)) {
        check_url(draft, sp_setting_value(source, SP_SETTING_ISSUER_ISSUER),
                  member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_ISSUER));
    }
    check_url(draft, sp_setting_value(source, SP_SETTING_ISSUER_JWKS_URI),
              member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_JWKS_URI));
    check_url(draft, sp_setting_value(introspection, SP_SETTING_INTROSPECTION_ENDPOINT),
              member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_INTROSPECTION));
}

/* Where the keys come from: by hand although they are published, or from nowhere. */
static void check_key_source(struct sp_draft *draft, const struct sp_issuer_terms *terms, const struct sp_json *source)
{
    struct sp_url url;
    bool is_url = sp_url_split(terms->issuer, &url) == SP_OK;
    const struct sp_json *file = sp_setting_value(source, SP_SETTING_ISSUER_JWKS_FILE);
    struct sp_complaint complaint = {.received = sp_draft_printf(draft, "issuers.%.*s", SP_STR_ARG(terms->name))};
    complaint.where = complaint.received;
    if (file != NULL && is_url && sp_str_equal(url.scheme, SP_STR("https")) && !sp_host_is_internal(url.host)) {
        complaint.cause = SP_CAUSE_CONFIG_HARDCODED_KEY;
        complaint.value = file;
        complaint.expected = SP_STR("discovery");
        complaint.detail = SP_STR("a key set from a file");
        sp_draft_complain(draft, &complaint, "%.*s reads its keys from a file: the issuer's next rotation breaks it",
                          SP_STR_ARG(complaint.where));
    } else if (!is_url && !has_keys_by_hand(source) && terms->issuer.len > 0 &&
               sp_setting_value(source, SP_SETTING_ISSUER_JWKS_URI) == NULL && draft->has_secrets) {
        complaint.cause = SP_CAUSE_CONFIG_TYPE;
        complaint.value = place_of(source, SP_SETTING_ISSUER_ISSUER);
        complaint.expected = SP_STR("an https URL, or jwks_uri, jwks_file or secret beside it");
        complaint.received = terms->issuer;
        complaint.detail = member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_ISSUER);
        sp_draft_complain(draft, &complaint,
                          "%.*s is no URL, so its keys cannot be discovered: add jwks_uri, jwks_file or secret",
                          SP_STR_ARG(terms->issuer));
    }
}

/* ---- APIs ---- */
/* A Cognito access token has no `aud`: who may call is then said by a rule about the client. */
static bool names_clients(const struct sp_requirements *requirements)
{
    static const struct sp_str claims[] = {{"client_id", 9}, {"azp", 3}, {"cid", 3}, {"appid", 5}};
    for (size_t i = 0; i < requirements->claim_count; i++) {
        for (size_t j = 0; j < sizeof claims / sizeof claims[0]; j++) {
            if (sp_str_equal(requirements->claims[i].name, claims[j])) {
                return true;
            }
        }
    }
    return false;
}

static void check_audience(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_api *api = &parts->policy.apis[index];
    const struct sp_requirements *requirements = &api->methods[api->method_count - 1].requirements;
    bool is_checked = requirements->audiences.count > 0 || names_clients(requirements);
    for (size_t i = 0; !is_checked && i < requirements->issuer_count; i++) {
        const struct sp_issuer_terms *terms = &parts->policy.issuers[requirements->issuers[i]];
        if (terms->audiences.count > 0) {
            continue;
        }
        const struct sp_json *auth = sp_setting_value(parts->api_sources[index], SP_SETTING_API_AUTH);
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_NO_AUDIENCE,
                                               .value = auth != NULL ? auth : parts->api_sources[index],
                                               .where = sp_draft_printf(draft, "apis.%.*s.auth", SP_STR_ARG(api->name)),
                                               .expected = SP_STR("an audience"),
                                               .received = sp_draft_printf(draft, "apis.%.*s", SP_STR_ARG(api->name)),
                                               .detail =
                                                   sp_draft_printf(draft, "issuers.%.*s", SP_STR_ARG(terms->name))};
        sp_draft_complain(
            draft, &complaint,
            "apis.%.*s names no audience, nor does issuers.%.*s: tokens made for any other API are accepted",
            SP_STR_ARG(api->name), SP_STR_ARG(terms->name));
        return;
    }
}

static bool names_every_host(const struct sp_json *api)
{
    size_t count;
    const struct sp_json *match = sp_first_element(sp_setting_value(api, SP_SETTING_API_MATCH), &count);
    bool named = count > 0;
    for (; count > 0 && named; count--, match = match->next) {
        named = sp_setting_text(match, SP_SETTING_MATCH_HOST).len > 0;
    }
    return named;
}

/* A proof is for one URL, and without a name of our own its host is what the call says. Only where the API asks for
 * DPoP by name: the default takes proofs too, of clients that nobody need have. */
static void check_proof_host(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_api *api = &parts->policy.apis[index];
    const struct sp_json *object = parts->api_sources[index];
    const struct sp_json *asked = sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_DPOP);
    if (asked == NULL || !api->accepts_dpop || parts->policy.public_url.len > 0 || names_every_host(object)) {
        return;
    }
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_DPOP_ANY_HOST,
                                           .value = asked,
                                           .where =
                                               sp_draft_printf(draft, "apis.%.*s.auth.dpop", SP_STR_ARG(api->name)),
                                           .expected = sp_draft_printf(draft, "apis.%.*s.match", SP_STR_ARG(api->name)),
                                           .received = sp_draft_printf(draft, "apis.%.*s", SP_STR_ARG(api->name))};
    sp_draft_complain(
        draft, &complaint,
        "apis.%.*s takes DPoP proofs for whatever host a call names: set public_url, or host in its match",
        SP_STR_ARG(api->name));
}

/* Who terminates TLS for us is a guest's nginx alone, and that one's listeners are not in the file: a warning. */
static void check_certificates_come(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_json *auth = sp_setting_value(parts->api_sources[index], SP_SETTING_API_AUTH);
    const struct sp_json *mtls = sp_setting_value(auth, SP_SETTING_AUTH_MTLS);
    const struct sp_serving *serving = &parts->policy.serving;
    if (mtls == NULL || !sp_str_equal(mtls->text, SP_STR("required"))) {
        return;
    }
    for (size_t i = 0; i < serving->listener_count; i++) {
        const struct sp_listener *listener = &serving->listeners[i];
        if (listener->certificate.len > 0 && listener->asks_for_certificates) {
            return;
        }
    }
    struct sp_str api = parts->policy.apis[index].name;
    const struct sp_complaint complaint = {
        .cause = SP_CAUSE_CONFIG_REFERENCE,
        .value = mtls,
        .where = sp_draft_printf(draft, "apis.%.*s.auth.mtls", SP_STR_ARG(api)),
        .expected = SP_STR("listen.tls with certificate and key, and client_certificates: ask"),
        .received = SP_STR("required"),
        .detail = sp_draft_printf(draft, "apis.%.*s.auth.mtls", SP_STR_ARG(api)),
        .tolerated = true};
    sp_draft_complain(draft, &complaint,
                      "apis.%.*s needs a client certificate, and no listener asks for one: every call is refused. Add "
                      "listen.tls (this is no fault where a guest nginx terminates TLS)",
                      SP_STR_ARG(api));
}

/* Of the HTTP Method Registry, and PURGE of the caches. */
static const struct sp_str methods[] = {
#define METHOD(name) {name, sizeof(name) - 1},
    METHOD("GET") METHOD("HEAD") METHOD("POST") METHOD("PUT") METHOD("PATCH") METHOD("DELETE") METHOD("OPTIONS")
        METHOD("CONNECT") METHOD("TRACE") METHOD("QUERY") METHOD("SEARCH") METHOD("REPORT") METHOD("PROPFIND")
            METHOD("PROPPATCH") METHOD("MKCOL") METHOD("COPY") METHOD("MOVE") METHOD("LOCK") METHOD("UNLOCK")
                METHOD("LINK") METHOD("UNLINK") METHOD("ACL") METHOD("BIND") METHOD("REBIND") METHOD("UNBIND")
                    METHOD("MKCALENDAR") METHOD("MKREDIRECTREF") METHOD("UPDATEREDIRECTREF") METHOD("ORDERPATCH")
                        METHOD("BASELINE-CONTROL") METHOD("CHECKIN") METHOD("CHECKOUT") METHOD("UNCHECKOUT")
                            METHOD("LABEL") METHOD("MERGE") METHOD("MKACTIVITY") METHOD("MKWORKSPACE") METHOD("UPDATE")
                                METHOD("VERSION-CONTROL") METHOD("PURGE") METHOD("*")
#undef METHOD
};

static void check_method(struct sp_draft *draft, const struct sp_json *value, struct sp_str name, struct sp_str where)
{
    size_t least = SP_NOT_NEAR;
    struct sp_str best = SP_STR_NONE;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (sp_str_equal(methods[i], name)) {
            return;
        }
        sp_nearest_keep(methods[i], name, &least, &best);
    }
    struct sp_str hint = best.len > 0 ? sp_draft_printf(draft, "Did you mean %.*s?", SP_STR_ARG(best))
                                      : SP_STR("Is it one of your API's own?");
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_REFERENCE,
                                           .value = value,
                                           .where = where,
                                           .expected = best.len > 0 ? best : SP_STR("GET, POST, …"),
                                           .received = name,
                                           .detail = where,
                                           .tolerated = true};
    sp_draft_complain(draft, &complaint, "%.*s: nobody knows the method %.*s. %.*s", SP_STR_ARG(where),
                      SP_STR_ARG(name), SP_STR_ARG(hint));
}

static void check_methods(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_json *object = parts->api_sources[index];
    const struct sp_json *scopes =
        sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_SCOPES);
    size_t rules, count;
    if (scopes != NULL && scopes->type == SP_JSON_OBJECT) {
        for
            SP_JSON_EACH(member, scopes)
            {
                check_method(draft, member, member->name,
                             sp_draft_printf(draft, "apis.%.*s.auth.scopes.%.*s", SP_STR_ARG(object->name),
                                             SP_STR_ARG(member->name)));
            }
    }
    const struct sp_json *match = sp_first_element(sp_setting_value(object, SP_SETTING_API_MATCH), &rules);
    for (; rules > 0; rules--, match = match->next) {
        const struct sp_json *method = sp_first_element(sp_setting_value(match, SP_SETTING_MATCH_METHODS), &count);
        for (; count > 0; count--, method = method->next) {
            check_method(draft, method, method->text,
                         sp_draft_printf(draft, "apis.%.*s.match.methods", SP_STR_ARG(object->name)));
        }
    }
}

/* GET's scopes are HEAD's too (RFC 9110 9.3.2). */
static bool has_scopes(const struct sp_json *scopes, struct sp_str method)
{
    return sp_json_member(scopes, method) != NULL ||
           (sp_str_equal(method, SP_STR("HEAD")) && sp_json_member(scopes, SP_STR("GET")) != NULL);
}

static struct sp_str names_of(struct sp_draft *draft, const struct sp_json *object)
{
    struct sp_str *names = SP_DRAFT_ARRAY(draft, struct sp_str, object->count);
    size_t count = 0;
    for
        SP_JSON_EACH(member, object)
        {
            if (names != NULL) {
                names[count++] = member->name;
            }
        }
    return sp_draft_join(draft, names, count);
}

/* A method that match names and a list by method leaves out would be served without a scope. */
static void check_scopes(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_json *object = parts->api_sources[index];
    const struct sp_json *scopes =
        sp_setting_value(sp_setting_value(object, SP_SETTING_API_AUTH), SP_SETTING_AUTH_SCOPES);
    size_t rules, count;
    if (scopes == NULL || scopes->type != SP_JSON_OBJECT || sp_json_member(scopes, SP_STR("*")) != NULL) {
        return;
    }
    const struct sp_json *match = sp_first_element(sp_setting_value(object, SP_SETTING_API_MATCH), &rules);
    for (; rules > 0; rules--, match = match->next) {
        const struct sp_json *method = sp_first_element(sp_setting_value(match, SP_SETTING_MATCH_METHODS), &count);
        for (; count > 0 && has_scopes(scopes, method->text); count--) {
            method = method->next;
        }
        if (count == 0) {
            continue;
        }
        const struct sp_complaint complaint = {
            .cause = SP_CAUSE_CONFIG_REFERENCE,
            .value = method,
            .where = sp_draft_printf(draft, "apis.%.*s.match.methods", SP_STR_ARG(object->name)),
            .expected = sp_draft_printf(draft, "auth.scopes: %.*s", SP_STR_ARG(names_of(draft, scopes))),
            .received = method->text,
            .detail = sp_draft_printf(draft, "apis.%.*s.match.methods", SP_STR_ARG(object->name))};
        sp_draft_complain(draft, &complaint,
                          "auth.scopes of apis.%.*s does not say what %.*s needs: name it or \"*\" there, with [] for "
                          "no scope, or take it out of match.methods",
                          SP_STR_ARG(object->name), SP_STR_ARG(method->text));
    }
}

/* Any page could call with the user's cookies: "*" as the answer's origin is what browsers refuse together with
 * credentials (Fetch 3.3.5), and naming each caller's would be the way round that. "null" is any page's, too: that of a
 * sandboxed frame. */
static void check_cors(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_api *api = &parts->policy.apis[index];
    if (api->cors.mode != SP_CORS_ANSWER || !api->cors.credentials) {
        return;
    }
    for (size_t i = 0; i < api->cors.origins.count; i++) {
        const struct sp_str origin = api->cors.origins.at[i];
        if (!sp_str_equal(origin, SP_STR("*")) && !sp_str_equal(origin, SP_STR("null"))) {
            continue;
        }
        const struct sp_json *cors = sp_setting_value(parts->api_sources[index], SP_SETTING_API_CORS);
        const struct sp_complaint complaint = {
            .cause = SP_CAUSE_CONFIG_TYPE,
            .value = place_of(cors, SP_SETTING_CORS_CREDENTIALS),
            .where = sp_draft_printf(draft, "apis.%.*s.cors.credentials", SP_STR_ARG(api->name)),
            .expected = sp_draft_printf(draft, "false beside the origin \"%.*s\"", SP_STR_ARG(origin)),
            .received = SP_STR("true"),
            .detail = sp_draft_printf(draft, "apis.%.*s.cors.credentials", SP_STR_ARG(api->name))};
        sp_draft_complain(
            draft, &complaint,
            "apis.%.*s lets pages of any origin (\"%.*s\") call with the user's cookies: name the origins, "
            "or leave credentials out",
            SP_STR_ARG(api->name), SP_STR_ARG(origin));
        return;
    }
}

/* A limit that another one of the same kind always reaches first. */
static void check_limits(struct sp_draft *draft, const struct sp_policy_parts *parts, size_t index)
{
    const struct sp_api *api = &parts->policy.apis[index];
    size_t count;
    const struct sp_json *element =
        sp_first_element(sp_setting_value(parts->api_sources[index], SP_SETTING_API_LIMITS), &count);
    for (size_t i = 0; i < count && i < 64; i++, element = element->next) {
        for (size_t j = 0; j < count && j < 64; j++) {
            const struct sp_limit *loose = &api->limits[i], *tight = &api->limits[j];
            bool equal = loose->requests == tight->requests && loose->window_ms == tight->window_ms;
            if (i == j || loose->per != tight->per || tight->requests > loose->requests ||
                tight->window_ms < loose->window_ms || (equal && i < j)) {
                continue;
            }
            const struct sp_complaint complaint = {
                .cause = SP_CAUSE_CONFIG_POLICY_ORDER,
                .value = element,
                .where = sp_draft_printf(draft, "apis.%.*s.limits[%zu]", SP_STR_ARG(api->name), i),
                .expected = sp_draft_printf(draft, "limits[%zu]", j),
                .received = sp_draft_printf(draft, "limits[%zu]", i),
                .detail = SP_STR("The other one is always reached first.")};
            sp_draft_complain(draft, &complaint,
                              "limits[%zu] of apis.%.*s never acts: limits[%zu] is always reached first", i,
                              SP_STR_ARG(api->name), j);
            break;
        }
    }
}

/* ---- trailing slashes: what is equal but for one is meant to be the same ---- */
static struct sp_str without_slash(struct sp_str s)
{
    return s.len > 0 && s.at[s.len - 1] == '/' ? sp_str_slice(s, 0, s.len - 1) : s;
}

static bool differs_by_slash(struct sp_str a, struct sp_str b)
{
    return !sp_str_equal(a, b) && sp_str_equal(without_slash(a), without_slash(b));
}

static void complain_of_slash(struct sp_draft *draft, enum sp_cause cause, const struct sp_json *value,
                              struct sp_str where, struct sp_str expected, struct sp_str expected_where)
{
    const struct sp_complaint complaint = {
        .cause = cause,
        .value = value,
        .where = where,
        .expected = expected,
        .received = value->text,
        .detail = sp_draft_printf(draft, "The other one stands at %.*s.", SP_STR_ARG(expected_where)),
        .tolerated = true};
    sp_draft_complain(draft, &complaint,
                      "%.*s differs only by a trailing slash from %.*s (%.*s); they are compared byte by byte",
                      SP_STR_ARG(value->text), SP_STR_ARG(expected), SP_STR_ARG(expected_where));
}

static void check_authority_issuer(struct sp_draft *draft, const struct sp_policy_parts *parts,
                                   const struct sp_json *authority)
{
    struct sp_str own = sp_setting_text(authority, SP_SETTING_AUTHORITY_ISSUER);
    for (size_t i = 0; i < parts->policy.issuer_count; i++) {
        const struct sp_issuer_terms *terms = &parts->policy.issuers[i];
        const struct sp_json *value = sp_setting_value(parts->policy.issuer_sources[i], SP_SETTING_ISSUER_ISSUER);
        if (value != NULL && own.len > 0 && differs_by_slash(own, terms->issuer)) {
            complain_of_slash(draft, SP_CAUSE_ISSUER_TRAILING_SLASH, value,
                              member_path(draft, "issuers", terms->name, SP_SETTING_ISSUER_ISSUER), own,
                              SP_STR("authority.issuer"));
        }
    }
}

struct registered {
    const struct sp_json *uri;
    struct sp_str client;
};

static size_t count_redirect_uris(const struct sp_json *clients)
{
    size_t sum = 0, count;
    for
        SP_JSON_EACH(client, clients)
        {
            (void)sp_first_element(sp_setting_value(client, SP_SETTING_CLIENT_REDIRECT_URIS), &count);
            sum += count;
        }
    return sum;
}

/* All registered URIs, found by their text without a final slash: a second one there is its twin. */
static void check_redirect_uris(struct sp_draft *draft, const struct sp_json *root, const struct sp_json *clients)
{
    size_t sum = count_redirect_uris(clients), at = 0;
    struct sp_index index;
    struct registered *all = SP_DRAFT_ARRAY(draft, struct registered, sum);
    if (all == NULL || sp_index_init(&index, draft->arena, sum) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    struct sp_str public_url = sp_setting_text(root, SP_SETTING_ROOT_PUBLIC_URL);
    for
        SP_JSON_EACH(client, clients)
        {
            size_t count;
            const struct sp_json *uri =
                sp_first_element(sp_setting_value(client, SP_SETTING_CLIENT_REDIRECT_URIS), &count);
            struct sp_str where =
                sp_draft_printf(draft, "authority.clients.%.*s.redirect_uris", SP_STR_ARG(client->name));
            for (; count > 0; count--, uri = uri->next) {
                uint32_t twin = sp_index_put(&index, without_slash(uri->text), (uint32_t)at);
                if (twin != SP_INDEX_NONE && differs_by_slash(all[twin].uri->text, uri->text)) {
                    complain_of_slash(
                        draft, SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, uri, where, all[twin].uri->text,
                        sp_draft_printf(draft, "authority.clients.%.*s.redirect_uris", SP_STR_ARG(all[twin].client)));
                } else if (public_url.len > 0 && differs_by_slash(public_url, uri->text)) {
                    complain_of_slash(draft, SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, uri, where, public_url,
                                      SP_STR("public_url"));
                }
                all[at++] = (struct registered){.uri = uri, .client = client->name};
            }
        }
}

/* ---- secrets ---- */
static void complain_of_inline_secret(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path)
{
    if (value->type != SP_JSON_STRING || value->text.len == 0 || sp_str_contains(value->text, SP_STR("${"))) {
        return;
    }
    struct sp_str where = sp_path_text(draft, path);
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_INLINE_SECRET,
                                           .value = value,
                                           .path = path,
                                           .expected = SP_STR("${file:PATH} or ${NAME}"),
                                           .received = where};
    sp_draft_complain(draft, &complaint, "%.*s is written in the file itself", SP_STR_ARG(where));
}

static void check_secret(struct sp_draft *draft, enum sp_setting setting, const struct sp_json *value,
                         const struct sp_path *path)
{
    enum sp_kind kind = sp_setting_get(setting)->kind;
    if (kind != SP_KIND_SECRET && kind != SP_KIND_SECRETS) {
        return;
    }
    complain_of_inline_secret(draft, value, path);
    size_t index = 0;
    for
        SP_JSON_EACH(element, value)
        {
            const struct sp_path down = {.up = path, .index = index++};
            complain_of_inline_secret(draft, element, &down);
        }
}

void sp_check_inline_secrets(struct sp_draft *draft, const struct sp_json *root)
{
    sp_settings_walk(draft, root, check_secret);
}

void sp_check_policy(struct sp_draft *draft, const struct sp_policy_parts *parts)
{
    static void (*const of_issuer[])(struct sp_draft *, const struct sp_issuer_terms *, const struct sp_json *) = {
        check_algorithms, check_leeway, check_urls, check_key_source};
    static void (*const of_api[])(struct sp_draft *, const struct sp_policy_parts *,
                                  size_t) = {check_audience, check_proof_host,        check_limits, check_scopes,
                                             check_cors,     check_certificates_come, check_methods};
    for (size_t i = 0; i < parts->policy.issuer_count && draft->status == SP_OK; i++) {
        for (size_t j = 0; j < sizeof of_issuer / sizeof of_issuer[0]; j++) {
            of_issuer[j](draft, &parts->policy.issuers[i], parts->policy.issuer_sources[i]);
        }
    }
    for (size_t i = 0; i < parts->policy.api_count && draft->status == SP_OK; i++) {
        for (size_t j = 0; j < sizeof of_api / sizeof of_api[0]; j++) {
            of_api[j](draft, parts, i);
        }
    }
    const struct sp_json *root = parts->policy.source;
    const struct sp_json *authority = sp_setting_value(root, SP_SETTING_ROOT_AUTHORITY);
    if (authority != NULL && draft->status == SP_OK) {
        check_authority_issuer(draft, parts, authority);
        check_redirect_uris(draft, root, sp_setting_value(authority, SP_SETTING_AUTHORITY_CLIENTS));
    }
}
