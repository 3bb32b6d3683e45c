/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/notice.h"

#include <time.h>
#include "authority/account.h"
#include "authority/mail.h"
#include "authority/user_agent.h"

#define WINDOW_S 3600
#define MOST 3u

enum who { PERSON, OPERATOR };

static const struct {
    const char *name;
    enum who who;
    enum sp_text says, otherwise;
} rows[SP_NOTICE_COUNT] = {
#define NOTICE(NAME, name, who, says, otherwise) [SP_NOTICE_##NAME] = {name, who, SP_TEXT_##says, SP_TEXT_##otherwise},
#include "authority/notices.def"
#undef NOTICE
};

/* The text with the value in the place of its {0}. */
static struct sp_str fill(struct sp_call *call, enum sp_text text, struct sp_str value)
{
    struct sp_str words = sp_text_get(call, text);
    size_t place = sp_str_index_of(words, '{', 0);
    return sp_arena_printf(call->arena, "%.*s%.*s%.*s", SP_STR_ARG(sp_str_slice(words, 0, place)), SP_STR_ARG(value),
                           SP_STR_ARG(sp_str_slice(words, place + 3, words.len)));
}

/* Whoever administers is no browser of the person's. */
static struct sp_str where_of(struct sp_call *call, enum sp_notice notice)
{
    const struct sp_asked *asked = &call->asked;
    if (rows[notice].who == OPERATOR || asked->client_address.len == 0)
        return SP_STR("");
    struct sp_str browser = sp_user_agent_name(call->arena, asked->user_agent);
    struct sp_str from = sp_arena_printf(call->arena, "%.*s%s%.*s", SP_STR_ARG(browser), browser.len > 0 ? ", " : "",
                                         SP_STR_ARG(sp_str_slice(asked->client_address, 0, 64)));
    return sp_arena_printf(call->arena, "\r\n%.*s", SP_STR_ARG(fill(call, SP_TEXT_NOTICE_FROM, from)));
}

static struct sp_str otherwise_of(struct sp_call *call, const struct sp_account *account, enum sp_notice notice)
{
    enum sp_text text = rows[notice].otherwise;
    /* Nobody resets a password that is not there. */
    if (text == SP_TEXT_NOTICE_DO_RESET && account->password_hash.len == 0)
        text = SP_TEXT_NOTICE_DO_TELL;
    struct sp_str words = sp_text_get(call, text);
    return text == SP_TEXT_NOTICE_DO_RESET ? sp_arena_printf(call->arena, "%.*s\r\n\r\n%.*s", SP_STR_ARG(words),
                                                             SP_STR_ARG(sp_authority_url(call, "/reset")))
                                           : words;
}

static struct sp_str words_of(struct sp_call *call, const struct sp_account *account, enum sp_notice notice)
{
    char when[64];
    struct tm broken;
    time_t seconds = (time_t)call->now;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", gmtime_r(&seconds, &broken));
    return sp_arena_printf(call->arena, "%.*s\r\n\r\n%.*s%.*s\r\n\r\n%.*s",
                           SP_STR_ARG(fill(call, rows[notice].says, account->name)),
                           SP_STR_ARG(fill(call, SP_TEXT_NOTICE_WHEN, sp_str_from_cstr(when))),
                           SP_STR_ARG(where_of(call, notice)), SP_STR_ARG(otherwise_of(call, account, notice)));
}

static enum sp_status send_to(struct sp_call *call, const struct sp_account *account, struct sp_str to,
                              enum sp_notice notice)
{
    bool passes = false;
    struct sp_str what = sp_arena_printf(call->arena, "notice %s", rows[notice].name);
    struct sp_str who = sp_arena_printf(call->arena, "%.*s %.*s", SP_STR_ARG(account->id), SP_STR_ARG(to));
    if (what.at == NULL || who.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_mail_throttle(call, what.at, who, WINDOW_S, MOST, &passes);
    if (status != SP_OK || !passes)
        return status;
    struct sp_str words = words_of(call, account, notice);
    return words.at != NULL ? sp_mail_send_notice(call, account->id, to, words) : SP_NO_MEMORY;
}

enum sp_status sp_notice_send(struct sp_call *call, const struct sp_account *account, enum sp_notice notice)
{
    struct sp_str email = SP_STR_NONE;
    if (!sp_mail_is_offered(call))
        return SP_OK;
    enum sp_status status = sp_account_verified_email(call->arena, account->claims, &email);
    return status == SP_OK && email.at != NULL ? send_to(call, account, email, notice) : status;
}

enum sp_status sp_notice_send_moved(struct sp_call *call, const struct sp_account *account, struct sp_str before,
                                    enum sp_notice notice)
{
    struct sp_str after = SP_STR_NONE;
    if (!sp_mail_is_offered(call))
        return SP_OK;
    enum sp_status status = sp_account_verified_email(call->arena, account->claims, &after);
    if (status != SP_OK || sp_str_equal(before, after))
        return status;
    if (before.at == NULL)
        return send_to(call, account, after,
                       rows[notice].who == PERSON ? SP_NOTICE_EMAIL_FIRST : SP_NOTICE_EMAIL_FIRST_SET);
    status = send_to(call, account, before, notice);
    return status == SP_OK && after.at != NULL ? send_to(call, account, after, notice) : status;
}
