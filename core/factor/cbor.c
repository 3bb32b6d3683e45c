/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/cbor.h"

enum major { UNSIGNED = 0, NEGATIVE = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6, OTHER = 7 };

/* The argument of an initial byte (RFC 8949 3): in it, or in the 1, 2, 4 or 8 bytes behind it. */
static enum sp_status read_argument(struct sp_str rest, uint64_t *argument, size_t *used)
{
    unsigned info = (unsigned char)rest.at[0] & 0x1f;
    if (info < 24) {
        *argument = info;
        *used = 1;
        return SP_OK;
    }
    size_t width = (size_t)1 << (info - 24);
    if (info > 27 || rest.len < 1 + width)
        return SP_MALFORMED; /* 31: indefinite length */
    uint64_t value = 0;
    for (size_t i = 1; i <= width; i++)
        value = value << 8 | (unsigned char)rest.at[i];
    *argument = value;
    *used = 1 + width;
    return SP_OK;
}

static bool is_shortest(uint64_t argument, size_t used)
{
    return used == 1 || (used == 2 && argument >= 24) || (used == 3 && argument > UINT8_MAX) ||
           (used == 5 && argument > UINT16_MAX) || (used == 9 && argument > UINT32_MAX);
}

static enum sp_status fill_text(enum major major, uint64_t len, struct sp_str behind, struct sp_cbor_item *item)
{
    if (len > behind.len)
        return SP_MALFORMED;
    item->bytes = sp_str_slice(behind, 0, (size_t)len);
    item->type = major == TEXT ? SP_CBOR_TEXT : SP_CBOR_BYTES;
    return major == TEXT && !sp_str_is_utf8(item->bytes) ? SP_MALFORMED : SP_OK;
}

static enum sp_status fill(enum major major, uint64_t argument, struct sp_str behind, struct sp_cbor_item *item)
{
    switch (major) {
    case UNSIGNED:
    case NEGATIVE:
        item->type = SP_CBOR_INTEGER;
        item->number = major == NEGATIVE ? -1 - (int64_t)(argument & INT64_MAX) : (int64_t)(argument & INT64_MAX);
        return argument <= INT64_MAX ? SP_OK : SP_MALFORMED;
    case BYTES:
    case TEXT:
        return fill_text(major, argument, behind, item);
    case ARRAY:
    case MAP:
        /* Each item inside has a byte at least. */
        item->type = major == MAP ? SP_CBOR_MAP : SP_CBOR_ARRAY;
        item->count = (size_t)argument;
        return argument <= behind.len / (major == MAP ? 2 : 1) ? SP_OK : SP_MALFORMED;
    case TAG:
    case OTHER:
        break;
    }
    return SP_MALFORMED;
}

/* false, true, null; floating-point numbers are passed over. */
static enum sp_status fill_other(unsigned info, size_t used, struct sp_cbor_item *item)
{
    item->type = SP_CBOR_SIMPLE;
    return (used == 1 && info >= 20 && info <= 22) || used > 2 ? SP_OK : SP_MALFORMED;
}

enum sp_status sp_cbor_next(struct sp_str *rest, struct sp_cbor_item *item)
{
    uint64_t argument = 0;
    size_t used = 0;
    struct sp_cbor_item read = {0};
    if (rest->len == 0)
        return SP_MALFORMED;
    enum sp_status status = read_argument(*rest, &argument, &used);
    if (status != SP_OK)
        return status;
    enum major major = (enum major)((unsigned char)rest->at[0] >> 5);
    struct sp_str behind = sp_str_slice(*rest, used, rest->len);
    if (major == OTHER)
        status = fill_other((unsigned char)rest->at[0] & 0x1f, used, &read);
    else
        status = is_shortest(argument, used) ? fill(major, argument, behind, &read) : SP_MALFORMED;
    if (status != SP_OK)
        return status;
    *item = read;
    *rest = sp_str_slice(behind, read.bytes.len, behind.len);
    return SP_OK;
}

enum sp_status sp_cbor_skip(struct sp_str *rest)
{
    struct sp_str at = *rest;
    /* Not by recursion: depth costs nothing, and the count stays below the bytes that are left. */
    for (size_t due = 1; due > 0; due--) {
        struct sp_cbor_item item;
        enum sp_status status = sp_cbor_next(&at, &item);
        if (status != SP_OK)
            return status;
        due += item.type == SP_CBOR_MAP ? 2 * item.count : item.count;
        if (due - 1 > at.len)
            return SP_MALFORMED;
    }
    *rest = at;
    return SP_OK;
}
