/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin_guard.h"
#include <stdlib.h>
#include <string.h>
#include "core/base/failure_count.h"
#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/base/host.h"
#include "core/jose/crypto.h"

struct sp_admin_guard {
    unsigned char secret[32]; /* keys the counters, so that nobody outside chooses what falls together */
    struct sp_table *table;
    uint64_t block[SP_MAX_ADMIN_GUARD_BYTES / sizeof(uint64_t)];
};

struct sp_admin_guard *sp_admin_guard_create(void)
{
    struct sp_admin_guard *guard = calloc(1, sizeof *guard);
    if (guard != NULL && sp_random(guard->secret, sizeof guard->secret) != SP_OK) {
        sp_admin_guard_destroy(&guard);
    }
    if (guard != NULL) {
        guard->table = sp_failure_count_table(guard->block, sizeof guard->block);
    }
    return guard;
}

void sp_admin_guard_destroy(struct sp_admin_guard **guard)
{
    if (*guard != NULL) {
        sp_wipe((*guard)->secret, sizeof(*guard)->secret);
    }
    free(*guard);
    *guard = NULL;
}

/* ---- by what name ---- */

struct sp_str sp_admin_name_in(struct sp_str text)
{
    size_t end = text.len > 0 && text.at[0] == '[' ? sp_str_index_of(text, ']', 0) + 1 : sp_str_index_of(text, ':', 0);
    return sp_str_slice(text, 0, end);
}

bool sp_admin_name_is_ours(const struct sp_serving *serving, struct sp_str host)
{
    struct sp_str name = sp_admin_name_in(host);
    if (host.len == 0 || sp_host_is_address(name) || sp_host_is_loopback(name)) {
        return true;
    }
    if (sp_str_equal_ignoring_case(name, sp_admin_name_in(serving->admin_address))) {
        return true;
    }
    for (size_t i = 0; i < serving->admin_hosts.count; i++) {
        if (sp_str_equal_ignoring_case(name, serving->admin_hosts.at[i])) {
            return true;
        }
    }
    return false;
}

/* ---- how often it was wrong ---- */

static void make_key(const struct sp_admin_guard *guard, struct sp_str address, unsigned char key[SP_FAILURE_KEY_BYTES])
{
    char text[SP_NETWORK_TEXT_BYTES];
    unsigned char mac[64];
    (void)sp_hmac(SP_HASH_SHA256, sp_str((const char *)guard->secret, sizeof guard->secret),
                  sp_failure_network(address, text), mac);
    memcpy(key, mac, SP_FAILURE_KEY_BYTES);
}

int64_t sp_admin_guard_wait_s(struct sp_admin_guard *guard, struct sp_str address, int64_t now)
{
    unsigned char key[SP_FAILURE_KEY_BYTES];
    make_key(guard, address, key);
    struct sp_failure_count count = sp_failure_count_find(guard->table, key, SP_ADMIN_WINDOW_S, now);
    return count.failures < SP_ADMIN_FAILURES ? 0 : count.started_at + SP_ADMIN_WINDOW_S - now;
}

void sp_admin_guard_fail(struct sp_admin_guard *guard, struct sp_str address, int64_t now)
{
    unsigned char key[SP_FAILURE_KEY_BYTES];
    make_key(guard, address, key);
    sp_failure_count_add(guard->table, key, SP_ADMIN_WINDOW_S, now);
}
