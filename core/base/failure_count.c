/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/failure_count.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct sp_table *sp_failure_count_table(void *block, size_t bytes)
{
    return sp_table_init(block, bytes, SP_FAILURE_KEY_BYTES, sizeof(struct sp_failure_count));
}

struct sp_failure_count sp_failure_count_find(struct sp_table *table, const unsigned char key[SP_FAILURE_KEY_BYTES],
                                              int64_t window_s, int64_t now)
{
    const struct sp_failure_count *found = table != NULL ? sp_table_find(table, key) : NULL;
    const bool holds = found != NULL && now - found->started_at < window_s && found->started_at <= now;
    return holds ? *found : (struct sp_failure_count){.started_at = now};
}

void sp_failure_count_add(struct sp_table *table, const unsigned char key[SP_FAILURE_KEY_BYTES], int64_t window_s,
                          int64_t now)
{
    struct sp_failure_count count = sp_failure_count_find(table, key, window_s, now);
    if (table == NULL)
        return;
    count.failures++;
    count.failed_at = now;
    struct sp_failure_count *place = sp_table_claim(table, key);
    *place = count;
    sp_table_commit(table, key, place);
}

struct sp_str sp_failure_network(struct sp_str address, char text[SP_NETWORK_TEXT_BYTES])
{
    unsigned char bytes[16];
    char network[INET6_ADDRSTRLEN];
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (address.len >= SP_NETWORK_TEXT_BYTES)
        return sp_str_slice(address, 0, SP_NETWORK_TEXT_BYTES);
    memcpy(text, address.len > 0 ? address.at : "", address.len);
    text[address.len] = '\0';
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return address;
    int len = 0;
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        len = snprintf(text, SP_NETWORK_TEXT_BYTES, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    } else {
        memset(bytes + 8, 0, 8);
        (void)inet_ntop(AF_INET6, bytes, network, sizeof network);
        len = snprintf(text, SP_NETWORK_TEXT_BYTES, "%s/64", network);
    }
    return sp_str(text, (size_t)len);
}
