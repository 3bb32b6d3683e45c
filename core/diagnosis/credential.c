/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/credential.h"

static struct sp_finding evidence(enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    return (struct sp_finding){
        .cause = cause, .check = SP_CHECK_FORM, .verified = true, .expected = expected, .received = received};
}

/* The value of access_token in a query or form, still %-encoded; counts how often it stands there. */
static struct sp_str find_in_query(struct sp_str query, unsigned *count)
{
    struct sp_str value = SP_STR_NONE, pair, name = SP_STR("access_token=");
    *count = 0;
    while (sp_str_next_word(&query, SP_STR("&"), &pair))
        if (sp_str_has_prefix(pair, name)) {
            value = sp_str_slice(pair, name.len, pair.len);
            (*count)++;
        }
    return value;
}

/* "Bearer abc": the scheme is compared without case (RFC 9110 11.1), the value is trimmed on the left only by its
 * separating spaces. */
static struct sp_str split_scheme(struct sp_str header, struct sp_str *value)
{
    header = sp_str_trim(header);
    size_t space = sp_str_index_of(header, ' ', 0);
    *value = sp_str_trim(sp_str_slice(header, space, header.len));
    return sp_str_slice(header, 0, space);
}

/* What could be sent here, for a person. */
static struct sp_str accepted_schemes(const struct sp_presented *presented)
{
    if (presented->accepts_bearer && presented->accepts_dpop)
        return SP_STR("Bearer or DPoP");
    if (presented->accepts_dpop)
        return SP_STR("DPoP");
    return presented->accepts_bearer ? SP_STR("Bearer") : SP_STR("X-API-Key");
}

static enum sp_cause take_authorization(const struct sp_presented *presented, struct sp_credential *credential,
                                        struct sp_finding *finding)
{
    struct sp_str value, scheme = split_scheme(presented->authorization.at[0], &value);
    enum sp_credential_kind kind = SP_CREDENTIAL_NONE;
    if (presented->accepts_bearer && sp_str_equal_ignoring_case(scheme, SP_STR("Bearer")))
        kind = SP_CREDENTIAL_BEARER;
    else if (presented->accepts_dpop && sp_str_equal_ignoring_case(scheme, SP_STR("DPoP")))
        kind = SP_CREDENTIAL_DPOP;
    /* A bare token under the name of a scheme tells its own story; what follows a space is never shown, it may be a
     * secret. */
    if (kind == SP_CREDENTIAL_NONE) {
        bool looks_like_token = scheme.len > 20 && value.len == 0;
        *finding = evidence(SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED, accepted_schemes(presented),
                            looks_like_token ? SP_STR("a value without a scheme") : sp_str_slice(scheme, 0, 40));
        return finding->cause;
    }
    if (value.len == 0) {
        *finding = evidence(SP_CAUSE_TOKEN_MISSING, SP_STR("a token behind the scheme"), sp_str_slice(scheme, 0, 40));
        return finding->cause;
    }
    *credential = (struct sp_credential){kind, value, false};
    return SP_CAUSE_NONE;
}

enum sp_cause sp_credential_find(const struct sp_presented *presented, struct sp_credential *credential,
                                 struct sp_finding *finding)
{
    unsigned in_query = 0;
    struct sp_str query = presented->query.len > 0 ? find_in_query(presented->query, &in_query) : SP_STR_NONE;
    size_t keys = presented->accepts_api_key ? presented->api_key.count : 0;
    /* Where only API keys are accepted, an Authorization header is the upstream's business. */
    bool takes_tokens = presented->accepts_bearer || presented->accepts_dpop;
    size_t places = (takes_tokens ? presented->authorization.count : 0) + keys + in_query;
    if (places > 1) {
        bool same = in_query == 0 && keys == 0;
        *finding = evidence(SP_CAUSE_TOKEN_DUPLICATED, SP_STR("one credential"),
                            same            ? SP_STR("several Authorization headers")
                            : in_query == 0 ? SP_STR("an Authorization header and an API key, or several API keys")
                                            : SP_STR("a header and the query, or several in the query"));
        return finding->cause;
    }
    if (in_query == 1 && !presented->accepts_query) {
        *finding =
            evidence(SP_CAUSE_TOKEN_IN_QUERY, SP_STR("an Authorization header"), SP_STR("access_token in the query"));
        return finding->cause;
    }
    if (in_query == 1 && query.len > 0) {
        *credential = (struct sp_credential){SP_CREDENTIAL_BEARER, query, true};
        return SP_CAUSE_NONE;
    }
    if (keys == 1 && sp_str_trim(presented->api_key.at[0]).len > 0) {
        *credential = (struct sp_credential){SP_CREDENTIAL_API_KEY, sp_str_trim(presented->api_key.at[0]), false};
        return SP_CAUSE_NONE;
    }
    if (presented->authorization.count == 1 && sp_str_trim(presented->authorization.at[0]).len > 0)
        return take_authorization(presented, credential, finding);
    if (presented->seen_at.at != NULL) {
        *finding = evidence(SP_CAUSE_TOKEN_MISSING_HEADER_STRIPPED, SP_STR("the Authorization header that was sent"),
                            SP_STR("none"));
        finding->detail = presented->seen_at;
        return finding->cause;
    }
    *finding = evidence(SP_CAUSE_TOKEN_MISSING,
                        presented->accepts_api_key && !presented->accepts_bearer && !presented->accepts_dpop
                            ? SP_STR("an X-API-Key header")
                            : SP_STR("an Authorization header"),
                        SP_STR("none"));
    return finding->cause;
}

bool sp_credential_is_in_form(struct sp_str form)
{
    unsigned count = 0;
    (void)find_in_query(form, &count);
    return count > 0;
}
