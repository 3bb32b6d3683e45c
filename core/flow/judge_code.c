/* SPDX-License-Identifier: Apache-2.0 */
/* Redeeming a code (RFC 6749 4.1.3, RFC 7636): the token request beside the login that it belongs to. */
#include "core/flow/judge.h"

#include "core/base/buffer.h"
#include "core/diagnosis/words.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define CODE_LIFETIME_S 600 /* at most (RFC 6749 4.1.2) */

/* The code that came back from the issuer in this flow. */
static struct sp_str issued_code(const struct sp_flow *flow, const struct sp_flow_message **where)
{
    struct sp_str code = flow->response != NULL ? sp_flow_answered(flow->response, "code") : SP_STR_NONE;
    *where = flow->response;
    if (code.at == NULL && flow->callback != NULL) {
        code = sp_flow_parameter(flow->callback, "code");
        *where = flow->callback;
    }
    return code;
}

static const struct sp_flow_message *first_use(const struct sp_flow_message *message, struct sp_str code)
{
    for (const struct sp_flow_message *at = message->flow->first; at != message; at = at->next_in_flow)
        if (at->kind == SP_FLOW_TOKEN_REQUEST && sp_str_equal(sp_flow_parameter(at, "code"), code) &&
            at->exchange.status != 0)
            return at;
    return NULL;
}

static void judge_reuse(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str code)
{
    const struct sp_flow_message *first = first_use(message, code);
    if (first == NULL)
        return;
    struct sp_flow_credentials who;
    sp_flow_credentials_read(capture->arena, first, &who);
    bool spent = sp_flow_has_failed(first);
    struct sp_str when = sp_words_instant(capture->arena, sp_flow_now_s(first));
    struct sp_finding *finding = sp_flow_tell_of_request(
        capture, message, spent ? SP_CAUSE_CODE_REUSED_AFTER_FAILURE : SP_CAUSE_CODE_REUSED, SP_STR("one use"),
        sp_arena_printf(capture->arena, "used again %.*s", SP_STR_ARG(sp_flow_later(capture, first, message))));
    finding->detail = sp_arena_printf(capture->arena, "%s%.*s by %.*s (exchange %u)", spent ? "at " : "before, at ",
                                      SP_STR_ARG(when), SP_STR_ARG(who.client_id), first->exchange.number);
}

/* What a second decoding, or one that was left out, makes of the issued code. */
static const char *damage_of(struct sp_arena *arena, struct sp_str issued, struct sp_str sent)
{
    struct sp_buffer encoded;
    struct sp_str decoded;
    bool spaces = issued.len == sent.len && sp_str_index_of(issued, '+', 0) < issued.len;
    for (size_t i = 0; spaces && i < issued.len; i++)
        spaces = issued.at[i] == sent.at[i] || (issued.at[i] == '+' && sent.at[i] == ' ');
    if (spaces)
        return "its `+` was sent without %2B and became a space";
    sp_buffer_init(&encoded, arena, 64 * 1024);
    sp_form_encode(&encoded, issued);
    if (sp_buffer_status(&encoded) == SP_OK && encoded.len != issued.len &&
        sp_str_equal_ignoring_case(sp_buffer_str(&encoded), sent))
        return "it was encoded twice";
    if (sp_form_decode(arena, issued, &decoded) == SP_OK && decoded.len != issued.len && sp_str_equal(decoded, sent))
        return "it was decoded twice";
    return NULL;
}

static void judge_other_code(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str issued,
                             struct sp_str sent)
{
    const char *damage = damage_of(capture->arena, issued, sent);
    bool cut = sent.len < issued.len && sp_str_has_prefix(issued, sent);
    struct sp_str shown = sp_flow_masked(capture, sent), expected = sp_flow_masked(capture, issued);
    if (damage != NULL) {
        sp_flow_tell(capture, message, SP_CAUSE_CODE_ENCODING, expected, shown)->detail = sp_str_from_cstr(damage);
    } else if (cut) {
        sp_flow_tell(capture, message, SP_CAUSE_CODE_TRUNCATED,
                     sp_arena_printf(capture->arena, "%zu characters", issued.len),
                     sp_arena_printf(capture->arena, "%zu characters", sent.len));
    } else if (sp_flow_has_failed(message)) {
        sp_flow_tell(capture, message, SP_CAUSE_CODE_UNKNOWN, expected, shown)->detail =
            SP_STR("The recording shows the code that the issuer sent for this login; another one was redeemed.");
    }
}

static void judge_age(struct sp_flow_capture *capture, struct sp_flow_message *message,
                      const struct sp_flow_message *issued_by)
{
    int64_t age = sp_flow_now_s(message) - sp_flow_now_s(issued_by);
    bool timed = message->exchange.started_ms != 0 && issued_by->exchange.started_ms != 0;
    bool says = sp_flow_answer_says(message, "expired");
    if (!timed || !sp_flow_error_is(message, "invalid_grant") || (age <= CODE_LIFETIME_S && !(says && age > 10)))
        return;
    sp_flow_tell(capture, message, SP_CAUSE_CODE_EXPIRED, SP_STR("at most 10 min (RFC 6749 §4.1.2)"),
                 sp_words_duration(capture->arena, age))
        ->detail = sp_arena_printf(capture->arena, "before it was redeemed: it was issued %.*s earlier",
                                   SP_STR_ARG(sp_words_duration(capture->arena, age)));
}

static void judge_redirect(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str asked = sp_flow_asked(message->flow, "redirect_uri"),
                  sent = sp_flow_parameter(message, "redirect_uri");
    if (asked.at == NULL || sp_str_equal(asked, sent))
        return;
    if (sent.at == NULL && !sp_flow_has_failed(message))
        return; /* OAuth 2.1 leaves it out */
    sp_flow_tell_of_request(capture, message, SP_CAUSE_CODE_REDIRECT_URI_DIFFERS, asked,
                            sent.at != NULL ? sent : SP_STR("none"));
}

/* ---- PKCE ---- */

struct sp_str sp_flow_hashed_verifier(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_str verifier = sp_flow_parameter(message, "code_verifier"), hashed;
    unsigned char digest[32];
    if (verifier.at == NULL || !sp_str_equal(sp_flow_asked(message->flow, "code_challenge_method"), SP_STR("S256")))
        return SP_STR_NONE;
    sp_sha256(verifier, digest);
    return sp_base64url_encode(capture->arena, sp_str((const char *)digest, sizeof digest), &hashed) == SP_OK
               ? hashed
               : SP_STR_NONE;
}

static void compare_verifier(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str challenge,
                             struct sp_str verifier)
{
    struct sp_str method = sp_flow_asked(message->flow, "code_challenge_method"), hashed = verifier;
    if (sp_str_equal(method, SP_STR("S256"))) {
        hashed = sp_flow_hashed_verifier(capture, message);
        if (hashed.at == NULL)
            return;
        if (sp_str_equal(challenge, verifier)) {
            sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_CHALLENGE_AS_VERIFIER,
                                    SP_STR("the text that hashes to the challenge"), SP_STR("the challenge itself"));
            return;
        }
    }
    if (sp_str_equal(hashed, challenge))
        return;
    /* The same bytes in padded or plain base64: the verifier is right, the challenge was written wrongly. */
    size_t same = 0;
    while (same < hashed.len && same < challenge.len &&
           (hashed.at[same] == challenge.at[same] || (hashed.at[same] == '-' && challenge.at[same] == '+') ||
            (hashed.at[same] == '_' && challenge.at[same] == '/')))
        same++;
    bool padded = same == hashed.len && same >= 43;
    sp_flow_tell_of_request(capture, message, padded ? SP_CAUSE_PKCE_CHALLENGE_PADDED : SP_CAUSE_PKCE_VERIFIER_MISMATCH,
                            padded ? hashed : challenge,
                            padded                                 ? challenge
                            : sp_str_equal(method, SP_STR("S256")) ? hashed
                                                                   : sp_flow_masked(capture, hashed));
}

static void judge_pkce(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str challenge = sp_flow_asked(message->flow, "code_challenge");
    struct sp_str verifier = sp_flow_parameter(message, "code_verifier");
    bool request_seen = message->flow->request != NULL && sp_flow_asked(message->flow, "request").at == NULL &&
                        sp_flow_asked(message->flow, "response_type").at != NULL;
    if (!request_seen) {
        if (verifier.at != NULL && (verifier.len < 43 || verifier.len > 128))
            sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_VERIFIER_LENGTH, SP_STR("43 to 128"),
                                    sp_arena_printf(capture->arena, "%zu", verifier.len));
        return;
    }
    if (challenge.at != NULL && verifier.at == NULL) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_VERIFIER_MISSING, SP_STR("code_verifier"),
                                SP_STR("none"));
        return;
    }
    if (challenge.at == NULL && verifier.at != NULL) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_UNEXPECTED_VERIFIER, SP_STR("no code_verifier"),
                                SP_STR("code_verifier"));
        return;
    }
    if (verifier.at == NULL)
        return;
    if (verifier.len < 43 || verifier.len > 128)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_VERIFIER_LENGTH, SP_STR("43 to 128"),
                                sp_arena_printf(capture->arena, "%zu", verifier.len));
    compare_verifier(capture, message, challenge, verifier);
}

void sp_flow_judge_code(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow *flow = message->flow;
    const struct sp_flow_message *issued_by;
    struct sp_flow_credentials who;
    struct sp_str code = sp_flow_parameter(message, "code");
    if (!sp_str_equal(sp_flow_parameter(message, "grant_type"), SP_STR("authorization_code")))
        return;
    if (code.at == NULL) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_PARAMETER_MISSING, SP_STR("code"), SP_STR("none"));
        return;
    }
    struct sp_str issued = issued_code(flow, &issued_by);
    sp_flow_credentials_read(capture->arena, message, &who);
    if (issued.at != NULL && !sp_str_equal(issued, code))
        judge_other_code(capture, message, issued, code);
    else
        judge_reuse(capture, message, code);
    if (issued_by != NULL)
        judge_age(capture, message, issued_by);
    struct sp_str asker = sp_flow_asked(flow, "client_id");
    if (asker.at != NULL && who.client_id.len > 0 && !sp_str_equal(asker, who.client_id))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CODE_OTHER_CLIENT, asker, who.client_id);
    judge_redirect(capture, message);
    judge_pkce(capture, message);
}
