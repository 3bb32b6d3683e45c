/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/exchange.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "authority/admin.h"
#include "authority/denial.h"
#include "authority/errand_pool.h"
#include "authority/framing.h"
#include "authority/handle.h"
#include "authority/settings_generation.h"
#include "core/base/limits.h"
#include "probe/network.h"

#define CALL_ARENA_BYTES (4u * 1024 * 1024)
#define KEPT_EXCHANGES 256u
#define REQUEST_ID_BYTES 12u

/* One request from its first byte to the last of its answer. Kept for reuse: a call then costs no malloc for its arena.
 */
struct sp_exchange {
    struct sp_exchange *next; /* waiting, or free */
    struct sp_arena *arena;
    struct sp_buffer body;
    struct sp_str uri;
    bool began, answered, body_too_large, wrote, is_admin;
    bool needs_host;                   /* HTTP/1.1: exactly one (RFC 9112 3.2) */
    bool incomplete;                   /* memory ran out while the request was read */
    bool awaits_flush;                 /* in the list of those whose answer may leave when the turn is flushed */
    bool is_suspended;                 /* an errand was waited for: libmicrohttpd has to be told to look again */
    struct MHD_Connection *connection; /* NULL: gone while it waited for the flush */
    struct sp_exchanges *all;
    uint64_t kept;                             /* the store's count before its last run */
    struct sp_settings_generation *generation; /* of when it was first run */
    struct sp_call call;
};

/* ---- exchanges ---- */
static struct sp_exchange *take_exchange(struct sp_exchanges *all, bool is_admin)
{
    struct sp_exchange *exchange = is_admin ? NULL : all->free;
    if (exchange != NULL) {
        all->free = exchange->next;
        all->free_count--;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (exchange != NULL &&
            (exchange->arena = sp_arena_create(is_admin ? SP_MAX_ADMIN_ARENA_BYTES : CALL_ARENA_BYTES)) == NULL) {
            free(exchange);
            exchange = NULL;
        }
    }
    return exchange;
}

static void give_back(struct sp_exchanges *all, struct sp_exchange *exchange)
{
    sp_arena_reset(exchange->arena);
    sp_settings_generation_unref(&exchange->generation);
    if (all->free_count >= KEPT_EXCHANGES || exchange->is_admin) {
        sp_arena_destroy(&exchange->arena);
        free(exchange);
        return;
    }
    *exchange = (struct sp_exchange){.arena = exchange->arena, .next = all->free};
    all->free = exchange;
    all->free_count++;
}

/* ---- reading the request ---- */
static unsigned most_of_body(const struct sp_exchange *exchange)
{
    return exchange->is_admin ? SP_MAX_ADMIN_BODY_BYTES : SP_MAX_FORM_BYTES;
}

/* Called before anything is parsed: the only place where the target is seen as it was sent. */
void *sp_exchange_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    const struct sp_door *door = context;
    struct sp_exchanges *all = door->all;
    struct sp_exchange *exchange = take_exchange(all, door->is_admin);
    if (exchange == NULL)
        return NULL;
    exchange->connection = connection;
    exchange->all = all;
    exchange->is_admin = door->is_admin;
    sp_buffer_init(&exchange->body, exchange->arena, most_of_body(exchange) + 1);
    if (sp_arena_copy(exchange->arena, sp_str_from_cstr(uri), &exchange->uri) != SP_OK) {
        give_back(all, exchange);
        return NULL;
    }
    return exchange;
}

/* count: how often it came, where more than once is a fault. */
static const struct {
    struct sp_str name;
    size_t value, count;
} header_rows[] = {
#define HEADER(name, value)                                                                                            \
    {                                                                                                                  \
        {name, sizeof name - 1}, offsetof(struct sp_asked, value), NOT_COUNTED                                         \
    }
#define COUNTED_HEADER(name, value)                                                                                    \
    {                                                                                                                  \
        {name, sizeof name - 1}, offsetof(struct sp_asked, value), offsetof(struct sp_asked, value##_count)            \
    }
#define NOT_COUNTED SIZE_MAX
    COUNTED_HEADER("Host", host),
    COUNTED_HEADER("Authorization", authorization),
    HEADER("Content-Type", content_type),
    COUNTED_HEADER("DPoP", dpop),
    HEADER("Cookie", cookie),
    HEADER("Origin", origin),
    HEADER("Sec-Fetch-Site", fetch_site),
    HEADER("Accept", accept),
    HEADER("Accept-Language", accept_language),
    HEADER("User-Agent", user_agent),
    HEADER("X-Forwarded-Proto", forwarded_proto),
    HEADER("X-Real-IP", client_address),
    HEADER("X-Request-Id", request_id),
    COUNTED_HEADER("X-Sallyport-Client-Certificate", client_certificate),
    COUNTED_HEADER("X-Sallyport-Proxy-Secret", proxy_secret),
};

/* A copy: libmicrohttpd's own lives as long as the connection, whose client may go away before the turn is flushed and
 * the call told in the log. */
static struct sp_str keep(struct sp_exchange *exchange, const char *text)
{
    struct sp_str copy = SP_STR_NONE;
    exchange->incomplete |= sp_arena_copy(exchange->arena, sp_str_from_cstr(text), &copy) != SP_OK;
    return copy;
}

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *key, const char *text)
{
    (void)kind;
    struct sp_exchange *exchange = context;
    struct sp_asked *asked = &exchange->call.asked;
    struct sp_str name = sp_str_from_cstr(key);
    for (size_t i = 0; i < sizeof header_rows / sizeof header_rows[0]; i++) {
        if (name.len != header_rows[i].name.len || !sp_str_equal_ignoring_case(name, header_rows[i].name))
            continue;
        *(struct sp_str *)((char *)asked + header_rows[i].value) = keep(exchange, text);
        if (header_rows[i].count != NOT_COUNTED)
            ++*(unsigned *)((char *)asked + header_rows[i].count);
        break;
    }
    return MHD_YES;
}

/* On a TCP listener anybody may write X-Real-IP: there the connection tells. Who may open the admin socket is the
 * control plane, which tells for whom it asks. */
static struct sp_str address_of(const struct sp_exchange *exchange)
{
    char text[64] = "";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sp_str copy = SP_STR_NONE;
    if (info != NULL && info->client_addr != NULL)
        sp_network_print(info->client_addr, text, sizeof text);
    return sp_arena_copy(exchange->arena, sp_str_from_cstr(text), &copy) == SP_OK ? copy : SP_STR_NONE;
}

static void read_asked(struct sp_exchange *exchange, const char *method)
{
    struct sp_asked *asked = &exchange->call.asked;
    size_t mark = sp_str_index_of(exchange->uri, '?', 0);
    *asked = (struct sp_asked){.method = keep(exchange, method),
                               .path = sp_str_slice(exchange->uri, 0, mark),
                               .query = sp_str_slice(exchange->uri, mark + 1, exchange->uri.len),
                               .body = sp_buffer_str(&exchange->body)};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, on_header, exchange);
    if (exchange->all->behind_proxy && !exchange->is_admin)
        return; /* nginx tells */
    if (!exchange->is_admin)
        asked->client_address = address_of(exchange);
    /* Never a leading `-`: it is an argument of `sallyport explain`. */
    asked->request_id = sp_handle_make(exchange->arena, "r", REQUEST_ID_BYTES);
}

/* ---- answering ---- */
static enum MHD_Result queue_answer(const struct sp_exchange *exchange)
{
    const struct sp_answer *answer = &exchange->call.answer;
    /* The body lives in the exchange's arena until the answer has been sent. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, (void *)(uintptr_t)(answer->body.at != NULL ? answer->body.at : ""), MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->content_type != NULL)
        MHD_add_response_header(response, "Content-Type", answer->content_type);
    /* nginx adds its own. */
    if (!exchange->all->behind_proxy && exchange->call.asked.request_id.at != NULL)
        MHD_add_response_header(response, "X-Request-Id", exchange->call.asked.request_id.at);
    for (size_t i = 0; i < answer->header_count; i++) {
        struct sp_str value;
        if (sp_arena_copy(exchange->arena, answer->headers[i].value, &value) == SP_OK && value.at != NULL)
            MHD_add_response_header(response, answer->headers[i].name, value.at);
    }
    enum MHD_Result queued = MHD_queue_response(exchange->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum sp_step run_call(struct sp_exchanges *all, struct sp_exchange *exchange)
{
    struct sp_call *call = &exchange->call;
    call->now = all->now;
    exchange->kept = all->authority->store->kept;
    if (exchange->incomplete)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (exchange->body_too_large)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE,
                       .expected = sp_arena_printf(call->arena, "at most %u bytes", most_of_body(exchange)),
                       .received = SP_STR("a longer body"));
    if (exchange->needs_host && call->asked.host_count != 1)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_MALFORMED, .expected = SP_STR("one Host header"),
                       .received = sp_arena_printf(call->arena, "%u", call->asked.host_count),
                       .detail = SP_STR("HTTP/1.1 without its one Host"));
    return exchange->is_admin ? sp_admin_answer(call) : sp_authority_answer(call);
}

static void on_errand(void *context, struct sp_errand *errand);

static bool submit(struct sp_exchanges *all, struct sp_exchange *exchange, struct sp_errand *errand)
{
    errand->finished = on_errand;
    errand->context = exchange;
    if (errand->kind != SP_ERRAND_FOLLOW)
        return sp_errand_pool_take(all->errands, errand);
    errand->next_follower = errand->leader->followers;
    errand->leader->followers = errand;
    return true;
}

/* Runs the call as far as it comes; whether it has to wait for a thread now. */
static bool call_waits(struct sp_exchanges *all, struct sp_exchange *exchange)
{
    struct sp_call *call = &exchange->call;
    if (run_call(all, exchange) == SP_WAITS) {
        if (submit(all, exchange, call->waits_for))
            return true;
        (void)sp_deny_busy(call);
    }
    exchange->answered = true;
    exchange->wrote = all->authority->store->kept != exchange->kept;
    return false;
}

static void await_flush(struct sp_exchanges *all, struct sp_exchange *exchange)
{
    exchange->awaits_flush = true;
    exchange->next = all->waiting;
    all->waiting = exchange;
    all->waiting_count++;
}

/* Its errand is done: goes on where it is, still suspended. What it answers leaves with the turn. */
static void on_errand(void *context, struct sp_errand *errand)
{
    struct sp_exchange *exchange = context;
    struct sp_errand *follower = errand->followers;
    errand->done = true; /* a follower's too */
    if (!call_waits(exchange->all, exchange))
        await_flush(exchange->all, exchange);
    while (follower != NULL) {
        struct sp_errand *next = follower->next_follower;
        on_errand(follower->context, follower);
        follower = next;
    }
}

/* The socket's mode says the same; this holds when somebody changes that. */
static bool is_of_our_user(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t len = sizeof peer;
    return info != NULL && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           len == sizeof peer && (peer.uid == geteuid() || peer.uid == 0);
}

/* The whole request is there: runs it as far as it comes. */
static enum MHD_Result run_first(struct sp_exchange *exchange, const char *method)
{
    struct sp_exchanges *all = exchange->all;
    exchange->generation = sp_settings_generation_ref(all->authority->generation);
    exchange->call = (struct sp_call){.authority = all->authority, .arena = exchange->arena};
    read_asked(exchange, method);
    if (call_waits(all, exchange)) {
        exchange->is_suspended = true;
        MHD_suspend_connection(exchange->connection);
        return MHD_YES;
    }
    if (exchange->wrote || exchange->call.finish != NULL) {
        await_flush(all, exchange);
        return MHD_YES;
    }
    sp_call_log_add(&all->log, &exchange->call);
    return queue_answer(exchange);
}

static enum MHD_Result on_framing(void *context, enum MHD_ValueKind kind, const char *key, const char *text)
{
    (void)kind;
    sp_framing_add(context, sp_str_from_cstr(key), sp_str_from_cstr(text));
    return MHD_YES;
}

/* The headers are there, of the body nothing is read yet. What is queued now ends the connection after it: no byte more
 * is taken for the next request. */
static enum MHD_Result judge_framing(struct sp_exchange *exchange, const char *method, const char *version)
{
    struct sp_call *call = &exchange->call;
    struct sp_framing framing = {0};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, on_framing, &framing);
    const struct sp_framing_fault fault = sp_framing_judge(&framing, exchange->uri, sp_str_from_cstr(version));
    if (fault.status == 0)
        return MHD_YES;
    *call =
        (struct sp_call){.authority = exchange->all->authority, .arena = exchange->arena, .now = exchange->all->now};
    read_asked(exchange, method);
    (void)SP_DENY(call, .cause = SP_CAUSE_REQUEST_MALFORMED, .status = fault.status, .expected = fault.expected,
                  .received = fault.received, .detail = SP_STR("where the request ends is in doubt"));
    sp_answer_header(call, "Connection", SP_STR("close"));
    sp_call_log_add(&exchange->all->log, call);
    return queue_answer(exchange);
}

enum MHD_Result sp_exchange_go_on(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **state)
{
    (void)url;
    const struct sp_door *door = context;
    struct sp_exchange *exchange = *state;
    if (exchange == NULL || (door->is_admin && !is_of_our_user(connection)))
        return MHD_NO;
    if (!exchange->began) {
        exchange->began = true;
        exchange->needs_host = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
        return judge_framing(exchange, method, version);
    }
    if (*data_size > 0) {
        sp_buffer_append(&exchange->body, sp_str(data, *data_size));
        exchange->body_too_large = sp_buffer_status(&exchange->body) != SP_OK;
        *data_size = 0;
        return MHD_YES;
    }
    /* Nothing queued, nothing suspended: libmicrohttpd asks again in its next run, which is the one after the flush. To
     * suspend and resume would cost two epoll_ctl and a vain recv an answer. */
    if (exchange->awaits_flush)
        return MHD_YES;
    return exchange->answered ? queue_answer(exchange) : run_first(exchange, method);
}

void sp_exchange_end(void *context, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    const struct sp_door *door = context;
    struct sp_exchange *exchange = *state;
    if (exchange != NULL && exchange->awaits_flush)
        exchange->connection = NULL; /* what it wrote is the turn's all the same */
    else if (exchange != NULL)
        give_back(door->all, exchange);
    *state = NULL;
}

/* ---- of all ---- */
enum sp_status sp_exchanges_finish(struct sp_exchanges *all)
{
    enum sp_status status = SP_OK;
    for (struct sp_exchange *exchange = all->waiting; exchange != NULL; exchange = exchange->next)
        if (sp_call_finish(&exchange->call) != SP_GOES_ON && exchange->wrote)
            status = SP_CRYPTO;
    return status;
}

void sp_exchanges_release(struct sp_exchanges *all, enum sp_status flushed)
{
    while (all->waiting != NULL) {
        struct sp_exchange *exchange = all->waiting;
        all->waiting = exchange->next;
        exchange->next = NULL;
        exchange->awaits_flush = false;
        if (flushed != SP_OK && exchange->wrote) {
            exchange->call.answer = (struct sp_answer){0};
            (void)sp_deny_failure(&exchange->call, flushed);
        }
        all->waiting_count--;
        sp_call_log_add(&all->log, &exchange->call);
        if (exchange->connection == NULL)
            give_back(all, exchange);
        else if (exchange->is_suspended)
            MHD_resume_connection(exchange->connection);
    }
}

void sp_exchanges_fini(struct sp_exchanges *all)
{
    while (all->free != NULL) {
        struct sp_exchange *exchange = all->free;
        all->free = exchange->next;
        sp_arena_destroy(&exchange->arena);
        free(exchange);
    }
    sp_call_log_fini(&all->log);
}
