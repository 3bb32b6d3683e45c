/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints, made from endpoints.def. */
#ifndef SP_AUTHORITY_ENDPOINT_H
#define SP_AUTHORITY_ENDPOINT_H

#include "authority/authority.h"

/* Bits. HEAD goes where GET goes. */
enum sp_method {
    SP_METHOD_GET = 1,
    SP_METHOD_POST = 2,
    SP_METHOD_PUT = 4,
    SP_METHOD_DELETE = 8,
    SP_BODY_IS_JSON = 16,    /* the endpoint reads it; parameters are those of the query */
    SP_POST_IS_OURS = 32,    /* only our own pages send it (own_form.h) */
    SP_SHOWS_PAGES = 64,     /* to browsers: whatever is refused there is a page, too */
    SP_REFUSES_BY_401 = 128, /* clients not let in (RFC 7662 2.3; RFC 6750 3.1); elsewhere denial.c */
};

struct sp_endpoint {
    const char *name;
    struct sp_str path; /* a literal: a NUL stands behind it */
    unsigned methods;
    enum sp_step (*answer)(struct sp_call *call);
    const char *metadata, *auth_methods_metadata; /* may be NULL */
    bool any_origin;
};

/* What stands behind the last slash of the call's path. */
struct sp_str sp_call_last_segment(const struct sp_call *call);

extern const struct sp_endpoint sp_endpoints[];
extern const size_t sp_endpoint_count;
/* False: not configured, so for clients it is not there. */
bool sp_endpoint_is_on(const struct sp_endpoint *endpoint, const struct sp_authority_settings *settings);

#define ENDPOINT(NAME, path, methods, function, ...) enum sp_step function(struct sp_call *call);
#include "authority/endpoints.def"
#undef ENDPOINT

/* RFC 8414 3 and OpenID Connect Discovery 4, at both well-known forms. */
enum sp_step sp_discovery_endpoint(struct sp_call *call);

#endif
