/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8628 3.4 and 3.5: the device polls until the person has decided. Polling faster than told makes the interval
 * longer. */
#include "authority/denial.h"
#include "authority/device.h"
#include "authority/handle.h"
#include "core/jose/crypto.h"

static enum sp_step refuse_pending(struct sp_call *call, struct sp_device *device)
{
    bool fast = device->polled_at != 0 && call->now - device->polled_at < device->interval_s;
    struct sp_str since = sp_arena_printf(call->arena, "%lld s", (long long)(call->now - device->polled_at)),
                  interval = sp_arena_printf(call->arena, "%lld s", (long long)device->interval_s);
    if (fast)
        device->interval_s += SP_DEVICE_INTERVAL_S;
    device->polled_at = call->now;
    enum sp_status status = sp_device_change(call, device);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->keeps_refusal = true;
    enum sp_step step = fast
                            ? SP_DENY(call, .cause = SP_CAUSE_DEVICE_SLOW_DOWN, .expected = interval, .received = since)
                            : SP_DENY(call, .cause = SP_CAUSE_DEVICE_PENDING);
    call->finding.tolerated = true;
    return step;
}

/* From here on it is signed in by itself: the browser in which it was allowed may sign out. Without refresh tokens
 * there is nothing to end. */
static enum sp_status begin_session(struct sp_call *call, const struct sp_client *client, struct sp_device *device)
{
    struct sp_grant_record *record = &device->record;
    struct sp_session session;
    if ((client->grants & (unsigned)SP_GRANT_REFRESH_TOKEN) == 0)
        return SP_OK;
    const struct sp_session known = {.subject = record->subject,
                                     .sid = record->family,
                                     .acr = record->acr,
                                     .amr = record->amr,
                                     .auth_time = record->auth_time,
                                     .device = client->id,
                                     .expires_at = call->now + call->authority->settings->refresh_lifetime_s};
    enum sp_status status = sp_session_start_device(call, &known, &session);
    if (status != SP_OK)
        return status;
    record->sid = session.sid;
    record->session = sp_base64url_of(call->arena, session.hash, sizeof session.hash);
    return record->session.at != NULL ? SP_OK : SP_NO_MEMORY;
}

static enum sp_step redeem(struct sp_call *call, void *context)
{
    const struct sp_client *client = *(const struct sp_client *const *)context;
    struct sp_store *store = call->authority->store;
    struct sp_str code = sp_call_parameter(call, "device_code");
    struct sp_device device;
    struct sp_token_answer answer;
    unsigned char hash[32];
    bool first = false;
    if (code.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("device_code"),
                       .tell = SP_STR("It is 'device_code'."));
    sp_sha256(code, hash);
    enum sp_status status = sp_device_find(call, hash, &device);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_CODE_UNKNOWN, .detail = SP_STR("It is the device_code."),
                       .tell = SP_STR("It is the 'device_code'."));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!sp_str_equal(device.ticket.client_id, client->id))
        return SP_DENY(call, .cause = SP_CAUSE_CODE_OTHER_CLIENT, .expected = device.ticket.client_id,
                       .received = client->id);
    if (device.ticket.expires_at <= call->now)
        return SP_DENY(
            call, .cause = SP_CAUSE_DEVICE_EXPIRED,
            .detail = sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - device.ticket.expires_at)));
    if (device.state == SP_DEVICE_DENIED)
        return SP_DENY(call, .cause = SP_CAUSE_DEVICE_DENIED);
    if (device.state == SP_DEVICE_PENDING)
        return refuse_pending(call, &device);
    status = store->methods->use_ticket(store, SP_TICKET_DEVICE, hash, call->now, &first);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!first)
        return SP_DENY(call, .cause = SP_CAUSE_CODE_REUSED,
                       .detail =
                           sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - device.ticket.used_at)));
    call->subject = device.record.subject;
    device.record.jkt = call->jkt;
    status = begin_session(call, client, &device);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return sp_grant_record_issue(call, client, &device.record, device.record.scope, &answer) == SP_GOES_ON
               ? sp_token_answer_write(call, &answer)
               : SP_DENIED;
}

enum sp_step sp_grant_device_code(struct sp_call *call, const struct sp_client *client)
{
    return sp_call_in_write(call, redeem, &client);
}
