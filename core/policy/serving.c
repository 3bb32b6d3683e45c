/* SPDX-License-Identifier: Apache-2.0 */
/* listen, admin, workers, call_log: how the policy is served. */
#include "core/policy/listen_address.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"

static void read_listener(struct sp_draft *draft, const struct sp_json *object, struct sp_listener *listener)
{
    const struct sp_json *tls = sp_setting_value(object, SP_SETTING_LISTEN_TLS);
    *listener = (struct sp_listener){
        .address = sp_setting_text(object, SP_SETTING_LISTEN_ADDRESS),
        .certificate = sp_setting_text(tls, SP_SETTING_TLS_CERTIFICATE),
        .key = sp_setting_text(tls, SP_SETTING_TLS_KEY),
        .client_ca_file = sp_setting_text(tls, SP_SETTING_TLS_CLIENT_CA_FILE),
        .asks_for_certificates = sp_setting_choice(tls, SP_SETTING_TLS_CLIENT_CERTIFICATES) == 0,
        .http2 = sp_setting_bool(object, SP_SETTING_LISTEN_HTTP2),
        .source = object,
    };
    if (tls != NULL && (listener->certificate.len == 0 || listener->key.len == 0)) {
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_CERTIFICATE,
                                               .value = tls,
                                               .where = SP_STR("listen.tls"),
                                               .received = SP_STR("listen.tls"),
                                               .expected = SP_STR("certificate and key"),
                                               .detail = SP_STR("certificate and key must both be named.")};
        sp_draft_complain(draft, &complaint, "listen.tls needs both certificate and key");
    }
}

static void read_listeners(struct sp_draft *draft, const struct sp_json *root, struct sp_serving *serving)
{
    size_t count;
    const struct sp_json *element = sp_first_element(sp_setting_value(root, SP_SETTING_ROOT_LISTEN), &count);
    struct sp_listener *listeners = SP_DRAFT_ARRAY(draft, struct sp_listener, count);
    if (listeners == NULL) {
        return;
    }
    if (element == NULL) {
        read_listener(draft, NULL, &listeners[0]);
    }
    for (size_t i = 0; i < count; i++, element = element->next) {
        read_listener(draft, element, &listeners[i]);
    }
    serving->listeners = listeners;
    serving->listener_count = count > 0 ? count : 1;
}

static bool is_every_address(struct sp_str address)
{
    struct sp_listen_place places[2];
    return sp_listen_places(address, places) > 0 && sp_listen_place_is_wildcard(&places[0]);
}

/* Accounts and metrics are behind it, over plain HTTP. */
static void check_admin_address(struct sp_draft *draft, const struct sp_json *admin, const struct sp_serving *serving)
{
    if (!serving->has_admin || !is_every_address(serving->admin_address)) {
        return;
    }
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_ADMIN_EXPOSED,
                                           .value = sp_setting_value(admin, SP_SETTING_ADMIN_ADDRESS),
                                           .where = SP_STR("admin.address"),
                                           .expected = SP_STR("127.0.0.1:8081"),
                                           .received = serving->admin_address,
                                           .detail = SP_STR("admin.address")};
    sp_draft_complain(draft, &complaint,
                      "admin.address is %.*s: the admin API and the metrics are open to every network",
                      SP_STR_ARG(serving->admin_address));
}

#define MIN_ADMIN_TOKEN_BYTES 16u

/* Whoever has it owns every account: it is not to be guessed. */
static void check_admin_token(struct sp_draft *draft, const struct sp_json *admin, struct sp_str token)
{
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                           .value = sp_setting_value(admin, SP_SETTING_ADMIN_TOKEN),
                                           .where = SP_STR("admin.token"),
                                           .expected = SP_STR("at least 16 characters"),
                                           .received = SP_STR("fewer"),
                                           .detail = SP_STR("admin.token")};
    if (draft->has_secrets && token.len > 0 && token.len < MIN_ADMIN_TOKEN_BYTES) {
        sp_draft_complain(draft, &complaint, "the admin token has fewer than %u characters", MIN_ADMIN_TOKEN_BYTES);
    }
}

/* "all" and "none" alone are words, everything else names claims. */
static void read_logged_claims(struct sp_draft *draft, const struct sp_json *call_log, struct sp_serving *serving)
{
    struct sp_str_list names = sp_read_names(draft, sp_setting_value(call_log, SP_SETTING_CALL_LOG_CLAIMS));
    bool is_word = names.count == 1;
    if (is_word && sp_str_equal(names.at[0], SP_STR("all"))) {
        serving->logged_token = SP_LOGGED_WHOLE;
    } else if (is_word && sp_str_equal(names.at[0], SP_STR("none"))) {
        serving->logged_token = SP_LOGGED_NOTHING;
    } else {
        serving->logged_claims = names;
    }
}

static bool is_switched_off(const struct sp_json *value)
{
    return value != NULL && value->type == SP_JSON_FALSE;
}

void sp_read_serving(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    const struct sp_json *root = parts->policy.source;
    const struct sp_json *admin = sp_setting_value(root, SP_SETTING_ROOT_ADMIN);
    const struct sp_json *call_log = sp_setting_value(root, SP_SETTING_ROOT_CALL_LOG);
    struct sp_str workers = sp_setting_text(root, SP_SETTING_ROOT_WORKERS);
    int64_t worker_count = 0;
    struct sp_serving *serving = &parts->policy.serving;
    read_listeners(draft, root, serving);
    serving->has_admin = !is_switched_off(admin);
    serving->admin_address = sp_setting_text(admin, SP_SETTING_ADMIN_ADDRESS);
    serving->admin_token = sp_setting_text(admin, SP_SETTING_ADMIN_TOKEN);
    serving->admin_hosts = sp_read_names(draft, sp_setting_value(admin, SP_SETTING_ADMIN_HOSTS));
    check_admin_token(draft, admin, serving->admin_token);
    check_admin_address(draft, admin, serving);
    sp_check_listen_addresses(draft, serving);
    serving->workers = sp_size_parse(workers, &worker_count) == SP_OK ? (unsigned)worker_count : 0;
    serving->logs_calls = !is_switched_off(call_log);
    serving->call_log_file = sp_setting_text(call_log, SP_SETTING_CALL_LOG_FILE);
    read_logged_claims(draft, call_log, serving);
    serving->blocked_networks = sp_read_names(draft, sp_setting_value(root, SP_SETTING_ROOT_BLOCKED_NETWORKS));
    serving->key_refresh_ms = sp_setting_number(root, SP_SETTING_ROOT_KEY_REFRESH);
    parts->policy.public_url = sp_setting_text(root, SP_SETTING_ROOT_PUBLIC_URL);
    parts->policy.trusted_proxies = sp_read_names(draft, sp_setting_value(root, SP_SETTING_ROOT_TRUSTED_PROXIES));
}
