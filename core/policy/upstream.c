/* SPDX-License-Identifier: Apache-2.0 */
/* apis.NAME.upstream → servers. Names stay names here; their addresses come with a snapshot. */
#include "core/base/host.h"
#include "core/base/url.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"

static const struct {
    struct sp_str name;
    enum sp_upstream_scheme scheme;
    unsigned port;
} schemes[] = {
    {{"http", 4}, SP_UPSTREAM_HTTP, 80},
    {{"https", 5}, SP_UPSTREAM_HTTPS, 443},
    {{"grpc", 4}, SP_UPSTREAM_GRPC, 80},
    {{"grpcs", 5}, SP_UPSTREAM_GRPCS, 443},
};

static size_t row_of_scheme(struct sp_str scheme)
{
    size_t row = 0;
    while (row + 1 < sizeof schemes / sizeof schemes[0] && !sp_str_equal(schemes[row].name, scheme)) {
        row++;
    }
    return row;
}

/* An address in the URL is its own resolution. */
static struct sp_str_list address_of_host(struct sp_draft *draft, const struct sp_server *server)
{
    if (!sp_host_is_address(server->host)) {
        return (struct sp_str_list){0};
    }
    struct sp_str *address = SP_DRAFT_ARRAY(draft, struct sp_str, 1);
    if (address != NULL) {
        *address = sp_draft_printf(draft, "%.*s:%u", SP_STR_ARG(server->host), server->port);
    }
    return (struct sp_str_list){.at = address, .count = address != NULL};
}

static enum sp_upstream_scheme read_server(struct sp_draft *draft, struct sp_str text, const struct sp_json *addresses,
                                           int64_t weight, struct sp_server *server)
{
    struct sp_url url = {0};
    if (sp_url_split(text, &url) != SP_OK) {
        return SP_UPSTREAM_HTTP; /* not reached: validated */
    }
    size_t row = row_of_scheme(url.scheme), path_len = url.path.len;
    while (path_len > 0 && url.path.at[path_len - 1] == '/') {
        path_len--;
    }
    size_t authority_len = url.host.len + (url.port.len > 0 ? url.port.len + 1 : 0);
    *server = (struct sp_server){
        .url = text,
        .host = url.host,
        .authority = sp_str(url.host.at, authority_len),
        .path = sp_str_slice(url.path, 0, path_len),
        .port = url.port.len > 0 ? sp_url_port(&url) : schemes[row].port,
        .weight = (unsigned)weight,
    };
    server->addresses = addresses != NULL ? sp_read_names(draft, addresses) : address_of_host(draft, server);
    return schemes[row].scheme;
}

static void read_servers(struct sp_draft *draft, const struct sp_json *list, const struct sp_path *path,
                         struct sp_upstream *upstream)
{
    size_t count;
    const struct sp_json *element = sp_first_element(list, &count);
    struct sp_server *servers = SP_DRAFT_ARRAY(draft, struct sp_server, count);
    upstream->servers = servers;
    for (size_t i = 0; servers != NULL && i < count; i++, element = element->next) {
        const struct sp_path down = {.up = path, .index = i};
        if (sp_setting_value(element, SP_SETTING_SERVER_URL) == NULL) {
            sp_draft_complain_of_type(draft, element, &down, SP_STR("an object with the server's url"),
                                      SP_STR("without url"));
            continue;
        }
        enum sp_upstream_scheme scheme =
            read_server(draft, sp_setting_text(element, SP_SETTING_SERVER_URL),
                        sp_setting_value(element, SP_SETTING_SERVER_ADDRESSES),
                        sp_setting_number(element, SP_SETTING_SERVER_WEIGHT), &servers[upstream->server_count]);
        if (upstream->server_count > 0 && scheme != upstream->scheme) {
            sp_draft_complain_of_type(draft, element, &down, SP_STR("of the same scheme as the others"),
                                      servers[upstream->server_count].url);
        }
        upstream->scheme = scheme;
        upstream->server_count++;
    }
}

void sp_read_upstream(struct sp_draft *draft, const struct sp_json *api, const struct sp_path *path,
                      struct sp_upstream *upstream)
{
    const struct sp_json *object = sp_setting_value(api, SP_SETTING_API_UPSTREAM);
    const struct sp_json *url = sp_setting_value(object, SP_SETTING_UPSTREAM_URL);
    const struct sp_json *list = sp_setting_value(object, SP_SETTING_UPSTREAM_SERVERS);
    const struct sp_path here = {.up = path, .name = SP_STR("upstream")},
                         inside = {.up = &here, .name = SP_STR("servers")};
    *upstream = (struct sp_upstream){
        .host = sp_setting_text(object, SP_SETTING_UPSTREAM_HOST),
        .ca_file = sp_setting_text(object, SP_SETTING_UPSTREAM_CA_FILE),
        .timeout_ms = sp_setting_number(object, SP_SETTING_UPSTREAM_TIMEOUT),
        .connect_timeout_ms = sp_setting_number(object, SP_SETTING_UPSTREAM_CONNECT_TIMEOUT),
        .retries = (int)sp_setting_number(object, SP_SETTING_UPSTREAM_RETRIES),
        .max_fails = (unsigned)sp_setting_number(object, SP_SETTING_UPSTREAM_MAX_FAILS),
        .fail_timeout_s = sp_setting_number(object, SP_SETTING_UPSTREAM_FAIL_TIMEOUT) / 1000,
    };
    if ((url == NULL) == (list == NULL) || (list != NULL && list->type == SP_JSON_ARRAY && list->count == 0)) {
        sp_draft_complain_of_type(draft, object != NULL ? object : api, &here,
                                  SP_STR("an object with either url or servers"),
                                  object == NULL                ? SP_STR("absent")
                                  : url != NULL && list != NULL ? SP_STR("with both")
                                                                : SP_STR("without any"));
    } else if (list != NULL) {
        read_servers(draft, list, &inside, upstream);
    } else {
        struct sp_server *server = SP_DRAFT_ARRAY(draft, struct sp_server, 1);
        if (server != NULL) {
            upstream->scheme =
                read_server(draft, url->text, sp_setting_value(object, SP_SETTING_UPSTREAM_ADDRESSES), 1, server);
            upstream->servers = server;
            upstream->server_count = 1;
        }
    }
}
