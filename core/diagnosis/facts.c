/* SPDX-License-Identifier: Apache-2.0 */
/* From an accepted examination to what a cache keeps, and what a route's requirements say of it. Judging is on the way
 * of every cached call: it compares texts in place and allocates nothing. Its answers never exceed sp_exam's: what it
 * cannot decide it fails, and a full examination follows. */
#include "core/diagnosis/facts.h"

#include "core/diagnosis/audience.h"
#include "core/diagnosis/authorization.h"
#include "core/diagnosis/examination.h"
#include "core/jose/base64url.h"

/* ---- from an examination ---- */

static struct sp_str joined_audiences(struct sp_arena *arena, const struct sp_json *aud)
{
    struct sp_buffer buffer;
    struct sp_str value;
    unsigned seen = 0;
    sp_buffer_init(&buffer, arena, SP_MAX_TOKEN_BYTES);
    for (const struct sp_json *at = NULL; seen < SP_MAX_AUDIENCES && sp_audience_next(aud, &at, &value); seen++) {
        /* An audience with a space in it would read as two: left out, so that the full examination decides. */
        if (sp_str_index_of(value, ' ', 0) < value.len)
            continue;
        if (buffer.len > 0)
            sp_buffer_append_char(&buffer, ' ');
        sp_buffer_append(&buffer, value);
    }
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

/* {"name": value} of the names that the policy asks for, paths flattened to their text. */
static enum sp_status project(struct sp_arena *arena, const struct sp_json *body, const struct sp_kept_claims *kept,
                              struct sp_str *out)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, SP_MAX_TOKEN_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    sp_json_begin_object(&writer);
    bool any = false;
    for (size_t i = 0; i < kept->names.count; i++) {
        const struct sp_json *value = sp_claim_at(body, kept->names.at[i]);
        if (value == NULL && !sp_str_list_has(kept->told, kept->names.at[i]))
            continue;
        any = true;
        sp_json_name(&writer, kept->names.at[i]);
        sp_json_put_value(&writer, value);
    }
    sp_json_end_object(&writer);
    if (sp_buffer_status(&buffer) != SP_OK)
        return SP_NO_MEMORY;
    *out = any ? sp_buffer_str(&buffer) : SP_STR("");
    return SP_OK;
}

bool sp_confirmation_binds(const struct sp_json *cnf, struct sp_str member)
{
    if (cnf == NULL || cnf->type == SP_JSON_NULL)
        return false;
    return cnf->type != SP_JSON_OBJECT || sp_json_member(cnf, member) != NULL;
}

/* Whether the token is bound that way. What is no hash binds too, to nothing that could be shown: the hash of zeros. */
static bool read_hash(const struct sp_json *cnf, struct sp_str name, unsigned char out[32])
{
    unsigned char bytes[SP_BASE64URL_DECODED_MAX(43)];
    struct sp_str text = sp_json_string(sp_json_member(cnf, name));
    size_t len = 0;
    if (text.len == 43 && sp_base64url_decode_into(text, bytes, &len) == SP_OK && len == 32)
        memcpy(out, bytes, 32);
    return sp_confirmation_binds(cnf, name);
}

static int64_t time_or_zero(const struct sp_json *claim)
{
    int64_t value;
    return sp_json_int64(claim, &value) == SP_OK ? value : 0;
}

static enum sp_type_said type_said(const struct sp_json *header)
{
    const struct sp_json *typ = sp_json_member(header, SP_STR("typ"));
    if (typ == NULL)
        return SP_TYPE_ABSENT;
    if (sp_token_kind_is_access_type(sp_json_string(typ)))
        return SP_TYPE_ACCESS_TOKEN;
    return sp_str_equal_ignoring_case(sp_json_string(typ), SP_STR("JWT")) ? SP_TYPE_JWT : SP_TYPE_OTHER;
}

enum sp_status sp_facts_from_exam(const struct sp_exam *exam, const struct sp_kept_claims *kept, struct sp_arena *arena,
                                  struct sp_facts *out)
{
    const struct sp_claims *claims = &exam->claims;
    struct sp_facts facts = {
        .issuer = (uint16_t)exam->issuer_index,
        .kind = exam->kind,
        .algorithm = exam->kind == SP_TOKEN_JWT ? exam->algorithm : SP_ALGORITHM_UNKNOWN,
        .type = type_said(exam->header),
        .expires_at = time_or_zero(claims->exp),
        .not_before = time_or_zero(claims->nbf),
        .issued_at = time_or_zero(claims->iat),
        .auth_time = time_or_zero(claims->auth_time),
        .subject = sp_json_string(claims->sub),
        .client_id = sp_json_string(claims->client_id != NULL ? claims->client_id : claims->azp),
        .acr = sp_json_string(claims->acr),
        .introspected = exam->introspection_given,
        .email_verified = sp_json_is(claims->email_verified, SP_JSON_TRUE) ||
                          sp_str_equal(sp_json_string(claims->email_verified), SP_STR("true")),
    };
    if (!exam->concluded || !exam->verdict.accepted)
        return SP_UNSUPPORTED;
    facts.scope = sp_scope_granted(arena, claims);
    facts.audiences = joined_audiences(arena, claims->aud);
    /* A confirmation of any kind makes it bound: which one only the full examination knows. */
    facts.bound_to_key = read_hash(claims->cnf, SP_STR("jkt"), facts.jkt_sha256);
    facts.bound_to_certificate = read_hash(claims->cnf, SP_STR("x5t#S256"), facts.x5t_sha256);
    enum sp_status status = project(arena, exam->body, kept, &facts.claims);
    if (status == SP_OK)
        *out = facts;
    return status;
}

/* ---- judging ---- */

static bool is_accepted_issuer(const struct sp_facts *facts, const struct sp_requirements *requirements)
{
    for (size_t i = 0; i < requirements->issuer_count; i++)
        if (requirements->issuers[i] == facts->issuer)
            return true;
    return false;
}

static bool some_word_is_listed(struct sp_str words, struct sp_str_list list)
{
    for (size_t i = 0; i < list.count; i++)
        if (sp_scope_text_has(words, list.at[i]))
            return true;
    return false;
}

static bool has_all_words(struct sp_str words, struct sp_str_list list)
{
    for (size_t i = 0; i < list.count; i++)
        if (!sp_scope_text_has(words, list.at[i]))
            return false;
    return true;
}

static bool claims_hold(const struct sp_facts *facts, const struct sp_requirements *requirements, int64_t leeway,
                        int64_t now)
{
    int64_t age;
    for (size_t i = 0; i < requirements->claim_count; i++)
        if (!sp_kept_claim_satisfies(facts->claims, &requirements->claims[i]))
            return false;
    if (requirements->require_verified_email && !facts->email_verified)
        return false;
    if (requirements->acr_values.count > 0 &&
        (facts->acr.len == 0 || !sp_str_list_has(requirements->acr_values, facts->acr)))
        return false;
    if (requirements->max_age_s <= 0)
        return true;
    return facts->auth_time > 0 && !__builtin_sub_overflow(now, facts->auth_time, &age) && age >= -leeway &&
           age <= requirements->max_age_s + leeway;
}

enum sp_check sp_facts_judge(const struct sp_facts *facts, const struct sp_requirements *requirements,
                             const struct sp_world *world, int64_t now)
{
    if (facts->issuer >= world->issuer_count || !is_accepted_issuer(facts, requirements))
        return SP_CHECK_ISSUER;
    const struct sp_issuer_terms *terms = world->issuers[facts->issuer].terms;
    struct sp_str_list audiences = requirements->audiences.count > 0 ? requirements->audiences : terms->audiences;
    if (facts->kind == SP_TOKEN_OPAQUE ? !terms->introspects : false)
        return SP_CHECK_FORM;
    if (audiences.count > 0 && !some_word_is_listed(facts->audiences, audiences))
        return SP_CHECK_AUDIENCE;
    if (facts->expires_at != 0 ? now - terms->leeway_s > facts->expires_at
                               : facts->kind == SP_TOKEN_JWT && !terms->allow_missing_exp)
        return SP_CHECK_EXPIRY;
    if (facts->not_before > now + terms->leeway_s)
        return SP_CHECK_NOT_BEFORE;
    if (requirements->scopes.count > 0 && !has_all_words(facts->scope, requirements->scopes))
        return SP_CHECK_SCOPE;
    if (!claims_hold(facts, requirements, terms->leeway_s, now))
        return SP_CHECK_CLAIMS;
    if ((facts->bound_to_key && requirements->dpop != SP_BINDING_OFF) ||
        (facts->bound_to_certificate && requirements->mtls != SP_BINDING_OFF) ||
        requirements->dpop == SP_BINDING_REQUIRED || requirements->mtls == SP_BINDING_REQUIRED)
        return SP_CHECK_BINDING;
    if (requirements->introspect_jwt && !facts->introspected)
        return SP_CHECK_REVOCATION;
    return SP_CHECK_COUNT;
}
