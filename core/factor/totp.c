/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/totp.h"

#include "core/base/secret.h"
#include "core/jose/crypto.h"

uint32_t sp_hotp(enum sp_hash hash, struct sp_str secret, uint64_t counter, unsigned digits)
{
    unsigned char text[8], mac[64] = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(counter >> (56 - 8 * i));
    size_t len = sp_hmac(hash, secret, sp_str((const char *)text, sizeof text), mac);
    size_t at = len > 0 ? mac[len - 1] & 15 : 0;
    uint32_t number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 |
                      (uint32_t)mac[at + 3];
    uint32_t modulus = 1;
    for (unsigned i = 0; i < digits; i++)
        modulus *= 10;
    sp_wipe(mac, sizeof mac);
    return number % modulus;
}

/* People type "123 456". false: anything but six digits. */
static bool read_digits(struct sp_str code, char digits[SP_TOTP_DIGITS])
{
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.at[i] == ' ')
            continue;
        if (code.at[i] < '0' || code.at[i] > '9' || count == SP_TOTP_DIGITS)
            return false;
        digits[count++] = code.at[i];
    }
    return count == SP_TOTP_DIGITS;
}

enum sp_totp_verdict sp_totp_check(struct sp_str secret, struct sp_str code, int64_t now, int64_t last_step,
                                   int64_t *step)
{
    char digits[SP_TOTP_DIGITS], right[SP_TOTP_DIGITS];
    int64_t current = now / SP_TOTP_STEP_S, matching = -1;
    if (!read_digits(code, digits) || current < 1)
        return SP_TOTP_WRONG;
    for (int64_t at = current - 1; at <= current + 1; at++) {
        uint32_t number = sp_hotp(SP_HASH_SHA1, secret, (uint64_t)at, SP_TOTP_DIGITS);
        for (size_t i = SP_TOTP_DIGITS; i > 0; i--, number /= 10)
            right[i - 1] = (char)('0' + number % 10);
        if (sp_secret_equal(sp_str(right, sizeof right), sp_str(digits, sizeof digits)))
            matching = at;
    }
    sp_wipe(right, sizeof right);
    if (matching < 0)
        return SP_TOTP_WRONG;
    if (matching <= last_step)
        return SP_TOTP_REPLAYED;
    *step = matching;
    return SP_TOTP_RIGHT;
}
