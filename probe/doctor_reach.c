/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor on the way: from a name to a connection that is trusted. */
#include "core/base/host.h"
#include "probe/connection.h"
#include "probe/doctor_checkup.h"
#include "probe/name_lookup.h"
#include "probe/tls_handshake.h"
#include "core/diagnosis/words.h"

#define MAX_CONNECTIONS 32
#define DNS_TIMEOUT_MS 6000
#define CONNECT_TIMEOUT_MS 3000
#define AIA_TIMEOUT_MS 3000
#define MAX_AIA_BYTES (64 * 1024)

static int64_t at_most(int64_t timeout_ms, int64_t most_ms)
{
    return timeout_ms < most_ms ? timeout_ms : most_ms;
}

static bool fails(const struct sp_checkup *checkup, enum sp_step step)
{
    return checkup->report->steps[step].outcome == SP_OUTCOME_FAIL || checkup->status != SP_OK;
}

/* ---- names ---- */
static struct sp_str name_words(struct sp_arena *arena, const struct sp_name_evidence *name)
{
    if (name->is_address) {
        return sp_arena_printf(arena, "%.*s is an address", SP_STR_ARG(name->host));
    }
    if (name->system != SP_LOOKUP_FOUND) {
        return sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(name->host), SP_STR_ARG(name->detail));
    }
    struct sp_str from = name->hosts.count > 0              ? name->hosts_file
                         : name->dns == SP_LOOKUP_NOT_ASKED ? SP_STR("the system")
                                                            : name->resolver;
    return sp_arena_printf(arena, "%.*s → %.*s  by %.*s", SP_STR_ARG(name->host),
                           SP_STR_ARG(sp_words_list(arena, name->addresses.at, name->addresses.count)),
                           SP_STR_ARG(from));
}

static void look_up(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    sp_checkup_begin(checkup, SP_STEP_DNS);
    checkup->status = sp_name_look_up(checkup->arena, checkup->url.host,
                                      at_most(checkup->question->timeout_ms, DNS_TIMEOUT_MS), &checkup->name);
    if (checkup->status == SP_OK) {
        checkup->name.by_proxy = checkup->proxy.evidence.in_force;
        sp_name_judge(checkup->arena, &checkup->name, &findings);
        sp_checkup_end(checkup, SP_STEP_DNS, &findings, name_words(checkup->arena, &checkup->name));
    }
}

/* ---- proxy ---- */
static void pass_proxy(struct sp_checkup *checkup)
{
    struct sp_proxy_evidence *proxy = &checkup->proxy.evidence;
    struct sp_document_findings findings = {.count = 0};
    struct sp_str words;
    sp_checkup_begin(checkup, SP_STEP_PROXY);
    if (proxy->in_force) {
        checkup->socket =
            sp_forward_proxy_open(checkup->arena, &checkup->proxy, &checkup->url, checkup->question->timeout_ms);
        sp_proxy_judge(checkup->arena, proxy, &findings);
        words = sp_arena_printf(checkup->arena, "%.*s, set by %.*s%s", SP_STR_ARG(proxy->url),
                                SP_STR_ARG(proxy->variable), proxy->status == 200 ? "; it opens the tunnel" : "");
    } else if (proxy->exempted_by.len > 0) {
        words = sp_arena_printf(checkup->arena, "direct: %.*s names a proxy, %.*s exempts this host",
                                SP_STR_ARG(proxy->variable), SP_STR_ARG(proxy->exempted_by));
    } else {
        words = SP_STR("none: no proxy variable is set for this URL");
    }
    sp_checkup_end(checkup, SP_STEP_PROXY, &findings, words);
}

/* ---- connections ---- */
static struct sp_str connection_words(struct sp_arena *arena, const struct sp_connection_evidence *rows, size_t count)
{
    struct sp_str *words = sp_arena_calloc(arena, count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && i < count; i++) {
        words[i] = sp_arena_printf(arena, "%.*s %.*s", SP_STR_ARG(rows[i].address),
                                   SP_STR_ARG(rows[i].outcome == SP_CONNECTION_OPEN ? SP_STR("open") : rows[i].detail));
    }
    return words != NULL ? sp_words_list(arena, words, count) : SP_STR_NONE;
}

/* All addresses are tried; sockets that are not needed are closed. */
static size_t try_addresses(struct sp_checkup *checkup, int *chosen)
{
    int sockets[MAX_CONNECTIONS];
    struct sp_str_list addresses = checkup->name.addresses;
    size_t count = addresses.count < MAX_CONNECTIONS ? addresses.count : MAX_CONNECTIONS;
    addresses.count = count;
    *chosen = -1;
    checkup->status =
        sp_connections_try(checkup->arena, addresses, sp_url_port(&checkup->url),
                           at_most(checkup->question->timeout_ms, CONNECT_TIMEOUT_MS), checkup->connections, sockets);
    for (size_t i = 0; i < count; i++) {
        if (sockets[i] >= 0 && *chosen < 0) {
            *chosen = sockets[i];
            checkup->open = i;
        } else {
            sp_connection_close(&sockets[i]);
        }
    }
    return count;
}

static void connect_to(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    sp_checkup_begin(checkup, SP_STEP_TCP);
    size_t count = try_addresses(checkup, &checkup->socket);
    sp_connections_judge(checkup->arena, checkup->connections, count, &findings);
    sp_checkup_end(checkup, SP_STEP_TCP, &findings, connection_words(checkup->arena, checkup->connections, count));
}

/* ---- TLS ---- */
static struct sp_str fetch_issuer(void *context, struct sp_arena *arena, struct sp_str url)
{
    struct sp_checkup *checkup = context;
    struct sp_str bytes = SP_STR_NONE;
    /* Plain http is how these are published (RFC 5280 4.2.2.1); what comes is verified as any certificate is. */
    struct sp_http_call *call = sp_checkup_call(
        checkup, (struct sp_http_request){.url = url,
                                          .accept = SP_STR("*/*"),
                                          .max_bytes = MAX_AIA_BYTES,
                                          .timeout_ms = at_most(checkup->question->timeout_ms, AIA_TIMEOUT_MS),
                                          .max_redirects = 2,
                                          .allows_plain_http = true});
    if (call != NULL) {
        sp_http_call_perform(call);
        const struct sp_fetch_report *report = sp_http_call_report(call);
        if (report->http_status == 200 && !report->too_large && sp_arena_copy(arena, report->body, &bytes) != SP_OK) {
            bytes = SP_STR_NONE;
        }
    }
    return bytes;
}

static struct sp_tls_question question_for(struct sp_checkup *checkup, int socket)
{
    const struct sp_doctor_question *question = checkup->question;
    struct sp_str address =
        checkup->proxy.evidence.in_force
            ? sp_arena_printf(checkup->arena, "%.*s:%u", SP_STR_ARG(checkup->url.host), sp_url_port(&checkup->url))
            : checkup->connections[checkup->open].address;
    return (struct sp_tls_question){
        .socket = socket,
        .host = checkup->url.host,
        .address = address,
        .certificate_file = question->certificate_file,
        .key_file = question->key_file,
        .timeout_ms = question->timeout_ms,
        .chain = {.trust = checkup->trust, .now = checkup->now, .fetch = fetch_issuer, .context = checkup}};
}

/* What stands behind a handshake that failed: plain HTTP, or a TLS of the past. Asked again on new connections, which
 * only the direct way has. */
static void look_closer(struct sp_checkup *checkup, struct sp_tls_evidence *tls)
{
    char line[120];
    struct sp_str address = checkup->name.addresses.count > 0 ? checkup->name.addresses.at[checkup->open] : SP_STR_NONE;
    unsigned port = sp_url_port(&checkup->url);
    int64_t timeout = at_most(checkup->question->timeout_ms, CONNECT_TIMEOUT_MS);
    bool may_be_plain = tls->handshake == SP_HANDSHAKE_CLOSED || tls->handshake == SP_HANDSHAKE_TIMEOUT ||
                        tls->handshake == SP_HANDSHAKE_FAILED;
    if (checkup->proxy.evidence.in_force || address.len == 0) {
        return;
    }
    if (may_be_plain && sp_connection_speaks_http(address, port, checkup->url.host, timeout, line, sizeof line)) {
        tls->handshake = SP_HANDSHAKE_PLAINTEXT;
        tls->detail = sp_arena_printf(checkup->arena, "plain HTTP (\"%s\")", line);
    } else if (tls->handshake == SP_HANDSHAKE_PROTOCOL) {
        int socket = sp_connection_open(address, port, timeout);
        if (socket >= 0) {
            tls->peer_version = sp_tls_old_version(checkup->arena, socket, checkup->url.host, timeout);
        }
        sp_connection_close(&socket);
    }
}

/* With a proxy in force and a chain nobody knows: does the server itself show another one? */
static void look_past_proxy(struct sp_checkup *checkup, struct sp_tls_evidence *tls)
{
    int socket = -1;
    struct sp_tls_evidence *direct = SP_ARENA_NEW(checkup->arena, struct sp_tls_evidence);
    tls->proxy = sp_arena_printf(checkup->arena, "%.*s (%.*s)", SP_STR_ARG(checkup->proxy.evidence.url),
                                 SP_STR_ARG(checkup->proxy.evidence.variable));
    if (tls->chain.count == 0 || tls->chain.trusted || checkup->name.addresses.count == 0 || direct == NULL) {
        return;
    }
    try_addresses(checkup, &socket);
    if (socket >= 0) {
        struct sp_tls_question question = question_for(checkup, socket);
        if (sp_tls_look(checkup->arena, &question, direct) == SP_OK && direct->chain.count > 0) {
            tls->has_direct_chain = true;
            tls->direct_leaf = direct->chain.certificates[0];
        }
    }
    sp_connection_close(&socket);
}

static struct sp_str chain_words(struct sp_arena *arena, const struct sp_tls_evidence *tls)
{
    struct sp_buffer text;
    const struct sp_chain_evidence *chain = &tls->chain;
    sp_buffer_init(&text, arena, 8 * 1024);
    if (tls->handshake == SP_HANDSHAKE_DONE) {
        sp_buffer_printf(&text, "%.*s, %.*s; ", SP_STR_ARG(tls->version), SP_STR_ARG(tls->cipher));
    }
    for (size_t i = 0; i < chain->count; i++) {
        sp_buffer_printf(&text, "%s%.*s", i > 0 ? " ← " : "",
                         SP_STR_ARG(sp_certificate_words(arena, &chain->certificates[i])));
    }
    if (chain->count == 0) {
        sp_buffer_printf(&text, "no certificate was seen");
        if (tls->detail.len > 0) {
            sp_buffer_printf(&text, ": %.*s", SP_STR_ARG(tls->detail));
        }
    } else {
        sp_buffer_printf(&text, "; %s %.*s", chain->trusted ? "trusted by" : "not trusted by",
                         SP_STR_ARG(chain->trust_store));
    }
    if (tls->asked_for_certificate) {
        sp_buffer_printf(&text, "; it asks for a client certificate%s", tls->sent_certificate ? ", ours was sent" : "");
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static void shake_hands(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    checkup->tls = SP_ARENA_NEW(checkup->arena, struct sp_tls_evidence);
    sp_checkup_begin(checkup, SP_STEP_TLS);
    if (checkup->tls == NULL) {
        checkup->status = SP_NO_MEMORY;
        return;
    }
    struct sp_tls_question question = question_for(checkup, checkup->socket);
    checkup->status = sp_tls_look(checkup->arena, &question, checkup->tls);
    if (checkup->status != SP_OK) {
        return;
    }
    look_closer(checkup, checkup->tls);
    if (checkup->proxy.evidence.in_force) {
        look_past_proxy(checkup, checkup->tls);
    }
    sp_tls_judge(checkup->arena, checkup->tls, checkup->now, &findings);
    sp_checkup_end(checkup, SP_STEP_TLS, &findings, chain_words(checkup->arena, checkup->tls));
}

/* Without TLS: fine on this machine, and for an API behind the gateway whose operator chose it. */
static void go_plain(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    if (checkup->is_upstream || sp_host_is_loopback(checkup->url.host)) {
        sp_checkup_skip(checkup, SP_STEP_TLS,
                        checkup->is_upstream ? "the URL is plain http"
                                             : "plain http, which is fine on this machine only");
        return;
    }
    sp_checkup_begin(checkup, SP_STEP_TLS);
    findings.rows[0] = (struct sp_finding){.cause = SP_CAUSE_CONFIG_INSECURE_ISSUER,
                                           .check = SP_CHECK_COUNT,
                                           .verified = true,
                                           .expected = SP_STR("https"),
                                           .received = checkup->question->issuer,
                                           .detail = SP_STR("What follows is asked in plain text and proves nothing.")};
    findings.count = 1;
    sp_checkup_end(checkup, SP_STEP_TLS, &findings, SP_STR("none: the issuer's URL is plain http"));
}

bool sp_checkup_finds_tls(struct sp_checkup *checkup)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_tls_evidence *tls = SP_ARENA_NEW(checkup->arena, struct sp_tls_evidence);
    int socket = -1;
    if (tls == NULL || checkup->is_tls || checkup->proxy.evidence.in_force) {
        return false;
    }
    sp_checkup_begin(checkup, SP_STEP_TLS);
    socket = sp_connection_open(checkup->name.addresses.at[checkup->open], sp_url_port(&checkup->url),
                                at_most(checkup->question->timeout_ms, CONNECT_TIMEOUT_MS));
    struct sp_tls_question question = question_for(checkup, socket);
    bool found = socket >= 0 && sp_tls_look(checkup->arena, &question, tls) == SP_OK &&
                 (tls->handshake == SP_HANDSHAKE_DONE || tls->chain.count > 0);
    sp_connection_close(&socket);
    if (found) {
        findings.rows[0] = (struct sp_finding){.cause = SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT,
                                               .check = SP_CHECK_COUNT,
                                               .verified = true,
                                               .expected = SP_STR("plain HTTP"),
                                               .received = checkup->connections[checkup->open].address,
                                               .detail = SP_STR("TLS")};
        findings.count = 1;
        sp_checkup_end(checkup, SP_STEP_TLS, &findings, chain_words(checkup->arena, tls));
    }
    return found;
}

bool sp_checkup_reach(struct sp_checkup *checkup)
{
    checkup->is_tls = sp_str_equal_ignoring_case(checkup->url.scheme, SP_STR("https")) ||
                      sp_str_equal_ignoring_case(checkup->url.scheme, SP_STR("grpcs"));
    checkup->status = sp_forward_proxy_find(checkup->arena, &checkup->url, &checkup->proxy);
    if (checkup->is_upstream) { /* nginx goes directly, whatever the environment says */
        checkup->proxy = (struct sp_forward_proxy){.port = 0};
    }
    if (checkup->status == SP_OK) {
        look_up(checkup);
    }
    if (!fails(checkup, SP_STEP_DNS) && !checkup->is_upstream) {
        pass_proxy(checkup);
    }
    bool by_proxy = checkup->proxy.evidence.in_force;
    if (by_proxy) {
        sp_checkup_skip(checkup, SP_STEP_TCP, "the proxy connects");
    } else if (!fails(checkup, SP_STEP_DNS)) {
        connect_to(checkup);
    } else {
        sp_checkup_skip(checkup, SP_STEP_PROXY, "the name has no address");
        sp_checkup_skip(checkup, SP_STEP_TCP, "the name has no address");
    }
    bool connected = checkup->status == SP_OK && (by_proxy ? !fails(checkup, SP_STEP_PROXY) : checkup->socket >= 0);
    if (!connected) {
        sp_checkup_skip(checkup, SP_STEP_TLS, "there is no connection");
    } else if (!checkup->is_tls) {
        go_plain(checkup);
    } else if (checkup->socket >= 0) {
        shake_hands(checkup);
    } else {
        sp_checkup_skip(checkup, SP_STEP_TLS, "the proxy's scheme is not http: curl goes through it, this step cannot");
    }
    bool is_insecure_only = !checkup->is_tls && connected;
    return connected && checkup->status == SP_OK && (is_insecure_only || !fails(checkup, SP_STEP_TLS));
}
