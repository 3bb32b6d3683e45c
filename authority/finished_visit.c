/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/finished_visit.h"

#include "core/base/secret.h"
#include "core/jose/base64url.h"

static enum sp_status read_hash(struct sp_call *call, struct sp_str text, unsigned char hash[32])
{
    struct sp_str bytes = SP_STR_NONE;
    enum sp_status status = sp_base64url_decode(call->arena, text, &bytes);
    if (status == SP_NO_MEMORY)
        return status;
    if (status != SP_OK || bytes.len != 32)
        return SP_NOT_FOUND;
    memcpy(hash, bytes.at, 32);
    return SP_OK;
}

static bool is_same_form(struct sp_call *call, const struct sp_visit *visit)
{
    struct sp_str sent = sp_visit_form_hash(call);
    return sent.at != NULL && visit->finish.form.at != NULL && sp_secret_equal(sent, visit->finish.form);
}

/* SP_NOT_FOUND: it was redeemed. */
static enum sp_status spend_code(struct sp_call *call, const struct sp_visit *visit)
{
    struct sp_store *store = call->authority->store;
    unsigned char hash[32];
    bool first = false;
    if (visit->finish.code.at == NULL)
        return SP_OK;
    enum sp_status status = read_hash(call, visit->finish.code, hash);
    if (status == SP_OK)
        status = store->methods->use_ticket(store, SP_TICKET_CODE, hash, call->now, &first);
    return status == SP_OK && !first ? SP_NOT_FOUND : status;
}

/* The browser dropped the answer that had its cookie. */
static enum sp_status take_session(struct sp_call *call, const struct sp_visit *visit, struct sp_session *session)
{
    unsigned char hash[32];
    enum sp_status status = read_hash(call, visit->finish.session, hash);
    return status == SP_OK ? sp_session_renew(call, hash, session) : status;
}

enum sp_status sp_finished_visit_claim(struct sp_call *call, const struct sp_visit *visit, struct sp_session *session)
{
    struct sp_session before;
    bool is_form = sp_str_equal(call->asked.method, SP_STR("POST"));
    *session = (struct sp_session){0};
    enum sp_status status = sp_session_find(call, &before);
    if (status != SP_OK)
        return status;
    bool is_nobody = before.subject.at == NULL,
         is_theirs = !is_nobody && sp_str_equal(before.subject, visit->finish.subject);
    bool may = visit->finish.session.at != NULL &&
               (is_form ? is_same_form(call, visit) && (is_nobody || is_theirs) : is_theirs);
    status = may ? spend_code(call, visit) : SP_NOT_FOUND;
    if (status == SP_OK && is_theirs)
        *session = before;
    else if (status == SP_OK)
        status = take_session(call, visit, session);
    return status == SP_NOT_FOUND ? SP_OK : status;
}

bool sp_finished_visit_was_refused(struct sp_call *call, const struct sp_visit *visit)
{
    return visit->finish.session.at == NULL && is_same_form(call, visit);
}
