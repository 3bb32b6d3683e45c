/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/errand.h"

#include "authority/authority.h"
#include "authority/denial.h"
#include "authority/password_kinds.h"
#include "authority/signer.h"
#include "core/base/limits.h"
#include "probe/http_call.h"

/* ---- running ---- */
static void run_verify(struct sp_errand *errand)
{
    errand->matches = sp_password_matches(errand->encoded, errand->password);
    for (size_t i = 0; !errand->matches && i < errand->beside_count; i++)
        (void)sp_password_matches(errand->besides[i], errand->password);
}

static void run_hash(struct sp_errand *errand)
{
    errand->status = sp_password_hash_into(errand->password, errand->hash);
}

static void run_hashes(struct sp_errand *errand)
{
    for (size_t i = 0; errand->status == SP_OK && i < errand->password_count; i++)
        errand->status = sp_password_hash_into(errand->passwords[i], errand->hashes[i]);
}

static void run_http(struct sp_errand *errand)
{
    sp_http_call_perform(errand->http);
    errand->report = sp_http_call_report(errand->http);
}

static void run_mail(struct sp_errand *errand)
{
    sp_mail_call_perform(&errand->mail, &errand->mail_report);
}

static void run_key(struct sp_errand *errand)
{
    errand->status = sp_signer_generate(errand->algorithm, &errand->signer);
}

static void run_nothing(struct sp_errand *errand)
{
    (void)errand;
}

static bool is_never_the_same(const struct sp_errand *a, const struct sp_errand *b)
{
    (void)a, (void)b;
    return false;
}

static bool same_password(const struct sp_errand *a, const struct sp_errand *b)
{
    return sp_str_equal(a->password, b->password) && sp_str_equal(a->encoded, b->encoded);
}

static bool same_passwords(const struct sp_errand *a, const struct sp_errand *b)
{
    bool same = a->password_count == b->password_count;
    for (size_t i = 0; same && i < a->password_count; i++)
        same = sp_str_equal(a->passwords[i], b->passwords[i]);
    return same;
}

static bool same_request(const struct sp_errand *a, const struct sp_errand *b)
{
    return sp_str_equal(a->request.url, b->request.url) && sp_str_equal(a->request.form, b->request.form) &&
           sp_str_equal(a->request.authorization, b->request.authorization) &&
           sp_str_equal(a->request.accept, b->request.accept);
}

static const struct {
    enum sp_errand_lane lane;
    void (*run)(struct sp_errand *errand);
    bool (*same)(const struct sp_errand *a, const struct sp_errand *b);
} kinds[] = {
    [SP_ERRAND_PASSWORD_VERIFY] = {SP_LANE_COMPUTE, run_verify, same_password},
    [SP_ERRAND_PASSWORD_HASH] = {SP_LANE_COMPUTE, run_hash, same_password},
    [SP_ERRAND_PASSWORD_HASHES] = {SP_LANE_COMPUTE, run_hashes, same_passwords},
    [SP_ERRAND_HTTP] = {SP_LANE_NETWORK, run_http, same_request},
    [SP_ERRAND_MAIL] = {SP_LANE_DELIVERY, run_mail, is_never_the_same},
    [SP_ERRAND_KEY] = {SP_LANE_COMPUTE, run_key, is_never_the_same},
    [SP_ERRAND_FOLLOW] = {SP_LANE_NETWORK, run_nothing, is_never_the_same},
};

void sp_errand_init_key(struct sp_errand *errand, struct sp_str algorithm)
{
    *errand = (struct sp_errand){.kind = SP_ERRAND_KEY, .lane = kinds[SP_ERRAND_KEY].lane, .algorithm = algorithm};
}

void sp_errand_run(struct sp_errand *errand)
{
    kinds[errand->kind].run(errand);
    errand->done = true;
}

/* ---- asking ---- */
static struct sp_errand *find(const struct sp_call *call, const struct sp_errand *like)
{
    struct sp_errand *errand = call->errands;
    while (errand != NULL && !(errand->kind == like->kind && kinds[like->kind].same(errand, like)))
        errand = errand->asked_before;
    return errand;
}

static bool keep(struct sp_arena *arena, struct sp_str *text)
{
    return text->at == NULL || sp_arena_copy(arena, *text, text) == SP_OK;
}

/* What it asks is copied: settings may be replaced while it runs. */
static struct sp_errand *make(struct sp_arena *arena, const struct sp_errand *like)
{
    struct sp_errand *errand = SP_ARENA_NEW(arena, struct sp_errand);
    if (errand == NULL)
        return NULL;
    *errand = *like;
    errand->lane = kinds[like->kind].lane;
    struct sp_http_request *request = &errand->request;
    struct sp_mail_request *mail = &errand->mail;
    struct sp_str *texts[] = {&errand->password, &errand->encoded,        &request->url,     &request->form,
                              &request->accept,  &request->authorization, &request->ca_file, &mail->url,
                              &mail->user,       &mail->password,         &mail->from,       &mail->to,
                              &mail->ca_file,    &mail->message};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!keep(arena, texts[i]))
            return NULL;
    return errand;
}

enum sp_step sp_errand_wait(struct sp_call *call, struct sp_errand *errand)
{
    size_t count = 1;
    for (const struct sp_errand *before = call->errands; before != NULL; before = before->asked_before)
        count++;
    if (errand == NULL || count > SP_MAX_CALL_ERRANDS)
        return sp_deny_failure(call, errand == NULL ? SP_NO_MEMORY : SP_TOO_LARGE);
    errand->asked_before = call->errands;
    call->errands = errand;
    if (errand->done)
        return SP_GOES_ON;
    call->waits_for = errand;
    return SP_WAITS;
}

enum sp_step sp_errand_follow(struct sp_call *call, struct sp_errand *leader)
{
    struct sp_errand *errand = SP_ARENA_NEW(call->arena, struct sp_errand);
    if (errand != NULL)
        *errand = (struct sp_errand){.kind = SP_ERRAND_FOLLOW, .leader = leader};
    return sp_errand_wait(call, errand);
}

void sp_errand_settle(struct sp_errand *errand, int64_t now)
{
    void (*settle)(struct sp_errand *, int64_t) = errand->settle;
    errand->settle = NULL;
    if (settle != NULL)
        settle(errand, now);
}

static enum sp_step ask(struct sp_call *call, const struct sp_errand *like, struct sp_errand **answered)
{
    struct sp_errand *errand = find(call, like);
    if (errand == NULL)
        return sp_errand_wait(call, make(call->arena, like));
    if (!errand->done) {
        call->waits_for = errand;
        return SP_WAITS;
    }
    if (errand->status != SP_OK)
        return sp_deny_failure(call, errand->status);
    *answered = errand;
    return SP_GOES_ON;
}

static enum sp_step verify(struct sp_call *call, const struct sp_errand *like, bool *matches)
{
    struct sp_errand *errand = NULL;
    enum sp_step step = ask(call, like, &errand);
    if (step == SP_GOES_ON)
        *matches = errand->matches;
    return step;
}

enum sp_step sp_errand_password_verify(struct sp_call *call, struct sp_str encoded, struct sp_str password,
                                       bool *matches)
{
    const struct sp_errand like = {.kind = SP_ERRAND_PASSWORD_VERIFY, .password = password, .encoded = encoded};
    return verify(call, &like, matches);
}

enum sp_step sp_errand_password_judge(struct sp_call *call, struct sp_str encoded, struct sp_str password,
                                      bool *matches)
{
    struct sp_errand like = {.kind = SP_ERRAND_PASSWORD_VERIFY, .password = password, .encoded = encoded};
    struct sp_str *besides = NULL;
    enum sp_status status = sp_password_kinds_besides(call->authority->store, call->arena, encoded, call->now, &besides,
                                                      &like.beside_count);
    like.besides = besides;
    return status == SP_OK ? verify(call, &like, matches) : sp_deny_failure(call, status);
}

enum sp_step sp_errand_password_hash(struct sp_call *call, struct sp_str password, struct sp_str *encoded)
{
    const struct sp_errand like = {.kind = SP_ERRAND_PASSWORD_HASH, .password = password};
    struct sp_errand *errand = NULL;
    enum sp_step step = ask(call, &like, &errand);
    if (step == SP_GOES_ON)
        *encoded = sp_str_from_cstr(errand->hash);
    return step;
}

enum sp_step sp_errand_password_hashes(struct sp_call *call, const struct sp_str *passwords, size_t count,
                                       const char (**hashes)[SP_PASSWORD_ENCODED_BYTES])
{
    struct sp_errand like = {.kind = SP_ERRAND_PASSWORD_HASHES, .passwords = passwords, .password_count = count};
    struct sp_errand *errand = find(call, &like);
    if (errand == NULL) {
        like.hashes = sp_arena_calloc(call->arena, count + 1, sizeof *like.hashes);
        if (like.hashes == NULL)
            return sp_deny_failure(call, SP_NO_MEMORY);
    }
    enum sp_step step = ask(call, &like, &errand);
    if (step == SP_GOES_ON)
        *hashes = (const char(*)[SP_PASSWORD_ENCODED_BYTES])errand->hashes;
    return step;
}

/* ---- HTTP ---- */
static void complete(const struct sp_authority *authority, struct sp_http_request *request)
{
    if (request->connect_timeout_ms == 0)
        request->connect_timeout_ms = SP_ERRAND_CONNECT_TIMEOUT_MS;
    if (request->timeout_ms == 0)
        request->timeout_ms = SP_ERRAND_TIMEOUT_MS;
    if (request->max_bytes == 0)
        request->max_bytes = SP_MAX_ERRAND_ANSWER_BYTES;
    if (request->ca_file.at == NULL)
        request->ca_file = authority->settings->ca_file;
    request->blocked_networks = authority->settings->blocked_networks;
    request->abandon = authority->abandon;
}

static void release_http(void *http)
{
    struct sp_http_call *call = http;
    sp_http_call_destroy(&call);
}

static enum sp_status copy_list(struct sp_arena *arena, struct sp_str_list *list)
{
    struct sp_str *texts = sp_arena_calloc(arena, list->count + 1, sizeof *texts);
    for (size_t i = 0; texts != NULL && i < list->count; i++)
        if (sp_arena_copy(arena, list->at[i], &texts[i]) != SP_OK)
            return SP_NO_MEMORY;
    list->at = texts;
    return texts != NULL ? SP_OK : SP_NO_MEMORY;
}

static enum sp_status refuse_url(struct sp_arena *arena, struct sp_errand *errand)
{
    struct sp_fetch_report *report = SP_ARENA_NEW(arena, struct sp_fetch_report);
    if (report == NULL)
        return SP_NO_MEMORY;
    *report = (struct sp_fetch_report){.url = errand->request.url,
                                       .failure = SP_CAUSE_NETWORK_TCP_UNREACHABLE,
                                       .failure_detail = SP_STR("only https is asked, plain http on loopback alone"),
                                       .max_age_s = -1};
    errand->report = report;
    errand->done = true;
    return SP_OK;
}

static enum sp_status prepare_http(struct sp_arena *arena, const struct sp_authority *authority,
                                   struct sp_errand *errand)
{
    complete(authority, &errand->request);
    enum sp_status status = copy_list(arena, &errand->request.blocked_networks);
    if (status != SP_OK)
        return status;
    status = sp_http_call_create(&errand->request, &errand->http);
    if (status == SP_MALFORMED)
        return refuse_url(arena, errand);
    if (status != SP_OK)
        return status;
    status = sp_arena_defer(arena, release_http, errand->http);
    if (status != SP_OK)
        sp_http_call_destroy(&errand->http);
    return status;
}

enum sp_status sp_errand_make_http(struct sp_arena *arena, const struct sp_authority *authority,
                                   const struct sp_http_request *request, struct sp_errand **out)
{
    const struct sp_errand like = {.kind = SP_ERRAND_HTTP, .request = *request};
    struct sp_errand *errand = make(arena, &like);
    enum sp_status status = errand != NULL ? prepare_http(arena, authority, errand) : SP_NO_MEMORY;
    if (status == SP_OK)
        *out = errand;
    return status;
}

enum sp_step sp_errand_http(struct sp_call *call, const struct sp_http_request *request,
                            const struct sp_fetch_report **report)
{
    const struct sp_errand like = {.kind = SP_ERRAND_HTTP, .request = *request};
    struct sp_errand *errand = find(call, &like);
    if (errand == NULL) {
        enum sp_status status = sp_errand_make_http(call->arena, call->authority, request, &errand);
        if (status != SP_OK)
            return sp_deny_failure(call, status);
        enum sp_step step = sp_errand_wait(call, errand);
        if (step != SP_GOES_ON)
            return step;
    }
    enum sp_step step = ask(call, &like, &errand);
    if (step == SP_GOES_ON)
        *report = errand->report;
    return step;
}

enum sp_status sp_errand_make_mail(struct sp_arena *arena, const struct sp_authority *authority,
                                   const struct sp_mail_request *request, struct sp_errand **out)
{
    struct sp_errand like = {.kind = SP_ERRAND_MAIL, .mail = *request};
    if (like.mail.ca_file.at == NULL)
        like.mail.ca_file = authority->settings->ca_file;
    if (like.mail.connect_timeout_ms == 0)
        like.mail.connect_timeout_ms = SP_ERRAND_CONNECT_TIMEOUT_MS;
    if (like.mail.timeout_ms == 0)
        like.mail.timeout_ms = SP_ERRAND_TIMEOUT_MS;
    struct sp_errand *errand = make(arena, &like);
    if (errand == NULL)
        return SP_NO_MEMORY;
    *out = errand;
    return SP_OK;
}
