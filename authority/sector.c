/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/sector.h"

#include "authority/denial.h"
#include "authority/errand.h"
#include "core/base/limits.h"
#include "core/base/url.h"
#include "core/diagnosis/cause.h"

/* The host of an https URI, absent for others: a loopback address or a scheme of one's own names no sector. */
static struct sp_str https_host(struct sp_str uri)
{
    struct sp_url url;
    bool is_https = sp_url_split(uri, &url) == SP_OK && sp_str_equal_ignoring_case(url.scheme, SP_STR("https"));
    return is_https ? url.host : SP_STR_NONE;
}

/* Absent: they have not one host. */
static struct sp_str shared_host(struct sp_str_list uris)
{
    struct sp_str host = uris.count > 0 ? https_host(uris.at[0]) : SP_STR_NONE;
    for (size_t i = 1; i < uris.count; i++)
        if (!sp_str_equal_ignoring_case(https_host(uris.at[i]), host))
            return SP_STR_NONE;
    return host;
}

/* A host is one however it is written. */
static enum sp_status keep_lower(struct sp_arena *arena, struct sp_str host, struct sp_str *kept)
{
    char *text = sp_arena_calloc(arena, host.len + 1, 1);
    if (text == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < host.len; i++)
        text[i] = host.at[i] >= 'A' && host.at[i] <= 'Z' ? (char)(host.at[i] | 0x20) : host.at[i];
    *kept = sp_str(text, host.len);
    return SP_OK;
}

enum sp_status sp_sector_decide(struct sp_settings_reader *reader, struct sp_str where, struct sp_client *client)
{
    struct sp_url url;
    struct sp_str host = SP_STR_NONE;
    client->sector = SP_STR_NONE;
    if (!client->is_pairwise)
        return SP_OK;
    if (client->sector_identifier_uri.at == NULL)
        host = shared_host(client->redirect_uris);
    else if (sp_url_split(client->sector_identifier_uri, &url) == SP_OK)
        host = url.host;
    if (host.len == 0)
        return sp_settings_complain(reader, where, "sector_identifier_uri",
                                    SP_STR("Pairwise subjects belong to a sector: register https redirect URIs of one "
                                           "host, or a sector_identifier_uri (OIDC Core 8.1)."));
    return keep_lower(reader->arena, host, &client->sector);
}

static bool has(const struct sp_json *list, struct sp_str uri)
{
    for
        SP_JSON_EACH(item, list)
    if (sp_json_is(item, SP_JSON_STRING) && sp_str_equal(item->text, uri))
        return true;
    return false;
}

enum sp_status sp_sector_document_check(struct sp_arena *arena, struct sp_str document, struct sp_str_list uris,
                                        struct sp_str *missing)
{
    const struct sp_json *list = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(arena, document, &sp_json_limits_token, &list, &error);
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_MALFORMED;
    if (!sp_json_is(list, SP_JSON_ARRAY))
        return SP_MALFORMED;
    for (size_t i = 0; i < uris.count; i++)
        if (!has(list, uris.at[i])) {
            *missing = uris.at[i];
            return SP_NOT_FOUND;
        }
    return SP_OK;
}

static enum sp_step refuse(struct sp_call *call, const struct sp_client *client, struct sp_str what)
{
    return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_METADATA,
                   .expected = SP_STR("a JSON array there that lists every redirect URI of the client"),
                   .received = sp_arena_printf(call->arena, "sector_identifier_uri %.*s",
                                               SP_STR_ARG(sp_str_slice(client->sector_identifier_uri, 0, 200))),
                   .detail = what,
                   .tell = sp_arena_printf(call->arena, "sector_identifier_uri: %.*s", SP_STR_ARG(what)));
}

enum sp_step sp_sector_verify(struct sp_call *call, const struct sp_client *client)
{
    const struct sp_fetch_report *report = NULL;
    const struct sp_http_request request = {.url = client->sector_identifier_uri,
                                            .public_only = client->public_urls_only,
                                            .max_bytes = SP_MAX_SECTOR_DOCUMENT_BYTES};
    struct sp_str missing = SP_STR_NONE;
    if (client->sector_identifier_uri.at == NULL)
        return SP_GOES_ON;
    enum sp_step step = sp_errand_http(call, &request, &report);
    if (step != SP_GOES_ON)
        return step;
    if (report->failure != SP_CAUSE_NONE)
        return refuse(call, client,
                      sp_arena_printf(call->arena, "It could not be fetched (%.*s).",
                                      SP_STR_ARG(sp_cause_get(report->failure)->id)));
    if (report->too_large)
        return refuse(call, client,
                      sp_arena_printf(call->arena, "It is longer than %u bytes.", SP_MAX_SECTOR_DOCUMENT_BYTES));
    if (report->http_status != 200)
        return refuse(call, client, sp_arena_printf(call->arena, "It answers HTTP %d.", report->http_status));
    enum sp_status status = sp_sector_document_check(call->arena, report->body, client->redirect_uris, &missing);
    if (status == SP_MALFORMED)
        return refuse(call, client, SP_STR("What is there is no JSON array."));
    if (status == SP_NOT_FOUND)
        return refuse(
            call, client,
            sp_arena_printf(call->arena, "It does not list %.*s.", SP_STR_ARG(sp_str_slice(missing, 0, 200))));
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}
