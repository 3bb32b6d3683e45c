/* SPDX-License-Identifier: Apache-2.0 */
/* POST /backchannel/ID: another provider tells that a session there has ended (OpenID Connect Back-Channel Logout 1.0,
 * 2.5–2.8). Its logout token is judged as an ID token is, and by what makes it a logout token and nothing else; then
 * every session here that began there ends, and with it our clients are told. A session that is gone already is
 * success. A token counts once, for it could end a later session otherwise. */
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/remote_keys.h"
#include "authority/signed_jwt.h"
#include "authority/upstream_account.h"
#include "authority/upstream_sign_out.h"
#include "core/jose/crypto.h"

#define EVENT "http://schemas.openid.net/event/backchannel-logout"
#define LEEWAY_S 60
#define MAX_AGE_S 3600
/* Nobody is signed in with more browsers. */
#define MOST_SESSIONS 10000u
#define MAX_NAME_BYTES 512u

struct logout {
    struct sp_call *call;
    const struct sp_upstream_provider *upstream;
    struct sp_signed_jwt jwt;
    struct sp_str subject, sid; /* one of them may be absent */
    int64_t expires_at;
};

static enum sp_step refuse(struct logout *l, const char *fault, struct sp_str expected, struct sp_str received)
{
    return SP_DENY(l->call, .cause = SP_CAUSE_LOGOUT_TOKEN_INVALID, .expected = expected,
                   .received = received.at != NULL ? sp_str_slice(received, 0, 200) : SP_STR("none"),
                   .detail = sp_str_from_cstr(fault), .error = "invalid_request",
                   .tell = sp_arena_printf(l->call->arena, "Namely: %s.", fault));
}

/* ---- the token ---- */
static bool is_of_type(struct sp_str type)
{
    static const struct sp_str prefix = {"application/", 12};
    if (type.len > prefix.len && sp_str_equal_ignoring_case(sp_str_slice(type, 0, prefix.len), prefix))
        type = sp_str_slice(type, prefix.len, type.len);
    return type.at == NULL || sp_str_equal_ignoring_case(type, SP_STR("JWT")) ||
           sp_str_equal_ignoring_case(type, SP_STR("logout+jwt"));
}

static enum sp_step read_token(struct logout *l)
{
    const char *fault = NULL;
    struct sp_str text = sp_call_parameter(l->call, "logout_token");
    if (text.at == NULL)
        return SP_DENY(l->call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("logout_token"),
                       .tell = SP_STR("It is 'logout_token'."));
    enum sp_status status = sp_signed_jwt_read(l->call->arena, text, &l->jwt, &fault);
    if (status == SP_MALFORMED)
        return refuse(l, fault, SP_STR("a signed JWT"), SP_STR("something else"));
    if (status != SP_OK)
        return sp_deny_failure(l->call, status);
    if ((sp_algorithm_bit(l->jwt.algorithm) & sp_algorithms_asymmetric()) == 0)
        return refuse(l, "its alg is none, a MAC or not known", SP_STR("an asymmetric one"), l->jwt.algorithm_name);
    return is_of_type(l->jwt.type) ? SP_GOES_ON
                                   : refuse(l, "its typ is of another JWT", SP_STR("logout+jwt"), l->jwt.type);
}

/* Before any key is fetched: who it is from and for. */
static enum sp_step check_parties(struct logout *l)
{
    struct sp_str iss = sp_signed_jwt_text(&l->jwt, "iss");
    const struct sp_json *aud = sp_json_member(l->jwt.claims, SP_STR("aud"));
    if (!sp_str_equal(iss, l->upstream->issuer))
        return refuse(l, "its iss is another", l->upstream->issuer, iss);
    if (!sp_signed_jwt_is_for(&l->jwt, l->upstream->client_id))
        return refuse(l, "its aud is another", l->upstream->client_id, aud != NULL ? aud->text : SP_STR_NONE);
    return SP_GOES_ON;
}

static enum sp_step check_signature(struct logout *l)
{
    struct sp_keys_place place = {.url = SP_STR_NONE};
    const struct sp_jwk_set *keys = NULL;
    enum sp_status status = sp_upstream_keys_place(l->call, l->upstream, &place.url);
    if (status == SP_NOT_FOUND)
        return refuse(l, "nobody signed in with this provider yet", SP_STR("a sign-in before its end"), SP_STR_NONE);
    if (status != SP_OK)
        return sp_deny_failure(l->call, status);
    enum sp_step step = sp_remote_keys_get(l->call, &place, l->jwt.kid, &keys);
    if (step != SP_GOES_ON || sp_signed_jwt_verifies(&l->jwt, keys))
        return step;
    return refuse(l, "its signature does not hold", l->upstream->issuer,
                  sp_arena_printf(l->call->arena, "%.*s, kid %.*s", SP_STR_ARG(l->jwt.algorithm_name),
                                  SP_STR_ARG(sp_str_slice(l->jwt.kid, 0, 120))));
}

/* 2.4, 2.6: times, the event, no nonce, a name of somebody. */
static enum sp_step check_claims(struct logout *l)
{
    const struct sp_json *claims = l->jwt.claims, *events = sp_json_member(claims, SP_STR("events"));
    int64_t now = l->call->now, issued_at = 0;
    if (sp_json_int64(sp_json_member(claims, SP_STR("iat")), &issued_at) != SP_OK ||
        sp_json_int64(sp_json_member(claims, SP_STR("exp")), &l->expires_at) != SP_OK)
        return refuse(l, "it lacks iat or exp", SP_STR("iat and exp"), SP_STR_NONE);
    if (issued_at > now + LEEWAY_S || issued_at < now - MAX_AGE_S || l->expires_at <= now - LEEWAY_S ||
        l->expires_at > now + MAX_AGE_S)
        return refuse(
            l, "it is not of now", sp_arena_printf(l->call->arena, "%lld", (long long)now),
            sp_arena_printf(l->call->arena, "iat %lld, exp %lld", (long long)issued_at, (long long)l->expires_at));
    if (!sp_json_is(sp_json_member(events, SP_STR(EVENT)), SP_JSON_OBJECT))
        return refuse(l, "its events are another's", SP_STR(EVENT), events != NULL ? SP_STR("others") : SP_STR_NONE);
    if (sp_json_member(claims, SP_STR("nonce")) != NULL)
        return refuse(l, "it has a nonce, as an ID token has", SP_STR("no nonce"), SP_STR("a nonce"));
    l->subject = sp_signed_jwt_text(&l->jwt, "sub");
    l->sid = sp_signed_jwt_text(&l->jwt, "sid");
    if ((l->subject.len == 0 && l->sid.len == 0) || l->subject.len > MAX_NAME_BYTES || l->sid.len > MAX_NAME_BYTES)
        return refuse(l, "it names nobody", SP_STR("sub or sid"), SP_STR_NONE);
    return SP_GOES_ON;
}

/* In the write that ends the sessions: a token whose write failed is still good when the provider sends it again. */
static enum sp_step spend(struct logout *l, bool *fresh)
{
    struct sp_store *store = l->call->authority->store;
    struct sp_str jti = sp_signed_jwt_text(&l->jwt, "jti"),
                  whole = sp_arena_printf(l->call->arena, "logout %.*s %.*s", SP_STR_ARG(l->upstream->issuer),
                                          SP_STR_ARG(jti));
    struct sp_ticket ticket = {.kind = SP_TICKET_REPLAY,
                               .client_id = l->upstream->client_id,
                               .issued_at = l->call->now,
                               .expires_at = l->expires_at + LEEWAY_S};
    if (jti.len == 0)
        return refuse(l, "it has no jti", SP_STR("jti"), SP_STR_NONE);
    if (whole.at == NULL)
        return sp_deny_failure(l->call, SP_NO_MEMORY);
    sp_sha256(whole, ticket.hash);
    enum sp_status status = store->methods->put_ticket(store, &ticket, fresh);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(l->call, status);
}

/* ---- what ends ---- */
static enum sp_status find_account(struct logout *l, struct sp_str *account)
{
    struct sp_store *store = l->call->authority->store;
    struct sp_record record;
    const struct sp_upstream_identity identity = {.upstream = l->upstream, .subject = l->subject};
    if (l->subject.len == 0)
        return sp_upstream_account_of_sid(l->call, l->upstream->issuer, l->sid, account);
    struct sp_str id = sp_upstream_identity_id(l->call->arena, &identity);
    enum sp_status status = id.at != NULL
                                ? store->methods->find_record(store, SP_RECORD_FEDERATED, id, l->call->arena, &record)
                                : SP_NO_MEMORY;
    if (status == SP_OK)
        *account = record.owner;
    return status;
}

static bool is_meant(const struct logout *l, const struct sp_session_origin *origin)
{
    return sp_str_equal(origin->issuer, l->upstream->issuer) &&
           (l->subject.len == 0 || sp_str_equal(origin->subject, l->subject)) &&
           (l->sid.len == 0 || sp_str_equal(origin->sid, l->sid));
}

static enum sp_step end_sessions(struct sp_call *call, void *context)
{
    struct logout *l = context;
    struct sp_store *store = call->authority->store;
    struct sp_ticket *tickets = NULL;
    struct sp_str account = SP_STR_NONE;
    size_t count = 0;
    bool fresh = false;
    enum sp_step step = spend(l, &fresh);
    if (step != SP_GOES_ON || !fresh)
        return step;
    enum sp_status status = find_account(l, &account);
    if (status == SP_NOT_FOUND)
        return SP_GOES_ON;
    if (status == SP_OK)
        status = store->methods->list_tickets(store, SP_TICKET_SESSION, account, call->now, MOST_SESSIONS, call->arena,
                                              &tickets, &count);
    call->subject = account;
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        struct sp_session session;
        status = sp_session_find_by_hash(call, tickets[i].hash, &session);
        if (status == SP_OK && is_meant(l, &session.origin))
            status = sp_session_end(call, &session);
        else if (status == SP_NOT_FOUND)
            status = SP_OK; /* it ended meanwhile */
    }
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_upstream_logout_endpoint(struct sp_call *call)
{
    struct logout l = {.call = call,
                       .upstream = sp_upstream_find(call->authority->settings, sp_call_last_segment(call))};
    if (l.upstream == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, .received = call->asked.path, .status = 404);
    enum sp_step (*const steps[])(struct logout *) = {read_token, check_parties, check_claims, check_signature};
    enum sp_step step = SP_GOES_ON;
    for (size_t i = 0; step == SP_GOES_ON && i < sizeof steps / sizeof steps[0]; i++)
        step = steps[i](&l);
    if (step == SP_GOES_ON)
        step = sp_call_in_write(call, end_sessions, &l);
    if (step != SP_GOES_ON)
        return step;
    call->answer.status = 200;
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}
