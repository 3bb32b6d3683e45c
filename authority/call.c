/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/call.h"

#include <assert.h>
#include <string.h>
#include "authority/authority.h"
#include "authority/denial.h"
#include "authority/errand.h"

/* The largest answer is a key set or a page; a hundred of each would fit. */
#define MAX_ANSWER_BYTES (1024u * 1024)

void sp_call_restart(struct sp_call *call)
{
    if (call->waits_for != NULL)
        sp_errand_settle(call->waits_for, call->now);
    *call = (struct sp_call){.authority = call->authority,
                             .arena = call->arena,
                             .now = call->now,
                             .asked = call->asked,
                             .errands = call->errands,
                             .spent = call->spent};
}

void sp_answer_header(struct sp_call *call, const char *name, struct sp_str value)
{
    struct sp_answer *answer = &call->answer;
    /* Said once: who refuses after a refusal, or an answer, has the last word. Each cookie is one of its own. */
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, name) == 0 && strcmp(name, "Set-Cookie") != 0) {
            answer->headers[i].value = value;
            return;
        }
    assert(answer->header_count < SP_MAX_ANSWER_HEADERS);
    answer->headers[answer->header_count++] = (struct sp_answer_header){name, value};
}

void sp_answer_buffer(struct sp_call *call, struct sp_buffer *buffer)
{
    sp_buffer_init(buffer, call->arena, MAX_ANSWER_BYTES);
}

void sp_answer_json(struct sp_call *call, int status, const struct sp_buffer *buffer)
{
    struct sp_answer *answer = &call->answer;
    answer->content_type = "application/json";
    if (sp_buffer_status(buffer) == SP_OK) {
        answer->status = status;
        answer->body = sp_buffer_str(buffer);
    } else {
        answer->status = 500;
        answer->body =
            SP_STR("{\"error\":\"server_error\",\"error_description\":\"The answer did not fit in memory.\"}");
    }
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

enum sp_step sp_call_finish(struct sp_call *call)
{
    enum sp_step (*finish)(struct sp_call *, const void *) = call->finish;
    call->finish = NULL;
    if (finish == NULL)
        return SP_GOES_ON;
    enum sp_step step = finish(call, call->finish_context);
    return call->answer.status < 500 ? step : SP_DENIED;
}

enum sp_step sp_call_in_write(struct sp_call *call, enum sp_step (*answer)(struct sp_call *call, void *context),
                              void *context)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->keeps_refusal = false;
    enum sp_step step = answer(call, context);
    bool is_answered = call->waits_for == NULL && call->answer.status < 500;
    if (!is_answered || (step != SP_GOES_ON && !call->keeps_refusal)) {
        store->methods->undo(store);
        return step == SP_GOES_ON ? SP_DENIED : step;
    }
    status = store->methods->keep(store);
    return status == SP_OK ? step : sp_deny_failure(call, status);
}
