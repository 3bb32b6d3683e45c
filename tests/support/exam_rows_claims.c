/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the examination: issuer, audience, times, scope and what else a token claims. */
#include "tests/support/exam_rows.h"

#define EXPECT_ISSUER(name, text)                                                                                      \
    static void name(struct exam_bench *b)                                                                             \
    {                                                                                                                  \
        b->terms[0].issuer = SP_STR(text);                                                                             \
    }
EXPECT_ISSUER(expect_entra_v2, "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0")
EXPECT_ISSUER(expect_template, "https://login.microsoftonline.com/{tenantid}/v2.0")
EXPECT_ISSUER(expect_google, "https://accounts.google.com")
EXPECT_ISSUER(expect_adfs, "https://adfs.example.com/adfs")
EXPECT_ISSUER(expect_okta, "https://acme.okta.com/oauth2/default")
EXPECT_ISSUER(expect_cognito, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x")
static void know_skew_ahead(struct exam_bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = 120;
}

/* Entra's tenants, and those of many others, share one server's keys. */
static void take_two_issuers_of_one_key_set(struct exam_bench *b)
{
    b->requirements.issuers = exam_both_issuers;
    b->requirements.issuer_count = 2;
    b->issuers[1].known.keys = exam_corp_set;
}

static const struct sp_str bare_audiences[] = {{"5f1c", 4}, {"https://api.example.com", 23}};
static void expect_bare_audience(struct exam_bench *b)
{
    b->requirements.audiences = (struct sp_str_list){bare_audiences, 2};
}

static void limit_lifetime(struct exam_bench *b)
{
    b->terms[0].max_lifetime_s = 300;
}

static const struct sp_str admins[] = {{"admin", 5}};
static const struct sp_claim_rule role_rule[] = {{{"realm_access.role", 17}, {admins, 1}}};
static const struct sp_claim_rule group_rule[] = {{{"groups", 6}, {NULL, 0}}};
static void need_role(struct exam_bench *b)
{
    b->requirements.claims = role_rule, b->requirements.claim_count = 1;
}

static void need_groups(struct exam_bench *b)
{
    b->requirements.claims = group_rule, b->requirements.claim_count = 1;
}

static void need_email(struct exam_bench *b)
{
    b->requirements.require_verified_email = true;
}

static void need_acr(struct exam_bench *b)
{
    b->requirements.acr_values = (struct sp_str_list){admins, 1};
}

static void need_recent(struct exam_bench *b)
{
    b->requirements.max_age_s = 60;
}

const struct exam_row exam_claim_rows[] = {
    {"one audience of several", SP_CAUSE_NONE, EXAM_E1, HEADER, WITH_AUDIENCE("[\"a\",7,\"" API "\"]", ""), NULL,
     SP_CAUSE_NONE},
    {"within the leeway", SP_CAUSE_NONE, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1699999970,\"nbf\":1700000030"), NULL,
     SP_CAUSE_NONE},
    {"a forgotten audience without a scope", SP_CAUSE_AUDIENCE_IS_CLIENT_ID, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     "{\"iss\":\"" ISSUER "\",\"aud\":\"app\",\"azp\":\"app\",\"exp\":1700000600}", NULL, SP_CAUSE_NONE},
    {"no issuer", SP_CAUSE_ISSUER_MISSING, EXAM_E1, HEADER, "{\"aud\":\"" API "\",\"exp\":1700000600}", NULL,
     SP_CAUSE_NONE},
    {"another issuer", SP_CAUSE_ISSUER_MISMATCH, EXAM_E1, HEADER, WITH_ISSUER("https://else.example.org"), NULL,
     SP_CAUSE_NONE},
    {"an issuer that is a number", SP_CAUSE_ISSUER_MISMATCH, EXAM_E1, HEADER,
     "{\"iss\":7,\"aud\":\"" API "\",\"exp\":1700000600}", NULL, SP_CAUSE_NONE},
    {"a slash more", SP_CAUSE_ISSUER_TRAILING_SLASH, EXAM_E1, HEADER, WITH_ISSUER(ISSUER "/"), NULL, SP_CAUSE_NONE},
    {"http", SP_CAUSE_ISSUER_SCHEME, EXAM_E1, HEADER, WITH_ISSUER("http://idp.example.com/realms/a"), NULL,
     SP_CAUSE_NONE},
    {"Google's bare host", SP_CAUSE_ISSUER_NO_SCHEME, EXAM_E1, HEADER, WITH_ISSUER("accounts.google.com"),
     expect_google, SP_CAUSE_NONE},
    {"another case", SP_CAUSE_ISSUER_CASE, EXAM_E1, HEADER, WITH_ISSUER("https://IDP.example.com/realms/A"), NULL,
     SP_CAUSE_NONE},
    {"a space behind", SP_CAUSE_ISSUER_WHITESPACE, EXAM_E1, HEADER, WITH_ISSUER(ISSUER " "), NULL, SP_CAUSE_NONE},
    {"the default port", SP_CAUSE_ISSUER_PORT, EXAM_E1, HEADER, WITH_ISSUER("https://idp.example.com:443/realms/a"),
     NULL, SP_CAUSE_NONE},
    {"a container's name", SP_CAUSE_ISSUER_HOST_ALIAS, EXAM_E1, HEADER, WITH_ISSUER("http://keycloak:8080/realms/a"),
     NULL, SP_CAUSE_NONE},
    {"another realm", SP_CAUSE_ISSUER_PATH, EXAM_E1, HEADER, WITH_ISSUER("https://idp.example.com/realms/b"), NULL,
     SP_CAUSE_NONE},
    {"Entra v1", SP_CAUSE_ISSUER_VERSION, EXAM_E1, HEADER,
     WITH_ISSUER("https://sts.windows.net/11111111-2222-3333-4444-555555555555/"), expect_entra_v2, SP_CAUSE_NONE},
    {"Entra's template", SP_CAUSE_ISSUER_TEMPLATE, EXAM_E1, HEADER,
     WITH_ISSUER("https://login.microsoftonline.com/1111/v2.0"), expect_template, SP_CAUSE_NONE},
    {"the issuer of staging", SP_CAUSE_ISSUER_OTHER_ENVIRONMENT, EXAM_E1, HEADER,
     WITH_ISSUER("https://staging.example.com/realms/a"), NULL, SP_CAUSE_NONE},
    {"a slash more than the second of two issuers with the same keys", SP_CAUSE_ISSUER_TRAILING_SLASH, EXAM_E1, HEADER,
     WITH_ISSUER("https://staging.example.com/realms/a/"), take_two_issuers_of_one_key_set, SP_CAUSE_NONE},
    {"the second of two issuers with the same keys", SP_CAUSE_NONE, EXAM_E1, HEADER,
     WITH_ISSUER("https://staging.example.com/realms/a"), take_two_issuers_of_one_key_set, SP_CAUSE_NONE},
    {"neither of two issuers", SP_CAUSE_ISSUER_MISMATCH, EXAM_E1, HEADER, WITH_ISSUER("https://else.example.org"),
     take_two_issuers_of_one_key_set, SP_CAUSE_NONE},
    {"AD FS", SP_CAUSE_ISSUER_ADFS_SERVICES_TRUST, EXAM_E1, HEADER,
     WITH_ISSUER("http://adfs.example.com/adfs/services/trust"), expect_adfs, SP_CAUSE_NONE},
    {"Okta's console", SP_CAUSE_ISSUER_ADMIN_HOST, EXAM_E1, HEADER,
     WITH_ISSUER("https://acme-admin.okta.com/oauth2/default"), expect_okta, SP_CAUSE_NONE},
    {"no audience", SP_CAUSE_AUDIENCE_MISSING, EXAM_E1, HEADER, "{\"iss\":\"" ISSUER "\",\"exp\":1700000600}", NULL,
     SP_CAUSE_NONE},
    {"an empty audience", SP_CAUSE_AUDIENCE_MISSING, EXAM_E1, HEADER, WITH_AUDIENCE("[]", ""), NULL, SP_CAUSE_NONE},
    {"another audience", SP_CAUSE_AUDIENCE_MISMATCH, EXAM_E1, HEADER, WITH_AUDIENCE("[\"x\",\"y\"]", ""), NULL,
     SP_CAUSE_NONE},
    {"an audience that is an object", SP_CAUSE_AUDIENCE_MISMATCH, EXAM_E1, HEADER,
     WITH_AUDIENCE("{\"a\":\"" API "\"}", ""), NULL, SP_CAUSE_NONE},
    {"an audience with a slash", SP_CAUSE_AUDIENCE_TRAILING_SLASH, EXAM_E1, HEADER, WITH_AUDIENCE("\"" API "/\"", ""),
     NULL, SP_CAUSE_NONE},
    {"an audience in another case", SP_CAUSE_AUDIENCE_CASE, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"https://API.example.com/v1\"", ""), NULL, SP_CAUSE_NONE},
    {"an audience without its scheme", SP_CAUSE_AUDIENCE_SCHEME, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"api.example.com\"", ""), expect_bare_audience, SP_CAUSE_NONE},
    {"Entra's api:// in front of an audience", SP_CAUSE_AUDIENCE_SCHEME, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"api://5f1c\"", ""), expect_bare_audience, SP_CAUSE_NONE},
    {"an audience of http", SP_CAUSE_AUDIENCE_SCHEME, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"http://api.example.com/v1\"", ""), NULL, SP_CAUSE_NONE},
    {"the client as audience", SP_CAUSE_AUDIENCE_IS_CLIENT_ID, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"app\"", ",\"client_id\":\"app\""), NULL, SP_CAUSE_NONE},
    {"another API's audience", SP_CAUSE_AUDIENCE_OTHER_API, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"https://videos.example.com\"", ""), NULL, SP_CAUSE_NONE},
    {"Keycloak's account", SP_CAUSE_AUDIENCE_KEYCLOAK_ACCOUNT, EXAM_E1, HEADER,
     WITH_AUDIENCE("\"account\"", ",\"azp\":\"app\""), NULL, SP_CAUSE_NONE},
    {"Cognito", SP_CAUSE_AUDIENCE_COGNITO, EXAM_E1, HEADER,
     "{\"iss\":\"https://cognito-idp.eu-west-1.amazonaws.com/"
     "eu-west-1_x\",\"client_id\":\"c\",\"token_use\":\"access\",\"exp\":1700000600}",
     expect_cognito, SP_CAUSE_NONE},
    {"expired", SP_CAUSE_TIME_EXPIRED, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1699999969"), NULL, SP_CAUSE_NONE},
    {"expired long ago, as a negative number", SP_CAUSE_TIME_EXPIRED, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":-5"), NULL,
     SP_CAUSE_NONE},
    {"expired by our clock only", SP_CAUSE_TIME_EXPIRED_BY_SKEW, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1699999900"),
     exam_bench_know_skew, SP_CAUSE_NONE},
    {"not yet valid", SP_CAUSE_TIME_NOT_YET_VALID, EXAM_E1, HEADER,
     WITH_TIMES(",\"exp\":1700000900,\"nbf\":1700000031"), NULL, SP_CAUSE_NONE},
    {"not yet valid by our clock only", SP_CAUSE_TIME_NOT_YET_VALID_BY_SKEW, EXAM_E1, HEADER,
     WITH_TIMES(",\"exp\":1700000900,\"nbf\":1700000100"), know_skew_ahead, SP_CAUSE_NONE},
    {"issued in the future", SP_CAUSE_TIME_ISSUED_IN_FUTURE, EXAM_E1, HEADER,
     WITH_TIMES(",\"exp\":1700000900,\"iat\":1700000031"), NULL, SP_CAUSE_NONE},
    {"milliseconds", SP_CAUSE_TIME_MILLISECONDS, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1700000600000"), NULL,
     SP_CAUSE_NONE},
    {"no exp", SP_CAUSE_TIME_EXP_MISSING, EXAM_E1, HEADER, WITH_TIMES(""), NULL, SP_CAUSE_NONE},
    {"exp as text", SP_CAUSE_TIME_NOT_A_NUMBER, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":\"1700000600\""), NULL,
     SP_CAUSE_NONE},
    {"exp as null", SP_CAUSE_TIME_NOT_A_NUMBER, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":null"), NULL, SP_CAUSE_NONE},
    {"exp of 1e999", SP_CAUSE_TIME_NOT_A_NUMBER, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1e999"), NULL, SP_CAUSE_NONE},
    {"nbf of 1e999", SP_CAUSE_TIME_NOT_A_NUMBER, EXAM_E1, HEADER, WITH_TIMES(",\"exp\":1700000600,\"nbf\":-1e999"),
     NULL, SP_CAUSE_NONE},
    {"too long a life", SP_CAUSE_TIME_LIFETIME_TOO_LONG, EXAM_E1, HEADER, CLAIMS(""), limit_lifetime, SP_CAUSE_NONE},
    {"a scope that is missing", SP_CAUSE_SCOPE_MISSING, EXAM_E1, HEADER, CLAIMS(",\"scope\":\"read writ\""),
     exam_bench_need_scopes, SP_CAUSE_NONE},
    {"scopes in an array", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(",\"scp\":[\"read\",\"write\"]"),
     exam_bench_need_scopes, SP_CAUSE_NONE},
    {"no scope claim", SP_CAUSE_SCOPE_CLAIM_ABSENT, EXAM_E1, HEADER, CLAIMS(""), exam_bench_need_scopes, SP_CAUSE_NONE},
    {"a claim that is missing", SP_CAUSE_CLAIM_MISSING, EXAM_E1, HEADER, CLAIMS(""), need_role, SP_CAUSE_NONE},
    {"a claim of another value", SP_CAUSE_CLAIM_MISMATCH, EXAM_E1, HEADER,
     CLAIMS(",\"realm_access\":{\"role\":[\"user\"]}"), need_role, SP_CAUSE_NONE},
    {"a claim in depth", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(",\"realm_access\":{\"role\":[\"user\",\"admin\"]}"),
     need_role, SP_CAUSE_NONE},
    {"an email that is not verified", SP_CAUSE_CLAIM_EMAIL_UNVERIFIED, EXAM_E1, HEADER,
     CLAIMS(",\"email_verified\":false"), need_email, SP_CAUSE_NONE},
    {"too many groups", SP_CAUSE_CLAIM_GROUPS_OVERAGE, EXAM_E1, HEADER,
     CLAIMS(",\"_claim_names\":{\"groups\":\"src1\"}"), need_groups, SP_CAUSE_NONE},
    {"a weak login", SP_CAUSE_AUTHENTICATION_TOO_WEAK, EXAM_E1, HEADER, CLAIMS(",\"acr\":\"user\""), need_acr,
     SP_CAUSE_NONE},
    {"an old login", SP_CAUSE_AUTHENTICATION_TOO_OLD, EXAM_E1, HEADER, CLAIMS(",\"auth_time\":1699990000"), need_recent,
     SP_CAUSE_NONE},
    {"a login in the future", SP_CAUSE_AUTHENTICATION_TOO_OLD, EXAM_E1, HEADER, CLAIMS(",\"auth_time\":1700000000000"),
     need_recent, SP_CAUSE_NONE},
};
const size_t exam_claim_row_count = sizeof exam_claim_rows / sizeof exam_claim_rows[0];
