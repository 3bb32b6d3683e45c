/* SPDX-License-Identifier: Apache-2.0 */
/* The device grant: a code for the person, and asking until it was used, at the pace that the issuer sets (RFC
 * 8628 3.5).
 */
#include <errno.h>
#include <time.h>
#include "client/login.h"
#include "core/base/secret.h"

#define DEFAULT_INTERVAL_S 5
#define MAX_INTERVAL_S 60
#define SLOWER_S 5

static struct sp_str member(const struct sp_json *json, const char *name)
{
    return sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
}

static int64_t number(const struct sp_json *json, const char *name, int64_t when_absent)
{
    int64_t value = 0;
    return sp_json_int64(sp_json_member(json, sp_str_from_cstr(name)), &value) == SP_OK && value > 0 ? value
                                                                                                     : when_absent;
}

static void pause_for(int64_t seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool refuse(struct sp_client_session *session, enum sp_cause cause, struct sp_str expected,
                   struct sp_str received)
{
    const struct sp_finding finding = {
        .cause = cause, .check = SP_CHECK_COUNT, .verified = true, .expected = expected, .received = received};
    sp_client_tell(session, &finding);
    return false;
}

/* What the person is to do; texts of the issuer, for a terminal. */
static bool show(struct sp_client_session *session, const struct sp_client_login *login, const struct sp_json *json)
{
    struct sp_str code = member(json, "user_code"), where = member(json, "verification_uri");
    struct sp_str whole = member(json, "verification_uri_complete");
    if (member(json, "device_code").len == 0 || code.len == 0 || where.len == 0)
        return refuse(session, SP_CAUSE_RESPONSE_MEMBER_MISSING, SP_STR("device_code, user_code and verification_uri"),
                      code.len == 0    ? SP_STR("no user_code")
                      : where.len == 0 ? SP_STR("no verification_uri")
                                       : SP_STR("no device_code"));
    sp_client_say(session, "On any device, open %.*s and enter the code %.*s", SP_STR_ARG(sp_str_slice(where, 0, 300)),
                  SP_STR_ARG(sp_str_slice(code, 0, 60)));
    login->opens(login->context, whole.len > 0 ? whole : where, SP_STR_NONE);
    return true;
}

static bool poll_once(struct sp_client_session *session, struct sp_str device_code, const struct sp_json **json,
                      struct sp_str *error)
{
    const struct sp_client_parameter rows[] = {{"grant_type", SP_STR("urn:ietf:params:oauth:grant-type:device_code")},
                                               {"device_code", device_code}};
    struct sp_client_ask ask = {.parameters = rows,
                                .count = 2,
                                .with_targets = true,
                                .proves = true,
                                .tolerated = SP_STR("authorization_pending slow_down")};
    return sp_client_needs(session, "token_endpoint", &ask.url) && sp_client_request(session, &ask, json, error);
}

/* A person may be at it: a connection that fails once is asked for again, more slowly (RFC 8628 3.5). */
static bool may_pass(struct sp_client_session *session)
{
    struct sp_str id = sp_client_cause(session);
    if (!sp_str_has_prefix(id, SP_STR("network.")) || sp_str_has_prefix(id, SP_STR("network.tls.")))
        return false;
    sp_client_say(session, "The issuer did not answer (%.*s); asking again.", SP_STR_ARG(id));
    sp_client_forgive(session);
    return true;
}

bool sp_client_login_by_device(struct sp_client_session *session, const struct sp_client_login *login,
                               struct sp_client_tokens *tokens)
{
    const struct sp_client_parameter rows[] = {
        {"scope", session->settings->scope},
        {"client_id",
         sp_str_equal(session->method, SP_STR("client_secret_basic")) ? session->settings->client_id : SP_STR_NONE}};
    struct sp_client_ask ask = {.parameters = rows, .count = 2, .with_targets = true};
    const struct sp_json *json, *answer;
    struct sp_str error;
    if (!sp_client_needs(session, "device_authorization_endpoint", &ask.url) ||
        !sp_client_request(session, &ask, &json, &error) || !show(session, login, json))
        return false;
    int64_t interval = number(json, "interval", DEFAULT_INTERVAL_S);
    int64_t lifetime = number(json, "expires_in", 600);
    int64_t patience = login->patience_ms / 1000, end = now_s() + (lifetime < patience ? lifetime : patience);
    for (;;) {
        pause_for(interval < MAX_INTERVAL_S ? interval : MAX_INTERVAL_S);
        bool heard = poll_once(session, member(json, "device_code"), &answer, &error);
        if (heard && error.len == 0)
            return sp_client_take_tokens(session, answer, SP_STR_NONE, SP_STR_NONE, tokens);
        if (!heard && (now_s() >= end || !may_pass(session)))
            return false;
        interval = heard ? interval + (sp_str_equal(error, SP_STR("slow_down")) ? SLOWER_S : 0) : 2 * interval;
        if (now_s() >= end)
            return refuse(session, SP_CAUSE_DEVICE_EXPIRED,
                          sp_arena_printf(session->arena, "an answer within %lld s",
                                          (long long)(lifetime < patience ? lifetime : patience)),
                          SP_STR("authorization_pending"));
    }
}
