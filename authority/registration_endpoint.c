/* SPDX-License-Identifier: Apache-2.0 */
/* Clients register themselves (RFC 7591; OIDC Registration) and look after their registration (RFC 7592), each with its
 * registration access token, which stays the same: a rotated one whose answer is lost would lock the client out.
 * Secrets and tokens are kept as SHA-256, so a secret is told once, when it is made. */
#include "authority/client_directory.h"
#include "authority/client_metadata.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/handle.h"
#include "authority/sector.h"
#include "authority/throttle.h"
#include "core/base/secret.h"
#include "core/diagnosis/cause.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

struct registration {
    const struct sp_json *metadata;
    struct sp_str id, token; /* token: to tell; kept is its hash */
    struct sp_str secret;    /* made now, to tell; absent: none, or told before */
    struct sp_client_secret kept_secret;
    bool has_secret;
    struct sp_client client;
    int64_t issued_at;
    int64_t due_at; /* when it is forgotten if it got no token; 0: never */
};

/* ---- saying no ---- */
/* RFC 7591 3.2.2 as JSON; RFC 6750 3 where a token is missing or wrong. */
static enum sp_step deny(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_str site = call->asked.fetch_site;
    call->deny = NULL;
    call->asked.fetch_site = SP_STR_NONE; /* no browser asks its person for a bearer token: 401 for scripts, too */
    enum sp_step step = sp_deny(call, denial);
    call->asked.fetch_site = site;
    if (call->answer.status == 401)
        sp_answer_header(call, "WWW-Authenticate",
                         call->asked.authorization_count == 0
                             ? SP_STR("Bearer realm=\"authority\"")
                             : sp_arena_printf(call->arena, "Bearer error=\"%s\"", sp_denial_error(denial)));
    return step;
}

static enum sp_step refuse_metadata(struct sp_call *call, const struct sp_metadata_fault *fault)
{
    bool is_uri = sp_str_equal(fault->member, SP_STR("redirect_uris")),
         is_statement = sp_str_equal(fault->member, SP_STR("software_statement"));
    enum sp_cause cause = is_uri         ? SP_CAUSE_REGISTRATION_REDIRECT_URI
                          : is_statement ? SP_CAUSE_REGISTRATION_SOFTWARE_STATEMENT
                                         : SP_CAUSE_REGISTRATION_METADATA;
    return SP_DENY(
        call, .cause = cause, .expected = fault->message, .received = fault->member,
        .tell = sp_arena_printf(call->arena, "%.*s: %.*s", SP_STR_ARG(fault->member), SP_STR_ARG(fault->message)));
}

static enum sp_step refuse_member(struct sp_call *call, const char *member, const char *message)
{
    struct sp_metadata_fault fault = {sp_str_from_cstr(member), sp_str_from_cstr(message)};
    return refuse_metadata(call, &fault);
}

/* ---- reading ---- */
static struct sp_str bearer_token(const struct sp_call *call)
{
    struct sp_str header = call->asked.authorization;
    bool is_bearer = call->asked.authorization_count == 1 && header.len > 7 &&
                     sp_str_equal_ignoring_case(sp_str_slice(header, 0, 7), SP_STR("Bearer "));
    return is_bearer ? sp_str_trim(sp_str_slice(header, 7, header.len)) : SP_STR_NONE;
}

static enum sp_step read_body(struct sp_call *call, struct registration *r)
{
    struct sp_json_error error = {0};
    struct sp_str body = call->asked.body;
    if (body.len > SP_MAX_REGISTRATION_BYTES)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE,
                       .expected = sp_arena_printf(call->arena, "at most %u bytes", SP_MAX_REGISTRATION_BYTES),
                       .received = sp_arena_printf(call->arena, "%zu bytes", body.len));
    enum sp_status status = sp_json_parse(call->arena, body, &sp_json_limits_token, &r->metadata, &error);
    if (status == SP_NO_MEMORY)
        return sp_deny_failure(call, status);
    if (status != SP_OK || !sp_json_is(r->metadata, SP_JSON_OBJECT))
        return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_METADATA, .expected = SP_STR("a JSON object"),
                       .received = SP_STR("the body"),
                       .tell = sp_arena_printf(call->arena, "The body is no JSON object (byte %zu).", error.offset));
    return SP_GOES_ON;
}

static enum sp_step read_client(struct sp_call *call, struct registration *r)
{
    struct sp_metadata_fault fault = {SP_STR_NONE, SP_STR_NONE};
    const struct sp_metadata_terms terms = {.settings = call->authority->settings, .secret = &r->kept_secret};
    r->client.id = r->id;
    enum sp_status status = sp_client_metadata_read(call->arena, &terms, r->metadata, &r->client, &fault);
    if (status == SP_MALFORMED)
        return refuse_metadata(call, &fault);
    return status == SP_OK ? sp_sector_verify(call, &r->client) : sp_deny_failure(call, status);
}

/* ---- initial access tokens ---- */
static enum sp_step refuse_initial(struct sp_call *call, const char *why)
{
    return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_TOKEN_INVALID,
                   .expected = SP_STR("an initial access token that is alive"), .received = sp_str_from_cstr(why),
                   .tell = SP_STR("It is the initial access token."));
}

/* One use less. The caller has begun. */
static enum sp_step spend_initial(struct sp_call *call)
{
    struct sp_store *store = call->authority->store;
    struct sp_str token = bearer_token(call);
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    int64_t uses = 0;
    bool first = false;
    unsigned char hash[32];
    if (token.at == NULL && call->authority->settings->registration.open) {
        if (call->errands != NULL) /* it was counted, and waited since for what it asked outside */
            return SP_GOES_ON;
        enum sp_step step = sp_throttle_check(call, SP_THROTTLE_REGISTRATION);
        sp_throttle_fail(call, SP_THROTTLE_REGISTRATION);
        return step;
    }
    if (token.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_TOKEN_MISSING,
                       .expected = SP_STR("Authorization: Bearer and an initial access token"),
                       .received = SP_STR("none"));
    sp_sha256(token, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_INITIAL_ACCESS, hash, call->arena, &ticket);
    if (status == SP_NOT_FOUND)
        return refuse_initial(call, "one that is not known");
    if (status == SP_OK && ticket.expires_at <= call->now)
        return refuse_initial(call, "one that has expired");
    if (status == SP_OK && ticket.used_at != 0)
        return refuse_initial(call, "one that is used up");
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("uses")), &uses);
    if (status == SP_OK && uses > 1)
        status = store->methods->change_ticket(store, SP_TICKET_INITIAL_ACCESS, hash, ticket.expires_at, ticket.subject,
                                               sp_arena_printf(call->arena, "{\"uses\":%lld}", (long long)(uses - 1)));
    else if (status == SP_OK)
        status = store->methods->use_ticket(store, SP_TICKET_INITIAL_ACCESS, hash, call->now, &first);
    if (status == SP_OK && uses <= 1 && !first)
        return refuse_initial(call, "one that is used up");
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step check_room(struct sp_call *call)
{
    struct sp_store *store = call->authority->store;
    int64_t count = 0, most = call->authority->settings->registration.max_clients;
    enum sp_status status = store->methods->count_records(store, SP_RECORD_CLIENT, &count);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (count < most)
        return SP_GOES_ON;
    bool made = false;
    status = sp_client_directory_make_room(call, &made);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (made)
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_FULL, .status = 403,
                   .expected = sp_arena_printf(call->arena, "at most %lld clients (authority.registration.max_clients)",
                                               (long long)most),
                   .received = sp_arena_printf(call->arena, "%lld", (long long)count));
}

/* ---- writing ---- */
static void make_secret(struct sp_call *call, struct registration *r)
{
    r->secret = sp_handle_make(call->arena, "sprs_", SP_HANDLE_BYTES);
    r->kept_secret = (struct sp_client_secret){.kind = SP_CLIENT_SECRET_SHA256};
    sp_sha256(r->secret, r->kept_secret.sha256);
}

static bool is_by_secret(const struct sp_client *client)
{
    return (client->methods & ((unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST)) != 0;
}

static enum sp_status put(struct sp_call *call, const struct registration *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    unsigned char token_hash[32];
    sp_sha256(r->token, token_hash);
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("metadata"));
    sp_json_begin_object(&json);
    sp_client_metadata_write(&json, call->authority->settings, r->metadata, &r->client);
    sp_json_end_object(&json);
    sp_json_string_member(&json, "token", sp_base64url_of(call->arena, token_hash, sizeof token_hash));
    if (is_by_secret(&r->client))
        sp_json_string_member(&json, "secret", sp_base64url_of(call->arena, r->kept_secret.sha256, 32));
    sp_json_end_object(&json);
    if (sp_buffer_status(&data) != SP_OK)
        return sp_buffer_status(&data);
    const struct sp_record record = {.kind = SP_RECORD_CLIENT,
                                     .id = r->id,
                                     .data = sp_buffer_str(&data),
                                     .created_at = r->issued_at,
                                     .due_at = r->due_at};
    sp_client_directory_forget(call->authority, r->id);
    return store->methods->put_record(store, &record, NULL);
}

/* RFC 7591 3.2.1. */
static enum sp_step answer(struct sp_call *call, const struct registration *r, int status)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "client_id", r->id);
    sp_json_int_member(&json, "client_id_issued_at", r->issued_at);
    if (r->secret.len > 0) {
        sp_json_string_member(&json, "client_secret", r->secret);
        sp_json_int_member(&json, "client_secret_expires_at", 0);
    }
    sp_json_string_member(&json, "registration_access_token", r->token);
    sp_json_string_member(&json, "registration_client_uri",
                          sp_arena_printf(call->arena, "%.*s?client_id=%.*s",
                                          SP_STR_ARG(sp_authority_url(call, "/register")), SP_STR_ARG(r->id)));
    sp_client_metadata_write(&json, call->authority->settings, r->metadata, &r->client);
    sp_json_end_object(&json);
    sp_answer_json(call, status, &buffer);
    sp_answer_header(call, "Pragma", SP_STR("no-cache"));
    return SP_GOES_ON;
}

static enum sp_step put_and_answer(struct sp_call *call, struct registration *r, int status)
{
    enum sp_status kept = put(call, r);
    if (kept != SP_OK)
        return sp_deny_failure(call, kept);
    call->client_id = r->id;
    if (!is_by_secret(&r->client))
        r->secret = SP_STR_NONE;
    return answer(call, r, status);
}

/* ---- POST: a new one ---- */
static enum sp_step write_new(struct sp_call *call, void *context)
{
    struct registration *r = context;
    enum sp_step step = spend_initial(call);
    /* Whoever handed out a token knows why: those stay. */
    if (step == SP_GOES_ON && bearer_token(call).at == NULL)
        r->due_at = call->now + call->authority->settings->registration.unused_lifetime_s;
    if (step == SP_GOES_ON)
        step = check_room(call);
    if (step == SP_GOES_ON)
        step = read_body(call, r);
    if (step == SP_GOES_ON)
        step = read_client(call, r);
    return step == SP_GOES_ON ? put_and_answer(call, r, 201) : step;
}

static enum sp_step create(struct sp_call *call)
{
    struct registration r = {.issued_at = call->now};
    r.id = sp_handle_make(call->arena, SP_REGISTERED_CLIENT_PREFIX, 16);
    r.token = sp_handle_make(call->arena, "sprg_", SP_HANDLE_BYTES);
    make_secret(call, &r);
    if (r.id.at == NULL || r.token.at == NULL || r.secret.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    return sp_call_in_write(call, write_new, &r);
}

/* ---- GET, PUT, DELETE: one that is there (RFC 7592 2) ---- */
static enum sp_step refuse_management(struct sp_call *call, const char *why)
{
    return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_TOKEN_INVALID,
                   .expected = SP_STR("the registration access token of the client"), .received = sp_str_from_cstr(why),
                   .tell = SP_STR("It is the registration access token."));
}

static enum sp_step find(struct sp_call *call, struct registration *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    struct sp_registered_client registered;
    unsigned char hash[32];
    r->id = sp_call_parameter(call, "client_id");
    r->token = bearer_token(call);
    call->client_id = r->id;
    if (r->token.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REGISTRATION_TOKEN_MISSING,
                       .expected = SP_STR("Authorization: Bearer and the registration access token"),
                       .received = SP_STR("none"));
    /* Whether a client exists is nobody's business without its token. */
    enum sp_status status = store->methods->find_record(store, SP_RECORD_CLIENT, r->id, call->arena, &record);
    if (status == SP_NOT_FOUND)
        return refuse_management(call, "a token for a client that does not exist");
    if (status == SP_OK)
        status = sp_registered_client_read(call->arena, record.data, &registered);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_sha256(r->token, hash);
    if (!sp_secret_equal(sp_base64url_of(call->arena, hash, sizeof hash), registered.token_hash))
        return refuse_management(call, "another token");
    r->metadata = registered.metadata;
    r->issued_at = record.created_at;
    r->due_at = record.due_at;
    r->has_secret = registered.has_secret;
    r->kept_secret = registered.secret;
    return SP_GOES_ON;
}

static enum sp_step show(struct sp_call *call)
{
    struct registration r = {0};
    struct sp_metadata_fault fault;
    if (find(call, &r) != SP_GOES_ON)
        return SP_DENIED;
    const struct sp_metadata_terms terms = {
        .settings = call->authority->settings, .secret = &r.kept_secret, .kept = true};
    r.client.id = r.id;
    enum sp_status status = sp_client_metadata_read(call->arena, &terms, r.metadata, &r.client, &fault);
    if (status != SP_OK && status != SP_MALFORMED)
        return sp_deny_failure(call, status);
    return answer(call, &r, 200);
}

/* RFC 7592 2.2: what the client must say again, and what it must not say. */
static enum sp_step check_update(struct sp_call *call, const struct registration *r)
{
    static const char *const ours[] = {"registration_access_token", "registration_client_uri",
                                       "client_secret_expires_at", "client_id_issued_at"};
    struct sp_str secret = sp_json_string(sp_json_member(r->metadata, SP_STR("client_secret")));
    unsigned char hash[32];
    if (!sp_str_equal(sp_json_string(sp_json_member(r->metadata, SP_STR("client_id"))), r->id))
        return refuse_member(call, "client_id", "It is to be the client's own (RFC 7592 2.2).");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (sp_json_member(r->metadata, sp_str_from_cstr(ours[i])) != NULL)
            return refuse_member(call, ours[i], "This is not the client's to say; leave it out (RFC 7592 2.2).");
    sp_sha256(secret, hash);
    bool is_right = secret.at != NULL && r->has_secret &&
                    sp_secret_equal(sp_str((const char *)hash, 32), sp_str((const char *)r->kept_secret.sha256, 32));
    if (sp_json_member(r->metadata, SP_STR("client_secret")) != NULL && !is_right)
        return refuse_member(call, "client_secret", "It is not the client's present one; a client cannot choose it.");
    return SP_GOES_ON;
}

static enum sp_step replace(struct sp_call *call, void *context)
{
    struct registration *r = context;
    if (find(call, r) != SP_GOES_ON || read_body(call, r) != SP_GOES_ON || check_update(call, r) != SP_GOES_ON)
        return SP_DENIED;
    if (!r->has_secret)
        make_secret(call, r);
    return read_client(call, r) == SP_GOES_ON ? put_and_answer(call, r, 200) : SP_DENIED;
}

static enum sp_step change(struct sp_call *call)
{
    struct registration r = {0};
    return sp_call_in_write(call, replace, &r);
}

static enum sp_step drop(struct sp_call *call, void *context)
{
    struct registration *r = context;
    struct sp_store *store = call->authority->store;
    if (find(call, r) != SP_GOES_ON)
        return SP_DENIED;
    sp_client_directory_forget(call->authority, r->id);
    enum sp_status status = store->methods->drop_record(store, SP_RECORD_CLIENT, r->id);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step remove_client(struct sp_call *call)
{
    struct registration r = {0};
    enum sp_step step = sp_call_in_write(call, drop, &r);
    if (step != SP_GOES_ON)
        return step;
    call->answer.status = 204;
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

enum sp_step sp_registration_endpoint(struct sp_call *call)
{
    static const struct {
        struct sp_str method;
        enum sp_step (*answer)(struct sp_call *call);
    } methods[] = {{{"POST", 4}, create},
                   {{"GET", 3}, show},
                   {{"HEAD", 4}, show},
                   {{"PUT", 3}, change},
                   {{"DELETE", 6}, remove_client}};
    call->deny = deny;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (sp_str_equal(methods[i].method, call->asked.method))
            return methods[i].answer(call);
    return sp_deny_failure(call, SP_UNSUPPORTED); /* the router let it through */
}
