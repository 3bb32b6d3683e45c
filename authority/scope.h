/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for, held against what its client may have: scopes (RFC 6749 3.3) and resources (RFC 8707). */
#ifndef SP_AUTHORITY_SCOPE_H
#define SP_AUTHORITY_SCOPE_H

#include "authority/authority.h"

enum sp_scope_terms {
    SP_SCOPE_ALL_BY_DEFAULT,   /* not sent: all of the client's, since there is no person to ask */
    SP_SCOPE_NONE_BY_DEFAULT,  /* not sent: none */
    SP_SCOPE_OF_AUTHORIZATION, /* likewise; of an OpenID request what nobody here knows is passed over (OIDC Core
                                  3.1.2.1) and told in the call's finding */
};

/* `scope` of the request, each once, in its order. One that is not known, or not the client's, is refused. */
SP_MUST_CHECK enum sp_step sp_scope_decide(struct sp_call *call, const struct sp_client *client,
                                           enum sp_scope_terms terms, struct sp_str *scope);
/* True when the space-separated list has the word. */
bool sp_scope_has(struct sp_str scope, struct sp_str word);
/* One of OpenID Connect's: it only makes sense with a person. */
bool sp_scope_is_openid(struct sp_str scope);
/* True when every word of inner is in outer. */
bool sp_scope_covers(struct sp_str outer, struct sp_str inner);

/* `resource` (and `audience`) of the request; not sent: the client's first. In arena. */
SP_MUST_CHECK enum sp_step sp_audience_decide(struct sp_call *call, const struct sp_client *client,
                                              struct sp_str_list *audiences);
/* The same where something was granted before, which no request widens (RFC 8707 2.2); not sent: all of it. */
SP_MUST_CHECK enum sp_step sp_audience_narrow(struct sp_call *call, struct sp_str_list granted,
                                              struct sp_str_list *audiences);

/* The words of both, each once. Absent without memory. */
struct sp_str sp_scope_union(struct sp_arena *arena, struct sp_str a, struct sp_str b);

/* "a, b or c" for messages. */
struct sp_str sp_list_in_words(struct sp_arena *arena, struct sp_str_list list, const char *when_empty);

#endif
