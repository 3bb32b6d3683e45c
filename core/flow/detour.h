/* SPDX-License-Identifier: Apache-2.0 */
/* The detour that a recorded flow takes: an issuer's URLs become those of the recorder wherever a client or browser
 * would go straight to the issuer otherwise – endpoints in metadata, Location, links and forms of its pages, cookies
 * that are bound to its host. The `issuer` stays as it is: tokens name it and are signed, so a client must compare with
 * the true one. */
#ifndef SP_FLOW_DETOUR_H
#define SP_FLOW_DETOUR_H

#include "core/base/buffer.h"
#include "core/flow/exchange.h"

struct sp_detour {
    struct sp_str from; /* the issuer's origin: https://idp.example.com */
    struct sp_str to;   /* the recorder's: http://127.0.0.1:8089 */
};

/* The value of an answer's header as the client is to see it. */
struct sp_str sp_detour_header(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str name,
                               struct sp_str value);
/* The body of an answer: metadata, device authorizations and pages are changed, anything else (and metadata that is no
 * JSON) is the same bytes. */
struct sp_str sp_detour_body(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str content_type,
                             struct sp_str body);

#endif
