/* SPDX-License-Identifier: Apache-2.0 */
/* core/flow: what happened between a browser, a client, an authorization server and an API, out of a recording.
 *
 * A recording – a browser's HAR, a dissected packet capture, a log, our own recording proxy – becomes exchanges (this
 * file), every exchange that is an OAuth message is recognised (message.h), messages are tied into flows by what they
 * share (flow.h), each is judged beside the others of its flow (judge.h), and the cause that broke a flow is named by
 * its id of the catalogue. Pure like all of core: readers are fed bytes, writers fill buffers; files, children and
 * sockets are the shell's (capture/). Nothing here trusts a recording: it may be cut, forged or made to hurt. */
#ifndef SP_FLOW_EXCHANGE_H
#define SP_FLOW_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/arena.h"
#include "core/base/str.h"

struct sp_flow_header {
    struct sp_str name, value;
};

struct sp_flow_headers {
    const struct sp_flow_header *at;
    size_t count;
};

/* One request and its answer as recorded. Texts are whatever the recording held: any bytes. */
struct sp_flow_exchange {
    uint32_t number;    /* in the recording, from 1 */
    int64_t started_ms; /* since 1970; 0: not recorded */
    int64_t took_ms;
    struct sp_str method, url; /* url: absolute, with a fragment where the recorder kept it */
    struct sp_flow_headers request_headers, response_headers;
    struct sp_str request_body, response_body; /* decoded from its transfer; up to SP_MAX_CAPTURED_BODY_BYTES */
    bool request_cut, response_cut;            /* the recording has more than that */
    uint64_t response_bytes;                   /* as received; 0: not recorded */
    int status;                                /* 0: no answer */
    struct sp_str failure; /* why there is none, in the recorder's words: net::ERR_CERT_DATE_INVALID */
    struct sp_str server_address, client_address;
};

/* The value of the first header of that name (letter case does not count); absent when there is none. */
struct sp_str sp_flow_header(const struct sp_flow_headers *headers, const char *name);
/* The one at or after *position of that name; false past the last. */
bool sp_flow_header_next(const struct sp_flow_headers *headers, const char *name, size_t *position,
                         struct sp_str *value);
/* "application/json" of "application/json; charset=utf-8". */
struct sp_str sp_flow_media_type(struct sp_str content_type);
/* Bytes that the headers had on the wire, name and value and four more each. */
size_t sp_flow_headers_size(const struct sp_flow_headers *headers);

/* Copies all texts of `from` into the arena. */
SP_MUST_CHECK enum sp_status sp_flow_exchange_copy(struct sp_arena *arena, const struct sp_flow_exchange *from,
                                                   struct sp_flow_exchange *copy);

/* "2026-11-26T03:05:23.120Z" or with an offset; 0 when it is none. */
int64_t sp_flow_time_iso(struct sp_str text);
/* "Thu, 26 Nov 2026 03:05:23 GMT" and the older forms of Set-Cookie; 0 when it is none. */
int64_t sp_flow_time_http(struct sp_str text);

#endif
