/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/token_answer.h"

#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/id_token.h"

static void write(struct sp_call *call, const struct sp_token_answer *answer, struct sp_str access_token,
                  struct sp_str id_token)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "access_token", access_token);
    sp_json_string_member(&json, "token_type", answer->bound_to_key ? SP_STR("DPoP") : SP_STR("Bearer"));
    sp_json_int_member(&json, "expires_in", answer->expires_in_s);
    if (answer->issued_token_type.len > 0)
        sp_json_string_member(&json, "issued_token_type", answer->issued_token_type);
    if (answer->refresh_token.len > 0)
        sp_json_string_member(&json, "refresh_token", answer->refresh_token);
    if (id_token.len > 0)
        sp_json_string_member(&json, "id_token", id_token);
    if (answer->scope.len > 0)
        sp_json_string_member(&json, "scope", answer->scope);
    sp_json_end_object(&json);
    sp_answer_json(call, 200, &buffer);
    sp_answer_header(call, "Pragma", SP_STR("no-cache"));
}

static enum sp_step sign_and_write(struct sp_call *call, const void *context)
{
    const struct sp_token_answer *answer = context;
    struct sp_str access_token = answer->access_token, id_token = SP_STR_NONE;
    enum sp_status status = SP_OK;
    if (access_token.at == NULL)
        status = sp_access_token_sign(call, answer->access_claims, &access_token);
    if (status == SP_OK && answer->id_token != NULL)
        status = sp_id_token_sign(call, answer->id_token, access_token, &id_token);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    write(call, answer, access_token, id_token);
    return SP_GOES_ON;
}

/* A curve's signature takes some 30 us and half as much again when its tables have to come from memory. One by RSA
 * takes 900, which nobody should wait for that does not have to. */
static bool gains_by_company(enum sp_algorithm algorithm)
{
    enum sp_key_type type = sp_algorithm_get(algorithm)->key_type;
    return type == SP_KEY_TYPE_EC || type == SP_KEY_TYPE_OKP;
}

static bool can_wait(const struct sp_call *call, const struct sp_token_answer *answer)
{
    bool signs_access = answer->access_token.at == NULL, signs_id = answer->id_token != NULL;
    return (signs_access || signs_id) && (!signs_access || gains_by_company(sp_access_token_algorithm(call))) &&
           (!signs_id || gains_by_company(sp_id_token_algorithm(call, answer->id_token)));
}

enum sp_step sp_token_answer_write(struct sp_call *call, const struct sp_token_answer *answer)
{
    if (!can_wait(call, answer))
        return sign_and_write(call, answer);
    struct sp_token_answer *kept = SP_ARENA_NEW(call->arena, struct sp_token_answer);
    if (kept == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    *kept = *answer;
    call->finish = sign_and_write;
    call->finish_context = kept;
    call->answer.status = 200;
    return SP_GOES_ON;
}
