/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "core/base/secret.h"
#include "core/base/url.h"
#include "lab/ca_file.h"
#include "lab/certificates.h"
#include "lab/port.h"
#include "lab/server.h"
#include "lab/token.h"

#define LAB_ARENA_BYTES ((size_t)1024 * 1024)
#define TOKEN_ARENA_BYTES ((size_t)8 * 1024 * 1024)
#define SECRET_CHARACTERS 48

/* ---- the wires' questions ---- */

struct end {
    struct sp_lab *lab;
    enum sp_lab_place place;
};

static enum sp_lab_variety variety(void *context)
{
    const struct end *end = context;
    enum sp_lab_variety shown = SP_LAB_PLAIN;
    if (end->place != SP_LAB_AT_CONTROL && end->lab->terms.tls)
        shown = sp_lab_variety_of(sp_lab_fault(end->lab), end->place == SP_LAB_AT_API);
    if (end->lab->terms.tls && end->place != SP_LAB_AT_CONTROL && shown != SP_LAB_GOOD)
        sp_lab_committed(end->lab);
    return shown;
}

static void *tls(void *context, enum sp_lab_variety variety)
{
    const struct end *end = context;
    pthread_mutex_lock(&end->lab->lock);
    void *found = sp_lab_tls_context(end->lab->certificates, variety);
    pthread_mutex_unlock(&end->lab->lock);
    return found;
}

static enum sp_status lead(void *context, int fd)
{
    const struct end *end = context;
    return sp_lab_server_lead(end->lab->server, end->place, fd);
}

static enum sp_status start_wire(struct sp_lab *lab, enum sp_lab_place place, unsigned port, char trouble[256])
{
    struct end *end = SP_ARENA_NEW(lab->arena, struct end);
    if (end == NULL)
        return SP_NO_MEMORY;
    *end = (struct end){lab, place};
    const struct sp_lab_wire_terms terms = {
        .address = lab->terms.address, .port = port, .variety = variety, .tls = tls, .lead = lead, .context = end};
    return sp_lab_wire_start(&terms, &lab->wires[place], trouble);
}

static enum sp_status start_wires(struct sp_lab *lab, char trouble[256])
{
    unsigned port = lab->terms.port;
    enum sp_status status = start_wire(lab, SP_LAB_AT_ISSUER, port, trouble);
    if (status == SP_OK)
        status = start_wire(lab, SP_LAB_AT_API, port != 0 ? port + 1 : 0, trouble);
    if (status == SP_OK)
        status = start_wire(lab, SP_LAB_AT_CONTROL, 0, trouble);
    return status;
}

/* ---- what everybody is told ---- */

static struct sp_str url_of(struct sp_lab *lab, const char *scheme, unsigned port)
{
    bool v6 = strchr(lab->terms.address, ':') != NULL;
    return sp_arena_printf(lab->arena, v6 ? "%s://[%s]:%u" : "%s://%s:%u", scheme, lab->terms.address, port);
}

static struct sp_str below(struct sp_lab *lab, struct sp_str base, const char *path)
{
    return sp_arena_printf(lab->arena, "%.*s%s", SP_STR_ARG(base), path);
}

static enum sp_status make_secret(struct sp_lab *lab)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
    unsigned char bytes[SECRET_CHARACTERS];
    char text[SECRET_CHARACTERS];
    enum sp_status status = sp_random(bytes, sizeof bytes);
    /* Letters and digits alone: nothing that a shell or a form has to encode. */
    for (size_t i = 0; i < sizeof bytes; i++)
        text[i] = alphabet[bytes[i] % 64];
    if (status == SP_OK)
        status = sp_arena_copy(lab->arena, sp_str(text, sizeof text), &lab->facts.client_secret);
    return status;
}

static enum sp_status tell_facts(struct sp_lab *lab)
{
    struct sp_lab_facts *facts = &lab->facts;
    const char *scheme = lab->terms.tls ? "https" : "http";
    lab->origin = url_of(lab, scheme, sp_lab_wire_port(lab->wires[SP_LAB_AT_ISSUER]));
    lab->api_url = url_of(lab, scheme, sp_lab_wire_port(lab->wires[SP_LAB_AT_API]));
    facts->control = below(lab, url_of(lab, "http", sp_lab_wire_port(lab->wires[SP_LAB_AT_CONTROL])), "/fault");
    facts->issuer = below(lab, lab->origin, "/lab");
    facts->api = lab->api_url;
    facts->metadata_url = below(lab, facts->issuer, "/.well-known/openid-configuration");
    facts->token_endpoint = below(lab, facts->issuer, "/token");
    facts->authorization_endpoint = below(lab, facts->issuer, "/authorize");
    facts->other_issuer = below(lab, lab->origin, "/other");
    facts->other_jwks_uri = below(lab, facts->other_issuer, "/jwks");
    facts->client_id = SP_STR("lab-client");
    facts->audience = SP_STR(SP_LAB_AUDIENCE);
    facts->scope = SP_STR(SP_LAB_SCOPE);
    return facts->other_jwks_uri.at != NULL && facts->control.at != NULL ? make_secret(lab) : SP_NO_MEMORY;
}

static void add_word(struct sp_lab *lab, const char *name, struct sp_str value)
{
    lab->word_rows[lab->words.count++] = (struct sp_lab_word){name, value};
}

static enum sp_status teach_words(struct sp_lab *lab)
{
    unsigned refused = 0, full = 0;
    struct sp_url url;
    lab->refused_fd = sp_lab_port_that_refuses(lab->terms.address, &refused);
    lab->full_fd = sp_lab_port_that_swallows(lab->terms.address, &full, lab->full_clients);
    if (lab->refused_fd < 0 || lab->full_fd < 0 || sp_url_split(lab->origin, &url) != SP_OK)
        return SP_IO;
    lab->words.at = lab->word_rows;
    add_word(lab, "issuer", lab->facts.issuer);
    add_word(lab, "origin", lab->origin);
    add_word(lab, "scheme", url.scheme);
    add_word(lab, "other_scheme", lab->terms.tls ? SP_STR("http") : SP_STR("https"));
    add_word(lab, "host", url.host);
    add_word(lab, "port", url.port);
    add_word(lab, "api", lab->api_url);
    add_word(lab, "audience", lab->facts.audience);
    add_word(lab, "other_audience", SP_STR(SP_LAB_OTHER_AUDIENCE));
    add_word(lab, "client_id", lab->facts.client_id);
    add_word(lab, "client_secret", lab->facts.client_secret);
    add_word(lab, "refused", url_of(lab, "http", refused));
    add_word(lab, "full", url_of(lab, "http", full));
    return SP_OK;
}

/* ---- the CA's file ---- */

static enum sp_status write_ca(struct sp_lab *lab, char trouble[256])
{
    struct sp_str pem,
        aia = below(lab, url_of(lab, "http", sp_lab_wire_port(lab->wires[SP_LAB_AT_CONTROL])), "/intermediate.der");
    enum sp_status status = sp_lab_certificates_create(aia, &lab->certificates);
    if (status == SP_OK)
        status = sp_lab_root_pem(lab->certificates, lab->arena, &pem);
    return status == SP_OK ? sp_lab_ca_file_write(lab->arena, pem, &lab->folder, &lab->facts.ca_file, trouble) : status;
}

/* ---- start and stop ---- */

static enum sp_status start(struct sp_lab *lab, char trouble[256])
{
    enum sp_status status = sp_lab_keys_init(&lab->keys);
    if (status == SP_OK)
        status = sp_lab_grants_init(&lab->grants);
    /* Nobody is served before all of it stands: a connection waits for the lock. */
    pthread_mutex_lock(&lab->lock);
    if (status == SP_OK)
        status = sp_lab_server_start(lab, &lab->server);
    if (status == SP_OK)
        status = start_wires(lab, trouble);
    if (status == SP_OK)
        status = tell_facts(lab);
    if (status == SP_OK)
        status = teach_words(lab);
    if (status == SP_OK)
        status = write_ca(lab, trouble);
    pthread_mutex_unlock(&lab->lock);
    return status;
}

enum sp_status sp_lab_start(const struct sp_lab_terms *terms, struct sp_lab **out, char trouble[256])
{
    struct sp_lab *lab = calloc(1, sizeof *lab);
    trouble[0] = '\0';
    if (lab == NULL)
        return SP_NO_MEMORY;
    lab->terms = *terms;
    lab->refused_fd = lab->full_fd = -1;
    for (size_t i = 0; i < 4; i++)
        lab->full_clients[i] = -1;
    pthread_mutex_init(&lab->lock, NULL);
    lab->arena = sp_arena_create(LAB_ARENA_BYTES);
    enum sp_status status = lab->arena != NULL ? start(lab, trouble) : SP_NO_MEMORY;
    if (status != SP_OK) {
        if (trouble[0] == '\0')
            snprintf(trouble, 256, "%s", sp_status_text(status));
        sp_lab_stop(&lab);
        return status;
    }
    sp_lab_set_fault(lab, terms->fault);
    *out = lab;
    return SP_OK;
}

void sp_lab_stop(struct sp_lab **stopped)
{
    struct sp_lab *lab = *stopped;
    if (lab == NULL)
        return;
    /* The wires' threads speak to the server, which speaks to what stands below. */
    for (size_t i = 0; i < SP_LAB_PLACE_COUNT; i++)
        sp_lab_wire_stop(&lab->wires[i]);
    sp_lab_server_stop(&lab->server);
    sp_lab_ca_file_remove(lab->folder, lab->facts.ca_file);
    sp_lab_certificates_destroy(&lab->certificates);
    sp_lab_grants_fini(&lab->grants);
    sp_lab_keys_fini(&lab->keys);
    const int sockets[] = {lab->refused_fd,      lab->full_fd,         lab->full_clients[0],
                           lab->full_clients[1], lab->full_clients[2], lab->full_clients[3]};
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++)
        if (sockets[i] >= 0)
            close(sockets[i]);
    if (lab->facts.client_secret.at != NULL)
        sp_wipe((char *)(uintptr_t)lab->facts.client_secret.at, lab->facts.client_secret.len);
    sp_arena_destroy(&lab->arena);
    pthread_mutex_destroy(&lab->lock);
    free(lab);
    *stopped = NULL;
}

/* ---- the fault of the moment ---- */

void sp_lab_set_fault(struct sp_lab *lab, enum sp_cause fault)
{
    atomic_store(&lab->fault, (unsigned)fault);
    atomic_store(&lab->commits, 0);
    atomic_store(&lab->requests, 0);
    sp_lab_wire_listen(lab->wires[SP_LAB_AT_ISSUER], sp_lab_act_find(fault, SP_LAB_TOKEN) != SP_LAB_ACT_REFUSE);
    sp_lab_wire_listen(lab->wires[SP_LAB_AT_API], sp_lab_act_find(fault, SP_LAB_API) != SP_LAB_ACT_REFUSE);
}

enum sp_cause sp_lab_fault(const struct sp_lab *lab)
{
    return (enum sp_cause)atomic_load(&lab->fault);
}

uint64_t sp_lab_commits(const struct sp_lab *lab)
{
    return atomic_load(&lab->commits);
}

uint64_t sp_lab_requests(const struct sp_lab *lab)
{
    return atomic_load(&lab->requests);
}

struct sp_lab_facts sp_lab_facts(const struct sp_lab *lab)
{
    struct sp_lab_facts facts = lab->facts;
    if (sp_lab_fault(lab) == SP_CAUSE_UPSTREAM_DNS)
        facts.api = lab->terms.tls ? SP_STR("https://api.lab.invalid") : SP_STR("http://api.lab.invalid");
    return facts;
}

/* By who holds the lock. */
static enum sp_status example_tokens(struct sp_lab *lab, struct sp_arena *arena, struct sp_str *access_token,
                                     struct sp_str *id_token)
{
    struct sp_lab_call call = {.lab = lab, .arena = arena, .fault = sp_lab_fault(lab), .now = (int64_t)time(NULL)};
    const struct sp_lab_order order = {
        .subject = SP_STR("lab-user"), .scope = lab->facts.scope, .audience = lab->facts.audience};
    unsigned long long commits = atomic_load(&lab->commits);
    call.words = (struct sp_lab_words){.outer = &lab->words, .now = call.now};
    enum sp_status status = sp_lab_access_token(&call, &order, access_token);
    if (status == SP_OK)
        status = sp_lab_id_token(&call, &order, *access_token, id_token);
    /* Nobody has met it yet. */
    atomic_store(&lab->commits, commits);
    return status;
}

enum sp_status sp_lab_example_tokens(struct sp_lab *lab, struct sp_arena *arena, struct sp_str *access_token,
                                     struct sp_str *id_token)
{
    pthread_mutex_lock(&lab->lock);
    enum sp_status status = example_tokens(lab, arena, access_token, id_token);
    pthread_mutex_unlock(&lab->lock);
    return status;
}

/* ---- as JSON ---- */

static void write_fault(struct sp_json_writer *writer, enum sp_cause cause)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(cause);
    sp_json_string_member(writer, "fault", sp_lab_fault_id(cause));
    if (fault == NULL)
        return;
    sp_json_string_member(writer, "part", sp_lab_part_name(fault->part));
    sp_json_string_member(writer, "who", sp_lab_who_name(fault->who));
    sp_json_string_member(writer, "must", sp_lab_must_name(fault->must));
    sp_json_string_member(writer, "what", fault->what);
}

static void write_facts(struct sp_json_writer *writer, const struct sp_lab_facts *facts)
{
    const struct {
        const char *name;
        struct sp_str value;
    } members[] = {
        {"issuer", facts->issuer},
        {"api", facts->api},
        {"ca_file", facts->ca_file},
        {"client_id", facts->client_id},
        {"client_secret", facts->client_secret},
        {"audience", facts->audience},
        {"scope", facts->scope},
        {"metadata_url", facts->metadata_url},
        {"authorization_endpoint", facts->authorization_endpoint},
        {"token_endpoint", facts->token_endpoint},
        {"other_issuer", facts->other_issuer},
        {"other_jwks_uri", facts->other_jwks_uri},
        {"control", facts->control},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        sp_json_string_member(writer, members[i].name, members[i].value);
}

static enum sp_status write_all(struct sp_lab *lab, struct sp_arena *arena, struct sp_json_writer *writer)
{
    struct sp_str access_token, id_token;
    const struct sp_lab_facts facts = sp_lab_facts(lab);
    enum sp_status status = example_tokens(lab, arena, &access_token, &id_token);
    if (status != SP_OK)
        return status;
    sp_json_begin_object(writer);
    write_fault(writer, sp_lab_fault(lab));
    write_facts(writer, &facts);
    sp_json_string_member(writer, "token", access_token);
    sp_json_string_member(writer, "id_token", id_token);
    sp_json_int_member(writer, "committed", (int64_t)sp_lab_commits(lab));
    sp_json_int_member(writer, "requests", (int64_t)sp_lab_requests(lab));
    sp_json_end_object(writer);
    return SP_OK;
}

enum sp_status sp_lab_write(struct sp_lab *lab, struct sp_json_writer *writer)
{
    struct sp_arena *arena = sp_arena_create(TOKEN_ARENA_BYTES);
    if (arena == NULL)
        return SP_NO_MEMORY;
    pthread_mutex_lock(&lab->lock);
    enum sp_status status = write_all(lab, arena, writer);
    pthread_mutex_unlock(&lab->lock);
    sp_arena_destroy(&arena);
    return status;
}

/* ---- the control URL: plain http whatever the fault is, so that a test can change it from outside ---- */

static void answer_state(struct sp_lab_call *call)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, call->arena, 1024 * 1024);
    sp_json_writer_init(&writer, &buffer, false);
    if (write_all(call->lab, call->arena, &writer) == SP_OK && sp_buffer_status(&buffer) == SP_OK)
        sp_lab_answer(call, 200, "application/json", sp_buffer_str(&buffer));
    else
        sp_lab_answer_error(call, 500, "server_error", NULL);
}

void sp_lab_serve_control(struct sp_lab_call *call)
{
    enum sp_cause fault;
    struct sp_str der;
    if (sp_str_equal(call->path, SP_STR("/intermediate.der"))) {
        if (sp_lab_intermediate_der(call->lab->certificates, call->arena, &der) == SP_OK)
            sp_lab_answer(call, 200, "application/pkix-cert", der);
    } else if (!sp_str_equal(call->path, SP_STR("/fault"))) {
        sp_lab_answer_error(call, 404, "not_found", "the fault is at /fault");
    } else if (!sp_str_equal(call->method, SP_STR("POST"))) {
        answer_state(call);
    } else if (call->origin.at != NULL) {
        sp_lab_answer_error(call, 403, "forbidden", "pages may not change the fault");
    } else if (!sp_lab_fault_of_id(sp_lab_parameter(call, "id"), &fault)) {
        sp_lab_answer_error(call, 400, "invalid_request", "id: the lab has no such fault (sallyport lab list)");
    } else if (sp_lab_needs_tls(fault) && !call->lab->terms.tls) {
        sp_lab_answer_error(call, 409, "invalid_request", "this fault is one of TLS: start the lab with --tls");
    } else {
        sp_lab_set_fault(call->lab, fault);
        answer_state(call);
    }
}
