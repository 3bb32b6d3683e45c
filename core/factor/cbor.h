/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) as CTAP2 has it: items one after the other, definite lengths, each number in its shortest form, no
 * tags. Reads in place, allocates nothing, and a length is believed only as far as bytes are there. */
#ifndef SP_FACTOR_CBOR_H
#define SP_FACTOR_CBOR_H

#include "core/base/status.h"
#include "core/base/str.h"

enum sp_cbor_type { SP_CBOR_INTEGER, SP_CBOR_BYTES, SP_CBOR_TEXT, SP_CBOR_ARRAY, SP_CBOR_MAP, SP_CBOR_SIMPLE };

struct sp_cbor_item {
    enum sp_cbor_type type;
    int64_t number;      /* INTEGER: its value */
    struct sp_str bytes; /* BYTES, TEXT (UTF-8) */
    size_t count;        /* ARRAY: items that follow; MAP: pairs that follow */
};

/* Cuts one item's head – of an array or a map the items inside follow – off *rest. SP_MALFORMED, *rest untouched. */
SP_MUST_CHECK enum sp_status sp_cbor_next(struct sp_str *rest, struct sp_cbor_item *item);
/* Cuts a whole item with all that is inside off *rest. */
SP_MUST_CHECK enum sp_status sp_cbor_skip(struct sp_str *rest);

#endif
