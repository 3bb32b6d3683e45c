/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/request_id.h"

#include <sys/random.h>

#include "gateway/call.h"
#include "gateway/worker.h"

#define MAX_REQUEST_ID 128u
#define TRACEPARENT_BYTES 55u /* version-traceid-parentid-flags, W3C Trace Context 3.2 */
#define TRACE_ID_BYTES 32u

static bool is_id_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == '.' || c == '=' || c == '+' || c == '/' || c == ':' || c == '@' || c == '~';
}

/* 1 to 128 bytes of letters, digits and -_.=+/:@~ : nothing that a header, a log or a shell takes for more than text.
 */
static bool is_valid(struct sp_str id)
{
    if (id.len == 0 || id.len > MAX_REQUEST_ID) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        if (!is_id_byte((unsigned char)id.at[i])) {
            return false;
        }
    }
    return true;
}

static bool is_lower_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The trace id of a `traceparent` (W3C Trace Context); none when it is not one. */
static struct sp_str id_of_traceparent(struct sp_str traceparent)
{
    if (traceparent.len < TRACEPARENT_BYTES || traceparent.at[2] != '-' || traceparent.at[35] != '-' ||
        traceparent.at[52] != '-' || memcmp(traceparent.at, "ff", 2) == 0) {
        return SP_STR_NONE;
    }
    const struct sp_str id = sp_str_slice(traceparent, 3, 3 + TRACE_ID_BYTES);
    bool is_zero = true;
    for (size_t i = 0; i < id.len; i++) {
        if (!is_lower_hex(id.at[i])) {
            return SP_STR_NONE;
        }
        is_zero = is_zero && id.at[i] == '0';
    }
    return is_zero ? SP_STR_NONE : id;
}

/* splitmix64: enough for uniqueness, which is all that an id promises. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* Eight hexadecimal digits at once, the lowest first: of a random number any order will do. */
static uint64_t hex_of(uint32_t number)
{
    uint64_t digits = number;
    digits = (digits | digits << 16) & 0x0000ffff0000ffffull;
    digits = (digits | digits << 8) & 0x00ff00ff00ff00ffull;
    digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0full;
    const uint64_t letters = (digits + 0x0606060606060606ull) >> 4 & 0x0101010101010101ull;
    return digits + 0x3030303030303030ull + letters * ('a' - '0' - 10);
}

ngx_int_t sp_request_ids_init(struct sp_request_ids *ids)
{
    return getrandom(ids, sizeof *ids, 0) == (ssize_t)sizeof *ids ? NGX_OK : NGX_ERROR;
}

static void make(struct sp_request_ids *ids, u_char text[SP_REQUEST_ID_BYTES])
{
    ids->count += 0x9e3779b97f4a7c15ull;
    const uint64_t halves[2] = {mixed(ids->count), mixed(ids->count ^ ids->seed)};
    for (size_t i = 0; i < 4; i++) {
        const uint64_t eight = hex_of((uint32_t)(halves[i / 2] >> 32 * (i % 2)));
        memcpy(text + 8 * i, &eight, sizeof eight);
    }
}

ngx_int_t sp_call_identify(struct sp_call *call)
{
    if (call->request_id.len > 0) {
        return NGX_OK;
    }
    if (is_valid(call->headers.request_id)) {
        call->request_id = call->headers.request_id;
        return NGX_OK;
    }
    if (call->headers.traceparent.len > 0) {
        call->request_id = id_of_traceparent(call->headers.traceparent);
        if (call->request_id.len > 0) {
            return NGX_OK;
        }
    }
    u_char *text = ngx_pnalloc(call->request->pool, SP_REQUEST_ID_BYTES);
    if (text == NULL) {
        return NGX_ERROR;
    }
    make(&call->conf->worker->request_ids, text);
    call->request_id = sp_str((char *)text, SP_REQUEST_ID_BYTES);
    return NGX_OK;
}
