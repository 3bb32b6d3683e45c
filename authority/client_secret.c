/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_secret.h"

#include <argon2.h>
#include "authority/handle.h"
#include "core/jose/crypto.h"
#include "core/base/secret.h"

/* Recent argon2id matches, by place; a collision only costs another hash. Matches only: a wrong secret is never
 * remembered as right. */
#define REMEMBERED 256u
static struct {
    unsigned char mac[32];
} remembered[REMEMBERED];

static bool matches_argon2(struct sp_authority *authority, const struct sp_client_secret *secret,
                           struct sp_str candidate)
{
    unsigned char inner[32], mac[32];
    sp_mac(authority->process_secret, secret->text, inner);
    sp_mac(inner, candidate, mac);
    unsigned place = mac[0];
    _Static_assert(REMEMBERED == 256u, "a place is one byte");
    if (sp_secret_equal(sp_str((const char *)remembered[place].mac, 32), sp_str((const char *)mac, 32)))
        return true;
    /* The text ends with NUL: settings copy it so. */
    if (argon2id_verify(secret->text.at, candidate.at, candidate.len) != ARGON2_OK)
        return false;
    memcpy(remembered[place].mac, mac, sizeof mac);
    return true;
}

static bool matches_one(struct sp_authority *authority, const struct sp_client_secret *secret, struct sp_str candidate)
{
    unsigned char of_candidate[32], of_secret[32];
    switch (secret->kind) {
    case SP_CLIENT_SECRET_ARGON2:
        return matches_argon2(authority, secret, candidate);
    case SP_CLIENT_SECRET_SHA256:
        sp_sha256(candidate, of_candidate);
        return sp_secret_equal(sp_str((const char *)of_candidate, 32), sp_str((const char *)secret->sha256, 32));
    case SP_CLIENT_SECRET_PLAIN:
        /* Over hashes, so that time tells nothing about the length either. */
        sp_sha256(candidate, of_candidate);
        sp_sha256(secret->text, of_secret);
        return sp_secret_equal(sp_str((const char *)of_candidate, 32), sp_str((const char *)of_secret, 32));
    }
    return false;
}

enum sp_secret_match sp_client_secret_match(struct sp_authority *authority, const struct sp_client *client,
                                            struct sp_str candidate, int64_t now)
{
    enum sp_secret_match best = SP_SECRET_DIFFERS;
    for (size_t i = 0; i < client->secret_count; i++) {
        const struct sp_client_secret *secret = &client->secrets[i];
        if (!matches_one(authority, secret, candidate))
            continue;
        if (secret->expires_at == 0 || now < secret->expires_at)
            return SP_SECRET_MATCHES;
        best = SP_SECRET_MATCHES_EXPIRED;
    }
    return best;
}
