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
    unsigned char fingerprint[SP_FINGERPRINT_BYTES];
} remembered[REMEMBERED];

/* Drawn once: settings are read before there is an authority. */
static const unsigned char *fingerprint_key(void)
{
    static unsigned char key[SP_FINGERPRINT_KEY_BYTES];
    static bool is_drawn;
    if (!is_drawn)
        sp_random_bytes(key, sizeof key);
    is_drawn = true;
    return key;
}

void sp_client_secret_fingerprint(struct sp_str secret, unsigned char out[SP_FINGERPRINT_BYTES])
{
    sp_fingerprint(fingerprint_key(), secret, out);
}

static bool is_same(const unsigned char *a, const unsigned char *b, size_t bytes)
{
    return sp_secret_equal(sp_str((const char *)a, bytes), sp_str((const char *)b, bytes));
}

static enum sp_step match_argon2(struct sp_call *call, const struct sp_client_secret *secret, struct sp_str candidate,
                                 bool *matches)
{
    unsigned char of_hash[SP_FINGERPRINT_BYTES], fingerprint[SP_FINGERPRINT_BYTES];
    _Static_assert(SP_FINGERPRINT_BYTES == SP_FINGERPRINT_KEY_BYTES, "one is the key of the next");
    sp_client_secret_fingerprint(secret->text, of_hash);
    sp_fingerprint(of_hash, candidate, fingerprint);
    unsigned place = fingerprint[0];
    _Static_assert(REMEMBERED == 256u, "a place is one byte");
    *matches = is_same(remembered[place].fingerprint, fingerprint, sizeof fingerprint);
    if (*matches)
        return SP_GOES_ON;
    enum sp_step step = sp_errand_password_verify(call, secret->text, candidate, matches);
    if (step == SP_GOES_ON && *matches)
        memcpy(remembered[place].fingerprint, fingerprint, sizeof fingerprint);
    return step;
}

static enum sp_step match_one(struct sp_call *call, const struct sp_client_secret *secret, struct sp_str candidate,
                              bool *matches)
{
    unsigned char of_candidate[32];
    if (secret->kind == SP_CLIENT_SECRET_ARGON2)
        return match_argon2(call, secret, candidate, matches);
    if (secret->kind == SP_CLIENT_SECRET_PLAIN) {
        /* Over fingerprints, so that time tells nothing about the length either. */
        sp_client_secret_fingerprint(candidate, of_candidate);
        *matches = is_same(of_candidate, secret->fingerprint, SP_FINGERPRINT_BYTES);
        return SP_GOES_ON;
    }
    sp_sha256(candidate, of_candidate);
    *matches = is_same(of_candidate, secret->sha256, sizeof of_candidate);
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
