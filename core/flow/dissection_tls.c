/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: how each began and who broke it off. Certificates are visible in TLS 1.2 and where secrets were given;
 * alerts after the server's first flight are not, in TLS 1.3 without them. */
#include "core/flow/dissection_parts.h"

#include <stdlib.h>
#include "core/base/limits.h"
#include "core/diagnosis/words.h"
#include "core/jose/crypto_certificate.h"

#define CONNECTIONS 4096u
#define MAX_CERTIFICATE_BYTES (64u * 1024)

enum tls_type { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2, TLS_CERTIFICATE_REQUEST = 13 };

static const struct {
    int number;
    const char *name;
    enum sp_cause cause;
} alerts[] = {
#define ALERT(number, name, cause) {number, name, SP_CAUSE_##cause},
#include "core/flow/alerts.def"
#undef ALERT
};

struct connection {
    int64_t stream;
    uint32_t frame; /* of its first packet, then of its hello */
    int64_t ms;
    struct sp_str client, server, sni, offered, agreed;
    bool syn, accepted, reset, hello, answered, wants_certificate, alert_by_client;
    int alert; /* -1: none that matters */
    uint32_t alert_frame;
    unsigned syns;
    struct sp_str names, dates; /* of the server's certificate */
    int time;                   /* as sp_certificate_judge_time */
    bool certificate_seen, name_fits;
};

struct sp_connections {
    struct sp_flow_capture *capture;
    struct sp_dissection_report *report;
    struct connection rows[CONNECTIONS];
    size_t count;
    struct sp_str missing[64]; /* names that do not exist */
    size_t missing_count;
};

struct sp_connections *sp_connections_create(struct sp_flow_capture *capture, struct sp_dissection_report *report)
{
    struct sp_connections *connections = calloc(1, sizeof *connections);
    if (connections != NULL) {
        connections->capture = capture;
        connections->report = report;
    }
    return connections;
}

void sp_connections_destroy(struct sp_connections **connections)
{
    free(*connections);
    *connections = NULL;
}

/* Newest first: a packet is mostly of a connection that began not long ago. */
static struct connection *find(struct sp_connections *connections, const struct sp_packet *packet)
{
    for (size_t i = connections->count; i > 0; i--)
        if (connections->rows[i - 1].stream == packet->stream)
            return &connections->rows[i - 1];
    return NULL;
}

static struct connection *find_or_add(struct sp_connections *connections, const struct sp_packet *packet)
{
    struct connection *found = find(connections, packet);
    if (found != NULL)
        return found;
    if (connections->count == CONNECTIONS) {
        connections->report->more_connections++;
        return NULL;
    }
    found = &connections->rows[connections->count++];
    *found = (struct connection){.stream = packet->stream,
                                 .frame = packet->frame,
                                 .ms = packet->ms,
                                 .alert = -1,
                                 .client = sp_packet_source(connections->capture->arena, packet),
                                 .server = sp_packet_destination(connections->capture->arena, packet)};
    return found;
}

static const char *version_name(int64_t version)
{
    switch (version) {
    case 0x0304:
        return "TLS 1.3";
    case 0x0303:
        return "TLS 1.2";
    case 0x0302:
        return "TLS 1.1";
    case 0x0301:
        return "TLS 1.0";
    case 0x0300:
        return "SSL 3.0";
    default:
        return NULL; /* GREASE and what nobody offers */
    }
}

static struct sp_str versions_in_words(struct sp_arena *arena, const struct sp_packet *packet)
{
    struct sp_str words = SP_STR_NONE;
    for (size_t i = 0; i < sp_packet_count(packet, SP_FIELD_TLS_VERSIONS) && i < 16; i++) {
        const char *name = version_name(sp_packet_number(packet, SP_FIELD_TLS_VERSIONS, i, 0));
        if (name != NULL)
            words =
                words.at == NULL ? sp_str_from_cstr(name) : sp_arena_printf(arena, "%.*s, %s", SP_STR_ARG(words), name);
    }
    const char *old = version_name(sp_packet_number(packet, SP_FIELD_TLS_VERSION, 0, 0));
    return words.at != NULL ? words : sp_str_from_cstr(old != NULL ? old : "an unknown version");
}

static void take_certificate(struct sp_connections *connections, struct connection *connection,
                             const struct sp_packet *packet)
{
    struct sp_arena *arena = connections->capture->arena;
    struct sp_certificate *certificate = NULL;
    struct sp_str hex = sp_packet_text(packet, SP_FIELD_TLS_CERTIFICATE, 0);
    struct sp_str der = sp_packet_bytes(connections->capture->scratch, hex, MAX_CERTIFICATE_BYTES);
    if (connection->certificate_seen || der.at == NULL || sp_certificate_parse(der, &certificate) != SP_OK)
        return;
    connection->certificate_seen = true;
    connection->time = sp_certificate_judge_time(certificate, packet->ms / 1000);
    connection->dates = sp_certificate_dates(certificate, arena);
    connection->names = sp_certificate_names(certificate, SP_CERTIFICATE_DNS, arena);
    size_t dot = sp_str_index_of(connection->sni, '.', 0);
    struct sp_str wildcard =
        sp_arena_printf(arena, "*%.*s", SP_STR_ARG(sp_str_slice(connection->sni, dot, connection->sni.len)));
    connection->name_fits = connection->sni.len == 0 ||
                            sp_certificate_has_name(certificate, SP_CERTIFICATE_DNS, connection->sni) ||
                            sp_str_contains(connection->names, wildcard);
    sp_certificate_destroy(&certificate);
}

static void take_handshake(struct sp_connections *connections, const struct sp_packet *packet)
{
    struct connection *connection = find_or_add(connections, packet);
    struct sp_arena *arena = connections->capture->arena;
    struct sp_str sni = sp_packet_text(packet, SP_FIELD_TLS_SNI, 0), copy;
    if (connection == NULL)
        return;
    for (size_t i = 0; i < sp_packet_count(packet, SP_FIELD_TLS_TYPE) && i < 32; i++) {
        int64_t type = sp_packet_number(packet, SP_FIELD_TLS_TYPE, i, -1);
        if (type == TLS_CLIENT_HELLO && !connection->hello) {
            connection->hello = true;
            connection->frame = packet->frame;
            connection->ms = packet->ms;
            connection->client = sp_packet_source(arena, packet);
            connection->server = sp_packet_destination(arena, packet);
            connection->offered = versions_in_words(arena, packet);
            if (sni.len > 0 && sp_arena_copy(arena, sp_str_slice(sni, 0, 255), &copy) == SP_OK)
                connection->sni = copy;
        } else if (type == TLS_SERVER_HELLO) {
            connection->answered = true;
            connection->agreed = versions_in_words(arena, packet);
        } else if (type == TLS_CERTIFICATE_REQUEST) {
            connection->wants_certificate = true;
        }
    }
    if (connection->answered)
        take_certificate(connections, connection, packet);
}

static void take_alert(struct sp_connections *connections, const struct sp_packet *packet)
{
    struct connection *connection = find(connections, packet);
    int64_t number = sp_packet_number(packet, SP_FIELD_TLS_ALERT, 0, 0);
    if (connection == NULL || connection->alert >= 0 || number == 0 || number == 90 || number == 100)
        return; /* close_notify, user_canceled, no_renegotiation */
    connection->alert = (int)number;
    connection->alert_frame = packet->frame;
    connection->alert_by_client =
        sp_str_equal(sp_packet_source(connections->capture->scratch, packet), connection->client);
}

static void take_flags(struct sp_connections *connections, const struct sp_packet *packet)
{
    bool syn = sp_packet_number(packet, SP_FIELD_SYN, 0, 0) == 1,
         ack = sp_packet_number(packet, SP_FIELD_ACK, 0, 0) == 1;
    bool reset = sp_packet_number(packet, SP_FIELD_RESET, 0, 0) == 1;
    struct connection *connection = syn && !ack ? find_or_add(connections, packet) : find(connections, packet);
    if (connection == NULL)
        return;
    connection->syn = connection->syn || (syn && !ack);
    connection->syns += syn && !ack;
    connection->accepted = connection->accepted || (syn && ack);
    connection->reset = connection->reset || reset;
}

static void take_name(struct sp_connections *connections, const struct sp_packet *packet)
{
    struct sp_str name = sp_str_slice(sp_packet_text(packet, SP_FIELD_DNS_NAME, 0), 0, 255), copy;
    for (size_t i = 0; i < connections->missing_count; i++)
        if (sp_str_equal(connections->missing[i], name))
            return;
    if (name.len > 0 && connections->missing_count < 64 &&
        sp_arena_copy(connections->capture->arena, name, &copy) == SP_OK)
        connections->missing[connections->missing_count++] = copy;
}

void sp_connections_take(struct sp_connections *connections, const struct sp_packet *packet)
{
    sp_arena_reset(connections->capture->scratch);
    if (sp_packet_number(packet, SP_FIELD_DNS_RESPONSE, 0, 0) == 1 &&
        sp_packet_number(packet, SP_FIELD_DNS_CODE, 0, 0) == 3)
        take_name(connections, packet);
    if (packet->stream < 0)
        return;
    take_flags(connections, packet);
    if (packet->fields[SP_FIELD_TLS_TYPE] != NULL)
        take_handshake(connections, packet);
    if (packet->fields[SP_FIELD_TLS_ALERT] != NULL)
        take_alert(connections, packet);
}

/* ---- the end ---- */

static struct sp_flow_message *note(struct sp_connections *connections, const struct connection *connection)
{
    struct sp_flow_capture *capture = connections->capture;
    struct sp_str place = connection->sni.len > 0 ? connection->sni : connection->server;
    struct sp_flow_message *message =
        sp_flow_capture_note(capture, SP_SUBJECT_NETWORK, place, SP_FLOW_HANDSHAKE, connection->frame);
    if (message == NULL)
        return NULL;
    message->exchange.started_ms = connection->ms;
    message->exchange.client_address = connection->client;
    message->exchange.server_address = connection->server;
    message->exchange.url = message->endpoint =
        sp_arena_printf(capture->arena, "%s://%.*s", connection->hello ? "tls" : "tcp", SP_STR_ARG(connection->server));
    return message;
}

static enum sp_cause cause_of_alert(const struct connection *connection, const char **name)
{
    enum sp_cause cause = SP_CAUSE_NETWORK_TLS_HANDSHAKE;
    *name = "an alert";
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (alerts[i].number == connection->alert) {
            cause = alerts[i].cause;
            *name = alerts[i].name;
        }
    bool about_certificate = connection->alert == 42 || connection->alert == 46 || connection->alert == 48;
    if (connection->alert_by_client && about_certificate && connection->certificate_seen) {
        if (connection->time > 0)
            return SP_CAUSE_NETWORK_TLS_EXPIRED;
        if (connection->time < 0)
            return SP_CAUSE_NETWORK_TLS_NOT_YET_VALID;
        if (!connection->name_fits && connection->alert != 48)
            return SP_CAUSE_NETWORK_TLS_HOSTNAME;
    }
    /* No certificate was asked of a client that the server then sends away, unless it asked. */
    if (!connection->alert_by_client && connection->wants_certificate &&
        (connection->alert == 40 || connection->alert == 42))
        return SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED;
    return cause;
}

static const char *missing_name(const struct connection *connection)
{
    return connection->sni.len > 0 ? "" : ", no SNI";
}

/* Its address where the client did not name it. */
static struct sp_str name_of_server(const struct connection *connection)
{
    return connection->sni.len > 0 ? connection->sni : connection->server;
}

static void tell_alert(struct sp_connections *connections, const struct connection *connection,
                       struct sp_flow_message *message)
{
    struct sp_flow_capture *capture = connections->capture;
    const char *name;
    enum sp_cause cause = cause_of_alert(connection, &name);
    struct sp_str alert = sp_arena_printf(capture->arena, "alert %d %s from the %s", connection->alert, name,
                                          connection->alert_by_client ? "client" : "server");
    struct sp_str expected = name_of_server(connection), received = alert;
    if (cause == SP_CAUSE_NETWORK_TLS_PROTOCOL)
        expected = connection->offered;
    if (cause == SP_CAUSE_NETWORK_TLS_HOSTNAME && connection->certificate_seen)
        received = connection->names;
    if (cause == SP_CAUSE_NETWORK_TLS_UNKNOWN_CA) {
        expected = connection->alert_by_client ? SP_STR("the client's") : SP_STR("the server's");
        received = SP_STR("an authority");
    }
    struct sp_str certificate =
        connection->certificate_seen
            ? sp_arena_printf(capture->arena, " The server's certificate is for %.*s, valid %.*s.",
                              SP_STR_ARG(connection->names), SP_STR_ARG(connection->dates))
            : SP_STR(" The server's certificate is not visible in the recording.");
    sp_flow_tell(capture, message, cause, expected, received)->detail =
        sp_arena_printf(capture->arena, "The %s ended the handshake with %.*s (packet %u).%.*s%s",
                        connection->alert_by_client ? "client" : "server", SP_STR_ARG(alert), connection->alert_frame,
                        SP_STR_ARG(certificate),
                        connection->sni.len > 0 ? ""
                                                : " The client's hello names no host (no SNI): a server of several "
                                                  "names cannot choose its certificate by that.");
}

static void tell_certificate(struct sp_connections *connections, const struct connection *connection,
                             struct sp_flow_message *message)
{
    enum sp_cause cause = connection->time > 0     ? SP_CAUSE_NETWORK_TLS_EXPIRED
                          : connection->time < 0   ? SP_CAUSE_NETWORK_TLS_NOT_YET_VALID
                          : !connection->name_fits ? SP_CAUSE_NETWORK_TLS_HOSTNAME
                                                   : SP_CAUSE_NONE;
    if (cause == SP_CAUSE_NONE || connection->alert >= 0 || !connection->certificate_seen)
        return;
    struct sp_finding *finding =
        sp_flow_tell(connections->capture, message, cause, name_of_server(connection), connection->names);
    finding->tolerated = true; /* the client went on nevertheless */
    finding->detail = sp_arena_printf(connections->capture->arena, "It is valid %.*s.", SP_STR_ARG(connection->dates));
}

static void tell_tls(struct sp_connections *connections, const struct connection *connection)
{
    struct sp_flow_capture *capture = connections->capture;
    struct sp_flow_message *message = note(connections, connection);
    if (message == NULL)
        return;
    message->exchange.status = connection->alert >= 0 ? 0 : 200;
    message->note = connection->answered
                        ? sp_arena_printf(capture->arena, "%.*s agreed%s%.*s%s", SP_STR_ARG(connection->agreed),
                                          connection->certificate_seen ? ", certificate for " : "",
                                          SP_STR_ARG(connection->names), missing_name(connection))
                        : sp_arena_printf(capture->arena, "no answer to the hello (offered: %.*s%s)",
                                          SP_STR_ARG(connection->offered), missing_name(connection));
    if (connection->alert >= 0)
        tell_alert(connections, connection, message);
    tell_certificate(connections, connection, message);
    if (!connection->answered && connection->alert < 0)
        sp_flow_tell(capture, message, SP_CAUSE_NETWORK_TLS_HANDSHAKE, name_of_server(connection),
                     connection->reset ? SP_STR("the connection was reset") : SP_STR("no answer"))
            ->detail = SP_STR("The server never answered the client's hello: not TLS on this port, or a middle box.");
}

static void tell_tcp(struct sp_connections *connections, const struct connection *connection)
{
    bool refused = connection->reset && !connection->accepted;
    bool silent = connection->syns >= 3 && !connection->accepted && !connection->reset;
    struct sp_flow_message *message = refused || silent ? note(connections, connection) : NULL;
    if (message == NULL)
        return;
    message->note = refused ? SP_STR("refused") : SP_STR("no answer");
    struct sp_finding *finding = sp_flow_tell(connections->capture, message,
                                              refused ? SP_CAUSE_NETWORK_TCP_REFUSED : SP_CAUSE_NETWORK_TCP_TIMEOUT,
                                              connection->server, connection->server);
    finding->tolerated = true; /* whose connection it was cannot be known */
    finding->detail =
        sp_arena_printf(connections->capture->arena, "%.*s asked %u time%s.", SP_STR_ARG(connection->client),
                        connection->syns, connection->syns == 1 ? "" : "s");
}

void sp_connections_end(struct sp_connections *connections)
{
    struct sp_flow_capture *capture = connections->capture;
    for (size_t i = 0; i < connections->count; i++) {
        const struct connection *connection = &connections->rows[i];
        if (connection->hello)
            tell_tls(connections, connection);
        else if (connection->syn)
            tell_tcp(connections, connection);
        connections->report->encrypted += connection->hello && connection->answered;
    }
    for (size_t i = 0; i < connections->missing_count; i++) {
        struct sp_flow_message *message =
            sp_flow_capture_note(capture, SP_SUBJECT_NETWORK, SP_STR("names"), SP_FLOW_HANDSHAKE, 0);
        if (message == NULL)
            return;
        message->note = SP_STR("NXDOMAIN");
        sp_flow_tell(capture, message, SP_CAUSE_NETWORK_DNS_NOT_FOUND, connections->missing[i], SP_STR("NXDOMAIN"))
            ->tolerated = true;
    }
}
