/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/limits.h"
#include "core/policy/check.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"
#include "core/policy/walk.h"

struct judge {
    struct sp_draft draft;
    const struct sp_certificate_eyes *eyes;
    int64_t now;
    bool tolerates_dates;
};

static void complain(struct sp_draft *draft, const struct sp_json *value, struct sp_str where, struct sp_str file,
                     struct sp_str detail, bool tolerated)
{
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_CERTIFICATE,
                                           .value = value,
                                           .where = where,
                                           .expected = SP_STR("a certificate that clients will accept"),
                                           .received = file,
                                           .detail = detail,
                                           .tolerated = tolerated};
    sp_draft_complain(draft, &complaint, "%.*s: %.*s: %.*s", SP_STR_ARG(where), SP_STR_ARG(file), SP_STR_ARG(detail));
}

/* value: that names the file. */
static void judge_key_file(struct judge *judge, const struct sp_json *value, struct sp_str where)
{
    if (value == NULL || value->text.len == 0 || judge->eyes->exposure == NULL) {
        return;
    }
    const struct sp_str exposure = judge->eyes->exposure(judge->eyes->context, judge->draft.arena, value->text);
    if (exposure.len > 0) {
        sp_draft_warn_of_exposure(&judge->draft, value, NULL, where, value->text, exposure);
    }
}

/* key_value: that names the key; NULL: there is none to ask about. */
static void judge_pair(struct judge *judge, const struct sp_json *value, struct sp_str where, struct sp_str certificate,
                       struct sp_str key, const struct sp_json *key_value)
{
    struct sp_draft *draft = &judge->draft;
    struct sp_certificate_look look = {0};
    judge->eyes->look(judge->eyes->context, draft->arena, certificate, key, &look);
    if (look.fault.len > 0) {
        complain(draft, value, where, certificate, look.fault, false);
        return;
    }
    judge_key_file(judge, key_value, SP_STR("listen.tls.key")); /* it is a private key */
    if (!look.key_fits) {
        complain(draft, value, where, certificate,
                 sp_draft_printf(draft, "its public key is not that of %.*s", SP_STR_ARG(key)), false);
    }
    if (look.not_after < judge->now) {
        complain(draft, value, where, certificate,
                 sp_draft_printf(draft, "it expired %lld days ago", (long long)((judge->now - look.not_after) / 86400)),
                 judge->tolerates_dates);
    } else if (look.not_before > judge->now) {
        complain(draft, value, where, certificate,
                 sp_draft_printf(draft, "it is not valid before %lld days from now",
                                 (long long)((look.not_before - judge->now + 86399) / 86400)),
                 judge->tolerates_dates);
    } else if (look.not_after - judge->now <= SP_CERTIFICATE_PLANNING_S) {
        complain(draft, value, where, certificate,
                 sp_draft_printf(draft, "it expires in %lld days", (long long)((look.not_after - judge->now) / 86400)),
                 true);
    }
    if (key.len > 0 && !look.chain_complete) {
        complain(draft, value, where, certificate,
                 sp_draft_printf(draft, "the chain is incomplete: the certificate of %.*s is missing from the file",
                                 SP_STR_ARG(look.issuer_of_last)),
                 true);
    }
}

static const struct sp_json *place_of(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    return value != NULL ? value : object;
}

static void judge_authorities(struct judge *judge, const struct sp_json *object, enum sp_setting setting,
                              struct sp_str where)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    if (value != NULL && judge->draft.status == SP_OK) {
        judge_pair(judge, value, where, value->text, SP_STR_NONE, NULL);
    }
}

enum sp_status sp_policy_check_certificates(const struct sp_policy *policy, const struct sp_certificate_eyes *eyes,
                                            int64_t now, bool tolerates_dates, struct sp_policy_report *report)
{
    const struct sp_policy_parts *parts = (const struct sp_policy_parts *)policy;
    struct sp_arena *arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
    if (arena == NULL) {
        return SP_NO_MEMORY;
    }
    struct judge judge = {
        .draft = sp_draft_of(parts, arena, report), .eyes = eyes, .now = now, .tolerates_dates = tolerates_dates};
    for (size_t i = 0; i < policy->serving.listener_count; i++) {
        const struct sp_listener *listener = &policy->serving.listeners[i];
        const struct sp_json *tls = sp_setting_value(listener->source, SP_SETTING_LISTEN_TLS);
        if (listener->certificate.len > 0 && listener->key.len > 0) {
            judge_pair(&judge, place_of(tls, SP_SETTING_TLS_CERTIFICATE), SP_STR("listen.tls.certificate"),
                       listener->certificate, listener->key, sp_setting_value(tls, SP_SETTING_TLS_KEY));
        }
        judge_authorities(&judge, tls, SP_SETTING_TLS_CLIENT_CA_FILE, SP_STR("listen.tls.client_ca_file"));
    }
    for (size_t i = 0; i < policy->issuer_count; i++) {
        judge_authorities(&judge, policy->issuer_sources[i], SP_SETTING_ISSUER_CA_FILE,
                          sp_draft_printf(&judge.draft, "issuers.%.*s.ca_file", SP_STR_ARG(policy->issuers[i].name)));
    }
    for (size_t i = 0; i < policy->issuer_count; i++) {
        const struct sp_json *introspection =
            sp_setting_value(policy->issuer_sources[i], SP_SETTING_ISSUER_INTROSPECTION);
        judge_key_file(&judge, sp_setting_value(introspection, SP_SETTING_INTROSPECTION_PRIVATE_KEY_FILE),
                       sp_draft_printf(&judge.draft, "issuers.%.*s.introspection.private_key_file",
                                       SP_STR_ARG(policy->issuers[i].name)));
    }
    for (size_t i = 0; i < policy->api_count; i++) {
        judge_authorities(
            &judge, sp_setting_value(parts->api_sources[i], SP_SETTING_API_UPSTREAM), SP_SETTING_UPSTREAM_CA_FILE,
            sp_draft_printf(&judge.draft, "apis.%.*s.upstream.ca_file", SP_STR_ARG(policy->apis[i].name)));
    }
    enum sp_status status = judge.draft.status;
    sp_policy_report_sort(report);
    sp_arena_destroy(&arena);
    return status;
}
