/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/form.h"

#include <arpa/inet.h>

#include "core/base/url.h"
#include "core/jose/algorithm.h"

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool sp_is_token(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.at[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_any_text(struct sp_str s)
{
    return s.len > 0;
}

static bool is_text_or_empty(struct sp_str s)
{
    (void)s;
    return true;
}

static bool has_scheme(struct sp_str s, struct sp_str schemes)
{
    struct sp_url url;
    struct sp_str scheme;
    if (sp_url_split(s, &url) != SP_OK) {
        return false;
    }
    while (sp_str_next_word(&schemes, SP_STR(" "), &scheme)) {
        if (sp_str_equal(url.scheme, scheme)) {
            return true;
        }
    }
    return false;
}

static bool is_url(struct sp_str s)
{
    return has_scheme(s, SP_STR("http https"));
}

static bool is_upstream_url(struct sp_str s)
{
    struct sp_url url;
    return has_scheme(s, SP_STR("http https grpc grpcs")) && sp_url_split(s, &url) == SP_OK && url.query.at == NULL &&
           url.fragment.at == NULL && url.userinfo.at == NULL;
}

static bool is_port(struct sp_str s)
{
    unsigned value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(s.at[i] - '0');
    }
    return s.len > 0 && s.len <= 5 && value < 65536;
}

/* Letters that nginx's configuration, where the address ends up, does not read as anything else. */
static bool is_plain_name(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("-._:[]/", c) != NULL))) {
            return false;
        }
    }
    return true;
}

static bool is_address(struct sp_str s)
{
    const struct sp_str scheme = SP_STR("unix:/");
    if (sp_str_has_prefix(s, scheme)) {
        return s.len > scheme.len && is_plain_name(s);
    }
    size_t colon = s.len;
    while (colon > 0 && s.at[colon - 1] != ':') {
        colon--;
    }
    struct sp_str host = sp_str_slice(s, 0, colon > 0 ? colon - 1 : 0);
    bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    return colon > 0 && is_port(sp_str_slice(s, colon, s.len)) && is_plain_name(host) &&
           memchr(s.at, '/', s.len) == NULL && (bracketed || sp_str_index_of(host, ':', 0) == host.len);
}

static bool is_host(struct sp_str s)
{
    if (sp_str_has_prefix(s, SP_STR("*."))) {
        s = sp_str_slice(s, 2, s.len);
    }
    return s.len > 0 && s.len < 256 && is_plain_name(s) && s.at[0] != '.' && memchr(s.at, '/', s.len) == NULL &&
           (s.at[0] == '[' || memchr(s.at, ':', s.len) == NULL) && !sp_str_contains(s, SP_STR("..")) &&
           !(s.at[0] == '[' && s.at[s.len - 1] != ']');
}

/* As the gateway sees request paths: decoded, no empty, '.' or '..' segments. Anything else could never match. */
static bool is_prefix(struct sp_str s)
{
    if (s.len == 0 || s.at[0] != '/' || memchr(s.at, '\0', s.len) != NULL) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("%?#", s.at[i]) != NULL || (unsigned char)s.at[i] < 0x20) {
            return false;
        }
    }
    for (size_t from = 1; from < s.len;) {
        size_t end = sp_str_index_of(s, '/', from);
        struct sp_str segment = sp_str_slice(s, from, end);
        if (segment.len == 0 || sp_str_equal(segment, SP_STR(".")) || sp_str_equal(segment, SP_STR(".."))) {
            return false;
        }
        from = end + 1;
    }
    return true;
}

static bool is_workers(struct sp_str s)
{
    int64_t number;
    return sp_str_equal(s, SP_STR("auto")) ||
           (is_port(s) && sp_size_parse(s, &number) == SP_OK && number >= 1 && number <= 512);
}

static bool is_network(struct sp_str s)
{
    char address[64];
    unsigned char bytes[16];
    size_t slash = sp_str_index_of(s, '/', 0);
    int64_t bits = 0;
    if (slash >= sizeof address) {
        return false;
    }
    memcpy(address, s.at, slash);
    address[slash] = '\0';
    bool v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address, bytes) != 1) {
        return false;
    }
    struct sp_str length = sp_str_slice(s, slash + 1, s.len);
    return slash == s.len || (is_port(length) && sp_size_parse(length, &bits) == SP_OK && bits <= (v4 ? 32 : 128));
}

static bool is_method(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] >= 'a' && s.at[i] <= 'z') {
            return false; /* methods are case-sensitive: "get" would never match */
        }
    }
    return sp_is_token(s);
}

static bool is_algorithm(struct sp_str s)
{
    return sp_algorithm_find(s) != SP_ALGORITHM_UNKNOWN;
}

static bool is_key_hash(struct sp_str s)
{
    const struct sp_str prefix = SP_STR("sha256:");
    if (!sp_str_has_prefix(s, prefix) || s.len != prefix.len + 64) {
        return false;
    }
    for (size_t i = prefix.len; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return true;
}

static const struct {
    bool (*is)(struct sp_str text);
    bool is_list; /* or a list of such */
} forms[SP_KIND_COUNT] = {
    [SP_KIND_TEXT] = {is_text_or_empty, false},
    [SP_KIND_SECRET] = {is_any_text, false},
    [SP_KIND_SECRETS] = {is_any_text, true},
    [SP_KIND_URL] = {is_url, false},
    [SP_KIND_UPSTREAM_URL] = {is_upstream_url, false},
    [SP_KIND_PATH] = {is_any_text, false},
    [SP_KIND_ADDRESS] = {is_address, false},
    [SP_KIND_HOST] = {is_host, false},
    [SP_KIND_PREFIX] = {is_prefix, false},
    [SP_KIND_WORKERS] = {is_workers, false},
    [SP_KIND_ALGORITHM] = {is_algorithm, false},
    [SP_KIND_NAMES] = {is_any_text, true},
    [SP_KIND_NETWORKS] = {is_network, true},
    [SP_KIND_METHODS] = {is_method, true},
    [SP_KIND_ALGORITHMS] = {is_algorithm, true},
    [SP_KIND_KEY_HASHES] = {is_key_hash, true},
};

bool sp_has_form(enum sp_kind kind, struct sp_str text)
{
    return forms[kind].is(text);
}

bool sp_form_is_list(enum sp_kind kind)
{
    return forms[kind].is_list;
}
