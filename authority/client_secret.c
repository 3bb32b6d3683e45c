/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_secret.h"

#include "authority/errand.h"
#include "authority/handle.h"
#include "core/jose/crypto.h"
#include "core/base/secret.h"

/* Recent argon2id matches, by place; a collision only costs another hash. Matches only: a wrong secret is never
 * remembered as right. */
#define REMEMBERED 256u
static struct {
    unsigned char mac[32];
} remembered[REMEMBERED];

static enum sp_step match_argon2(struct sp_call *call, const struct sp_client_secret *secret, struct sp_str candidate,
                                 bool *matches)
{
    unsigned char inner[32], mac[32];
    sp_mac(call->authority->process_secret, secret->text, inner);
    sp_mac(inner, candidate, mac);
    unsigned place = mac[0];
    _Static_assert(REMEMBERED == 256u, "a place is one byte");
    *matches = sp_secret_equal(sp_str((const char *)remembered[place].mac, 32), sp_str((const char *)mac, 32));
    if (*matches)
        return SP_GOES_ON;
    enum sp_step step = sp_errand_password_verify(call, secret->text, candidate, matches);
    if (step == SP_GOES_ON && *matches)
        memcpy(remembered[place].mac, mac, sizeof mac);
    return step;
}

static enum sp_step match_one(struct sp_call *call, const struct sp_client_secret *secret, struct sp_str candidate,
                              bool *matches)
{
    unsigned char of_candidate[32];
    if (secret->kind == SP_CLIENT_SECRET_ARGON2)
        return match_argon2(call, secret, candidate, matches);
    /* A plain secret over hashes too, so that time tells nothing about the length either. */
    sp_sha256(candidate, of_candidate);
    *matches = sp_secret_equal(sp_str((const char *)of_candidate, 32), sp_str((const char *)secret->sha256, 32));
    return SP_GOES_ON;
}

enum sp_step sp_client_secret_match(struct sp_call *call, const struct sp_client *client, struct sp_str candidate,
                                    enum sp_secret_match *match)
{
    enum sp_secret_match best = SP_SECRET_DIFFERS;
    for (size_t i = 0; i < client->secret_count; i++) {
        const struct sp_client_secret *secret = &client->secrets[i];
        bool matches = false;
        enum sp_step step = match_one(call, secret, candidate, &matches);
        if (step != SP_GOES_ON)
            return step;
        if (matches && (secret->expires_at == 0 || call->now < secret->expires_at)) {
            best = SP_SECRET_MATCHES;
            break;
        }
        if (matches)
            best = SP_SECRET_MATCHES_EXPIRED;
    }
    *match = best;
    return SP_GOES_ON;
}
