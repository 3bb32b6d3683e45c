/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/log.h"
#include "control/nginx_conf.h"
#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/jose/crypto.h"

#define JSON_TYPE "application/json"
/* An import hashes for some seconds. */
#define TIMEOUT_MS 50000
#define CONNECT_TIMEOUT_MS 2000
#define MAX_NAME_BYTES 253 /* of a host, RFC 1035 */
#define MORE_BYTES 384

/* ---- who asks ---- */

/* By their hashes: nothing of the token's length or beginning shows in the time it takes. */
static bool is_token(struct sp_str given, struct sp_str right)
{
    unsigned char left[32], wanted[32];
    sp_sha256(given, left);
    sp_sha256(right, wanted);
    return sp_secret_equal(sp_str((const char *)left, sizeof left), sp_str((const char *)wanted, sizeof wanted));
}

/* nginx sets it, whatever the request carried; on the socket itself our own user speaks. */
static struct sp_str address_of(const struct sp_exchange *exchange)
{
    return sp_exchange_header(exchange, "X-Real-IP");
}

static enum sp_cause judge(const struct sp_plane *plane, const struct sp_exchange *exchange)
{
    static const struct sp_str scheme = {"Bearer ", 7};
    struct sp_str right = plane->policy->serving.admin_token, header = sp_exchange_header(exchange, "Authorization");
    bool is_bearer = header.len > scheme.len && sp_str_equal_ignoring_case(sp_str_slice(header, 0, scheme.len), scheme);
    if (right.len == 0 || sp_authority_path(plane->policy).at == NULL) {
        return SP_CAUSE_ADMIN_OFF;
    }
    if (!is_bearer) {
        return SP_CAUSE_ADMIN_TOKEN_MISSING;
    }
    /* Before anything is counted: else whoever shares an address with the operator locks the operator out. */
    if (is_token(sp_str_trim(sp_str_slice(header, scheme.len, header.len)), right)) {
        return SP_CAUSE_NONE;
    }
    return sp_admin_guard_wait_s(plane->admin_guard, address_of(exchange), time(NULL)) > 0
               ? SP_CAUSE_ADMIN_THROTTLED
               : SP_CAUSE_ADMIN_TOKEN_INVALID;
}

size_t sp_admin_body_limit(void *data, const struct sp_exchange *exchange)
{
    const struct sp_plane *plane = data;
    bool is_ours = sp_str_has_prefix(sp_exchange_path(exchange), SP_STR(SP_ADMIN_PREFIX));
    return is_ours && plane->policy != NULL && judge(plane, exchange) == SP_CAUSE_NONE ? SP_MAX_ADMIN_BODY_BYTES
                                                                                       : SP_MAX_CONTROL_BODY_BYTES;
}

/* ---- answers ---- */

/* The name that was asked for where it can be one, so that what is to be written can be copied. */
static struct sp_str name_shown(const struct sp_exchange *exchange)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    struct sp_str name = sp_admin_name_in(sp_exchange_header(exchange, "Host"));
    for (size_t i = 0; i < name.len; i++) {
        if (memchr(known, name.at[i], sizeof known - 1) == NULL) {
            return SP_STR("NAME");
        }
    }
    return name.len > 0 && name.len <= MAX_NAME_BYTES ? name : SP_STR("NAME");
}

/* What the client may know of it beyond the catalogue's sentence; in room where it is made. */
static struct sp_str particulars(const struct sp_plane *plane, const struct sp_exchange *exchange, enum sp_cause cause,
                                 char room[MORE_BYTES])
{
    if (cause == SP_CAUSE_ADMIN_OFF) {
        return plane->policy->serving.admin_token.len == 0 ? SP_STR(" It lacks admin.token")
                                                           : SP_STR(" It lacks authority");
    }
    if (cause != SP_CAUSE_ADMIN_HOST_UNKNOWN) {
        return SP_STR("");
    }
    int len = snprintf(room, MORE_BYTES,
                       " If the name is yours, add it to admin.hosts in the configuration: admin: {hosts: [\"%.*s\"]}",
                       SP_STR_ARG(name_shown(exchange)));
    return sp_str(room, (size_t)len);
}

static struct sp_str error_of(const struct sp_cause_info *info)
{
    switch (info->http_status) {
    case 401:
        return SP_STR("invalid_token");
    case 421:
        return SP_STR("invalid_request");
    case 429:
    case 503:
        return SP_STR("temporarily_unavailable");
    default:
        return SP_STR("access_denied");
    }
}

static void refuse(const struct sp_plane *plane, struct sp_exchange *exchange, enum sp_cause cause)
{
    const struct sp_cause_info *info = sp_cause_get(cause);
    struct sp_buffer text;
    struct sp_json_writer json;
    char sentence[256 + MORE_BYTES], room[MORE_BYTES], wait[24];
    struct sp_str more = particulars(plane, exchange, cause, room), host = sp_exchange_header(exchange, "Host");
    int len = snprintf(sentence, sizeof sentence, "%.*s (%.*s)%.*s", SP_STR_ARG(info->client_text),
                       SP_STR_ARG(info->id), SP_STR_ARG(more));
    bool is_throttled = info->http_status == 429, comes_back = is_throttled || info->http_status == 503;
    int64_t wait_s = is_throttled ? sp_admin_guard_wait_s(plane->admin_guard, address_of(exchange), time(NULL)) : 1;
    int wait_len = snprintf(wait, sizeof wait, "%lld", (long long)wait_s);
    sp_buffer_init(&text, NULL, 4096);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "error", error_of(info));
    sp_json_string_member(&json, "error_description", sp_str(sentence, (size_t)len));
    sp_json_end_object(&json);
    const struct sp_exchange_header challenge = {"WWW-Authenticate", SP_STR("Bearer realm=\"admin\"")},
                                    later = {"Retry-After", sp_str(wait, (size_t)wait_len)};
    sp_log(SP_LOG_WARN, "%.*s at the admin address: %.*s %.*s from %.*s, Host %.*s", SP_STR_ARG(info->id),
           SP_STR_ARG(sp_exchange_method(exchange)), SP_STR_ARG(sp_str_slice(sp_exchange_path(exchange), 0, 100)),
           SP_STR_ARG(address_of(exchange)), SP_STR_ARG(sp_str_slice(host, 0, 100)));
    sp_exchange_respond_with(exchange, (unsigned)info->http_status, JSON_TYPE, sp_buffer_str(&text),
                             comes_back ? &later : &challenge, comes_back || info->http_status == 401 ? 1 : 0);
    sp_buffer_fini(&text);
}

bool sp_admin_refuses_name(const struct sp_plane *plane, struct sp_exchange *exchange)
{
    if (plane->policy == NULL || sp_admin_name_is_ours(&plane->policy->serving, sp_exchange_header(exchange, "Host"))) {
        return false;
    }
    refuse(plane, exchange, SP_CAUSE_ADMIN_HOST_UNKNOWN);
    return true;
}

/* ---- handing on ---- */

static void answer_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_exchange *exchange = data;
    struct sp_exchange_header headers[2];
    size_t count = 0;
    if (report->http_status == 0 || report->too_large) {
        refuse(sp_exchange_data(exchange), exchange, SP_CAUSE_AUTHORITY_UNREACHABLE);
        return;
    }
    if (report->location.len > 0) {
        headers[count++] = (struct sp_exchange_header){"Location", report->location};
    }
    if (report->allow.len > 0) {
        headers[count++] = (struct sp_exchange_header){"Allow", report->allow};
    }
    sp_exchange_respond_with(exchange, (unsigned)report->http_status, JSON_TYPE, report->body, headers, count);
}

/* The longest target that libmicrohttpd takes is shorter. */
#define MAX_URL_BYTES (40u * 1024)

static enum sp_status hand_on(struct sp_plane *plane, struct sp_exchange *exchange)
{
    char path[4096];
    struct sp_buffer url;
    struct sp_http_call *call = NULL;
    struct sp_str body = sp_exchange_body(exchange);
    int len = snprintf(path, sizeof path, "%s/%s", plane->terms->state, SP_ADMIN_SOCKET);
    sp_buffer_init(&url, NULL, MAX_URL_BYTES);
    sp_buffer_append(&url, SP_STR("http://localhost"));
    sp_buffer_append(&url, sp_exchange_target(exchange));
    enum sp_status status = sp_buffer_status(&url);
    const struct sp_http_request request = {
        .url = sp_buffer_str(&url),
        .method = sp_exchange_method(exchange),
        .form = body.len > 0 ? body : SP_STR_NONE,
        .form_type = sp_exchange_header(exchange, "Content-Type"),
        .real_ip = sp_exchange_header(exchange, "X-Real-IP"),
        .unix_socket = sp_str(path, (size_t)len),
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .max_bytes = SP_MAX_ADMIN_ANSWER_BYTES,
    };
    if (status == SP_OK) {
        status = sp_http_call_create(&request, &call);
    }
    if (status == SP_OK) {
        status = sp_fetcher_start(plane->fetcher, call, answer_came, exchange);
    }
    sp_buffer_fini(&url);
    return status;
}

void sp_admin_serve(struct sp_plane *plane, struct sp_exchange *exchange)
{
    enum sp_cause cause = plane->policy != NULL ? judge(plane, exchange) : SP_CAUSE_ADMIN_OFF;
    if (plane->policy == NULL) {
        refuse(plane, exchange, SP_CAUSE_AUTHORITY_UNREACHABLE);
    } else if (cause != SP_CAUSE_NONE) {
        if (cause == SP_CAUSE_ADMIN_TOKEN_INVALID) {
            sp_admin_guard_fail(plane->admin_guard, address_of(exchange), time(NULL));
        }
        refuse(plane, exchange, cause);
    } else if (hand_on(plane, exchange) != SP_OK) {
        refuse(plane, exchange, SP_CAUSE_AUTHORITY_UNREACHABLE);
    }
}
