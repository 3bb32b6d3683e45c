/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration from its files: reads the -c files, gives the core the environment and the secret files that
 * `${NAME}` and
 * `${file:PATH}` name, and hands out the policy. Used by serve, check, the authority and `token examine -c`, so that
 * all of them see the same configuration. */
#ifndef SP_PROBE_CONFIGURATION_H
#define SP_PROBE_CONFIGURATION_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

/* Used when no -c is given: the first of these that exists. */
#define SP_CONFIGURATION_DEFAULTS                                                                                      \
    {                                                                                                                  \
        "sallyport.yaml", "/etc/sallyport/sallyport.yaml"                                                              \
    }

/* The first of them that exists, else the first. */
struct sp_str sp_configuration_default(void);

/* paths: NUL-terminated each, in the order of merging. SP_IO: a file cannot be read (trouble says which and why);
 * SP_MALFORMED: the report says why; SP_NO_MEMORY. *policy untouched then. Warnings are in the report on success too.
 */
SP_MUST_CHECK enum sp_status sp_configuration_read(const struct sp_str *paths, size_t count, struct sp_policy **policy,
                                                   struct sp_policy_report *report, char trouble[512]);

/* The same with a further text laid over them, and without expansion where the files are snapshots: what if. */
struct sp_configuration_terms {
    const struct sp_str *paths;
    size_t count;
    struct sp_str overlay;      /* JSON or YAML; absent: none */
    struct sp_str overlay_name; /* for complaints */
    bool is_snapshot;
    /* sp_policy_input's: what the files name, not they themselves. */
    void (*names_file)(void *data, struct sp_str path);
    void *names_data;
};
SP_MUST_CHECK enum sp_status sp_configuration_read_as(const struct sp_configuration_terms *terms,
                                                      struct sp_policy **policy, struct sp_policy_report *report,
                                                      char trouble[512]);

#endif
