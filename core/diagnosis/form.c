/* SPDX-License-Identifier: Apache-2.0 */
/* What was presented: is it a token at all, of which kind, and can it be read? (RFC 7515 3, 7.1; RFC 7519 7.2; RFC
 * 6750 2.1)
 *
 * A JWS in compact form is three segments of base64url without padding, of which the first two are JSON objects with
 * unique names. What is not of that form is named by what was done to it on the way: quoted, encoded, cut, doubled. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/form.h"
#include "core/jose/base64url.h"

void sp_form_refuse(struct sp_exam *exam, enum sp_cause cause, const char *expected, struct sp_str detail)
{
    struct sp_finding *finding = sp_exam_saw(exam, cause, SP_CHECK_FORM, sp_str_from_cstr(expected), SP_STR_NONE);
    finding->detail = detail;
}

static void refuse_segments(struct sp_exam *exam, unsigned count, const char *detail)
{
    struct sp_finding *finding =
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_SEGMENTS, SP_CHECK_FORM, SP_STR("3 segments"),
                    sp_arena_printf(exam->arena, "%u segment%s", count, count == 1 ? "" : "s"));
    finding->detail = sp_str_from_cstr(detail);
}

bool sp_form_is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* ---- segments ---- */

static void tell_json_fault(struct sp_exam *exam, const char *part, const struct sp_json_error *error)
{
    if (error->fault == SP_JSON_DUPLICATE_MEMBER) {
        struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_DUPLICATE_MEMBER, SP_CHECK_FORM,
                                                 SP_STR("unique names"), sp_str_slice(error->name, 0, 128));
        finding->detail =
            sp_arena_printf(exam->arena, "The %s has this name twice, again at byte %zu.", part, error->offset);
        return;
    }
    struct sp_finding *finding =
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_JSON, SP_CHECK_FORM, SP_STR("a JSON object"), SP_STR_NONE);
    finding->detail =
        sp_arena_printf(exam->arena, "The %s is not JSON at byte %zu: %s.", part, error->offset, error->message);
}

/* Names the first character that base64url does not have. */
static void tell_alphabet(struct sp_exam *exam, const char *part, struct sp_str segment)
{
    size_t at = 0;
    while (at < segment.len && sp_form_is_base64url(segment.at[at]))
        at++;
    if (at < segment.len && strchr("=+/", segment.at[at]) != NULL && segment.at[at] != '\0') {
        struct sp_finding *finding =
            sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_PADDING, SP_CHECK_FORM, SP_STR("base64url without padding"),
                        sp_arena_printf(exam->arena, "'%c'", segment.at[at]));
        finding->detail =
            sp_arena_printf(exam->arena, "The %s segment has '%c' at character %zu.", part, segment.at[at], at);
        return;
    }
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_JSON, SP_CHECK_FORM,
                                             SP_STR("base64url of a JSON object"), SP_STR_NONE);
    if (at < segment.len)
        finding->detail = sp_arena_printf(
            exam->arena, "The %s segment has byte 0x%02x at character %zu, which base64url does not have.", part,
            (unsigned char)segment.at[at], at);
    else
        finding->detail = sp_arena_printf(
            exam->arena, "The %s segment's %zu characters are not whole bytes in base64url.", part, segment.len);
}

static bool is_base64url_text(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!sp_form_is_base64url(text.at[i]))
            return false;
    return true;
}

static struct sp_str name_value(const struct sp_json *json)
{
    switch (json->type) {
    case SP_JSON_ARRAY:
        return SP_STR("an array");
    case SP_JSON_STRING:
        return SP_STR("a string");
    case SP_JSON_NUMBER:
        return SP_STR("a number");
    default:
        return SP_STR("true, false or null");
    }
}

/* Decodes and parses a segment; NULL when that failed and was told. */
static const struct sp_json *read_segment(struct sp_exam *exam, const char *part, struct sp_str segment, bool is_last)
{
    struct sp_str text;
    const struct sp_json *json;
    struct sp_json_error error = {0};
    enum sp_status status = sp_base64url_decode(exam->arena, segment, &text);
    if (status == SP_MALFORMED && is_last && is_base64url_text(segment)) {
        sp_form_tell_truncated(exam, SP_CHECK_FORM, "The token ends inside its payload.");
        return NULL;
    }
    if (status == SP_MALFORMED) {
        tell_alphabet(exam, part, segment);
        return NULL;
    }
    if (status == SP_OK)
        status = sp_json_parse(exam->arena, text, &sp_json_limits_token, &json, &error);
    if (status == SP_NO_MEMORY) {
        exam->incomplete = true;
        return NULL;
    }
    if (status != SP_OK && is_last && error.fault == SP_JSON_CUT) {
        sp_form_tell_truncated(exam, SP_CHECK_FORM, "The token ends inside its payload.");
        return NULL;
    }
    if (status != SP_OK) {
        tell_json_fault(exam, part, &error);
        return NULL;
    }
    if (json->type != SP_JSON_OBJECT) {
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_JSON, SP_CHECK_FORM, SP_STR("a JSON object"), name_value(json))
            ->detail =
            sp_arena_printf(exam->arena, "The %s is JSON but not an object, from byte %u on.", part, json->offset);
        return NULL;
    }
    return json;
}

/* Whether a segment decodes to something that begins as a JSON object: then a JOSE header was meant. */
static bool looks_like_header(struct sp_str segment)
{
    return sp_str_has_prefix(segment, SP_STR("eyJ")) || sp_str_has_prefix(segment, SP_STR("eyA")) ||
           sp_str_has_prefix(segment, SP_STR("ewo")) || sp_str_has_prefix(segment, SP_STR("ewog")) ||
           sp_str_has_prefix(segment, SP_STR("e30"));
}

static void examine_jws(struct sp_exam *exam)
{
    struct sp_str third = exam->segments[2];
    exam->kind = SP_TOKEN_JWT;
    exam->header = read_segment(exam, "header", exam->segments[0], false);
    exam->body = read_segment(exam, "payload", exam->segments[1], false);
    if (exam->body != NULL)
        sp_claims_find(exam->body, &exam->claims);
    if (sp_base64url_decode(exam->arena, third, &exam->signature) == SP_OK)
        return;
    exam->signature = SP_STR_NONE;
    size_t at = 0;
    while (at < third.len && sp_form_is_base64url(third.at[at]))
        at++;
    /* Right characters that make no whole bytes: some behind them are missing. */
    if (at == third.len)
        sp_form_tell_truncated(exam, SP_CHECK_FORM, "The token ends inside a character group of its signature.");
    else if (strchr("=+/", third.at[at]) != NULL && third.at[at] != '\0')
        tell_alphabet(exam, "signature", third);
    else
        refuse_segments(exam, 3, "The last of them, the signature, is not base64url.");
}

static void examine_jwe(struct sp_exam *exam, struct sp_str first)
{
    exam->header = read_segment(exam, "header", first, false);
    if (exam->header == NULL)
        return;
    if (sp_json_member(exam->header, SP_STR("enc")) == NULL) {
        refuse_segments(exam, 5, "Its header has no enc, so it is no JWE either.");
        return;
    }
    exam->kind = SP_TOKEN_JWE;
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_ENCRYPTED, SP_CHECK_FORM,
                                             SP_STR("a signed token (JWS)"), SP_STR("an encrypted token (JWE)"));
    finding->detail =
        sp_arena_printf(exam->arena, "alg %.*s, enc %.*s",
                        SP_STR_ARG(sp_str_slice(sp_json_string(sp_json_member(exam->header, SP_STR("alg"))), 0, 40)),
                        SP_STR_ARG(sp_str_slice(sp_json_string(sp_json_member(exam->header, SP_STR("enc"))), 0, 40)));
}

/* One or two segments of what began as a JWT. */
static void examine_short(struct sp_exam *exam, struct sp_str token, unsigned dots)
{
    size_t dot = sp_str_index_of(token, '.', 0);
    if (dots == 0) {
        sp_form_tell_truncated(exam, SP_CHECK_FORM, "The token begins as a JWT and ends in its first segment.");
        return;
    }
    exam->header = read_segment(exam, "header", sp_str_slice(token, 0, dot), false);
    if (exam->header == NULL)
        return;
    exam->body = read_segment(exam, "payload", sp_str_slice(token, dot + 1, token.len), true);
    if (exam->body == NULL)
        return;
    sp_claims_find(exam->body, &exam->claims);
    refuse_segments(exam, 2, "Its signature is missing.");
}

/* Could be a reference token: only characters that issuers use in them. */
static bool is_opaque(struct sp_str token)
{
    for (size_t i = 0; i < token.len; i++) {
        char c = token.at[i];
        /* b64token of RFC 6750 2.1, and ':' '|' '!' that issuers use all the same. */
        if (!sp_form_is_base64url(c) && (strchr(".~+/=:|!$*@#", c) == NULL || c == '\0'))
            return false;
    }
    return token.len > 0;
}

/* Where nobody may be asked what it is: reference tokens have no dots, or one (`ya29.…`, `ory_at_….…`) and are long. */
static bool looks_opaque(struct sp_str token, unsigned dots)
{
    return is_opaque(token) && (dots == 0 || (dots == 1 && token.len >= 20));
}

static bool may_introspect(const struct sp_exam *exam)
{
    const struct sp_requirements *required = exam->input.requirements;
    for (size_t i = 0; i < required->issuer_count; i++)
        if (required->issuers[i] < exam->world->issuer_count &&
            exam->world->issuers[required->issuers[i]].terms->introspects)
            return true;
    return false;
}

static void examine_segments(struct sp_exam *exam, struct sp_str token)
{
    size_t dots[4] = {0};
    unsigned count = 0;
    for (size_t at = sp_str_index_of(token, '.', 0); at < token.len; at = sp_str_index_of(token, '.', at + 1)) {
        if (count < 4)
            dots[count] = at;
        count++;
    }
    /* Some issuers' reference tokens have dots too. */
    if (!looks_like_header(token) && is_opaque(token) && may_introspect(exam)) {
        exam->kind = SP_TOKEN_OPAQUE;
    } else if (count == 2) {
        exam->segments[0] = sp_str_slice(token, 0, dots[0]);
        exam->segments[1] = sp_str_slice(token, dots[0] + 1, dots[1]);
        exam->segments[2] = sp_str_slice(token, dots[1] + 1, token.len);
        exam->signed_text = sp_str_slice(token, 0, dots[1]);
        examine_jws(exam);
    } else if (count == 4) {
        examine_jwe(exam, sp_str_slice(token, 0, dots[0]));
    } else if (count < 2 && looks_like_header(token)) {
        examine_short(exam, token, count);
    } else if (!looks_like_header(token) && looks_opaque(token, count)) {
        exam->kind = SP_TOKEN_OPAQUE;
    } else {
        refuse_segments(exam, count + 1, NULL);
    }
}

/* The common case, with nothing told: three segments that decode, two of them JSON objects. False leaves no trace, and
 * the damage is then looked for. */
static bool read_sound_jws(struct sp_exam *exam, struct sp_str token)
{
    struct sp_json_error error;
    struct sp_str texts[2], signature;
    const struct sp_json *parts[2];
    size_t first = sp_str_index_of(token, '.', 0), second = sp_str_index_of(token, '.', first + 1);
    if (second >= token.len)
        return false;
    struct sp_str segments[3] = {sp_str_slice(token, 0, first), sp_str_slice(token, first + 1, second),
                                 sp_str_slice(token, second + 1, token.len)};
    if (sp_base64url_decode(exam->arena, segments[2], &signature) != SP_OK)
        return false;
    for (size_t i = 0; i < 2; i++) {
        bool any_payload = i == 1 && exam->input.signature_only;
        parts[i] = NULL;
        if (sp_base64url_decode(exam->arena, segments[i], &texts[i]) != SP_OK)
            return false;
        enum sp_status status = sp_json_parse(exam->arena, texts[i], &sp_json_limits_token, &parts[i], &error);
        if ((status != SP_OK || parts[i]->type != SP_JSON_OBJECT) && !any_payload)
            return false;
    }
    memcpy(exam->segments, segments, sizeof segments);
    exam->signed_text = sp_str_slice(token, 0, second);
    exam->signature = signature;
    exam->header = parts[0];
    exam->body = parts[1];
    exam->kind = SP_TOKEN_JWT;
    if (exam->body != NULL)
        sp_claims_find(exam->body, &exam->claims);
    return true;
}

bool sp_form_tell_too_large(struct sp_exam *exam, size_t bytes)
{
    size_t max_bytes = exam->input.requirements->max_token_bytes;
    if (max_bytes == 0)
        max_bytes = SP_MAX_TOKEN_BYTES;
    if (bytes > max_bytes)
        sp_exam_saw(exam, SP_CAUSE_TOKEN_TOO_LARGE, SP_CHECK_FORM,
                    sp_arena_printf(exam->arena, "at most %zu bytes", max_bytes),
                    sp_arena_printf(exam->arena, "%zu bytes", bytes));
    return bytes > max_bytes;
}

/* Only base64url's characters and dots. */
static bool is_compact(struct sp_str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (!sp_form_is_base64url(token.at[i]) && token.at[i] != '.')
            return false;
    return true;
}

void sp_form_examine(struct sp_exam *exam)
{
    struct sp_str token = exam->input.token;
    if (token.len == 0) {
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MISSING, SP_CHECK_FORM, SP_STR("a token"), SP_STR("nothing"));
        return;
    }
    /* A gateway stops there; offline the rest is worth knowing. */
    if (sp_form_tell_too_large(exam, token.len) && (!exam->input.explain || token.len > SP_MAX_EXAMINED_BYTES))
        return;
    if (!read_sound_jws(exam, token)) {
        if (!is_compact(token) && sp_form_examine_damage(exam, token))
            return;
        examine_segments(exam, token);
    }
    if (!exam->refused && !exam->incomplete)
        sp_exam_pass(exam, SP_CHECK_FORM);
}

/* One row a claim that a check asks for. */
static const struct {
    struct sp_str name;
    size_t at;
} known_claims[] = {
#define CLAIM(member, text)                                                                                            \
    {                                                                                                                  \
        {text, sizeof text - 1}, offsetof(struct sp_claims, member)                                                    \
    }
    CLAIM(iss, "iss"),
    CLAIM(sub, "sub"),
    CLAIM(aud, "aud"),
    CLAIM(exp, "exp"),
    CLAIM(nbf, "nbf"),
    CLAIM(iat, "iat"),
    CLAIM(jti, "jti"),
    CLAIM(azp, "azp"),
    CLAIM(acr, "acr"),
    CLAIM(cnf, "cnf"),
    CLAIM(scp, "scp"),
    CLAIM(typ, "typ"),
    CLAIM(ver, "ver"),
    CLAIM(tid, "tid"),
    CLAIM(scope, "scope"),
    CLAIM(roles, "roles"),
    CLAIM(nonce, "nonce"),
    CLAIM(active, "active"),
    CLAIM(at_hash, "at_hash"),
    CLAIM(c_hash, "c_hash"),
    CLAIM(client_id, "client_id"),
    CLAIM(auth_time, "auth_time"),
    CLAIM(token_use, "token_use"),
    CLAIM(email_verified, "email_verified"),
    CLAIM(hasgroups, "hasgroups"),
    CLAIM(claim_names, "_claim_names"),
#undef CLAIM
};

void sp_claims_find(const struct sp_json *body, struct sp_claims *claims)
{
    for
        SP_JSON_EACH(member, body)
    for (size_t i = 0; i < sizeof known_claims / sizeof known_claims[0]; i++)
        if (member->name.len == known_claims[i].name.len && member->name.at[0] == known_claims[i].name.at[0] &&
            sp_str_equal(member->name, known_claims[i].name)) {
            memcpy((char *)claims + known_claims[i].at, &member, sizeof member);
            break;
        }
}
