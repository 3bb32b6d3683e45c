/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the examination: what the issuer answers when it is asked about a token. */
#include "tests/support/exam_rows.h"

static void introspect(struct exam_bench *b)
{
    b->terms[0].introspects = true;
    b->answer = "{\"active\":false}";
}

static void introspect_opaque(struct exam_bench *b)
{
    introspect(b), exam_bench_be_opaque(b);
}

static void introspect_at_both(struct exam_bench *b)
{
    introspect_opaque(b);
    b->terms[1].introspects = true;
    b->requirements.issuers = exam_both_issuers;
    b->requirements.issuer_count = 2;
    b->second_answer = "{\"active\":false}";
}

static void introspect_active_at_second(struct exam_bench *b)
{
    introspect_at_both(b), b->second_answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
}

static void introspect_active_behind_failure(struct exam_bench *b)
{
    introspect_active_at_second(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}

static void introspect_undecided_at_first(struct exam_bench *b)
{
    introspect_at_both(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}

static void introspect_malformed_at_second(struct exam_bench *b)
{
    introspect_at_both(b), b->second_answer = "{}";
}

static void introspect_active_at_first(struct exam_bench *b)
{
    introspect_at_both(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
    b->second_failure = SP_CAUSE_INTROSPECTION_UNAUTHORIZED; /* not asked */
}

static void introspect_jwt(struct exam_bench *b)
{
    introspect(b), b->requirements.introspect_jwt = true;
}

static void want_introspection(struct exam_bench *b)
{
    b->requirements.introspect_jwt = true;
}

static void introspect_refused(struct exam_bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNAUTHORIZED;
}

static void introspect_unreachable(struct exam_bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}

static void introspect_error(struct exam_bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_HTTP_STATUS;
}

static void introspect_garbage(struct exam_bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":\"true\"}";
}

static void be_dotted(struct exam_bench *b)
{
    introspect(b);
    TOKEN(b) = SP_STR("v4.local.abc");
    b->answer = "{\"active\":true,\"aud\":\"" API "\"}";
}

static void introspect_active(struct exam_bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
}

static void introspect_expired(struct exam_bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1600000000}";
}

static void introspect_without_audience(struct exam_bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true}";
}

const struct exam_row exam_introspection_rows[] = {
    {"an opaque token that is active", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), introspect_active, SP_CAUSE_NONE},
    {"an opaque token of the first of two issuers", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""),
     introspect_active_at_first, SP_CAUSE_NONE},
    {"an opaque token of the second issuer", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), introspect_active_at_second,
     SP_CAUSE_NONE},
    {"an opaque token of the second issuer while the first is out of reach", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""),
     introspect_active_behind_failure, SP_CAUSE_NONE},
    {"an opaque token with dots", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), be_dotted, SP_CAUSE_NONE},
    {"an introspection answer without audience", SP_CAUSE_AUDIENCE_MISSING, EXAM_E1, HEADER, CLAIMS(""),
     introspect_without_audience, SP_CAUSE_NONE},
    {"an opaque token that has expired", SP_CAUSE_TIME_EXPIRED, EXAM_E1, HEADER, CLAIMS(""), introspect_expired,
     SP_CAUSE_NONE},
    {"a token that was revoked", SP_CAUSE_TOKEN_REVOKED, EXAM_E1, HEADER, CLAIMS(""), introspect_jwt, SP_CAUSE_NONE},
    {"a token of another host name that is not active", SP_CAUSE_INTROSPECTION_OTHER_HOSTNAME, EXAM_E1, HEADER,
     WITH_ISSUER("http://keycloak:8080/realms/a"), introspect_jwt, SP_CAUSE_NONE},
    {"a token to be asked for where nobody can be asked", SP_CAUSE_INTROSPECTION_UNREACHABLE, EXAM_E1, HEADER,
     CLAIMS(""), want_introspection, SP_CAUSE_NONE},
    {"an opaque token that is not active", SP_CAUSE_INTROSPECTION_INACTIVE, EXAM_E1, HEADER, CLAIMS(""),
     introspect_opaque, SP_CAUSE_NONE},
    {"an opaque token that two issuers do not know", SP_CAUSE_INTROSPECTION_INACTIVE, EXAM_E1, HEADER, CLAIMS(""),
     introspect_at_both, SP_CAUSE_NONE},
    {"an opaque token that one issuer does not know and the other cannot say", SP_CAUSE_INTROSPECTION_UNREACHABLE,
     EXAM_E1, HEADER, CLAIMS(""), introspect_undecided_at_first, SP_CAUSE_NONE},
    {"an opaque token that one issuer does not know and the other answers nonsense about",
     SP_CAUSE_INTROSPECTION_MALFORMED, EXAM_E1, HEADER, CLAIMS(""), introspect_malformed_at_second, SP_CAUSE_NONE},
    {"introspection refuses the gateway", SP_CAUSE_INTROSPECTION_UNAUTHORIZED, EXAM_E1, HEADER, CLAIMS(""),
     introspect_refused, SP_CAUSE_NONE},
    {"introspection out of reach", SP_CAUSE_INTROSPECTION_UNREACHABLE, EXAM_E1, HEADER, CLAIMS(""),
     introspect_unreachable, SP_CAUSE_NONE},
    {"introspection with an error", SP_CAUSE_INTROSPECTION_HTTP_STATUS, EXAM_E1, HEADER, CLAIMS(""), introspect_error,
     SP_CAUSE_NONE},
    {"an answer whose active is text", SP_CAUSE_INTROSPECTION_MALFORMED, EXAM_E1, HEADER, CLAIMS(""),
     introspect_garbage, SP_CAUSE_NONE},
};
const size_t exam_introspection_row_count = sizeof exam_introspection_rows / sizeof exam_introspection_rows[0];
