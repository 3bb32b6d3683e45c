/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_failure.h"

#include "core/policy/settings.h"
#include "gateway/refusal.h"

static enum sp_cause cause_of(const ngx_connection_t *c, const ngx_http_upstream_t *upstream)
{
    if (c == NULL) {
        return SP_CAUSE_UPSTREAM_REFUSED;
    }
    if (c->read->timedout || c->write->timedout) {
        return SP_CAUSE_UPSTREAM_TIMEOUT;
    }
    if (c->ssl != NULL &&
        (!c->ssl->handshaked || c->ssl->handshake_rejected || SSL_get_verify_result(c->ssl->connection) != X509_V_OK)) {
        return SP_CAUSE_UPSTREAM_TLS;
    }
    if (upstream->buffer.start != NULL && upstream->buffer.last == upstream->buffer.end && !upstream->header_sent) {
        return SP_CAUSE_HEADER_UPSTREAM_TOO_LARGE; /* the buffer is full and the header has not ended */
    }
    return SP_CAUSE_UPSTREAM_REFUSED;
}

void sp_upstream_failure_note(struct sp_call *call, const struct sp_peer *peer, const ngx_peer_connection_t *connection)
{
    const ngx_http_upstream_t *upstream = call->request->upstream;
    const ngx_connection_t *c = connection->connection;
    const bool is_connected = upstream->state != NULL && upstream->state->connect_time != (ngx_msec_t)-1;
    call->upstream_cause = cause_of(c, upstream);
    call->upstream_failure = (struct sp_upstream_failure){
        .server = peer->server,
        .address = &peer->name,
        .is_connected = is_connected,
        .limit_ms = is_connected ? upstream->conf->read_timeout : upstream->conf->connect_timeout,
        .header_bytes = upstream->conf->buffer_size,
        .verify_result = c != NULL && c->ssl != NULL ? SSL_get_verify_result(c->ssl->connection) : X509_V_OK};
}

/* Of an answer that lasts until the connection ends, or of a tunnel, nobody knows what is missing. */
static bool is_unfinished(const ngx_http_upstream_t *upstream)
{
    const off_t rest = upstream->buffering && upstream->pipe != NULL ? upstream->pipe->length : upstream->length;
    return upstream->header_sent && !upstream->upgrade && rest > 0;
}

void sp_upstream_failure_note_cut(struct sp_call *call, const struct sp_peer *peer,
                                  const ngx_peer_connection_t *connection)
{
    const ngx_connection_t *c = connection->connection;
    if (c == NULL || !is_unfinished(call->request->upstream) ||
        !(c->read->timedout || c->read->eof || c->read->error)) {
        return;
    }
    sp_upstream_failure_note(call, peer, connection);
    call->upstream_cause = c->read->timedout ? SP_CAUSE_UPSTREAM_TIMEOUT : SP_CAUSE_UPSTREAM_REFUSED;
    call->upstream_failure.has_begun = true;
    call->cause = call->upstream_cause;
    struct sp_arena *arena = sp_call_arena(call);
    if (arena != NULL) {
        const struct sp_finding finding = sp_upstream_failure_finding(call, arena, call->cause);
        sp_tell_beside(call, arena, &finding);
    }
}

/* What it did, as the end of "URL at ADDRESS …". */
static const char *act_of(const struct sp_upstream_failure *failure, enum sp_cause cause)
{
    switch (cause) {
    case SP_CAUSE_UPSTREAM_TIMEOUT:
        return failure->has_begun      ? "began an answer and sent no more of it"
               : failure->is_connected ? "took the connection and sent no answer"
                                       : "did not take the connection";
    case SP_CAUSE_UPSTREAM_TLS:
        return failure->verify_result != X509_V_OK
                   ? X509_verify_cert_error_string(failure->verify_result)
                   : "the handshake came to no end; nginx's error log has OpenSSL's word for it";
    case SP_CAUSE_UPSTREAM_REFUSED:
        return failure->has_begun      ? "began an answer and ended the connection before its end"
               : failure->is_connected ? "took the connection and gave no whole answer"
                                       : "refused the connection";
    default:
        return "sent more";
    }
}

static struct sp_str expected_of(const struct sp_upstream_failure *failure, struct sp_arena *arena, enum sp_cause cause)
{
    switch (cause) {
    case SP_CAUSE_UPSTREAM_TIMEOUT:
        return sp_duration_in_words(arena, (int64_t)failure->limit_ms);
    case SP_CAUSE_UPSTREAM_TLS:
        return sp_arena_printf(arena, "a certificate of %.*s that is trusted", SP_STR_ARG(failure->server->host));
    case SP_CAUSE_UPSTREAM_REFUSED:
        return SP_STR("a server that takes the connection and answers");
    default:
        return sp_arena_printf(arena, "%zu bytes", failure->header_bytes);
    }
}

/* Before any server was tried. */
static void find_untried(const struct sp_api *api, struct sp_arena *arena, struct sp_finding *finding)
{
    if (finding->cause == SP_CAUSE_UPSTREAM_DNS && api->upstream.server_count > 0) {
        finding->expected = SP_STR("a name that leads to an address");
        finding->received = api->upstream.servers[0].host;
    } else if (finding->cause == SP_CAUSE_UPSTREAM_TLS) {
        finding->expected = SP_STR("a file of PEM certificates");
        finding->received =
            sp_arena_printf(arena, "upstream.ca_file %.*s cannot be used", SP_STR_ARG(api->upstream.ca_file));
    }
}

struct sp_finding sp_upstream_failure_finding(const struct sp_call *call, struct sp_arena *arena, enum sp_cause cause)
{
    const struct sp_upstream_failure *failure = &call->upstream_failure;
    struct sp_finding finding = {.cause = cause, .check = SP_CHECK_COUNT, .verified = true};
    if (failure->server == NULL) {
        find_untried(call->match.api, arena, &finding);
        return finding;
    }
    const struct sp_str url = failure->server->url, address = sp_str_of(*failure->address);
    const bool says_it = sp_str_contains(url, address);
    finding.expected = expected_of(failure, arena, cause);
    finding.received = sp_arena_printf(arena, "%.*s%s%.*s%s %s", SP_STR_ARG(url), says_it ? "" : " at ",
                                       SP_STR_ARG(says_it ? SP_STR_NONE : address),
                                       cause == SP_CAUSE_UPSTREAM_TLS ? ":" : "", act_of(failure, cause));
    return finding;
}
