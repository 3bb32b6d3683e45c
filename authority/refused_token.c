/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/refused_token.h"

#include "authority/key_ring.h"
#include "authority/token_handle.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/words.h"
#include "core/jose/algorithm.h"
#include "core/jose/jwk_set.h"

#define MAX_KEY_SET_BYTES (256u * 1024)

static enum sp_status read_keys(struct sp_call *call, struct sp_jwk_set **keys)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    struct sp_json_error error;
    sp_buffer_init(&text, call->arena, MAX_KEY_SET_BYTES);
    sp_json_writer_init(&json, &text, false);
    sp_key_ring_write_set(call->authority->keys, call->now, &json);
    enum sp_status status = sp_buffer_status(&text);
    return status == SP_OK ? sp_jwk_set_parse(sp_buffer_str(&text), keys, &error) : status;
}

/* There are no other keys to fetch, and nobody to ask: the token is one of this server or it is not. */
static const struct sp_verdict *examine(struct sp_call *call, struct sp_str value, const struct sp_jwk_set *keys)
{
    static const uint16_t first = 0;
    const struct sp_issuer_terms terms = {.name = call->authority->settings->issuer,
                                          .issuer = call->authority->settings->issuer,
                                          .algorithms = sp_algorithms_asymmetric(),
                                          .require_type = true};
    const struct sp_known_issuer issuer = {.terms = &terms,
                                           .known = {.keys = keys, .refetched = true, .fetched_at = call->now}};
    const struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    const struct sp_requirements requirements = {.api = SP_STR("this server"),
                                                 .issuers = &first,
                                                 .issuer_count = 1,
                                                 .dpop = SP_BINDING_OFF,
                                                 .mtls = SP_BINDING_OFF};
    const struct sp_exam_input input = {
        .token = value, .requirements = &requirements, .world = &world, .now = call->now, .possession_unknown = true};
    struct sp_exam *exam = sp_exam_start(call->arena, &input);
    if (exam == NULL)
        return sp_verdict_without_memory();
    for (enum sp_need need = sp_exam_step(exam); need != SP_EXAM_DONE; need = sp_exam_step(exam)) {
        if (need == SP_NEED_KEYS)
            sp_exam_give_world(exam, &world);
        else if (need == SP_NEED_INTROSPECTION)
            sp_exam_give_introspection(exam, SP_STR_NONE, SP_CAUSE_TOKEN_OPAQUE, SP_CAUSE_NONE, SP_STR_NONE);
        else
            sp_exam_give_replay(exam, true);
    }
    return sp_exam_verdict(exam);
}

/* What the examination says may lie in the key set, which goes. */
static struct sp_finding kept(struct sp_call *call, const struct sp_finding *finding)
{
    struct sp_finding copy = *finding;
    struct sp_str *const texts[] = {&copy.expected, &copy.received, &copy.detail};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (sp_arena_copy(call->arena, *texts[i], texts[i]) != SP_OK)
            *texts[i] = SP_STR_NONE;
    return copy;
}

static struct sp_finding judge_jwt(struct sp_call *call, struct sp_str value, enum sp_cause cause)
{
    struct sp_jwk_set *keys = NULL;
    struct sp_finding finding = {.cause = cause};
    if (read_keys(call, &keys) == SP_OK) {
        const struct sp_verdict *verdict = examine(call, value, keys);
        if (verdict->cause != NULL)
            finding = kept(call, verdict->cause);
    }
    sp_jwk_set_unref(&keys);
    return finding;
}

static struct sp_finding judge_expired(const struct sp_call *call, const struct sp_live_token *token)
{
    struct sp_str ago = sp_words_duration(call->arena, call->now - token->expires_at);
    return (struct sp_finding){.cause = SP_CAUSE_TIME_EXPIRED,
                               .expected = sp_arena_printf(call->arena, "%lld", (long long)call->now),
                               .received = sp_arena_printf(call->arena, "%lld", (long long)token->expires_at),
                               .detail = sp_arena_printf(call->arena, "The token expired %.*s ago.", SP_STR_ARG(ago))};
}

static struct sp_finding judge_revoked(const struct sp_call *call, const struct sp_live_token *token)
{
    struct sp_str why = SP_STR("It, what it was made from, or its account was revoked or removed.");
    if (token->gone_client.at != NULL)
        why = sp_arena_printf(call->arena,
                              "Its client %.*s is not known here any more: it was removed, or taken out of the "
                              "configuration.",
                              SP_STR_ARG(token->gone_client));
    else if (token->claims == NULL)
        why = SP_STR("It is known here no more: it was revoked, or never issued, or is long forgotten.");
    return (struct sp_finding){.cause = SP_CAUSE_TOKEN_REVOKED, .detail = why};
}

struct sp_finding sp_refused_token_judge(struct sp_call *call, struct sp_str value, const struct sp_live_token *token,
                                         enum sp_cause cause)
{
    if (sp_str_has_prefix(value, SP_STR(SP_REFRESH_TOKEN_PREFIX)))
        return (struct sp_finding){.cause = SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN,
                                   .expected = SP_STR("an access token"),
                                   .received = SP_STR("a refresh token"),
                                   .detail = SP_STR("It begins with " SP_REFRESH_TOKEN_PREFIX ".")};
    if (cause == SP_CAUSE_TOKEN_REVOKED)
        return judge_revoked(call, token);
    if (cause == SP_CAUSE_TIME_EXPIRED && token->claims != NULL)
        return judge_expired(call, token);
    return judge_jwt(call, value, cause);
}
