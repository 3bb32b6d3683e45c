/* SPDX-License-Identifier: Apache-2.0 */
/* Anything that connects to the loopback port: a callback is taken only from a request that has the path and the Host
 * of the redirect URI, what is taken lies inside of the bytes and holds no line end, and more bytes of a body change
 * nothing. */
#include "core/oauth/loopback_request.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_str bytes = sp_str((const char *)data, size), query = SP_STR_NONE, again = SP_STR_NONE;
    struct sp_str path = SP_STR("/callback"), authority = SP_STR("127.0.0.1:49152");
    enum sp_loopback_outcome outcome = sp_loopback_request_read(bytes, path, authority, &query);
    if (outcome == SP_LOOPBACK_CALLBACK) {
        ALWAYS(sp_str_has_prefix(bytes, SP_STR("GET /callback")));
        ALWAYS(sp_str_contains(bytes, authority));
        ALWAYS(query.len <= size && sp_str_index_of(query, '\n', 0) == query.len &&
               sp_str_index_of(query, '\r', 0) == query.len && sp_str_index_of(query, '\0', 0) == query.len);
    } else {
        ALWAYS(query.at == NULL);
    }
    /* What is one port's is no other's. */
    ALWAYS(outcome != SP_LOOPBACK_CALLBACK ||
           sp_loopback_request_read(bytes, path, SP_STR("127.0.0.1:1"), &again) != SP_LOOPBACK_CALLBACK);
    return 0;
}
