/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/host.h"
#include "core/base/url.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/issuer_form.h"

static const struct sp_document_causes metadata_causes = {
    .unreachable = SP_CAUSE_KEYS_UNREACHABLE,
    .not_found = SP_CAUSE_DISCOVERY_NOT_FOUND,
    .http_status = SP_CAUSE_DISCOVERY_HTTP_STATUS,
    .too_large = SP_CAUSE_NETWORK_HTTP_TOO_LARGE,
    .html = SP_CAUSE_DISCOVERY_HTML,
    .not_json = SP_CAUSE_DISCOVERY_NOT_JSON,
};

struct sp_str sp_metadata_url(struct sp_arena *arena, struct sp_str issuer, enum sp_metadata_place place)
{
    struct sp_url url;
    if (sp_url_split(issuer, &url) != SP_OK) {
        return SP_STR_NONE;
    }
    if (place == SP_METADATA_OPENID_APPENDED) {
        struct sp_str base = sp_str_has_suffix(issuer, SP_STR("/")) ? sp_str_slice(issuer, 0, issuer.len - 1) : issuer;
        return sp_arena_printf(arena, "%.*s/.well-known/openid-configuration", SP_STR_ARG(base));
    }
    struct sp_str path = sp_str_equal(url.path, SP_STR("/")) ? SP_STR_NONE : url.path;
    size_t origin_len = url.path.at != NULL ? (size_t)(url.path.at - issuer.at) : issuer.len;
    return sp_arena_printf(arena, "%.*s/.well-known/%s%.*s", (int)origin_len, issuer.at,
                           place == SP_METADATA_OAUTH_INSERTED ? "oauth-authorization-server" : "openid-configuration",
                           SP_STR_ARG(path));
}

static uint32_t algorithms_in(const struct sp_json *list)
{
    uint32_t set = 0;
    for
        SP_JSON_EACH(name, list)
        {
            set |= sp_algorithm_bit(sp_algorithm_find(sp_json_string(name)));
        }
    return set;
}

/* An endpoint that is plain http beyond loopback: nothing may be fetched from it, so keys and introspection must not be
 * there. */
static void examine_endpoint(struct sp_document_findings *findings, const struct sp_json *json, const char *name,
                             bool is_needed, struct sp_str *endpoint)
{
    struct sp_url url;
    struct sp_str text = sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
    struct sp_finding *finding;
    if (text.at == NULL || sp_url_split(text, &url) != SP_OK) {
        if (is_needed && !findings->refused) {
            finding = sp_document_refuse(findings, SP_CAUSE_DISCOVERY_MISSING_MEMBER);
            finding->expected = sp_str_from_cstr(name);
            finding->received = text.at != NULL ? text : SP_STR("nothing");
        }
        return;
    }
    *endpoint = text;
    if (!sp_url_is_secure(&url)) {
        finding = is_needed && !findings->refused ? sp_document_refuse(findings, SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT)
                                                  : sp_document_saw(findings, SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT);
        finding->received = text;
        finding->detail = sp_str_from_cstr(name);
    }
}

static void examine_foreign(struct sp_document_findings *findings, struct sp_str issuer, struct sp_str endpoint,
                            const char *name)
{
    struct sp_url ours, theirs;
    if (endpoint.at == NULL || sp_url_split(issuer, &ours) != SP_OK || sp_url_split(endpoint, &theirs) != SP_OK) {
        return;
    }
    if (sp_host_is_internal(theirs.host) && !sp_host_is_internal(ours.host)) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_DISCOVERY_FOREIGN_ENDPOINT);
        finding->received = endpoint;
        finding->detail = sp_str_from_cstr(name);
    }
}

/* The same server under another writing of its name, or under a name that only this network knows. A document that
 * names another issuer must not be used (RFC 8414 3.3, OIDC Discovery 4.3), and nothing is accepted by it. Of this one
 * the keys explain all the same: a token that is signed with them and has the other writing is refused with its
 * issuer.* cause, which is what the operator needs to read. Who keeps the keys keeps what the document calls its issuer
 * (struct sp_issuer_knowledge, published_issuer), by which sp_issuer_examine refuses the others. */
static bool is_same_server(enum sp_cause difference)
{
    return difference != SP_CAUSE_ISSUER_MISMATCH && difference != SP_CAUSE_ISSUER_PATH;
}

static enum sp_cause difference_of(struct sp_str expected, struct sp_str received)
{
    enum sp_cause difference = sp_issuer_difference(expected, received);
    /* The document has the placeholder of a multi-tenant issuer. */
    bool is_template = difference != SP_CAUSE_NONE && sp_str_contains(received, SP_STR("{tenantid}"));
    return is_template ? SP_CAUSE_ISSUER_TEMPLATE : difference;
}

void sp_metadata_tell_issuer(struct sp_arena *arena, struct sp_str expected, struct sp_str received,
                             struct sp_finding *finding)
{
    finding->expected = expected;
    finding->received = received;
    finding->reason = difference_of(expected, received);
    finding->detail = sp_arena_printf(arena, "%.*s.", SP_STR_ARG(sp_cause_get(finding->reason)->title));
}

static void examine_issuer(struct sp_arena *arena, struct sp_document_findings *findings, struct sp_str expected,
                           struct sp_str received)
{
    enum sp_cause difference = difference_of(expected, received);
    if (difference == SP_CAUSE_NONE) {
        return;
    }
    struct sp_finding *finding = is_same_server(difference)
                                     ? sp_document_saw(findings, SP_CAUSE_DISCOVERY_ISSUER_MISMATCH)
                                     : sp_document_refuse(findings, SP_CAUSE_DISCOVERY_ISSUER_MISMATCH);
    sp_metadata_tell_issuer(arena, expected, received, finding);
}

enum sp_status sp_metadata_examine(struct sp_arena *arena, const struct sp_fetch_report *report, struct sp_str issuer,
                                   struct sp_metadata *metadata, struct sp_document_findings *findings)
{
    const struct sp_json *json;
    *metadata = (struct sp_metadata){.algorithms = 0};
    *findings = (struct sp_document_findings){.count = 0};
    enum sp_status status = sp_document_read(arena, report, &metadata_causes, findings, &json);
    if (status != SP_OK || json == NULL) {
        return status;
    }
    metadata->json = json;
    metadata->issuer = sp_json_string(sp_json_member(json, SP_STR("issuer")));
    metadata->algorithms = algorithms_in(sp_json_member(json, SP_STR("id_token_signing_alg_values_supported"))) |
                           algorithms_in(sp_json_member(json, SP_STR("access_token_signing_alg_values_supported")));
    if (metadata->issuer.at == NULL) {
        struct sp_finding *finding = sp_document_refuse(findings, SP_CAUSE_DISCOVERY_MISSING_MEMBER);
        finding->expected = SP_STR("issuer");
        finding->received = SP_STR("nothing");
    } else {
        examine_issuer(arena, findings, issuer, metadata->issuer);
    }
    examine_endpoint(findings, json, "jwks_uri", true, &metadata->jwks_uri);
    examine_endpoint(findings, json, "introspection_endpoint", false, &metadata->introspection_endpoint);
    examine_endpoint(findings, json, "authorization_endpoint", false, &metadata->authorization_endpoint);
    examine_endpoint(findings, json, "token_endpoint", false, &metadata->token_endpoint);
    examine_foreign(findings, issuer, metadata->jwks_uri, "jwks_uri");
    examine_foreign(findings, issuer, metadata->token_endpoint, "token_endpoint");
    return SP_OK;
}

enum sp_cause sp_metadata_examine_place(struct sp_arena *arena, struct sp_str issuer, enum sp_metadata_place place,
                                        struct sp_finding *finding)
{
    if (place == SP_METADATA_OPENID_APPENDED) {
        return SP_CAUSE_NONE;
    }
    *finding = (struct sp_finding){.cause = SP_CAUSE_DISCOVERY_PATH_FORM,
                                   .check = SP_CHECK_KEY,
                                   .verified = true,
                                   .expected = sp_metadata_url(arena, issuer, SP_METADATA_OPENID_APPENDED),
                                   .received = sp_metadata_url(arena, issuer, place)};
    return finding->cause;
}

enum sp_cause sp_metadata_compare_hosts(struct sp_str issuer, struct sp_str under_other_host,
                                        struct sp_finding *finding)
{
    if (under_other_host.at == NULL || sp_str_equal(issuer, under_other_host)) {
        return SP_CAUSE_NONE;
    }
    *finding = (struct sp_finding){.cause = SP_CAUSE_DISCOVERY_HOST_REFLECTED,
                                   .check = SP_CHECK_KEY,
                                   .verified = true,
                                   .expected = issuer,
                                   .received = under_other_host};
    return finding->cause;
}

void sp_metadata_examine_members(const struct sp_metadata *metadata, enum sp_metadata_place place,
                                 struct sp_document_findings *findings)
{
    static const struct {
        const char *name;
        bool of_oauth; /* RFC 8414 2 requires it too, not OIDC Discovery 3 alone */
    } rows[] = {
        {"authorization_endpoint", false},
        {"token_endpoint", false},
        {"response_types_supported", true},
        {"subject_types_supported", false},
        {"id_token_signing_alg_values_supported", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_required = rows[i].of_oauth || place != SP_METADATA_OAUTH_INSERTED;
        const struct sp_json *value = sp_json_member(metadata->json, sp_str_from_cstr(rows[i].name));
        bool is_there = value != NULL && (value->type == SP_JSON_STRING || value->type == SP_JSON_ARRAY);
        if (is_required && !is_there) {
            struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_DISCOVERY_MISSING_MEMBER);
            finding->expected = sp_str_from_cstr(rows[i].name);
            finding->received = value != NULL ? SP_STR("a value of another type") : SP_STR("nothing");
            finding->tolerated = true;
        }
    }
}

/* Those of them that sp_metadata_examine judges already. */
static bool is_judged_with_document(struct sp_str name)
{
    static const struct sp_str names[] = {
        {"introspection_endpoint", 22}, {"authorization_endpoint", 22}, {"token_endpoint", 14}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sp_str_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

void sp_endpoints_judge(struct sp_arena *arena, const struct sp_endpoint_evidence *endpoints, size_t count,
                        struct sp_document_findings *findings)
{
    for (size_t i = 0; i < count; i++) {
        const struct sp_endpoint_evidence *row = &endpoints[i];
        struct sp_finding *finding;
        struct sp_url url;
        bool is_url = sp_url_split(row->url, &url) == SP_OK;
        if ((!is_url || !sp_url_is_secure(&url)) && !is_judged_with_document(row->name)) {
            finding = sp_document_saw(findings, SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT);
            finding->received = row->url;
            finding->detail = row->name;
        } else if (row->report != NULL && row->report->failure == SP_CAUSE_NETWORK_DNS_NOT_FOUND) {
            finding = sp_document_saw(findings, SP_CAUSE_DISCOVERY_FOREIGN_ENDPOINT);
            finding->received = row->url;
            finding->detail = row->name;
            finding->reason = row->report->failure;
        } else if (row->report != NULL && row->report->failure != SP_CAUSE_NONE) {
            finding = sp_document_saw(findings, sp_http_failure_cause(row->report));
            finding->expected = row->name;
            finding->received = row->url;
            finding->detail =
                sp_arena_printf(arena, "%.*s: %.*s.", SP_STR_ARG(row->name), SP_STR_ARG(row->report->failure_detail));
            if (finding->cause == SP_CAUSE_NETWORK_HTTP_SERVER_ERROR) { /* what it answered, and who */
                finding->expected = row->url;
                finding->received = row->report->failure_detail;
            } else if (finding->cause == SP_CAUSE_RESPONSE_TRUNCATED) {
                finding->expected = sp_arena_printf(arena, "the answer of %.*s", SP_STR_ARG(row->url));
                finding->received = sp_arena_printf(arena, "%zu bytes", row->report->body.len);
            }
        } else if (row->report != NULL && row->report->http_status >= 500) {
            finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR);
            finding->expected = row->url;
            finding->received = sp_arena_printf(arena, "%d", row->report->http_status);
            finding->detail = row->name;
            finding->tolerated = true; /* to OPTIONS: what it says to a real request is not known */
        }
    }
}
