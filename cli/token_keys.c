/* SPDX-License-Identifier: Apache-2.0 */
/* Where `token examine` and `token verify` take their keys from. */
#include "cli/keys.h"
#include "cli/token.h"

#include "core/base/limits.h"
#include "core/base/url.h"
#include "core/diagnosis/document.h"
#include "core/jose/base64url.h"
#include "probe/http_call.h"

#define MAX_PEM_BYTES (1024u * 1024)

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

static void release_call(void *call)
{
    struct sp_http_call *held = call;
    sp_http_call_destroy(&held);
}

/* The set lives as long as the command. */
static enum sp_status hold(const struct sp_cli *cli, struct sp_jwk_set *set)
{
    enum sp_status status = sp_arena_defer(cli->arena, release_set, set);
    if (status != SP_OK)
        sp_jwk_set_unref(&set);
    return status;
}

static int no_memory(const struct sp_cli *cli)
{
    return sp_cli_failure(cli, "out of memory");
}

/* ---- documents ---- */

static struct sp_str describe(const struct sp_cli *cli, const struct sp_finding *finding)
{
    return sp_finding_fill(cli->arena, sp_cause_get(finding->cause)->explanation, finding);
}

static void take_failure(const struct sp_cli *cli, const struct sp_finding *finding, struct sp_issuer_knowledge *known)
{
    known->failure = finding->cause;
    known->failure_reason = finding->reason;
    known->failure_detail = describe(cli, finding);
}

static bool is_of_members(enum sp_cause cause)
{
    return cause == SP_CAUSE_KEYS_EMPTY || cause == SP_CAUSE_KEYS_PLACEHOLDER;
}

/* A set without a usable key is still the one that the token names a key of: the examination says what is wrong with
 * that. */
static int take_unusable(const struct sp_cli *cli, const struct sp_fetch_report *report,
                         struct sp_issuer_knowledge *known)
{
    struct sp_jwk_set *set = NULL;
    if (sp_jwk_set_parse(report->body, &set, NULL) != SP_OK || hold(cli, set) != SP_OK)
        return no_memory(cli);
    known->keys = set;
    return SP_CLI_FINE;
}

static int take_keys(const struct sp_cli *cli, const struct sp_fetch_report *report, struct sp_issuer_knowledge *known)
{
    struct sp_document_findings *findings = SP_ARENA_NEW(cli->arena, struct sp_document_findings);
    struct sp_jwk_set *set = NULL;
    known->refetched = true;
    if (findings == NULL || sp_keys_document_examine(cli->arena, report, &set, findings) != SP_OK ||
        (set != NULL && hold(cli, set) != SP_OK))
        return no_memory(cli);
    known->keys = set;
    if (findings->refused && is_of_members(findings->rows[0].cause))
        return take_unusable(cli, report, known);
    if (findings->refused)
        take_failure(cli, &findings->rows[0], known);
    return SP_CLI_FINE;
}

int sp_token_keys_from_file(const struct sp_cli *cli, struct sp_str path, struct sp_issuer_knowledge *known)
{
    struct sp_str text;
    enum sp_status status = sp_cli_read_beginning(cli, path, SP_MAX_JWKS_BYTES, &text);
    if (status != SP_OK && status != SP_TOO_LARGE)
        return SP_CLI_UNEXAMINED;
    if (sp_keys_is_pem(text)) {
        int exit_status = sp_keys_pem_read(cli, path, text, true, &text);
        if (exit_status != SP_CLI_FINE)
            return exit_status;
    }
    struct sp_fetch_report report = {.url = path,
                                     .http_status = 200,
                                     .content_type = SP_STR("a file"),
                                     .body = text,
                                     .too_large = status == SP_TOO_LARGE,
                                     .max_bytes = SP_MAX_JWKS_BYTES,
                                     .max_age_s = -1};
    return take_keys(cli, &report, known);
}

const struct sp_fetch_report *sp_cli_fetch(const struct sp_cli *cli, struct sp_str url, struct sp_str ca_file,
                                           size_t max_bytes)
{
    struct sp_http_request request = {.url = url,
                                      .ca_file = ca_file,
                                      .connect_timeout_ms = 5000,
                                      .timeout_ms = 10000,
                                      .max_bytes = max_bytes,
                                      .max_redirects = 3};
    struct sp_http_call *call = NULL;
    enum sp_status status = sp_http_call_create(&request, &call);
    if (status == SP_MALFORMED) {
        /* Judged like any other: it names keys.insecure_url or discovery.insecure_endpoint. */
        struct sp_fetch_report *report = SP_ARENA_NEW(cli->arena, struct sp_fetch_report);
        if (report != NULL)
            *report =
                (struct sp_fetch_report){.url = url, .failure_detail = SP_STR("it is no https URL"), .max_age_s = -1};
        return report;
    }
    if (status != SP_OK || sp_arena_defer(cli->arena, release_call, call) != SP_OK) {
        sp_http_call_destroy(&call);
        no_memory(cli);
        return NULL;
    }
    sp_http_call_perform(call);
    return sp_http_call_report(call);
}

static int keys_from_url(const struct sp_cli *cli, struct sp_str url, struct sp_str ca_file,
                         struct sp_issuer_knowledge *known)
{
    const struct sp_fetch_report *report = sp_cli_fetch(cli, url, ca_file, SP_MAX_JWKS_BYTES);
    if (report == NULL)
        return SP_CLI_UNEXAMINED;
    if (report->date_s != 0) {
        known->clock_skew_known = true;
        known->clock_skew_s = report->date_s - sp_cli_now();
    }
    return take_keys(cli, report, known);
}

/* The well-known places in turn, until one is not simply absent. */
static int keys_from_discovery(const struct sp_cli *cli, struct sp_str issuer, struct sp_str ca_file,
                               struct sp_issuer_knowledge *known)
{
    struct sp_document_findings *findings = SP_ARENA_NEW(cli->arena, struct sp_document_findings);
    struct sp_metadata metadata;
    if (findings == NULL)
        return no_memory(cli);
    for (enum sp_metadata_place place = SP_METADATA_OPENID_APPENDED; place < SP_METADATA_PLACES; place++) {
        struct sp_str url = sp_metadata_url(cli->arena, issuer, place);
        if (url.at == NULL)
            return sp_cli_usage_error(cli,
                                      "'%.*s' is no URL that could be asked for keys; give --jwks, --key or --secret",
                                      SP_STR_ARG(issuer));
        const struct sp_fetch_report *report = sp_cli_fetch(cli, url, ca_file, SP_MAX_METADATA_BYTES);
        if (report == NULL)
            return SP_CLI_UNEXAMINED;
        if (sp_metadata_examine(cli->arena, report, issuer, &metadata, findings) != SP_OK)
            return no_memory(cli);
        if (!findings->refused || findings->rows[0].cause != SP_CAUSE_DISCOVERY_NOT_FOUND)
            break;
    }
    if (findings->refused) {
        take_failure(cli, &findings->rows[0], known);
        known->refetched = true;
        return SP_CLI_FINE;
    }
    known->advertised_algorithms = metadata.algorithms;
    known->published_issuer = sp_str_equal(metadata.issuer, issuer) ? SP_STR_NONE : metadata.issuer;
    return keys_from_url(cli, metadata.jwks_uri, ca_file, known);
}

int sp_token_keys_fetch(const struct sp_cli *cli, struct sp_str url, struct sp_str issuer, struct sp_str ca_file,
                        struct sp_issuer_knowledge *known)
{
    return url.len > 0 ? keys_from_url(cli, url, ca_file, known) : keys_from_discovery(cli, issuer, ca_file, known);
}

/* ---- keys alone ---- */

static int keys_from_pem(const struct sp_cli *cli, struct sp_str path, struct sp_issuer_knowledge *known)
{
    struct sp_str pem;
    struct sp_key *key = NULL;
    struct sp_jwk_set *set = NULL;
    if (sp_cli_read(cli, path, MAX_PEM_BYTES, &pem) != SP_OK)
        return SP_CLI_UNEXAMINED;
    enum sp_status status = sp_key_import_pem(pem, &key);
    if (status == SP_UNSUPPORTED)
        return sp_cli_failure(cli, "the key in %.*s is of a type that signs no tokens", SP_STR_ARG(path));
    if (status != SP_OK)
        return sp_cli_failure(cli, "%.*s is no PEM file with a public key or a certificate", SP_STR_ARG(path));
    if (sp_jwk_set_of_key(&key, SP_STR_NONE, &set) != SP_OK || hold(cli, set) != SP_OK)
        return no_memory(cli);
    known->keys = set;
    known->refetched = true;
    return SP_CLI_FINE;
}

static const struct sp_str encodings[] = {{"raw", 3}, {"base64", 6}, {"base64url", 9}};
#define ENCODING_COUNT 3

/* Generous in its padding, because what was pasted is what counts. */
static enum sp_status decode_secret(struct sp_arena *arena, size_t encoding, struct sp_str text, struct sp_str *bytes)
{
    if (encoding == 0) {
        *bytes = text;
        return SP_OK;
    }
    while (encoding == 2 && text.len > 0 && text.at[text.len - 1] == '=')
        text.len--;
    return encoding == 1 ? sp_base64_decode(arena, text, bytes) : sp_base64url_decode(arena, text, bytes);
}

/* The secret under the other decodings, as a set whose kids say which. */
static int read_other_encodings(const struct sp_cli *cli, struct sp_str secret, size_t configured,
                                struct sp_issuer_knowledge *known)
{
    struct sp_key *others[ENCODING_COUNT];
    struct sp_str names[ENCODING_COUNT];
    struct sp_jwk_set *set = NULL;
    size_t count = 0;
    for (size_t i = 0; i < ENCODING_COUNT; i++) {
        struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT};
        if (i == configured || decode_secret(cli->arena, i, secret, &parts.k) != SP_OK || parts.k.len == 0 ||
            sp_key_import(&parts, &others[count]) != SP_OK)
            continue;
        names[count++] = encodings[i];
    }
    if (sp_jwk_set_of_keys(others, names, count, &set) != SP_OK || hold(cli, set) != SP_OK)
        return no_memory(cli);
    known->secret_encodings = set;
    return SP_CLI_FINE;
}

static int keys_from_secret(const struct sp_cli *cli, struct sp_str secret, struct sp_issuer_knowledge *known)
{
    struct sp_str name = sp_cli_text(cli, "secret-encoding"), bytes;
    struct sp_key *key = NULL;
    struct sp_jwk_set *set = NULL;
    size_t encoding = 0;
    while (name.at != NULL && encoding < ENCODING_COUNT && !sp_str_equal(encodings[encoding], name))
        encoding++;
    if (encoding == ENCODING_COUNT)
        return sp_cli_usage_error(cli, "--secret-encoding is raw, base64 or base64url, not '%.*s'", SP_STR_ARG(name));
    if (secret.len == 0 || decode_secret(cli->arena, encoding, secret, &bytes) != SP_OK || bytes.len == 0)
        return sp_cli_usage_error(cli, "the secret is empty or not %.*s", SP_STR_ARG(encodings[encoding]));
    struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = bytes};
    if (sp_key_import(&parts, &key) != SP_OK || sp_jwk_set_of_key(&key, SP_STR_NONE, &set) != SP_OK ||
        hold(cli, set) != SP_OK)
        return no_memory(cli);
    known->keys = set;
    known->refetched = true;
    return read_other_encodings(cli, secret, encoding, known);
}

/* ---- the choice ---- */

static bool is_url(struct sp_str text)
{
    struct sp_url url;
    return sp_url_split(text, &url) == SP_OK;
}

int sp_token_keys_read(const struct sp_cli *cli, struct sp_str issuer, struct sp_issuer_knowledge *known)
{
    struct sp_str jwks = sp_cli_text(cli, "jwks"), pem = sp_cli_text(cli, "key"), secret = sp_cli_text(cli, "secret");
    int sources = (jwks.at != NULL) + (pem.at != NULL) + (secret.at != NULL);
    if (sources > 1)
        return sp_cli_usage_error(cli, "give one of --jwks, --key and --secret");
    if (secret.at != NULL || (jwks.at != NULL && !is_url(jwks)))
        sp_crypto_start_lean();
    if (jwks.at != NULL)
        return is_url(jwks) ? keys_from_url(cli, jwks, SP_STR_NONE, known) : sp_token_keys_from_file(cli, jwks, known);
    if (pem.at != NULL)
        return keys_from_pem(cli, pem, known);
    if (secret.at != NULL)
        return keys_from_secret(cli, secret, known);
    if (issuer.at != NULL)
        return keys_from_discovery(cli, issuer, SP_STR_NONE, known);
    return SP_CLI_FINE; /* none, and the examination is told so */
}

uint32_t sp_token_keys_algorithms(const struct sp_jwk_set *keys)
{
    bool has_secret = false, has_public = false;
    for (size_t i = 0; keys != NULL && i < keys->count; i++) {
        bool is_secret = sp_key_type(keys->keys[i].key) == SP_KEY_TYPE_OCT;
        has_secret = has_secret || is_secret;
        has_public = has_public || !is_secret;
    }
    return has_secret && !has_public ? sp_algorithms_symmetric() : sp_algorithms_asymmetric();
}

int sp_token_algorithms(const struct sp_cli *cli, uint32_t when_absent, uint32_t *set)
{
    const struct sp_str *names;
    size_t count = sp_cli_list(cli, "alg", &names);
    uint32_t given = 0;
    for (size_t i = 0; i < count; i++) {
        enum sp_algorithm algorithm = sp_algorithm_find(names[i]);
        if (algorithm == SP_ALGORITHM_UNKNOWN) {
            struct sp_str all =
                sp_algorithms_in_words(cli->arena, sp_algorithms_asymmetric() | sp_algorithms_symmetric());
            return sp_cli_usage_error(cli, "--alg '%.*s' is none of %.*s", SP_STR_ARG(names[i]), SP_STR_ARG(all));
        }
        given |= sp_algorithm_bit(algorithm);
    }
    *set = count > 0 ? given : when_absent;
    return SP_CLI_FINE;
}
