/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of causes: one row a cause in causes.def, and everything that names a cause – verdict, response, log
 * line, `sallyport cause`, docs/causes.md, metrics label – reads that row. Ids are a public contract: rows are added at
 * the end of their group, never renamed. Texts with {expected}, {received} and {detail} are for the operator;
 * `client_text` is for the refused client and holds no value of the configuration. */
#ifndef SP_DIAGNOSIS_CAUSE_H
#define SP_DIAGNOSIS_CAUSE_H

#include "core/base/str.h"

enum sp_cause {
    SP_CAUSE_NONE = 0,
#define GROUP(first, title)
#define CAUSE(name, id, severity, component, http_status, oauth_error, title, explanation, fix, client_text,           \
              references)                                                                                              \
    SP_CAUSE_##name,
#include "core/diagnosis/causes.def"
#undef CAUSE
#undef GROUP
    SP_CAUSE_COUNT
};

enum sp_severity { SP_SEVERITY_INFO, SP_SEVERITY_WARN, SP_SEVERITY_REJECT };

/* Who has to change something. */
enum sp_component {
    SP_COMPONENT_AUTHORIZATION_SERVER,
    SP_COMPONENT_CLIENT,
    SP_COMPONENT_RESOURCE_SERVER,
    SP_COMPONENT_GATEWAY,
    SP_COMPONENT_NETWORK,
    SP_COMPONENT_CLOCK,
    SP_COMPONENT_BROWSER,
};

struct sp_cause_info {
    struct sp_str id;
    enum sp_severity severity;
    enum sp_component component;
    int http_status;           /* of the answer to a refused client; 0: never answered to one */
    struct sp_str oauth_error; /* RFC 6749/6750/9449/9470 code; none where the RFC has none */
    struct sp_str title, explanation, fix, client_text;
    struct sp_str references; /* separated by "; " */
};

/* The row; cause must be one (SP_CAUSE_NONE answers a row of empty texts). Never NULL. */
const struct sp_cause_info *sp_cause_get(enum sp_cause cause);

/* SP_CAUSE_NONE when no row has this id. */
enum sp_cause sp_cause_find(struct sp_str id);

/* The row whose id differs least from a mistyped one; SP_CAUSE_NONE when nothing is near. */
enum sp_cause sp_cause_nearest(struct sp_str id);

/* The heading under which the catalogue lists the cause: "Audience". */
struct sp_str sp_cause_group(enum sp_cause cause);

struct sp_str sp_severity_name(enum sp_severity severity);    /* "reject", "warn", "info" */
struct sp_str sp_component_name(enum sp_component component); /* "authorization-server", "client", … */

#endif
