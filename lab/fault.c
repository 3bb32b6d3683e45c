/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/fault.h"

#include "core/base/nearest.h"

/* ---- the table and its parts: each reads the rows that are its own ---- */

#define FAULT(name, part, who, must, what)
#define SET(name, document, member, template)
#define ANSWER(name, endpoint, status, type, header, body)
#define WIRE(name, endpoint, act)
#define CHAIN(name, variety)
#define CLOCK(name, seconds)

#undef FAULT
#define FAULT(name, part, who, must, what)                                                                             \
    {SP_CAUSE_##name, SP_LAB_PART_##part, SP_LAB_WHO_##who, SP_LAB_MUST_##must, {what, sizeof(what) - 1}},
static const struct sp_lab_fault faults[] = {
#include "lab/faults.def"
};
#undef FAULT
#define FAULT(name, part, who, must, what)

#undef SET
#define SET(name, document, member, template) {SP_CAUSE_##name, SP_LAB_##document, member, template},
static const struct sp_lab_set sets[] = {
#include "lab/faults.def"
};
#undef SET
#define SET(name, document, member, template)

#undef ANSWER
#define ANSWER(name, endpoint, status, type, header, body)                                                             \
    {SP_CAUSE_##name, SP_LAB_##endpoint, status, type, header, body},
static const struct sp_lab_answer_row answers[] = {
#include "lab/faults.def"
};
#undef ANSWER
#define ANSWER(name, endpoint, status, type, header, body)

#undef WIRE
#define WIRE(name, endpoint, act) {SP_CAUSE_##name, SP_LAB_##endpoint, SP_LAB_ACT_##act},
static const struct {
    enum sp_cause cause;
    enum sp_lab_endpoint endpoint;
    enum sp_lab_act act;
} acts[] = {
#include "lab/faults.def"
};
#undef WIRE
#define WIRE(name, endpoint, act)

#undef CHAIN
#define CHAIN(name, variety) {SP_CAUSE_##name, SP_LAB_##variety},
static const struct {
    enum sp_cause cause;
    enum sp_lab_variety variety;
} chains[] = {
#include "lab/faults.def"
};
#undef CHAIN
#define CHAIN(name, variety)

#undef CLOCK
#define CLOCK(name, seconds) {SP_CAUSE_##name, seconds},
static const struct {
    enum sp_cause cause;
    int seconds;
} clocks[] = {
#include "lab/faults.def"
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
    const char *prefix, *reason;
} unprovoked[] = {
#define UNPROVOKED(id, reason) {id, reason},
#include "lab/unprovoked.def"
};

size_t sp_lab_fault_count(void)
{
    return COUNT(faults);
}

const struct sp_lab_fault *sp_lab_fault_at(size_t index)
{
    return &faults[index];
}

const struct sp_lab_fault *sp_lab_fault_find(enum sp_cause cause)
{
    for (size_t i = 0; i < COUNT(faults); i++)
        if (faults[i].cause == cause)
            return &faults[i];
    return NULL;
}

struct sp_str sp_lab_fault_id(enum sp_cause cause)
{
    return cause == SP_CAUSE_NONE ? SP_STR("healthy") : sp_cause_get(cause)->id;
}

bool sp_lab_fault_of_id(struct sp_str id, enum sp_cause *cause)
{
    bool healthy = sp_str_equal(id, SP_STR("healthy")) || sp_str_equal(id, SP_STR("none"));
    enum sp_cause found = healthy ? SP_CAUSE_NONE : sp_cause_find(id);
    if (!healthy && sp_lab_fault_find(found) == NULL)
        return false;
    *cause = found;
    return true;
}

struct sp_str sp_lab_fault_nearest(struct sp_str id)
{
    struct sp_str nearest = SP_STR_NONE;
    size_t least = SP_NOT_NEAR;
    sp_nearest_keep(SP_STR("healthy"), id, &least, &nearest);
    for (size_t i = 0; i < sp_lab_fault_count(); i++)
        sp_nearest_keep(sp_cause_get(sp_lab_fault_at(i)->cause)->id, id, &least, &nearest);
    return nearest;
}

/* A row is an id, or the beginning of several: "config.". The finer one stands first. */
struct sp_str sp_lab_unprovoked_reason(enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    for (size_t i = 0; i < COUNT(unprovoked) && sp_lab_fault_find(cause) == NULL; i++) {
        struct sp_str row = sp_str_from_cstr(unprovoked[i].prefix);
        if (sp_str_equal(id, row) || (sp_str_has_suffix(row, SP_STR(".")) && sp_str_has_prefix(id, row)))
            return sp_str_from_cstr(unprovoked[i].reason);
    }
    return SP_STR_NONE;
}

struct sp_str sp_lab_part_name(enum sp_lab_part part)
{
    static const char *const names[SP_LAB_PART_COUNT] = {
        "discovery", "keys",   "token", "token endpoint", "authorization", "userinfo", "introspection",
        "device",    "logout", "api",   "network",        "tls",           "clock"};
    return sp_str_from_cstr(names[part]);
}

struct sp_str sp_lab_who_name(enum sp_lab_who who)
{
    static const char *const names[SP_LAB_WHO_COUNT] = {"client", "verifier", "api"};
    return sp_str_from_cstr(names[who]);
}

struct sp_str sp_lab_must_name(enum sp_lab_must must)
{
    return must == SP_LAB_MUST_REFUSE    ? SP_STR("refuse")
           : must == SP_LAB_MUST_SURVIVE ? SP_STR("survive")
                                         : SP_STR("either");
}

const struct sp_lab_set *sp_lab_set_next(enum sp_cause cause, enum sp_lab_document document, size_t *position)
{
    while (*position < COUNT(sets)) {
        const struct sp_lab_set *row = &sets[(*position)++];
        if (row->cause == cause && row->document == document)
            return row;
    }
    return NULL;
}

/* Does a row about `row` speak for `asked` too? */
static bool covers(enum sp_lab_endpoint row, enum sp_lab_endpoint asked)
{
    if (row == asked)
        return true;
    if (row == SP_LAB_ANY)
        return asked < SP_LAB_API;
    if (row == SP_LAB_DISCOVERY)
        return asked == SP_LAB_DISCOVERY_APPENDED;
    return row == SP_LAB_TOKEN &&
           (asked == SP_LAB_TOKEN_CODE || asked == SP_LAB_TOKEN_REFRESH || asked == SP_LAB_TOKEN_DEVICE);
}

const struct sp_lab_answer_row *sp_lab_answer_find(enum sp_cause cause, enum sp_lab_endpoint endpoint)
{
    for (size_t i = 0; i < COUNT(answers) && cause != SP_CAUSE_NONE; i++)
        if (answers[i].cause == cause && covers(answers[i].endpoint, endpoint))
            return &answers[i];
    return NULL;
}

enum sp_lab_act sp_lab_act_find(enum sp_cause cause, enum sp_lab_endpoint endpoint)
{
    for (size_t i = 0; i < COUNT(acts) && cause != SP_CAUSE_NONE; i++)
        if (acts[i].cause == cause && covers(acts[i].endpoint, endpoint))
            return acts[i].act;
    return SP_LAB_ACT_NONE;
}

enum sp_lab_variety sp_lab_variety_of(enum sp_cause cause, bool at_api)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(cause);
    for (size_t i = 0; i < COUNT(chains) && fault != NULL; i++)
        if (chains[i].cause == cause && (fault->part == SP_LAB_PART_API) == at_api)
            return chains[i].variety;
    return SP_LAB_GOOD;
}

int sp_lab_clock_skew(enum sp_cause cause)
{
    for (size_t i = 0; i < COUNT(clocks); i++)
        if (clocks[i].cause == cause)
            return clocks[i].seconds;
    return 0;
}

bool sp_lab_needs_tls(enum sp_cause cause)
{
    for (size_t i = 0; i < COUNT(chains); i++)
        if (chains[i].cause == cause)
            return true;
    return false;
}
