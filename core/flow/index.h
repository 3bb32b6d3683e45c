/* SPDX-License-Identifier: Apache-2.0 */
/* From what messages share to the flow they belong to: state, code, request_uri, tokens. Not for other rooms. */
#ifndef SP_FLOW_INDEX_H
#define SP_FLOW_INDEX_H

#include "core/base/arena.h"

struct sp_flow;
struct sp_flow_index;

/* NULL without memory. Lives in the arena. */
struct sp_flow_index *sp_flow_index_create(struct sp_arena *arena);
/* The newest flow told for this kind of thing with this value; NULL. */
struct sp_flow *sp_flow_index_find(const struct sp_flow_index *index, const char *what, struct sp_str value);
/* value is borrowed for good. Without memory it is not told. An empty value is not told. */
void sp_flow_index_tell(struct sp_flow_index *index, const char *what, struct sp_str value, struct sp_flow *flow);

#endif
