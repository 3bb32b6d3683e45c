/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/upstream_login.h"

#include "authority/client_directory.h"
#include "authority/handle.h"
#include "core/jose/crypto.h"

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
#define TEXT_OF(member)                                                                                                \
    {                                                                                                                  \
#member, offsetof(struct sp_upstream_login, member)                                                            \
    }
    TEXT_OF(upstream),          TEXT_OF(visit),          TEXT_OF(nonce),
    TEXT_OF(verifier),          TEXT_OF(browser),        TEXT_OF(jwks_uri),
    TEXT_OF(userinfo_endpoint), TEXT_OF(token_endpoint), TEXT_OF(end_session_endpoint),
#undef TEXT_OF
};

enum sp_status sp_upstream_login_put(struct sp_call *call, const struct sp_upstream_login *login, struct sp_str *state)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    struct sp_str made = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_str value = *(const struct sp_str *)((const char *)login + texts[i].offset);
        if (value.at != NULL)
            sp_json_string_member(&json, texts[i].name, value);
    }
    sp_json_bool_member(&json, "expects_iss", login->expects_iss);
    sp_json_bool_member(&json, "posts_secret", login->posts_secret);
    sp_json_end_object(&json);
    if (made.at == NULL || sp_buffer_status(&data) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_ticket ticket = {.kind = SP_TICKET_UPSTREAM,
                               .issued_at = call->now,
                               .expires_at = call->now + SP_UPSTREAM_LOGIN_LIFETIME_S,
                               .data = sp_buffer_str(&data)};
    sp_sha256(made, ticket.hash);
    enum sp_status status = store->methods->put_ticket(store, &ticket, NULL);
    if (status == SP_OK)
        *state = made;
    return status;
}

enum sp_status sp_upstream_login_find(struct sp_call *call, struct sp_str state, struct sp_upstream_login *login)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    struct sp_upstream_login read = {0};
    sp_sha256(state, read.hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_UPSTREAM, read.hash, call->arena, &ticket);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_document, &data, &error);
    if (status != SP_OK)
        return status;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *(struct sp_str *)((char *)&read + texts[i].offset) =
            sp_json_string(sp_json_member(data, sp_str_from_cstr(texts[i].name)));
    read.expects_iss = sp_json_is(sp_json_member(data, SP_STR("expects_iss")), SP_JSON_TRUE);
    read.posts_secret = sp_json_is(sp_json_member(data, SP_STR("posts_secret")), SP_JSON_TRUE);
    read.begun_at = ticket.issued_at;
    read.expires_at = ticket.expires_at;
    *login = read;
    return SP_OK;
}

/* What the client is registered with, where its request says nothing of it. Whoever is asked for a max_age, however
 * long, has to tell the time of the login (OIDC Core 2). */
static enum sp_status demand_by_client(struct sp_call *call, const struct sp_client *client,
                                       struct sp_upstream_demand *demand)
{
    if (!client->has_default_max_age && !client->require_auth_time)
        return SP_OK;
    demand->max_age_s = client->has_default_max_age ? client->default_max_age_s : SP_MAX_AGE_S;
    demand->max_age = sp_arena_printf(call->arena, "%lld", (long long)demand->max_age_s);
    return demand->max_age.at != NULL ? SP_OK : SP_NO_MEMORY;
}

enum sp_status sp_upstream_demand_of(struct sp_call *call, const struct sp_visit *visit,
                                     struct sp_upstream_demand *demand)
{
    struct sp_form stored = {0};
    size_t offset;
    enum sp_status status = sp_form_parse(call->arena, visit->parameters, &stored, &offset);
    if (status != SP_OK)
        return status;
    struct sp_upstream_demand read = {.again = visit->fresh,
                                      .max_age_s = -1,
                                      .max_age = sp_form_value(&stored, SP_STR("max_age")),
                                      .hint = sp_form_value(&stored, SP_STR("login_hint"))};
    struct sp_str rest = sp_form_value(&stored, SP_STR("prompt")), word;
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        read.again = read.again || sp_str_equal(word, SP_STR("login"));
    /* authorization.c let ten digits pass. */
    for (size_t i = 0; i < read.max_age.len; i++)
        read.max_age_s = (read.max_age_s < 0 ? 0 : read.max_age_s * 10) + (read.max_age.at[i] - '0');
    const struct sp_client *client = sp_client_look_up_or_none(call, sp_form_value(&stored, SP_STR("client_id")));
    *demand = read;
    return client != NULL && read.max_age.at == NULL ? demand_by_client(call, client, demand) : SP_OK;
}

struct sp_str sp_upstream_redirect_uri(const struct sp_call *call, const struct sp_upstream_provider *upstream)
{
    return sp_arena_printf(call->arena, "%.*s/callback/%.*s", SP_STR_ARG(call->authority->settings->base),
                           SP_STR_ARG(upstream->id));
}
