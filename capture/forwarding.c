/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/forwarding.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECT_MS 10000L
#define TRANSFER_MS 60000L

int64_t sp_forwarding_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool sp_is_hop_header(struct sp_str name)
{
    static const char *const names[] = {"Connection",
                                        "Keep-Alive",
                                        "Proxy-Authenticate",
                                        "Proxy-Authorization",
                                        "Proxy-Connection",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Host",
                                        "Content-Length",
                                        "Expect",
                                        "Accept-Encoding",
                                        "Content-Encoding"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sp_str_equal_ignoring_case(name, sp_str_from_cstr(names[i])))
            return true;
    return false;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct sp_forwarding *on = context;
    sp_buffer_append(&on->answer, sp_str(bytes, size * count));
    on->answer_too_large = sp_buffer_status(&on->answer) != SP_OK;
    return on->answer_too_large ? 0 : size * count;
}

static size_t take_answer_header(char *bytes, size_t size, size_t count, void *context)
{
    struct sp_forwarding *on = context;
    struct sp_str line = sp_str_trim(sp_str(bytes, size * count));
    struct sp_flow_headers *headers = &on->exchange.response_headers;
    size_t colon = sp_str_index_of(line, ':', 0);
    if (sp_str_has_prefix(line, SP_STR("HTTP/"))) {
        headers->count = 0; /* after 100 Continue the headers begin anew */
    } else if (colon < line.len && headers->count < SP_FORWARDED_HEADERS) {
        struct sp_flow_header *row = &on->response[headers->count];
        if (sp_arena_copy(on->arena, sp_str_slice(line, 0, colon), &row->name) == SP_OK &&
            sp_arena_copy(on->arena, sp_str_trim(sp_str_slice(line, colon + 1, line.len)), &row->value) == SP_OK)
            headers->count++;
    }
    return size * count;
}

static struct curl_slist *headers_for_issuer(const struct sp_forwarding *on)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < on->exchange.request_headers.count; i++) {
        const struct sp_flow_header *header = &on->request[i];
        if (sp_is_hop_header(header->name))
            continue;
        /* curl sends an empty value only where a semicolon ends the name. */
        struct sp_str line = header->value.len > 0 ? sp_arena_printf(on->arena, "%.*s: %.*s", SP_STR_ARG(header->name),
                                                                     SP_STR_ARG(header->value))
                                                   : sp_arena_printf(on->arena, "%.*s;", SP_STR_ARG(header->name));
        struct curl_slist *longer = line.at != NULL ? curl_slist_append(list, line.at) : NULL;
        list = longer != NULL ? longer : list;
    }
    return list;
}

/* Whoever asked has gone: the rest of the answer is for nobody. libcurl asks about once a second. */
static int has_gone(void *context, curl_off_t total, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    const struct sp_forwarding *on = context;
    char byte;
    (void)total;
    (void)got;
    (void)to_send;
    (void)sent;
    return on->fd >= 0 && recv(on->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void sp_forward(struct sp_forwarding *on, struct sp_str ca_file)
{
    CURL *handle = curl_easy_init();
    struct sp_flow_exchange *exchange = &on->exchange;
    struct curl_slist *headers = headers_for_issuer(on);
    char error[CURL_ERROR_SIZE] = "";
    long status = 0;
    char *address = NULL;
    if (handle == NULL) {
        exchange->failure = SP_STR("out of memory");
        curl_slist_free_all(headers);
        return;
    }
    bool head = sp_str_equal(exchange->method, SP_STR("HEAD"));
    curl_easy_setopt(handle, CURLOPT_URL, exchange->url.at);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, head ? NULL : exchange->method.at);
    curl_easy_setopt(handle, CURLOPT_NOBODY, head ? 1L : 0L);
    if (on->body.len > 0) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, on->body.at);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)on->body.len);
    }
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, on);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_answer_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, on);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, TRANSFER_MS);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, has_gone);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, on);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
    if (ca_file.at != NULL)
        curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file.at);
    CURLcode result = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_PRIMARY_IP, &address);
    struct sp_str copy;
    if (address != NULL && sp_arena_copy(on->arena, sp_str_from_cstr(address), &copy) == SP_OK)
        exchange->server_address = copy;
    exchange->status = result == CURLE_OK ? (int)status : 0;
    if (result == CURLE_ABORTED_BY_CALLBACK)
        exchange->failure = sp_arena_printf(on->arena, "the client gave up after %lld ms without an answer",
                                            (long long)(sp_forwarding_now_ms() - exchange->started_ms));
    else if (result != CURLE_OK)
        exchange->failure = sp_arena_printf(on->arena, "%s", error[0] != '\0' ? error : curl_easy_strerror(result));
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
}
