/* SPDX-License-Identifier: Apache-2.0 */
/* Several nodes judge codes, sessions and refresh tokens, each by its own clock, so these have to agree. The database
 * is what all of them see: each holds its clock against that one's. */
#ifndef SP_AUTHORITY_NODE_CLOCK_H
#define SP_AUTHORITY_NODE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Beyond this it is told. What is exact to a second and took a moment on its way is well within. */
#define SP_NODE_CLOCK_SLACK_S 5

struct sp_node_clock {
    bool is_off;
};

/* Pure. theirs: 0 when there is no other clock. true: it turned out to be off, or is right again. */
bool sp_node_clock_step(struct sp_node_clock *clock, int64_t ours, int64_t theirs);
/* What to say of that, for the operator. */
void sp_node_clock_tell(const struct sp_node_clock *clock, int64_t ours, int64_t theirs, char text[512]);

#endif
