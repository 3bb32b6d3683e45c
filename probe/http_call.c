/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/http_call.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/buffer.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "probe/curl_failure.h"
#include "probe/local_clock.h"
#include "probe/network.h"

#define MAX_HEADER_BYTES 256u

struct sp_http_call {
    CURL *handle;
    struct curl_slist *headers;
    char *url, *form, *ca_file, *method, *certificate_file, *key_file;
    size_t form_len;
    struct sp_str_list blocked_networks;
    const atomic_bool *abandon;
    bool public_only, was_blocked;
    char blocked_address[64];
    struct sp_buffer body;
    bool too_large;
    char error[CURL_ERROR_SIZE];
    char content_type[MAX_HEADER_BYTES], allow[MAX_HEADER_BYTES], location[2 * MAX_HEADER_BYTES],
        cache_control[MAX_HEADER_BYTES], detail[2 * MAX_HEADER_BYTES], authenticate[2 * MAX_HEADER_BYTES],
        dpop_nonce[2 * MAX_HEADER_BYTES], final_url[8 * MAX_HEADER_BYTES], address[64], certificate[MAX_HEADER_BYTES];
    int64_t date_s, retry_after_s, age_s, sent_ms, received_ms;
    struct sp_fetch_report report;
};

/* With a NUL behind it, for curl. NULL without memory. */
static char *copy_of(struct sp_str text)
{
    char *copy = malloc(text.len + 1);
    if (copy != NULL) {
        memcpy(copy, text.at != NULL ? text.at : "", text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *data)
{
    struct sp_http_call *call = data;
    size_t len = size * count, room = call->body.max_bytes - call->body.len;
    if (len > room) {
        sp_buffer_append(&call->body, sp_str(bytes, room));
        call->too_large = true;
        return 0; /* ends the transfer */
    }
    sp_buffer_append(&call->body, sp_str(bytes, len));
    return sp_buffer_status(&call->body) == SP_OK ? len : 0;
}

static void keep_header(char *to, size_t room, struct sp_str value)
{
    size_t len = value.len < room - 1 ? value.len : room - 1;
    memcpy(to, value.at, len);
    to[len] = '\0';
}

static void take_number(struct sp_http_call *call, struct sp_str name, struct sp_str value)
{
    char text[MAX_HEADER_BYTES];
    keep_header(text, sizeof text, value);
    if (sp_str_equal_ignoring_case(name, SP_STR("date"))) {
        time_t date = curl_getdate(text, NULL);
        call->date_s = date > 0 ? date : 0;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("retry-after"))) {
        call->retry_after_s = strtol(text, NULL, 10);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("age"))) {
        call->age_s = strtol(text, NULL, 10);
    }
}

static size_t take_header(char *bytes, size_t size, size_t count, void *data)
{
    struct sp_http_call *call = data;
    struct sp_str line = sp_str(bytes, size * count);
    size_t colon = sp_str_index_of(line, ':', 0);
    struct sp_str name = sp_str_slice(line, 0, colon), value = sp_str_trim(sp_str_slice(line, colon + 1, line.len));
    if (sp_str_has_prefix(line, SP_STR("HTTP/"))) {
        /* Headers of an answer that was redirected are not those of the last one. */
        call->content_type[0] = call->location[0] = call->cache_control[0] = call->authenticate[0] =
            call->dpop_nonce[0] = call->allow[0] = '\0';
        call->date_s = call->retry_after_s = call->age_s = 0;
        call->received_ms = sp_wall_clock_ms();
    } else if (sp_str_equal_ignoring_case(name, SP_STR("content-type"))) {
        keep_header(call->content_type, sizeof call->content_type, value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("location"))) {
        keep_header(call->location, sizeof call->location, value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("allow"))) {
        keep_header(call->allow, sizeof call->allow, value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("cache-control"))) {
        keep_header(call->cache_control, sizeof call->cache_control, value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("www-authenticate"))) {
        keep_header(call->authenticate, sizeof call->authenticate, value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("dpop-nonce"))) {
        keep_header(call->dpop_nonce, sizeof call->dpop_nonce, value);
    } else {
        take_number(call, name, value);
    }
    return line.len;
}

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sp_http_call *call = data;
    (void)purpose;
    bool blocked = call->public_only && !sp_network_is_public(&address->addr);
    for (size_t i = 0; i < call->blocked_networks.count && !blocked; i++) {
        blocked = sp_network_contains(call->blocked_networks.at[i], &address->addr);
    }
    if (blocked) {
        call->was_blocked = true;
        sp_network_print(&address->addr, call->blocked_address, sizeof call->blocked_address);
        errno = EACCES;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl asks about once a second, and whenever something moves. */
static int is_abandoned(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct sp_http_call *call = data;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(call->abandon) ? 1 : 0;
}

/* Just before the request leaves, each time one does. */
static int note_sending(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
    struct sp_http_call *call = data;
    (void)local_ip, (void)primary_port, (void)local_port;
    call->sent_ms = sp_wall_clock_ms();
    snprintf(call->address, sizeof call->address, "%s", primary_ip);
    return CURL_PREREQFUNC_OK;
}

static bool add_header(struct sp_http_call *call, const char *name, struct sp_str value)
{
    size_t room = strlen(name) + value.len + 3;
    char *line = malloc(room);
    if (line == NULL) {
        return false;
    }
    snprintf(line, room, "%s: %.*s", name, SP_STR_ARG(value));
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    sp_wipe(line, room);
    free(line);
    if (longer == NULL) {
        return false;
    }
    call->headers = longer;
    return true;
}

/* Options whose failure would weaken a check must not pass unseen: one refusal and the call is not made. */
static bool set_options(struct sp_http_call *call, const struct sp_http_request *request)
{
    CURL *handle = call->handle;
    CURLcode rc = CURLE_OK;
    static const char agent[] = "sallyport";
#define SET(option, value) rc = rc != CURLE_OK ? rc : curl_easy_setopt(handle, option, value)
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, request->max_redirects > 0 ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)request->max_redirects);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, agent);
    SET(CURLOPT_ACCEPT_ENCODING, NULL); /* a compressed answer could be a bomb */
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_ERRORBUFFER, call->error);
    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_PREREQFUNCTION, note_sending);
    SET(CURLOPT_PREREQDATA, call);
    SET(CURLOPT_CERTINFO, request->notes_certificate ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, call->headers);
    if (call->ca_file != NULL) {
        SET(CURLOPT_CAINFO, call->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (call->form != NULL) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->form_len);
        SET(CURLOPT_POSTFIELDS, call->form);
    }
    if (call->certificate_file != NULL) {
        SET(CURLOPT_SSLCERT, call->certificate_file);
        SET(CURLOPT_SSLKEY, call->key_file != NULL ? call->key_file : call->certificate_file);
    }
    if (call->method != NULL && strcmp(call->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (call->method != NULL) {
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    }
    if (request->unix_socket.at != NULL) {
        SET(CURLOPT_UNIX_SOCKET_PATH, request->unix_socket.at);
        SET(CURLOPT_OPENSOCKETFUNCTION, NULL);
    }
    if (request->abandon != NULL) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, is_abandoned);
        SET(CURLOPT_XFERINFODATA, call);
    }
#undef SET
    return rc == CURLE_OK;
}

static bool copy_texts(struct sp_http_call *call, const struct sp_http_request *request)
{
    const struct {
        char **copy;
        struct sp_str text;
    } rows[] = {
        {&call->url, request->url},           {&call->ca_file, request->ca_file},
        {&call->form, request->form},         {&call->method, request->method},
        {&call->key_file, request->key_file}, {&call->certificate_file, request->certificate_file},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].text.at != NULL && (*rows[i].copy = copy_of(rows[i].text)) == NULL) {
            return false;
        }
    }
    return true;
}

enum sp_status sp_http_call_create(const struct sp_http_request *request, struct sp_http_call **call)
{
    struct sp_url url;
    if (sp_url_split(request->url, &url) != SP_OK || !(sp_url_is_secure(&url) || request->allows_plain_http)) {
        return SP_MALFORMED;
    }
    struct sp_http_call *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return SP_NO_MEMORY;
    }
    sp_buffer_init(&made->body, NULL, request->max_bytes);
    made->blocked_networks = request->blocked_networks;
    made->public_only = request->public_only;
    made->abandon = request->abandon;
    made->report.max_bytes = request->max_bytes;
    made->report.timeout_ms = request->timeout_ms;
    made->form_len = request->form.len;
    made->handle = curl_easy_init();
    bool ready =
        made->handle != NULL && copy_texts(made, request) &&
        (request->host.at == NULL || add_header(made, "Host", request->host)) &&
        (request->form_type.at == NULL || add_header(made, "Content-Type", request->form_type)) &&
        add_header(made, "Accept", request->accept.at != NULL ? request->accept : SP_STR("application/json")) &&
        (request->dpop.at == NULL || add_header(made, "DPoP", request->dpop)) &&
        (request->real_ip.at == NULL || add_header(made, "X-Real-IP", request->real_ip)) &&
        (request->authorization.at == NULL || add_header(made, "Authorization", request->authorization)) &&
        set_options(made, request);
    if (!ready) {
        sp_http_call_destroy(&made);
        return SP_NO_MEMORY;
    }
    made->report.url = sp_str_from_cstr(made->url);
    *call = made;
    return SP_OK;
}

void sp_http_call_destroy(struct sp_http_call **call)
{
    struct sp_http_call *dying = *call;
    if (dying == NULL) {
        return;
    }
    curl_easy_cleanup(dying->handle);
    for (struct curl_slist *header = dying->headers; header != NULL; header = header->next) {
        sp_wipe(header->data, strlen(header->data)); /* Authorization */
    }
    curl_slist_free_all(dying->headers);
    if (dying->form != NULL) {
        sp_wipe(dying->form, dying->form_len); /* may hold a secret or a token */
    }
    free(dying->form);
    free(dying->url);
    free(dying->ca_file);
    free(dying->method);
    free(dying->certificate_file);
    free(dying->key_file);
    sp_buffer_fini(&dying->body);
    free(dying);
    *call = NULL;
}

CURL *sp_http_call_handle(struct sp_http_call *call)
{
    return call->handle;
}

/* max-age of Cache-Control, -1 when there is none, 0 for no-cache and no-store (RFC 9111 5.2.2). */
static int64_t max_age_of(struct sp_str cache_control)
{
    struct sp_str directive;
    int64_t max_age = -1;
    while (sp_str_next_word(&cache_control, SP_STR(", \t"), &directive)) {
        if (sp_str_equal_ignoring_case(directive, SP_STR("no-store")) ||
            sp_str_equal_ignoring_case(directive, SP_STR("no-cache"))) {
            return 0;
        }
        if (sp_str_equal_ignoring_case(sp_str_slice(directive, 0, 8), SP_STR("max-age="))) {
            int64_t seconds = 0;
            for (size_t i = 8;
                 i < directive.len && directive.at[i] >= '0' && directive.at[i] <= '9' && seconds < 1000000000; i++) {
                seconds = seconds * 10 + (directive.at[i] - '0');
            }
            max_age = seconds;
        }
    }
    return max_age;
}

static struct sp_str text_or_none(const char *text)
{
    return text[0] != '\0' ? sp_str_from_cstr(text) : SP_STR_NONE;
}

/* Of the chain that was served, the certificate that ends first. */
static void take_certificate(struct sp_http_call *call)
{
    struct curl_certinfo *chain = NULL;
    if (curl_easy_getinfo(call->handle, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL) {
        return;
    }
    for (int i = 0; i < chain->num_of_certs; i++) {
        const char *subject = "";
        int64_t ends = 0;
        for (const struct curl_slist *row = chain->certinfo[i]; row != NULL; row = row->next) {
            if (strncmp(row->data, "Subject:", 8) == 0) {
                subject = row->data + 8;
            } else if (strncmp(row->data, "Expire date:", 12) == 0) {
                ends = curl_getdate(row->data + 12, NULL);
            }
        }
        if (ends > 0 && (call->report.certificate_ends_s == 0 || ends < call->report.certificate_ends_s)) {
            call->report.certificate_ends_s = ends;
            keep_header(call->certificate, sizeof call->certificate, sp_str_from_cstr(subject));
            call->report.certificate = sp_str_from_cstr(call->certificate);
        }
    }
}

/* When it was asked and answered, by whom, and where it ended. */
static void take_course(struct sp_http_call *call)
{
    struct sp_fetch_report *report = &call->report;
    const char *url = NULL;
    long redirects = 0;
    curl_easy_getinfo(call->handle, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(call->handle, CURLINFO_REDIRECT_COUNT, &redirects);
    snprintf(call->final_url, sizeof call->final_url, "%s", url != NULL ? url : "");
    report->final_url = text_or_none(call->final_url);
    report->redirects = redirects > 0 ? (unsigned)redirects : 0;
    report->address = text_or_none(call->address);
    report->authenticate = text_or_none(call->authenticate);
    report->dpop_nonce = text_or_none(call->dpop_nonce);
    report->cache_control = text_or_none(call->cache_control);
    report->age_s = call->age_s;
    take_certificate(call);
    report->sent_ms = call->sent_ms;
    report->received_ms = call->received_ms;
}

void sp_http_call_finish(struct sp_http_call *call, CURLcode result)
{
    struct sp_fetch_report *report = &call->report;
    long status = 0;
    curl_easy_getinfo(call->handle, CURLINFO_RESPONSE_CODE, &status);
    report->http_status = (int)status;
    report->content_type = text_or_none(call->content_type);
    report->location = text_or_none(call->location);
    report->allow = text_or_none(call->allow);
    report->date_s = call->date_s;
    report->retry_after_s = call->retry_after_s > 0 ? call->retry_after_s : 0;
    report->max_age_s = max_age_of(sp_str_from_cstr(call->cache_control));
    report->body = sp_buffer_str(&call->body);
    report->too_large = call->too_large;
    take_course(call);
    if (result == CURLE_OK || call->too_large) {
        return;
    }
    report->failure = sp_curl_failure_cause(call->handle, result, call->error);
    if (report->failure == SP_CAUSE_NETWORK_HTTP_REDIRECT && report->location.len > 0 && !call->was_blocked) {
        /* It answered; that we go no further is our rule, and what it said is the evidence. */
        report->failure = SP_CAUSE_NONE;
        return;
    }
    report->http_status = 0;
    if (call->was_blocked) {
        report->failure = SP_CAUSE_NETWORK_TCP_UNREACHABLE;
        snprintf(call->detail, sizeof call->detail,
                 call->public_only ? "%s is not a public address; whoever registers itself names no other"
                                   : "%s is in a network that the configuration blocks (blocked_networks)",
                 call->blocked_address);
    } else {
        sp_curl_failure_detail(call->handle, result, call->error, call->detail, sizeof call->detail);
    }
    report->failure_detail = sp_str_from_cstr(call->detail);
}

void sp_http_call_perform(struct sp_http_call *call)
{
    sp_http_call_finish(call, curl_easy_perform(call->handle));
}

const struct sp_fetch_report *sp_http_call_report(const struct sp_http_call *call)
{
    return &call->report;
}
