/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy is made of behind its public face. Inside core/policy only. */
#ifndef SP_POLICY_PARTS_H
#define SP_POLICY_PARTS_H

#include "core/policy/draft.h"
#include "core/policy/index.h"

/* One `match` of one API, normalised: host in lower case, path without a trailing '/'. */
struct sp_rule {
    struct sp_str host;         /* empty: any; ".example.com": every name below example.com */
    struct sp_str path;         /* empty: all */
    struct sp_str_list methods; /* empty: all that no other rule of this place names */
    uint32_t api;
    uint32_t next;         /* rule of the same host and path, in the order of the file; SP_INDEX_NONE: last */
    struct sp_str allowed; /* of the first rule of a chain: all its methods, joined */
    const struct sp_json *source;
};

/* A host with the paths that its rules have. Entries are found by the hash of the path, seeded with the host's number.
 */
struct sp_routes {
    struct sp_index hosts;  /* to the number of the host; "" is number 0 */
    bool has_wildcards;     /* some host is a wildcard's */
    uint32_t *max_segments; /* by host: of its longest path; deeper ones need not be looked for */
    struct sp_route_entry *entries;
    size_t mask;
};

struct sp_route_entry {
    uint64_t hash;
    struct sp_str path;
    uint32_t host;
    uint32_t rule; /* first of its chain; SP_INDEX_NONE: a free place */
};

struct sp_key_slot {
    unsigned char sha256[32];
    uint32_t consumer; /* SP_INDEX_NONE: free */
};

struct sp_policy_parts {
    struct sp_policy policy; /* first: the public face */
    struct sp_arena *arena;
    unsigned references;
    const struct sp_policy_text *texts; /* what it was read from, for checks that come later */
    const uint32_t *starts;
    size_t text_count;
    struct sp_index issuer_names, api_names, client_ids;
    struct sp_rule *rules;
    size_t rule_count;
    struct sp_routes routes;
    struct sp_key_slot *keys;
    size_t key_mask;
    const struct sp_json **api_sources; /* in the policy's order */
};

/* A draft that only complains, about values of a policy that is made. */
struct sp_draft sp_draft_of(const struct sp_policy_parts *parts, struct sp_arena *arena,
                            struct sp_policy_report *report);
/* The issuer's or API's number; SP_INDEX_NONE was reported as config.reference. */
uint32_t sp_draft_refer(struct sp_draft *draft, const struct sp_index *names, const char *kind,
                        const struct sp_json *map, const struct sp_json *name, struct sp_str where);
/* NAMES as a list; texts are borrowed from the tree. */
struct sp_str_list sp_read_names(struct sp_draft *draft, const struct sp_json *value);
/* Its elements: of a list each, of one object itself; *count outputs how many. */
const struct sp_json *sp_first_element(const struct sp_json *value, size_t *count);

#endif
