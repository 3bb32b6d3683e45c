/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/known_browser.h"

#include "authority/cookie.h"
#include "authority/handle.h"
#include "authority/throttle.h"
#include "core/base/secret.h"

#define COOKIE "sp_known"
/* Since the account was signed in there last. */
#define LIFETIME_S (180 * 86400)
/* Of a browser that several people use; the one unused for longest gives way. */
#define MOST_ENTRIES 6u
#define TIME_CHARACTERS 8u
#define RANDOM_BYTES 12u
#define NAME_CHARACTERS (TIME_CHARACTERS + 16u)
#define MAC_BYTES 16u
#define ENTRY_CHARACTERS (NAME_CHARACTERS + 22u)

static bool is_entry(struct sp_str entry)
{
    bool fits = entry.len == ENTRY_CHARACTERS;
    for (size_t i = 0; fits && i < entry.len; i++)
        fits = (entry.at[i] >= '0' && entry.at[i] <= '9') || (entry.at[i] >= 'A' && entry.at[i] <= 'Z') ||
               (entry.at[i] >= 'a' && entry.at[i] <= 'z') || entry.at[i] == '-' || entry.at[i] == '_';
    return fits;
}

/* The next of the cookie's; false: there is none. */
static bool next_entry(struct sp_str *rest, struct sp_str *entry)
{
    *entry = sp_str_slice(*rest, 0, ENTRY_CHARACTERS);
    *rest = sp_str_slice(*rest, entry->len, rest->len);
    return is_entry(*entry);
}

static struct sp_str mac_of(struct sp_call *call, struct sp_str name, struct sp_str account)
{
    unsigned char mac[32];
    struct sp_str text = sp_arena_printf(call->arena, "known browser %.*s %.*s", SP_STR_ARG(name), SP_STR_ARG(account));
    if (text.at == NULL)
        return SP_STR_NONE;
    sp_mac(call->authority->process_secret, text, mac);
    return sp_base64url_of(call->arena, mac, MAC_BYTES);
}

static bool is_of(struct sp_call *call, struct sp_str entry, struct sp_str account)
{
    struct sp_str mac = mac_of(call, sp_str_slice(entry, 0, NAME_CHARACTERS), account);
    return mac.at != NULL && sp_secret_equal(sp_str_slice(entry, NAME_CHARACTERS, entry.len), mac);
}

static bool is_alive(const struct sp_call *call, struct sp_str entry)
{
    int64_t made_at = 0;
    for (size_t i = 0; i < TIME_CHARACTERS; i++)
        made_at = made_at * 16 + sp_hex_digit(entry.at[i]);
    return call->now - made_at < LIFETIME_S;
}

struct sp_str sp_known_browser_find(struct sp_call *call, struct sp_str account)
{
    struct sp_str rest = sp_cookie_get(call, COOKIE), entry, found = SP_STR_NONE;
    for (size_t i = 0; i < MOST_ENTRIES && found.at == NULL && next_entry(&rest, &entry); i++)
        if (is_of(call, entry, account) && is_alive(call, entry))
            found = sp_str_slice(entry, 0, NAME_CHARACTERS);
    return found;
}

void sp_known_browser_remember(struct sp_call *call, struct sp_str account)
{
    unsigned char random[RANDOM_BYTES];
    struct sp_str rest = sp_cookie_get(call, COOKIE), entry;
    sp_random_bytes(random, sizeof random);
    struct sp_str name = sp_arena_printf(call->arena, "%08llx%.*s", (unsigned long long)call->now & 0xFFFFFFFF,
                                         SP_STR_ARG(sp_base64url_of(call->arena, random, sizeof random)));
    struct sp_str mac = mac_of(call, name, account);
    struct sp_str value = sp_arena_printf(call->arena, "%.*s%.*s", SP_STR_ARG(name), SP_STR_ARG(mac));
    for (size_t kept = 1; kept < MOST_ENTRIES && value.at != NULL && next_entry(&rest, &entry);)
        if (!is_of(call, entry, account)) {
            value = sp_arena_printf(call->arena, "%.*s%.*s", SP_STR_ARG(value), SP_STR_ARG(entry));
            kept++;
        }
    /* Without memory there is none: the browser is a stranger's the next time. */
    if (mac.at != NULL && value.at != NULL)
        sp_cookie_set(call, COOKIE, value, LIFETIME_S);
}

enum sp_step sp_known_browser_check(struct sp_call *call, struct sp_str account)
{
    return account.at != NULL && sp_known_browser_find(call, account).at != NULL
               ? SP_GOES_ON
               : sp_throttle_check(call, SP_THROTTLE_LOGIN);
}
