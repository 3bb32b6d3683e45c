/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/assurance.h"

/* "phr" is OpenID's own (EAP ACR Values 1.0, 2): phishing-resistant. It is asked first for `pop`, which stands for a
 * passkey here; a passkey that did not verify its person is a second factor and comes with `pwd` and `mfa`. */
const struct sp_assurance sp_assurances[] = {
    {{"urn:sallyport:acr:password", 26}, {"pwd", 3}},
    {{"urn:sallyport:acr:mfa", 21}, {"mfa", 3}},
    {{"phr", 3}, {"pop", 3}},
};
const size_t sp_assurance_count = sizeof sp_assurances / sizeof sp_assurances[0];

struct sp_str sp_assurance_of(struct sp_str amr)
{
    for (size_t i = sp_assurance_count; i > 1; i--)
        if (sp_str_has_word(amr, SP_STR(" "), sp_assurances[i - 1].method))
            return sp_assurances[i - 1].acr;
    return sp_assurances[0].acr;
}

static size_t rank_of(struct sp_str acr)
{
    size_t i = 0;
    while (i < sp_assurance_count && !sp_str_equal(sp_assurances[i].acr, acr))
        i++;
    return i;
}

bool sp_assurance_covers(struct sp_str acr, struct sp_str wanted)
{
    size_t mine = rank_of(acr), theirs = rank_of(wanted);
    if (mine == sp_assurance_count || theirs == sp_assurance_count)
        return sp_str_equal(acr, wanted);
    return mine >= theirs;
}
