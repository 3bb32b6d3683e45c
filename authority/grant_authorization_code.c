/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6749 4.1.3 with PKCE (RFC 7636 4.6). The first attempt of the right client spends the code, whatever becomes of
 * it; of a hundred at once the store lets exactly one be first. A second use revokes what the first one got (RFC
 * 9700 4.5). */
#include "authority/denial.h"
#include "authority/grant_record.h"
#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/diagnosis/cause.h"
#include "core/diagnosis/words.h"
#include "core/jose/crypto.h"

#define CODE_PREFIX "spac_"
#define CODE_CHARACTERS 48u

struct redemption {
    const struct sp_client *client;
    struct sp_ticket ticket;
    const struct sp_json *data;
    struct sp_str code;
};

static struct sp_str text_of(const struct redemption *r, const char *name)
{
    return sp_json_string(sp_json_member(r->data, sp_str_from_cstr(name)));
}

static bool has_right_redirect_uri(const struct sp_call *call, const struct redemption *r)
{
    struct sp_str sent = sp_call_parameter(call, "redirect_uri");
    bool needed = sp_json_is(sp_json_member(r->data, SP_STR("redirect_uri_sent")), SP_JSON_TRUE);
    return sp_str_equal(sent, text_of(r, "redirect_uri")) || (!needed && sent.at == NULL);
}

/* What the verifier makes (RFC 7636 4.6). */
static struct sp_str challenge_of(struct sp_call *call, const struct redemption *r, struct sp_str verifier)
{
    unsigned char hash[32];
    if (sp_json_is(sp_json_member(r->data, SP_STR("challenge_is_plain")), SP_JSON_TRUE))
        return verifier;
    sp_sha256(verifier, hash);
    return sp_base64url_of(call->arena, hash, sizeof hash);
}

static bool has_right_verifier(struct sp_call *call, const struct redemption *r)
{
    struct sp_str verifier = sp_call_parameter(call, "code_verifier");
    return verifier.at != NULL && sp_secret_equal(challenge_of(call, r, verifier), text_of(r, "challenge"));
}

static struct sp_str ago(struct sp_call *call, int64_t then)
{
    return sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - then));
}

/* Why is it not known: cut, or damaged on the way? */
static enum sp_step refuse_unknown(struct sp_call *call, struct sp_str code)
{
    struct sp_store *store = call->authority->store;
    struct sp_str decoded = SP_STR_NONE;
    struct sp_ticket ticket;
    unsigned char hash[32];
    if (sp_str_index_of(code, '%', 0) < code.len && sp_form_decode(call->arena, code, &decoded) == SP_OK) {
        sp_sha256(decoded, hash);
        if (store->methods->find_ticket(store, SP_TICKET_CODE, hash, call->arena, &ticket) == SP_OK)
            return SP_DENY(call, .cause = SP_CAUSE_CODE_ENCODING, .detail = SP_STR("once"));
    }
    if (sp_str_has_prefix(code, SP_STR(CODE_PREFIX)) && code.len < CODE_CHARACTERS)
        return SP_DENY(call, .cause = SP_CAUSE_CODE_TRUNCATED, .expected = SP_STR("48 characters"),
                       .received = sp_arena_printf(call->arena, "%zu characters", code.len));
    return SP_DENY(call, .cause = SP_CAUSE_CODE_UNKNOWN,
                   .detail = sp_str_has_prefix(code, SP_STR(CODE_PREFIX))
                                 ? SP_STR_NONE
                                 : SP_STR("It does not look like a code of this server."));
}

/* The request with which the first use might have been made. */
static bool is_whole(struct sp_call *call, const struct redemption *r)
{
    struct sp_str bound = text_of(r, "dpop_jkt"), challenge = text_of(r, "challenge");
    bool verified =
        challenge.at != NULL ? has_right_verifier(call, r) : sp_call_parameter(call, "code_verifier").at == NULL;
    return verified && has_right_redirect_uri(call, r) && (bound.at == NULL || sp_str_equal(bound, call->jkt));
}

/* Whoever has the code and not what belongs to it must not end what its owner got (OAuth 2.1 7.5.3). */
static enum sp_step refuse_second_use(struct sp_call *call, const struct redemption *r)
{
    struct sp_str failed = text_of(r, "failed");
    enum sp_status status = SP_OK;
    if (failed.at != NULL || is_whole(call, r))
        status = sp_grant_family_revoke(call, r->ticket.family);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_str when = ago(call, r->ticket.used_at);
    if (failed.at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_CODE_REUSED_AFTER_FAILURE,
                       .detail = sp_arena_printf(call->arena, "%.*s (%.*s)", SP_STR_ARG(when), SP_STR_ARG(failed)),
                       /* golang.org/x/oauth2 tries once more by itself, and shows the last answer alone. */
                       .tell =
                           sp_arena_printf(call->arena, "The first attempt with it failed: %.*s.", SP_STR_ARG(failed)));
    return SP_DENY(call, .cause = SP_CAUSE_CODE_REUSED,
                   .detail = sp_arena_printf(call->arena, "%.*s by client %.*s", SP_STR_ARG(when),
                                             SP_STR_ARG(r->ticket.client_id)));
}

static enum sp_step check_redirect_uri(struct sp_call *call, const struct redemption *r)
{
    struct sp_str sent = sp_call_parameter(call, "redirect_uri");
    if (has_right_redirect_uri(call, r))
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_CODE_REDIRECT_URI_DIFFERS, .expected = text_of(r, "redirect_uri"),
                   .received = sent.at != NULL ? sent : SP_STR("none"));
}

/* RFC 9449 10: the login may have named the key. */
static enum sp_step check_key(struct sp_call *call, const struct redemption *r)
{
    struct sp_str bound = text_of(r, "dpop_jkt");
    if (bound.at == NULL || sp_str_equal(bound, call->jkt))
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_INVALID, .expected = bound,
                   .received = call->jkt.at != NULL ? call->jkt : SP_STR("no proof"), .detail = SP_STR("dpop_jkt"),
                   .error = "invalid_grant", .status = 400);
}

static enum sp_step check_verifier(struct sp_call *call, const struct redemption *r)
{
    struct sp_str verifier = sp_call_parameter(call, "code_verifier"), challenge = text_of(r, "challenge");
    if (challenge.at == NULL)
        return verifier.at == NULL ? SP_GOES_ON : SP_DENY(call, .cause = SP_CAUSE_PKCE_UNEXPECTED_VERIFIER);
    if (verifier.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_VERIFIER_MISSING, .expected = SP_STR("code_verifier"));
    bool is_plain = sp_json_is(sp_json_member(r->data, SP_STR("challenge_is_plain")), SP_JSON_TRUE);
    if (!is_plain && sp_str_equal(verifier, challenge))
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_CHALLENGE_AS_VERIFIER);
    if (verifier.len < 43 || verifier.len > 128)
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_VERIFIER_LENGTH,
                       .received = sp_arena_printf(call->arena, "%zu", verifier.len));
    struct sp_str made = challenge_of(call, r, verifier);
    if (!sp_secret_equal(made, challenge))
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_VERIFIER_MISMATCH,
                       .expected = is_plain ? SP_STR("the plain challenge") : challenge,
                       .received = is_plain ? SP_STR("another verifier") : made);
    return SP_GOES_ON;
}

/* The code is spent from here on: a failure is written to it, and kept. */
static enum sp_step note_failure(struct sp_call *call, const struct redemption *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_str data =
        sp_arena_printf(call->arena, "{\"failed\":\"%.*s\"}", SP_STR_ARG(sp_cause_get(call->finding.cause)->id));
    enum sp_status status = store->methods->change_ticket(store, SP_TICKET_CODE, r->ticket.hash, r->ticket.expires_at,
                                                          r->ticket.subject, data);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step find_code(struct sp_call *call, struct redemption *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_json_error error;
    r->code = sp_call_parameter(call, "code");
    if (r->code.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("code"),
                       .tell = SP_STR("It is 'code'."));
    unsigned char hash[32];
    sp_sha256(r->code, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_CODE, hash, call->arena, &r->ticket);
    if (status == SP_NOT_FOUND)
        return refuse_unknown(call, r->code);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, r->ticket.data, &sp_json_limits_token, &r->data, &error);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = r->ticket.subject;
    if (!sp_str_equal(r->ticket.client_id, r->client->id))
        return SP_DENY(call, .cause = SP_CAUSE_CODE_OTHER_CLIENT, .expected = r->ticket.client_id,
                       .received = r->client->id);
    return SP_GOES_ON;
}

static enum sp_step check(struct sp_call *call, const struct redemption *r)
{
    if (r->ticket.expires_at <= call->now)
        return SP_DENY(call, .cause = SP_CAUSE_CODE_EXPIRED, .detail = ago(call, r->ticket.expires_at));
    enum sp_step step = check_redirect_uri(call, r);
    if (step == SP_GOES_ON)
        step = check_verifier(call, r);
    return step == SP_GOES_ON ? check_key(call, r) : step;
}

static enum sp_step redeem(struct sp_call *call, void *context)
{
    struct redemption *r = context;
    struct sp_store *store = call->authority->store;
    struct sp_grant_record record;
    struct sp_token_answer answer;
    bool first = false;
    if (find_code(call, r) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = store->methods->use_ticket(store, SP_TICKET_CODE, r->ticket.hash, call->now, &first);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->keeps_refusal = true;
    if (!first)
        return refuse_second_use(call, r);
    if (check(call, r) != SP_GOES_ON) {
        (void)note_failure(call, r);
        return SP_DENIED;
    }
    call->keeps_refusal = false;
    status = sp_grant_record_read(call->arena, &r->ticket, r->data, &record);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    record.jkt = call->jkt;
    return sp_grant_record_issue(call, r->client, &record, record.scope, &answer) == SP_GOES_ON
               ? sp_token_answer_write(call, &answer)
               : SP_DENIED;
}

enum sp_step sp_grant_authorization_code(struct sp_call *call, const struct sp_client *client)
{
    struct redemption r = {.client = client};
    return sp_call_in_write(call, redeem, &r);
}
