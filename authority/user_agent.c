/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/user_agent.h"

struct row {
    const char *mark, *name;
};

/* The first that is found counts: each browser names those it descends from behind itself. */
static const struct row browsers[] = {
    {"Edg", "Edge"},
    {"OPR/", "Opera"},
    {"SamsungBrowser/", "Samsung Internet"},
    {"FxiOS/", "Firefox"},
    {"Firefox/", "Firefox"},
    {"CriOS/", "Chrome"},
    {"Chromium/", "Chromium"},
    {"HeadlessChrome/", "Chrome"},
    {"Chrome/", "Chrome"},
    {"Safari/", "Safari"},
    {"curl/", "curl"},
    {NULL, NULL},
};

static const struct row systems[] = {
    {"Android", "Android"}, {"iPhone", "iPhone"},  {"iPad", "iPad"},   {"CrOS", "ChromeOS"},
    {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}, {NULL, NULL},
};

static const char *find(const struct row *rows, struct sp_str text)
{
    while (rows->mark != NULL && !sp_str_contains(text, sp_str_from_cstr(rows->mark)))
        rows++;
    return rows->name;
}

struct sp_str sp_user_agent_name(struct sp_arena *arena, struct sp_str user_agent)
{
    struct sp_str text = sp_str_slice(user_agent, 0, 512);
    const char *browser = find(browsers, text), *system = find(systems, text);
    if (browser == NULL || system == NULL)
        return browser != NULL ? sp_str_from_cstr(browser) : system != NULL ? sp_str_from_cstr(system) : SP_STR("");
    return sp_arena_printf(arena, "%s, %s", browser, system);
}
