/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the reading of a dissection: a packet's fields, and the two that read them – HTTP (dissection_http.c) and
 * connections (dissection_tls.c). Not for other rooms. */
#ifndef SP_FLOW_DISSECTION_PARTS_H
#define SP_FLOW_DISSECTION_PARTS_H

#include "core/flow/dissection.h"

enum sp_dissection_field {
#define FIELD(name, tshark, json) SP_FIELD_##name,
#include "core/flow/dissection_fields.def"
#undef FIELD
    SP_FIELD_COUNT
};

/* Arrays of texts as tshark tells them; NULL: the packet has none. */
struct sp_packet {
    const struct sp_json *fields[SP_FIELD_COUNT];
    uint32_t frame;
    int64_t ms;
    int64_t stream; /* of TCP; -1: none */
};

/* The text at index of a field; absent past its last. */
struct sp_str sp_packet_text(const struct sp_packet *packet, enum sp_dissection_field field, size_t index);
/* Decimal or 0x…; when_absent when there is none. */
int64_t sp_packet_number(const struct sp_packet *packet, enum sp_dissection_field field, size_t index,
                         int64_t when_absent);
size_t sp_packet_count(const struct sp_packet *packet, enum sp_dissection_field field);
/* "10.0.0.1:443", in the arena. */
struct sp_str sp_packet_source(struct sp_arena *arena, const struct sp_packet *packet);
struct sp_str sp_packet_destination(struct sp_arena *arena, const struct sp_packet *packet);
/* Bytes of a hexadecimal text; absent when it is none or does not fit. */
struct sp_str sp_packet_bytes(struct sp_arena *arena, struct sp_str hex, size_t max_bytes);

/* ---- HTTP ---- */
struct sp_http_dissection;
/* NULL without memory. */
struct sp_http_dissection *sp_http_dissection_create(struct sp_flow_capture *capture,
                                                     struct sp_dissection_report *report);
void sp_http_dissection_destroy(struct sp_http_dissection **http);
void sp_http_dissection_take(struct sp_http_dissection *http, const struct sp_packet *packet);
/* What still waits for its answer will not get one. */
void sp_http_dissection_end(struct sp_http_dissection *http);

/* ---- connections ---- */
struct sp_connections;
struct sp_connections *sp_connections_create(struct sp_flow_capture *capture, struct sp_dissection_report *report);
void sp_connections_destroy(struct sp_connections **connections);
void sp_connections_take(struct sp_connections *connections, const struct sp_packet *packet);
void sp_connections_end(struct sp_connections *connections);

#endif
