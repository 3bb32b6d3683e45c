/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API of the authority: what `sallyport accounts` does, for programs. It is served on a socket of its own in
 * the state directory, which only the control plane's user may open; that one asks for the admin token before it hands
 * a request on (control/admin.c). No public listener knows these routes: their table is another than endpoints.def.
 *
 *   operator ──► admin.address ──► control: token ──► STATE/admin.sock: peer's user ──► here
 *
 * Requests and answers are JSON (an import is CSV); a route is a row of admin_routes.def. */
#ifndef SP_AUTHORITY_ADMIN_H
#define SP_AUTHORITY_ADMIN_H

#include "authority/authority.h"

/* Rows of one import: written at once while every other call waits. */
#define SP_MAX_ADMIN_IMPORT_ROWS 1000u
#define SP_MAX_ADMIN_IMPORT_PASSWORDS 200u

#define SP_MAX_ADMIN_SEGMENTS 3u

/* What stands in the path for each `*` of the route, decoded. */
struct sp_admin_path {
    struct sp_str at[SP_MAX_ADMIN_SEGMENTS];
    size_t count;
};

/* As sp_authority_answer, for the admin socket. */
enum sp_step sp_admin_answer(struct sp_call *call);

/* ---- for the routes ---- */
#define ROUTE(method, path, function, ...)                                                                             \
    enum sp_step function(struct sp_call *call, const struct sp_admin_path *path_);
#include "authority/admin_routes.def"
#undef ROUTE

/* The body as a JSON object whose members are all among `known` (ends with NULL). SP_DENIED: it is none. */
SP_MUST_CHECK enum sp_step sp_admin_read_object(struct sp_call *call, const char *const known[],
                                                const struct sp_json **object);
/* The account of the id; SP_DENIED: there is none, 404. */
SP_MUST_CHECK enum sp_step sp_admin_find_account(struct sp_call *call, struct sp_str id, struct sp_account *account);
enum sp_step sp_admin_refuse(struct sp_call *call, struct sp_str received, const char *trouble); /* 400 */
/* 400 for a parameter of the query: its name, what it may be and what it is. */
enum sp_step sp_admin_refuse_parameter(struct sp_call *call, const char *name, const char *possible,
                                       struct sp_str sent);
/* For a member of a body: "a number", and never its value, which may be somebody's password. */
const char *sp_admin_kind(const struct sp_json *json);
enum sp_step sp_admin_answer_empty(struct sp_call *call); /* 204 */
/* A buffer for an answer that is longer than a page of people's. */
void sp_admin_buffer(struct sp_call *call, struct sp_buffer *buffer);

#endif
