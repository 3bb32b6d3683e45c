/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/upstream_account.h"

#include "authority/account.h"
#include "authority/claims.h"
#include "authority/handle.h"

struct sp_str sp_upstream_identity_id(struct sp_arena *arena, const struct sp_upstream_identity *identity)
{
    return sp_arena_printf(arena, "%.*s %.*s", SP_STR_ARG(identity->upstream->issuer), SP_STR_ARG(identity->subject));
}

static const struct sp_json *claim(const struct sp_upstream_identity *identity, struct sp_str name)
{
    const struct sp_json *value = sp_json_member(identity->userinfo, name);
    return value != NULL ? value : sp_json_member(identity->id_token, name);
}

static bool is_taken_over(const struct sp_upstream_identity *identity, struct sp_str name)
{
    const struct sp_json *value = claim(identity, name);
    return sp_list_has(identity->upstream->claims, name) && value != NULL && sp_claim_type_wanted(value) == NULL &&
           !sp_claim_is_reserved(name);
}

/* ---- claims: what the account has, and what of it is the upstream's ----
 * The identity's record keeps what was taken over at the last sign-in. What the account still has just so is the
 * upstream's: it changes with it, and goes when the upstream no longer says it, or is no longer asked for it. What a
 * person or an administrator wrote over it is theirs. */
struct takeover {
    const struct sp_upstream_identity *identity;
    const struct sp_json *before; /* the account's claims */
    const struct sp_json *taken;  /* those that came from here last time; NULL: none, or nobody knows */
    bool email;                   /* its address is taken this time */
};

static bool is_of_email(struct sp_str name)
{
    return sp_str_equal(name, SP_STR("email")) || sp_str_equal(name, SP_STR("email_verified"));
}

static struct sp_str text_of(struct sp_call *call, const struct sp_json *value)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    if (value == NULL)
        return SP_STR_NONE;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_put_value(&json, value);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static bool is_as_taken(struct sp_call *call, const struct takeover *t, struct sp_str name)
{
    struct sp_str now = text_of(call, sp_json_member(t->before, name)),
                  then = text_of(call, sp_json_member(t->taken, name));
    return then.at != NULL && sp_str_equal(now, then);
}

/* An address that was verified here since is the person's. */
static bool is_email_as_taken(struct sp_call *call, const struct takeover *t)
{
    return is_as_taken(call, t, SP_STR("email")) &&
           sp_json_is(sp_json_member(t->before, SP_STR("email_verified")), SP_JSON_TRUE) ==
               sp_json_is(sp_json_member(t->taken, SP_STR("email_verified")), SP_JSON_TRUE);
}

/* The upstream's address is taken when it counts here, or when the account has none of its own. */
static bool takes_email(struct sp_call *call, const struct takeover *t)
{
    const struct sp_upstream_provider *upstream = t->identity->upstream;
    struct sp_str email = sp_json_string(claim(t->identity, SP_STR("email")));
    return sp_list_has(upstream->claims, SP_STR("email")) && sp_email_normal(call->arena, email).at != NULL &&
           (upstream->trust_email || sp_json_member(t->before, SP_STR("email")) == NULL || is_email_as_taken(call, t));
}

static bool stays(struct sp_call *call, const struct takeover *t, struct sp_str name)
{
    if (is_of_email(name))
        return !t->email && !is_email_as_taken(call, t);
    return !is_taken_over(t->identity, name) && !is_as_taken(call, t, name);
}

static void write_taken(struct sp_json_writer *json, const struct takeover *t, bool verified)
{
    const struct sp_upstream_provider *upstream = t->identity->upstream;
    for (size_t i = 0; i < upstream->claims.count; i++) {
        struct sp_str name = upstream->claims.at[i];
        if (!is_taken_over(t->identity, name) || is_of_email(name))
            continue;
        sp_json_name(json, name);
        sp_json_put_value(json, claim(t->identity, name));
    }
    if (!t->email)
        return;
    sp_json_string_member(json, "email", sp_json_string(claim(t->identity, SP_STR("email"))));
    sp_json_bool_member(json, "email_verified",
                        verified && upstream->trust_email &&
                            sp_json_is(claim(t->identity, SP_STR("email_verified")), SP_JSON_TRUE));
}

/* The account's claims from now on. */
static struct sp_str merge_claims(struct sp_call *call, const struct takeover *t, bool verified)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    for
        SP_JSON_EACH(old, t->before)
        {
            if (!stays(call, t, old->name))
                continue;
            sp_json_name(&json, old->name);
            sp_json_put_value(&json, old);
        }
    write_taken(&json, t, verified);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

/* What the identity's record keeps. */
static struct sp_str record_data(struct sp_call *call, const struct takeover *t, bool verified)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("taken"));
    sp_json_begin_object(&json);
    write_taken(&json, t, verified);
    sp_json_end_object(&json);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static enum sp_status begin_takeover(struct sp_call *call, const struct sp_upstream_identity *identity,
                                     const struct sp_account *account, const struct sp_record *record,
                                     struct takeover *t)
{
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    *t = (struct takeover){.identity = identity};
    enum sp_status status = sp_json_parse(call->arena, account->claims, &sp_json_limits_document, &t->before, &error);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, record->data, &sp_json_limits_document, &data, &error);
    if (status != SP_OK)
        return status;
    t->taken = sp_json_member(data, SP_STR("taken"));
    t->email = takes_email(call, t);
    return SP_OK;
}

static enum sp_status update(struct sp_call *call, const struct sp_upstream_identity *identity,
                             const struct sp_record *record, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    struct takeover t;
    struct sp_record kept = *record;
    enum sp_status status = begin_takeover(call, identity, account, record, &t);
    for (int verified = 1; status == SP_OK && verified >= 0; verified--) {
        struct sp_str claims = merge_claims(call, &t, verified != 0);
        kept.data = record_data(call, &t, verified != 0);
        if (claims.at == NULL || kept.data.at == NULL)
            return SP_NO_MEMORY;
        status = sp_account_set_claims(store, call->arena, account, claims, call->now);
        if (status != SP_NOT_FOUND)
            break;
        status = SP_OK; /* the address is another account's: here it stays unverified */
    }
    if (status == SP_OK)
        status = store->methods->put_account(store, account);
    return status == SP_OK && !sp_str_equal(kept.data, record->data) ? store->methods->put_record(store, &kept, NULL)
                                                                     : status;
}

/* A name that is free. What the upstream calls the person stands with the upstream's id: nobody gets a name, or an
 * address as a name, that people here take for somebody else. Only an address that counts here is one. */
static enum sp_status choose_name(struct sp_call *call, const struct sp_upstream_identity *identity,
                                  struct sp_str *name)
{
    struct sp_store *store = call->authority->store;
    struct sp_arena *arena = call->arena;
    struct sp_str id = identity->upstream->id,
                  preferred = sp_json_string(claim(identity, SP_STR("preferred_username")));
    bool counts =
        identity->upstream->trust_email && sp_json_is(claim(identity, SP_STR("email_verified")), SP_JSON_TRUE);
    struct sp_str candidates[] = {
        counts ? sp_email_normal(arena, sp_json_string(claim(identity, SP_STR("email")))) : SP_STR_NONE,
        preferred.len > 0 ? sp_arena_printf(arena, "%.*s (%.*s)", SP_STR_ARG(preferred), SP_STR_ARG(id)) : SP_STR_NONE,
        sp_arena_printf(arena, "%.*s-%.*s", SP_STR_ARG(id), SP_STR_ARG(sp_handle_make(arena, "", 9))),
    };
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        struct sp_account found;
        char trouble[256];
        struct sp_account_request request = {.name = candidates[i]};
        if (candidates[i].len == 0 || sp_account_check(arena, &request, trouble) != SP_OK)
            continue;
        enum sp_status status = store->methods->find_account(store, candidates[i], arena, &found);
        if (status == SP_NOT_FOUND) {
            *name = candidates[i];
            return SP_OK;
        }
        if (status != SP_OK)
            return status;
    }
    return SP_NO_MEMORY;
}

static enum sp_status create(struct sp_call *call, const struct sp_upstream_identity *identity,
                             struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_str id = sp_upstream_identity_id(call->arena, identity);
    struct sp_record record;
    struct sp_account made = {.id = sp_handle_make(call->arena, "", 16),
                              .password_hash = SP_STR(""),
                              .claims = SP_STR("{}"),
                              .created_at = call->now};
    enum sp_status status = made.id.at != NULL ? choose_name(call, identity, &made.name) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->put_account(store, &made);
    if (status == SP_OK)
        status = sp_upstream_link(call, id, made.id);
    if (status == SP_OK)
        status = store->methods->find_record(store, SP_RECORD_FEDERATED, id, call->arena, &record);
    if (status == SP_OK)
        status = update(call, identity, &record, &made);
    if (status == SP_OK)
        *account = made;
    return status;
}

enum sp_status sp_upstream_account(struct sp_call *call, const struct sp_upstream_identity *identity,
                                   struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    struct sp_str id = sp_upstream_identity_id(call->arena, identity);
    enum sp_status status = id.at != NULL
                                ? store->methods->find_record(store, SP_RECORD_FEDERATED, id, call->arena, &record)
                                : SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->get_account(store, record.owner, call->arena, account);
    if (status == SP_OK)
        return account->disabled ? SP_OK : update(call, identity, &record, account);
    if (status == SP_NOT_FOUND && identity->upstream->newcomers == SP_NEWCOMER_CREATE)
        return create(call, identity, account);
    return status;
}

enum sp_status sp_upstream_link(struct sp_call *call, struct sp_str identity_id, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    struct sp_record found, record = {.kind = SP_RECORD_FEDERATED,
                                      .id = identity_id,
                                      .owner = subject,
                                      .data = SP_STR("{}"),
                                      .created_at = call->now};
    bool fresh = false;
    enum sp_status status = store->methods->put_record(store, &record, &fresh);
    if (status == SP_OK && !fresh)
        status = store->methods->find_record(store, SP_RECORD_FEDERATED, identity_id, call->arena, &found);
    if (status == SP_OK && !fresh && !sp_str_equal(found.owner, subject))
        return SP_NOT_FOUND;
    return status;
}
