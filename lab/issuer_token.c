/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's token endpoint: client credentials, codes, refresh tokens, device codes. Clients are authenticated for
 * real, so that a client's own mistakes fail in a healthy lab too. */
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "lab/possession.h"
#include "lab/token.h"

#define ENOUGH_POLLS 3u

static struct sp_str parameter(const struct sp_lab_call *call, const char *name)
{
    return sp_form_value(&call->form, sp_str_from_cstr(name));
}

/* ---- who asks ---- */

struct client {
    struct sp_str id, secret; /* secret: absent, none was shown */
    bool by_header;
};

/* RFC 6749 2.3.1: both parts are form-encoded before they are joined. */
static bool read_basic(struct sp_lab_call *call, struct client *client)
{
    struct sp_str scheme = SP_STR("Basic "), pair;
    if (!sp_str_equal_ignoring_case(sp_str_slice(call->authorization, 0, scheme.len), scheme))
        return false;
    struct sp_str encoded = sp_str_trim(sp_str_slice(call->authorization, scheme.len, call->authorization.len));
    client->by_header = true;
    if (sp_base64_decode(call->arena, encoded, &pair) != SP_OK)
        return true;
    size_t colon = sp_str_index_of(pair, ':', 0);
    if (colon == pair.len || sp_form_decode(call->arena, sp_str_slice(pair, 0, colon), &client->id) != SP_OK ||
        sp_form_decode(call->arena, sp_str_slice(pair, colon + 1, pair.len), &client->secret) != SP_OK)
        *client = (struct client){.by_header = true};
    return true;
}

bool sp_lab_authenticate(struct sp_lab_call *call, bool may_be_public)
{
    struct client client = {0};
    const struct sp_lab_facts *facts = &call->lab->facts;
    if (!read_basic(call, &client)) {
        client.id = parameter(call, "client_id");
        client.secret = parameter(call, "client_secret");
    }
    bool known = sp_str_equal(client.id, facts->client_id);
    bool proven = client.secret.at != NULL && sp_secret_equal(client.secret, facts->client_secret);
    if (known && (proven || (client.secret.at == NULL && may_be_public)))
        return true;
    sp_lab_answer_error(call, 401, "invalid_client",
                        !known                     ? "there is one client here, lab-client"
                        : client.secret.at == NULL ? "no client_secret was sent"
                                                   : "the client_secret is another one");
    if (client.by_header)
        sp_lab_answer_header(call, "WWW-Authenticate", SP_STR("Basic realm=\"lab\""));
    return false;
}

/* ---- what is given ---- */

static bool has_scope(struct sp_str scope, struct sp_str wanted)
{
    struct sp_str word;
    while (sp_str_next_word(&scope, SP_STR(" "), &word))
        if (sp_str_equal(word, wanted))
            return true;
    return false;
}

static struct sp_str make_refresh_token(struct sp_lab_call *call, const struct sp_lab_order *order)
{
    struct sp_lab_grant *grant = NULL;
    if (sp_lab_grant_add(&call->lab->grants, SP_LAB_GRANT_REFRESH, call->now, &grant) != SP_OK ||
        !sp_lab_keep(grant->scope, sizeof grant->scope, order->scope) ||
        !sp_lab_keep(grant->audience, sizeof grant->audience, order->audience))
        return SP_STR_NONE;
    return sp_arena_printf(call->arena, "%s", grant->handle);
}

static void answer_tokens(struct sp_lab_call *call, const struct sp_lab_order *order, bool is_person)
{
    struct sp_lab_object object;
    struct sp_str access, id = SP_STR_NONE;
    enum sp_status status = sp_lab_access_token(call, order, &access);
    if (status == SP_OK && is_person && has_scope(order->scope, SP_STR("openid")))
        status = sp_lab_id_token(call, order, access, &id);
    if (status != SP_OK) {
        sp_lab_answer_error(call, 500, "server_error", sp_status_text(status));
        return;
    }
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "access_token", access);
    bool ignores_proof = call->jkt.at != NULL && call->fault == SP_CAUSE_RESPONSE_TOKEN_TYPE_UNEXPECTED;
    if (ignores_proof)
        sp_lab_committed(call->lab);
    sp_lab_put_text(&object, "token_type", call->jkt.at != NULL && !ignores_proof ? SP_STR("DPoP") : SP_STR("Bearer"));
    sp_lab_put_number(&object, "expires_in", 300);
    sp_lab_put_text(&object, "scope", order->scope);
    sp_lab_put_text(&object, "id_token", id);
    if (is_person && has_scope(order->scope, SP_STR("offline_access")))
        sp_lab_put_text(&object, "refresh_token", make_refresh_token(call, order));
    if (sp_lab_apply(&object, call->fault, SP_LAB_TOKEN_ANSWER, &call->words) > 0)
        sp_lab_committed(call->lab);
    sp_lab_answer_object(call, 200, &object);
}

/* The answers of faults that are about the answer as a whole and hold a token. */
static void spoil_answer(struct sp_lab_call *call)
{
    const struct sp_lab_answer_row *row = sp_lab_answer_find(call->fault, SP_LAB_TOKEN);
    struct sp_lab_order order = {
        .subject = call->lab->facts.client_id, .scope = SP_STR("read write"), .audience = call->lab->facts.audience};
    struct sp_str fresh;
    if (call->fault == SP_CAUSE_RESPONSE_CACHEABLE)
        sp_lab_committed(call->lab);
    else
        sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
    if (call->fault != SP_CAUSE_RESPONSE_CHARSET || row == NULL || sp_lab_access_token(call, &order, &fresh) != SP_OK)
        return;
    const struct sp_lab_word word = {"fresh", fresh};
    const struct sp_lab_words words = {&word, 1, &call->words, 0};
    sp_lab_answer(call, row->status, row->media_type, sp_lab_expand(call->arena, row->body, &words));
    sp_lab_committed(call->lab);
}

/* ---- the grants ---- */

static struct sp_str audience_asked(const struct sp_lab_call *call, struct sp_str before)
{
    struct sp_str resource = parameter(call, "resource"), audience = parameter(call, "audience");
    if (resource.at != NULL)
        return resource;
    if (audience.at != NULL)
        return audience;
    return before.len > 0 ? before : call->lab->facts.audience;
}

static void give_to_client(struct sp_lab_call *call)
{
    struct sp_str scope = parameter(call, "scope");
    const struct sp_lab_order order = {.subject = call->lab->facts.client_id,
                                       .scope = scope.at != NULL ? scope : SP_STR("read write"),
                                       .audience = audience_asked(call, SP_STR_NONE)};
    if (sp_lab_authenticate(call, false))
        answer_tokens(call, &order, false);
}

/* RFC 7636 4.6 */
static bool is_verified(const struct sp_lab_grant *grant, struct sp_str verifier)
{
    unsigned char digest[32];
    char computed[43];
    if (!grant->has_challenge)
        return verifier.at == NULL;
    sp_sha256(verifier, digest);
    sp_base64url_encode_into(sp_str((const char *)digest, sizeof digest), computed);
    return verifier.at != NULL &&
           sp_secret_equal(sp_str(computed, sizeof computed), sp_str_from_cstr(grant->challenge));
}

static const char *fault_of_code(const struct sp_lab_call *call, const struct sp_lab_grant *grant)
{
    if (grant == NULL)
        return "the code is not known, or was redeemed before";
    if (call->now - grant->issued_at > SP_LAB_CODE_LIFETIME_S)
        return "the code has expired";
    if (!sp_str_equal(parameter(call, "redirect_uri"), sp_str_from_cstr(grant->redirect_uri)))
        return "redirect_uri is not that of the authorization request";
    if (!is_verified(grant, parameter(call, "code_verifier")))
        return "PKCE: the code_verifier does not fit";
    return NULL;
}

static void redeem_code(struct sp_lab_call *call)
{
    struct sp_lab_grant *grant = sp_lab_grant_find(&call->lab->grants, SP_LAB_GRANT_CODE, parameter(call, "code"));
    if (!sp_lab_authenticate(call, grant != NULL && grant->has_challenge))
        return;
    const char *fault = fault_of_code(call, grant);
    if (fault != NULL) {
        sp_lab_answer_error(call, 400, "invalid_grant", fault);
        return;
    }
    struct sp_lab_grant redeemed = *grant;
    sp_lab_grant_forget(grant);
    const struct sp_lab_order order = {
        .subject = SP_STR("lab-user"),
        .scope = sp_str_from_cstr(redeemed.scope),
        .audience = audience_asked(call, sp_str_from_cstr(redeemed.audience)),
        .nonce = redeemed.has_nonce ? sp_str_from_cstr(redeemed.nonce) : SP_STR_NONE,
    };
    answer_tokens(call, &order, true);
}

/* Refresh tokens rotate: each is good once. */
static void redeem_refresh_token(struct sp_lab_call *call)
{
    struct sp_lab_grant *grant =
        sp_lab_grant_find(&call->lab->grants, SP_LAB_GRANT_REFRESH, parameter(call, "refresh_token"));
    if (!sp_lab_authenticate(call, grant != NULL))
        return;
    if (grant == NULL) {
        sp_lab_answer_error(call, 400, "invalid_grant", "the refresh token is not known, or was used before");
        return;
    }
    struct sp_lab_grant used = *grant;
    sp_lab_grant_forget(grant);
    struct sp_str scope = parameter(call, "scope");
    const struct sp_lab_order order = {.subject = SP_STR("lab-user"),
                                       .scope = scope.at != NULL ? scope : sp_str_from_cstr(used.scope),
                                       .audience = audience_asked(call, sp_str_from_cstr(used.audience))};
    answer_tokens(call, &order, true);
}

/* ---- devices (RFC 8628): the person agrees at once, unless the fault says otherwise ---- */

static const struct {
    enum sp_cause fault;
    const char *error;
    unsigned polls; /* that are answered so; 0: all */
} device_faults[] = {
    {SP_CAUSE_DEVICE_PENDING, "authorization_pending", ENOUGH_POLLS - 1},
    {SP_CAUSE_DEVICE_SLOW_DOWN, "slow_down", ENOUGH_POLLS - 1},
    {SP_CAUSE_DEVICE_EXPIRED, "expired_token", 0},
    {SP_CAUSE_DEVICE_DENIED, "access_denied", 0},
};

static const char *device_answer(struct sp_lab_call *call, struct sp_lab_grant *grant)
{
    for (size_t i = 0; i < sizeof device_faults / sizeof device_faults[0]; i++) {
        bool over = device_faults[i].polls > 0 && grant->polls > device_faults[i].polls;
        if (device_faults[i].fault != call->fault || over)
            continue;
        sp_lab_committed(call->lab);
        return device_faults[i].error;
    }
    return NULL;
}

static void redeem_device_code(struct sp_lab_call *call)
{
    struct sp_lab_grant *grant =
        sp_lab_grant_find(&call->lab->grants, SP_LAB_GRANT_DEVICE, parameter(call, "device_code"));
    if (!sp_lab_authenticate(call, grant != NULL))
        return;
    if (grant == NULL) {
        sp_lab_answer_error(call, 400, "invalid_grant", "the device code is not known");
        return;
    }
    grant->polls++;
    const char *error = device_answer(call, grant);
    if (error != NULL) {
        sp_lab_answer_error(call, 400, error, NULL);
        return;
    }
    struct sp_lab_grant redeemed = *grant;
    sp_lab_grant_forget(grant);
    const struct sp_lab_order order = {.subject = SP_STR("lab-user"),
                                       .scope = sp_str_from_cstr(redeemed.scope),
                                       .audience = call->lab->facts.audience};
    answer_tokens(call, &order, true);
}

void sp_lab_serve_device_authorization(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_lab_grant *grant = NULL;
    struct sp_str issuer = call->lab->facts.issuer;
    if (!sp_str_equal(parameter(call, "client_id"), call->lab->facts.client_id) && !sp_lab_authenticate(call, false))
        return;
    if (sp_lab_grant_add(&call->lab->grants, SP_LAB_GRANT_DEVICE, call->now, &grant) != SP_OK ||
        !sp_lab_keep(grant->scope, sizeof grant->scope, parameter(call, "scope"))) {
        sp_lab_answer_error(call, 400, "invalid_request", NULL);
        return;
    }
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "device_code", sp_str_from_cstr(grant->handle));
    sp_lab_put_text(&object, "user_code", SP_STR("LABS-TEST"));
    sp_lab_put_text(&object, "verification_uri", sp_arena_printf(call->arena, "%.*s/device", SP_STR_ARG(issuer)));
    sp_lab_put_number(&object, "expires_in", 600);
    sp_lab_put_number(&object, "interval", 1);
    sp_lab_answer_object(call, 200, &object);
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

static const struct {
    const char *type;
    void (*serve)(struct sp_lab_call *call);
} grants[] = {
    {"client_credentials", give_to_client},
    {"authorization_code", redeem_code},
    {"refresh_token", redeem_refresh_token},
    {"urn:ietf:params:oauth:grant-type:device_code", redeem_device_code},
};

void sp_lab_serve_token(struct sp_lab_call *call)
{
    struct sp_str type = parameter(call, "grant_type");
    if (!sp_str_equal(call->method, SP_STR("POST"))) {
        sp_lab_answer_error(call, 405, "invalid_request", "POST a form");
        return;
    }
    if (!sp_lab_take_proof(call))
        return;
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++)
        if (sp_str_equal(type, sp_str_from_cstr(grants[i].type))) {
            grants[i].serve(call);
            if (call->status == 200)
                spoil_answer(call);
            return;
        }
    sp_lab_answer_error(call, 400, "unsupported_grant_type", NULL);
}
