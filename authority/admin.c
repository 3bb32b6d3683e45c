/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/admin.h"

#include <stdio.h>
#include "authority/denial.h"
#include "core/base/limits.h"
#include "core/base/nearest.h"

#define MAX_PARAMETERS 4

static const struct route {
    struct sp_str method, path;
    enum sp_step (*answer)(struct sp_call *call, const struct sp_admin_path *path);
    const char *parameters[MAX_PARAMETERS]; /* ends with NULL */
} routes[] = {
#define ROUTE(method, path, function, ...)                                                                             \
    {{method, sizeof(method) - 1}, {path, sizeof(path) - 1}, function, {__VA_ARGS__}},
#include "authority/admin_routes.def"
#undef ROUTE
};
static const size_t route_count = sizeof routes / sizeof routes[0];

/* ---- finding the route ---- */
static struct sp_str take_segment(struct sp_str *rest)
{
    size_t end = sp_str_index_of(*rest, '/', 1);
    struct sp_str segment = sp_str_slice(*rest, 1, end);
    *rest = sp_str_slice(*rest, end, rest->len);
    return segment;
}

/* A path ends where its route ends: no slash behind it, no empty segment. */
static bool fits(const struct route *route, struct sp_str path, struct sp_admin_path *found)
{
    struct sp_str pattern = route->path;
    *found = (struct sp_admin_path){.count = 0};
    while (pattern.len > 0 && path.len > 1 && path.at[0] == '/') {
        struct sp_str wanted = take_segment(&pattern), segment = take_segment(&path);
        bool is_open = sp_str_equal(wanted, SP_STR("*"));
        if (segment.len == 0 || (!is_open && !sp_str_equal(wanted, segment)))
            return false;
        if (is_open)
            found->at[found->count++] = segment;
    }
    return pattern.len == 0 && path.len == 0;
}

/* Ids of other systems hold what they like: %2F is a part of one. '+' is no space in a path. */
static enum sp_status decode(struct sp_call *call, struct sp_admin_path *path)
{
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < path->count; i++) {
        struct sp_buffer escaped;
        sp_buffer_init(&escaped, call->arena, 4096);
        for (size_t j = 0; j < path->at[i].len; j++)
            if (path->at[i].at[j] == '+')
                sp_buffer_append(&escaped, SP_STR("%2B"));
            else
                sp_buffer_append_char(&escaped, path->at[i].at[j]);
        status = sp_buffer_status(&escaped);
        if (status == SP_OK)
            status = sp_form_decode(call->arena, sp_buffer_str(&escaped), &path->at[i]);
    }
    return status;
}

/* Of a path that is there: which methods it takes. Absent: it is not there. */
static struct sp_str allowed(struct sp_call *call, struct sp_str path)
{
    struct sp_admin_path ignored;
    struct sp_str methods = SP_STR_NONE;
    for (size_t i = 0; i < route_count; i++)
        if (fits(&routes[i], path, &ignored))
            methods = methods.at == NULL ? routes[i].method
                                         : sp_arena_printf(call->arena, "%.*s, %.*s", SP_STR_ARG(methods),
                                                           SP_STR_ARG(routes[i].method));
    return methods;
}

/* Of the routes' paths, as they are written: for a slip in one word, and "/admin/accounts" for all else. */
static struct sp_str nearest_path(struct sp_str path)
{
    struct sp_str best = SP_STR("/admin/accounts");
    size_t least = SP_NOT_NEAR;
    for (size_t i = 0; i < route_count; i++)
        sp_nearest_keep(routes[i].path, path, &least, &best);
    return best;
}

static enum sp_step refuse_route(struct sp_call *call)
{
    struct sp_str methods = allowed(call, call->asked.path), sent = sp_str_slice(call->asked.path, 0, 200),
                  nearest = nearest_path(sent);
    if (methods.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_ADMIN_ROUTE_UNKNOWN, .expected = nearest, .received = sent,
                       .tell = sp_arena_printf(call->arena, "Asked for was '%.*s'; the nearest one is '%.*s'.",
                                               SP_STR_ARG(sent), SP_STR_ARG(nearest)));
    sp_answer_header(call, "Allow", methods);
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_METHOD, .expected = methods, .received = call->asked.method,
                   .tell = sp_arena_printf(call->arena, "It takes %.*s; sent was %.*s.", SP_STR_ARG(methods),
                                           SP_STR_ARG(sp_str_slice(call->asked.method, 0, 40))),
                   .status = 405);
}

/* ---- the query ---- */
static struct sp_str nearest_of(const char *const known[], struct sp_str name)
{
    struct sp_str best = sp_str_from_cstr(known[0]);
    size_t least = SP_NOT_NEAR;
    for (size_t i = 0; known[i] != NULL; i++)
        sp_nearest_keep(sp_str_from_cstr(known[i]), name, &least, &best);
    return best;
}

static bool is_among(const char *const known[], struct sp_str name)
{
    size_t i = 0;
    while (known[i] != NULL && !sp_str_equal(sp_str_from_cstr(known[i]), name))
        i++;
    return known[i] != NULL;
}

/* One that is not understood is refused: a `dryrun=true` that is passed over would write. */
static enum sp_step check_names(struct sp_call *call, const char *const known[])
{
    for (size_t i = 0; i < call->parameters.count; i++) {
        struct sp_str name = sp_str_slice(call->parameters.at[i].name, 0, 100);
        if (is_among(known, call->parameters.at[i].name))
            continue;
        struct sp_str nearest = nearest_of(known, name);
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
                       .expected = known[0] != NULL ? nearest : SP_STR("a path without a query"), .received = name,
                       .tell =
                           known[0] != NULL
                               ? sp_arena_printf(call->arena,
                                                 "There is no parameter '%.*s' here; the nearest known one is '%.*s'.",
                                                 SP_STR_ARG(name), SP_STR_ARG(nearest))
                               : sp_arena_printf(call->arena, "There is no parameter '%.*s' here, nor any other.",
                                                 SP_STR_ARG(name)));
    }
    return SP_GOES_ON;
}

static enum sp_step read_query(struct sp_call *call)
{
    size_t offset = 0;
    enum sp_status status = sp_form_parse(call->arena, call->asked.query, &call->parameters, &offset);
    if (status == SP_NO_MEMORY)
        return sp_deny_failure(call, status);
    struct sp_str repeated = status == SP_OK ? sp_form_repeated(&call->parameters) : SP_STR_NONE;
    if (status == SP_OK && repeated.at == NULL)
        return SP_GOES_ON;
    if (repeated.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("name=value&name=value"),
                       .received = SP_STR("a query that cannot be decoded"),
                       .tell = sp_arena_printf(call->arena, "The query cannot be decoded at its byte %zu.", offset));
    repeated = sp_str_slice(repeated, 0, 100);
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("each parameter once"),
                   .received = repeated,
                   .tell = sp_arena_printf(call->arena, "'%.*s' is there more than once.", SP_STR_ARG(repeated)));
}

enum sp_step sp_admin_answer(struct sp_call *call)
{
    struct sp_admin_path path;
    size_t i = 0;
    sp_call_restart(call);
    call->endpoint = "ADMIN";
    while (i < route_count &&
           !(sp_str_equal(routes[i].method, call->asked.method) && fits(&routes[i], call->asked.path, &path)))
        i++;
    if (i == route_count)
        return refuse_route(call);
    enum sp_status status = decode(call, &path);
    if (status == SP_MALFORMED || status == SP_TOO_LARGE)
        return sp_admin_refuse(call, sp_str_slice(call->asked.path, 0, 200), "the path cannot be decoded");
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    enum sp_step step = read_query(call);
    if (step == SP_GOES_ON)
        step = check_names(call, routes[i].parameters);
    if (step == SP_GOES_ON)
        step = routes[i].answer(call, &path);
    return call->waits_for != NULL ? SP_WAITS : step;
}

/* ---- for the routes ---- */
enum sp_step sp_admin_refuse(struct sp_call *call, struct sp_str received, const char *trouble)
{
    return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_MALFORMED, .received = received,
                   .detail = sp_arena_printf(call->arena, "%s", trouble),
                   .tell = sp_arena_printf(call->arena, "Namely: %s.", trouble));
}

enum sp_step sp_admin_refuse_parameter(struct sp_call *call, const char *name, const char *possible, struct sp_str sent)
{
    sent = sp_str_slice(sent, 0, 40);
    return SP_DENY(
        call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
        .expected = sp_arena_printf(call->arena, "%s: %s", name, possible),
        .received = sp_arena_printf(call->arena, "%s=%.*s", name, SP_STR_ARG(sent)),
        .tell = sp_arena_printf(call->arena, "'%s' has to be %s, and is '%.*s'.", name, possible, SP_STR_ARG(sent)));
}

const char *sp_admin_kind(const struct sp_json *json)
{
    return sp_json_is(json, SP_JSON_STRING)   ? "a text"
           : sp_json_is(json, SP_JSON_OBJECT) ? "an object"
           : sp_json_is(json, SP_JSON_ARRAY)  ? "an array"
           : sp_json_is(json, SP_JSON_NULL)   ? "null"
           : sp_json_is(json, SP_JSON_TRUE)   ? "true"
           : sp_json_is(json, SP_JSON_FALSE)  ? "false"
                                              : "a number";
}

static bool is_json(struct sp_str content_type)
{
    struct sp_str type = sp_str_trim(sp_str_slice(content_type, 0, sp_str_index_of(content_type, ';', 0)));
    return sp_str_equal_ignoring_case(type, SP_STR("application/json")) ||
           sp_str_equal_ignoring_case(type, SP_STR("application/merge-patch+json"));
}

static enum sp_step refuse_member(struct sp_call *call, struct sp_str name, const char *const known[])
{
    char trouble[256];
    struct sp_str nearest = nearest_of(known, name);
    snprintf(trouble, sizeof trouble, "there is no member '%.*s'; the nearest known one is '%.*s'",
             SP_STR_ARG(sp_str_slice(name, 0, 100)), SP_STR_ARG(nearest));
    return sp_admin_refuse(call, sp_str_slice(name, 0, 100), trouble);
}

static enum sp_step refuse_type(struct sp_call *call)
{
    struct sp_str sent = call->asked.content_type;
    sent = sent.len > 0 ? sp_str_slice(sent, 0, 100) : SP_STR("no Content-Type");
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_NOT_JSON, .expected = SP_STR("application/json"), .received = sent,
                   .tell = sp_arena_printf(call->arena, "Sent was: %.*s.", SP_STR_ARG(sent)));
}

enum sp_step sp_admin_read_object(struct sp_call *call, const char *const known[], const struct sp_json **object)
{
    struct sp_json_error error = {0};
    const struct sp_json *json = NULL;
    char trouble[256];
    if (!is_json(call->asked.content_type))
        return refuse_type(call);
    enum sp_status status = sp_json_parse(call->arena, call->asked.body, &sp_json_limits_document, &json, &error);
    if (status == SP_NO_MEMORY)
        return sp_deny_failure(call, status);
    if (status != SP_OK || !sp_json_is(json, SP_JSON_OBJECT)) {
        snprintf(trouble, sizeof trouble, "the body is no JSON object (byte %zu)", error.offset);
        return sp_admin_refuse(call, SP_STR("the body"), trouble);
    }
    for
        SP_JSON_EACH(member, json)
        {
            if (!is_among(known, member->name))
                return refuse_member(call, member->name, known);
        }
    *object = json;
    return SP_GOES_ON;
}

enum sp_step sp_admin_find_account(struct sp_call *call, struct sp_str id, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = store->methods->get_account(store, id, call->arena, account);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_UNKNOWN, .received = sp_str_slice(id, 0, 255));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = account->id;
    return SP_GOES_ON;
}

enum sp_step sp_admin_answer_empty(struct sp_call *call)
{
    call->answer.status = 204;
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

void sp_admin_buffer(struct sp_call *call, struct sp_buffer *buffer)
{
    sp_buffer_init(buffer, call->arena, SP_MAX_ADMIN_ANSWER_BYTES);
}
