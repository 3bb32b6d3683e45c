/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_certificate.h"

#include "authority/client_keys.h"
#include "authority/denial.h"
#include "authority/handle.h"
#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
/* PEM is base64 with line ends; each of its bytes may be three when percent-encoded. */
#define MAX_TEXT_BYTES (SP_MAX_CERTIFICATE_BYTES * 5)

/* ---- decoding ---- */

/* %XX only: `+` is a character of base64 here, not a space. */
static enum sp_status decode_percent(struct sp_arena *arena, struct sp_str text, struct sp_str *decoded)
{
    char *out = sp_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (out == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? sp_hex_digit(text.at[i + 1]) : -1,
                low = i + 2 < text.len ? sp_hex_digit(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SP_MALFORMED;
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[len++] = c;
    }
    *decoded = sp_str(out, len);
    return SP_OK;
}

/* What stands between the armour lines, and nothing around them but white space. */
static enum sp_status decode_pem(struct sp_arena *arena, struct sp_str text, struct sp_str *der)
{
    struct sp_str pem = sp_str_trim(text), begin = SP_STR(BEGIN), end = SP_STR(END);
    if (!sp_str_has_prefix(pem, begin) || !sp_str_has_suffix(pem, end) || pem.len < begin.len + end.len)
        return SP_MALFORMED;
    pem = sp_str_slice(pem, begin.len, pem.len - end.len);
    char *out = sp_arena_alloc(arena, pem.len + 1);
    size_t len = 0;
    if (out == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < pem.len; i++)
        if (strchr(" \t\r\n", pem.at[i]) == NULL || pem.at[i] == '\0')
            out[len++] = pem.at[i];
    return sp_base64_decode(arena, sp_str(out, len), der);
}

enum sp_status sp_client_certificate_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *der)
{
    struct sp_str trimmed = sp_str_trim(text), decoded = trimmed, bytes = SP_STR_NONE;
    enum sp_status status = SP_OK;
    if (trimmed.len > MAX_TEXT_BYTES)
        return SP_TOO_LARGE;
    if (trimmed.len > 2 && trimmed.at[0] == ':' && trimmed.at[trimmed.len - 1] == ':')
        status = sp_base64_decode(arena, sp_str_slice(trimmed, 1, trimmed.len - 1), &bytes);
    else {
        if (sp_str_index_of(trimmed, '%', 0) < trimmed.len)
            status = decode_percent(arena, trimmed, &decoded);
        if (status == SP_OK)
            status = decode_pem(arena, decoded, &bytes);
    }
    if (status == SP_OK && bytes.len > SP_MAX_CERTIFICATE_BYTES)
        return SP_TOO_LARGE;
    if (status == SP_OK && bytes.len == 0)
        return SP_MALFORMED;
    if (status == SP_OK)
        *der = bytes;
    return status;
}

/* ---- of a call ---- */
static bool is_from_proxy(const struct sp_call *call)
{
    struct sp_str sent = call->asked.proxy_secret, ours = call->authority->proxy_secret,
                  configured = call->authority->settings->mtls.proxy_secret;
    if (call->asked.proxy_secret_count != 1 || sent.len == 0)
        return false;
    bool by_ours = ours.len > 0 && sp_secret_equal(sent, ours),
         by_theirs = configured.len > 0 && sp_secret_equal(sent, configured);
    return by_ours || by_theirs;
}

static void release(void *certificate)
{
    struct sp_certificate *held = certificate;
    sp_certificate_destroy(&held);
}

static enum sp_step refuse_header(struct sp_call *call, struct sp_str what)
{
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_CERTIFICATE_MALFORMED,
                   .expected = SP_STR("one certificate as percent-encoded PEM or as RFC 9440 has it"),
                   .received = what);
}

/* The connection's certificate into *certificate, NULL without one or where mTLS is not configured; lives as long as
 * the call. SP_DENIED: a proxy that is believed sent something that is none. */
static enum sp_step take(struct sp_call *call, const struct sp_certificate **certificate)
{
    struct sp_certificate *parsed = NULL;
    struct sp_str der;
    *certificate = NULL;
    if (!call->authority->settings->mtls.enabled || call->asked.client_certificate.len == 0 || !is_from_proxy(call))
        return SP_GOES_ON;
    if (call->asked.client_certificate_count != 1)
        return refuse_header(call, SP_STR("several certificates"));
    if (call->certificate == NULL) {
        enum sp_status status = sp_client_certificate_decode(call->arena, call->asked.client_certificate, &der);
        if (status == SP_OK)
            status = sp_certificate_parse(der, &parsed);
        if (status == SP_MALFORMED || status == SP_TOO_LARGE)
            return refuse_header(call, sp_arena_printf(call->arena, "%zu bytes that are no certificate",
                                                       call->asked.client_certificate.len));
        if (status == SP_OK && (status = sp_arena_defer(call->arena, release, parsed)) != SP_OK)
            sp_certificate_destroy(&parsed);
        if (status != SP_OK)
            return sp_deny_failure(call, status);
        call->certificate = parsed;
    }
    *certificate = call->certificate;
    return SP_GOES_ON;
}

/* x5t#S256 of it, in the call's arena. */
static struct sp_str thumbprint_of(struct sp_call *call, const struct sp_certificate *certificate)
{
    return sp_base64url_of(call->arena, sp_certificate_sha256(certificate), 32);
}

/* ---- authentication ---- */
static enum sp_step refuse_other(struct sp_call *call, const struct sp_client *client, struct sp_str expected,
                                 struct sp_str received, struct sp_str detail)
{
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_CERTIFICATE_MISMATCH, .expected = expected, .received = received,
                   .detail = detail.at != NULL
                                 ? detail
                                 : sp_arena_printf(call->arena, "The client is %.*s.", SP_STR_ARG(client->id)));
}

static bool is_registered(const struct sp_client *client, const struct sp_jwk_set *keys, const unsigned char sha256[32])
{
    bool found = false;
    for (size_t i = 0; i < client->certificate_count; i++)
        found = found || memcmp(client->certificates[i], sha256, 32) == 0;
    for (size_t i = 0; keys != NULL && i < keys->count; i++)
        found = found || (keys->keys[i].has_certificate && memcmp(keys->keys[i].certificate_sha256, sha256, 32) == 0);
    return found;
}

static bool has_registered_key(const struct sp_jwk_set *keys, const struct sp_certificate *certificate)
{
    unsigned char thumbprint[32];
    if (keys == NULL || sp_certificate_key_thumbprint(certificate, thumbprint) != SP_OK)
        return false;
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].thumbprint, thumbprint, 32) == 0)
            return true;
    return false;
}

/* RFC 8705 2.2: no chain, the very certificate is registered. */
static enum sp_step judge_self_signed(struct sp_call *call, const struct sp_client *client,
                                      const struct sp_certificate *certificate)
{
    const unsigned char *sha256 = sp_certificate_sha256(certificate);
    struct sp_str thumbprint = thumbprint_of(call, certificate), detail = SP_STR_NONE;
    const struct sp_jwk_set *keys = NULL;
    enum sp_step step = sp_client_keys_for(call, client, SP_STR_NONE, &keys);
    /* No key is called so: a jwks_uri is looked at again, for the certificate may have been renewed there. */
    if (step == SP_GOES_ON && !is_registered(client, keys, sha256) && client->jwks_uri.len > 0)
        step = sp_client_keys_for(call, client, thumbprint, &keys);
    if (step != SP_GOES_ON || is_registered(client, keys, sha256))
        return step;
    if (has_registered_key(keys, certificate))
        detail = SP_STR("It holds a registered key, but is another certificate: it was renewed and not registered.");
    return refuse_other(call, client, SP_STR("a certificate that is registered for the client"), thumbprint, detail);
}

static enum sp_step judge_subject(struct sp_call *call, const struct sp_client *client,
                                  const struct sp_certificate *certificate)
{
    struct sp_distinguished_name registered, presented = {NULL, 0};
    size_t offset = 0;
    enum sp_status status =
        sp_distinguished_name_parse(call->arena, client->certificate_names.subject_dn, &registered, &offset);
    if (status == SP_OK)
        status = sp_certificate_subject(certificate, call->arena, &presented);
    if (status != SP_OK && status != SP_MALFORMED)
        return sp_deny_failure(call, status);
    if (status == SP_OK && sp_distinguished_name_equal(&registered, &presented))
        return SP_GOES_ON;
    return refuse_other(call, client, client->certificate_names.subject_dn,
                        status == SP_OK ? sp_distinguished_name_text(call->arena, &presented)
                                        : SP_STR("a subject that cannot be read"),
                        status == SP_OK ? sp_distinguished_name_difference(&registered, &presented) : SP_STR_NONE);
}

static enum sp_step judge_name(struct sp_call *call, const struct sp_client *client,
                               const struct sp_certificate *certificate)
{
    const struct sp_certificate_names *names = &client->certificate_names;
    const struct {
        enum sp_certificate_name kind;
        struct sp_str registered;
    } rows[] = {{SP_CERTIFICATE_DNS, names->san_dns},
                {SP_CERTIFICATE_URI, names->san_uri},
                {SP_CERTIFICATE_IP, names->san_ip},
                {SP_CERTIFICATE_EMAIL, names->san_email}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].registered.at == NULL)
            continue;
        if (sp_certificate_has_name(certificate, rows[i].kind, rows[i].registered))
            return SP_GOES_ON;
        struct sp_str has = sp_certificate_names(certificate, rows[i].kind, call->arena);
        return refuse_other(call, client, rows[i].registered, has.len > 0 ? has : SP_STR("no name of this kind"),
                            SP_STR_NONE);
    }
    return judge_subject(call, client, certificate);
}

/* RFC 8705 2.1: a chain to an authority that is trusted for this, and the registered name. */
static enum sp_step judge_by_chain(struct sp_call *call, const struct sp_client *client,
                                   const struct sp_certificate *certificate)
{
    const char *why = "";
    enum sp_status status =
        sp_certificate_trust_judge(call->authority->settings->mtls.trust, certificate, call->now, &why);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_CERTIFICATE_UNTRUSTED,
                       .expected = SP_STR("a chain that ends at authority.mtls.client_ca"),
                       .received = thumbprint_of(call, certificate), .detail = sp_str_from_cstr(why));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return judge_name(call, client, certificate);
}

enum sp_step sp_client_certificate_judge(struct sp_call *call, const struct sp_client *client)
{
    const struct sp_certificate *certificate = NULL;
    if (take(call, &certificate) != SP_GOES_ON)
        return SP_DENIED;
    bool by_chain = (client->methods & (unsigned)SP_CLIENT_TLS) != 0;
    if (certificate == NULL || (by_chain && call->authority->settings->mtls.trust == NULL))
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_CERTIFICATE_MISSING,
                       .expected = sp_client_methods_text(call->arena, client->methods),
                       .received = SP_STR("a connection without a client certificate"));
    int time = sp_certificate_judge_time(certificate, call->now);
    if (time != 0)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_CERTIFICATE_EXPIRED,
                       .expected = sp_certificate_dates(certificate, call->arena),
                       .received = thumbprint_of(call, certificate),
                       .detail = time < 0 ? SP_STR("It is not valid yet.") : SP_STR("It is not valid any more."));
    return by_chain ? judge_by_chain(call, client, certificate) : judge_self_signed(call, client, certificate);
}

/* ---- bound tokens ---- */
enum sp_step sp_client_certificate_bind(struct sp_call *call, const struct sp_client *client)
{
    const struct sp_certificate *certificate = NULL;
    if (!client->bound_to_certificate)
        return SP_GOES_ON;
    if (take(call, &certificate) != SP_GOES_ON)
        return SP_DENIED;
    /* RFC 8705 3.4 leaves it to us: better no token than one that anybody may use. */
    if (certificate == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_MTLS_MISSING, .expected = SP_STR("a client certificate"),
                       .received = SP_STR("none"), .error = "invalid_request", .status = 400,
                       .tell = SP_STR("Tokens of this client are bound to its certificate."));
    call->x5t = thumbprint_of(call, certificate);
    return call->x5t.at != NULL ? SP_GOES_ON : sp_deny_failure(call, SP_NO_MEMORY);
}

enum sp_step sp_client_certificate_check_bound(struct sp_call *call, struct sp_str bound)
{
    const struct sp_certificate *certificate = NULL;
    if (bound.at == NULL)
        return SP_GOES_ON;
    if (take(call, &certificate) != SP_GOES_ON)
        return SP_DENIED;
    if (certificate == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_MTLS_MISSING, .expected = SP_STR("a client certificate"),
                       .received = SP_STR("none"));
    struct sp_str presented = thumbprint_of(call, certificate);
    return sp_str_equal(presented, bound)
               ? SP_GOES_ON
               : SP_DENY(call, .cause = SP_CAUSE_BINDING_MTLS_MISMATCH, .expected = bound, .received = presented);
}
