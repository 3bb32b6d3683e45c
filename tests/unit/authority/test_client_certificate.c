/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8705 at the authority: who may authenticate by which certificate, what is bound to it, and who is believed when
 * he speaks of one. */
#include "tests/support/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/client_certificate.h"
#include "core/jose/base64url.h"
#include "tests/support/authority_fixture.h"

static struct test_certificate root, other_root, intermediate, reports, below, stranger, expired, future, revoked, own,
    renewed, elsewhere;
static char *revocations;

/* base64 of the DER, as x5c has it. */
static struct sp_str base64_of(struct sp_arena *arena, const struct test_certificate *certificate)
{
    struct sp_str der, text = SP_STR_NONE;
    assert_int_equal(sp_client_certificate_decode(arena, sp_str_from_cstr(certificate->pem), &der), SP_OK);
    assert_int_equal(sp_base64_encode(arena, der, &text), SP_OK);
    return text;
}

static struct sp_str thumbprint_of(struct sp_arena *arena, const struct test_certificate *certificate)
{
    struct sp_str der, text = SP_STR_NONE;
    unsigned char sha256[32];
    assert_int_equal(sp_client_certificate_decode(arena, sp_str_from_cstr(certificate->pem), &der), SP_OK);
    sp_sha256(der, sha256);
    assert_int_equal(sp_base64url_encode(arena, sp_str((const char *)sha256, 32), &text), SP_OK);
    return text;
}

/* As nginx's $ssl_client_escaped_cert writes it. */
static const char *escaped(struct sp_arena *arena, const struct test_certificate *certificate)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 65536);
    for (const char *at = certificate->pem; *at != '\0'; at++)
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '-')
            sp_buffer_append_char(&out, *at);
        else
            sp_buffer_printf(&out, "%%%02X", (unsigned char)*at);
    return sp_arena_printf(arena, "%.*s", SP_STR_ARG(sp_buffer_str(&out))).at;
}

static const char *json_text(struct sp_arena *arena, const char *pem)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 65536);
    for (const char *at = pem; *at != '\0'; at++)
        if (*at == '\n')
            sp_buffer_append(&out, SP_STR("\\n"));
        else
            sp_buffer_append_char(&out, *at);
    return sp_arena_printf(arena, "%.*s", SP_STR_ARG(sp_buffer_str(&out))).at;
}

static int start(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    root = CERTIFICATE(.subject = "O=Example/CN=Clients", .is_authority = 1);
    other_root = CERTIFICATE(.subject = "O=Example/CN=Others", .is_authority = 1);
    intermediate = CERTIFICATE(.issuer = &root, .subject = "O=Example/CN=Unit", .is_authority = 1);
    reports = CERTIFICATE(.issuer = &root, .subject = "C=DE/O=Example/CN=reports",
                          .names = "DNS:reports.example,URI:spiffe://example/reports,IP:192.0.2.7,IP:2001:db8::7,"
                                   "email:reports@Example.com");
    below = CERTIFICATE(.issuer = &intermediate, .subject = "C=DE/O=Example/CN=reports");
    stranger =
        CERTIFICATE(.issuer = &other_root, .subject = "C=DE/O=Example/CN=reports", .names = "DNS:reports.example");
    expired = CERTIFICATE(.issuer = &root, .subject = "C=DE/O=Example/CN=reports", .to = FIXTURE_NOW - 1);
    future = CERTIFICATE(.issuer = &root, .subject = "C=DE/O=Example/CN=reports", .from = FIXTURE_NOW + 60);
    revoked = CERTIFICATE(.issuer = &root, .subject = "C=DE/O=Example/CN=reports");
    elsewhere = CERTIFICATE(.issuer = &root, .subject = "C=DE/O=Example/CN=REPORTS", .names = "DNS:*.example");
    own = CERTIFICATE(.subject = "CN=own");
    renewed = CERTIFICATE(.subject = "CN=own", .key_of = &own);
    revocations = test_revocation_list(&root, &revoked);
    const char *section =
        sp_arena_printf(
            arena,
            "{'tokens':{'algorithm':'ES256'},'mtls':{'client_ca':'%s%s','alias':'https://mtls.example',"
            "'proxy_secret':'of the operator, and of nobody else'},'clients':{"
            "'subject':{'method':'tls_client_auth','tls_client_auth_subject_dn':'CN=reports,O=Example,C=DE'},"
            "'reversed':{'method':'tls_client_auth','tls_client_auth_subject_dn':'C=DE,O=Example,CN=reports'},"
            "'dns':{'method':'tls_client_auth','tls_client_auth_san_dns':'Reports.example'},"
            "'uri':{'method':'tls_client_auth','tls_client_auth_san_uri':'spiffe://example/reports'},"
            "'ip':{'method':'tls_client_auth','tls_client_auth_san_ip':'192.0.2.7'},"
            "'ip6':{'method':'tls_client_auth','tls_client_auth_san_ip':'2001:DB8:0::7'},"
            "'email':{'method':'tls_client_auth','tls_client_auth_san_email':'reports@example.com'},"
            "'other-email':{'method':'tls_client_auth','tls_client_auth_san_email':'Reports@example.com'},"
            "'self':{'method':'self_signed_tls_client_auth','certificate':'%s'},"
            "'self-jwks':{'method':'self_signed_tls_client_auth','jwks':{'keys':[{'kty':'EC','crv':'P-256',"
            "'x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU','y':'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',"
            "'x5c':['%.*s']}]}},"
            "'bound':{'secret':'s','tls_client_certificate_bound_access_tokens':true,'scopes':['read']},"
            "'bound-opaque':{'secret':'s','tls_client_certificate_bound_access_tokens':true,'token_format':'opaque'},"
            "'secret':{'secret':'s'},"
            "'public':{'method':'none','redirect_uris':['https://a.example/cb'],"
            "'tls_client_certificate_bound_access_tokens':true}}}",
            json_text(arena, root.pem), json_text(arena, revocations), json_text(arena, own.pem),
            SP_STR_ARG(base64_of(arena, &own)))
            .at;
    *state = fixture_create(section);
    sp_arena_destroy(&arena);
    return 0;
}

static int stop(void **state)
{
    struct test_certificate *all[] = {&root,    &other_root, &intermediate, &reports, &below,   &stranger,
                                      &expired, &future,     &revoked,      &own,     &renewed, &elsewhere};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        test_certificate_fini(all[i]);
    free(revocations);
    fixture_destroy((struct fixture **)state);
    return 0;
}

static struct sp_call *ask(struct fixture *fixture, const char *client, const struct test_certificate *certificate)
{
    return CALL(fixture,
                .body = sp_arena_printf(fixture->arena, "grant_type=client_credentials&client_id=%s", client).at,
                .certificate = certificate != NULL ? escaped(fixture->arena, certificate) : NULL);
}

static void each_certificate_is_judged_by_its_chain_and_name(void **state)
{
    struct fixture *fixture = *state;
    const struct {
        const char *client;
        const struct test_certificate *certificate;
        const char *cause;
    } rows[] = {
        {"subject", &reports, ""},
        {"dns", &reports, ""},
        {"uri", &reports, ""},
        {"ip", &reports, ""},
        {"ip6", &reports, ""},
        {"email", &reports, ""},
        {"other-email", &reports, "client.certificate_mismatch"},
        {"reversed", &reports, "client.certificate_mismatch"},
        {"subject", &elsewhere, "client.certificate_mismatch"},
        {"dns", &elsewhere, "client.certificate_mismatch"}, /* no wildcard is followed */
        {"uri", &elsewhere, "client.certificate_mismatch"},
        {"subject", &stranger, "client.certificate_untrusted"},
        {"dns", &stranger, "client.certificate_untrusted"},
        {"subject", &below, "client.certificate_untrusted"}, /* nobody knows the one between */
        {"subject", &own, "client.certificate_untrusted"},
        {"subject", &revoked, "client.certificate_untrusted"},
        {"subject", &expired, "client.certificate_expired"},
        {"subject", &future, "client.certificate_expired"},
        {"subject", NULL, "client.certificate_missing"},
        {"self", &own, ""},
        {"self-jwks", &own, ""},
        {"self", &renewed, "client.certificate_mismatch"},
        {"self", &reports, "client.certificate_mismatch"},
        {"self", NULL, "client.certificate_missing"},
        {"secret", &reports, "client.authentication_missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = ask(fixture, rows[i].client, rows[i].certificate);
        bool accepted = rows[i].cause[0] == '\0';
        if (strcmp(fixture_cause(call), rows[i].cause) != 0 || call->answer.status != (accepted ? 200 : 400) ||
            (fixture_member(call, "access_token") != NULL) != accepted)
            fail_msg("%zu, %s: '%s' with %d", i, rows[i].client, fixture_cause(call), call->answer.status);
        if (!accepted)
            assert_string_equal(fixture_member(call, "error"), "invalid_client");
        /* What is registered is for the operator alone. */
        assert_false(sp_str_contains(call->answer.body, SP_STR("Example")));
    }
    struct sp_call *call = ask(fixture, "reversed", &reports);
    assert_true(sp_str_contains(call->finding.detail, SP_STR("opposite order")));
    assert_true(sp_str_equal(call->finding.received, SP_STR("CN=reports,O=Example,C=DE")));
    call = ask(fixture, "subject", &revoked);
    assert_true(sp_str_contains(call->finding.detail, SP_STR("revoked")));
}

static void another_method_than_the_registered_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials",
                                .authorization = fixture_basic(fixture, "subject", "secret"),
                                .certificate = escaped(fixture->arena, &reports));
    assert_string_equal(fixture_cause(call), "client.method_mismatch");
    assert_true(sp_str_equal(call->finding.expected, SP_STR("tls_client_auth")));
}

static void only_the_proxy_is_believed(void **state)
{
    struct fixture *fixture = *state;
    const char *body = "grant_type=client_credentials&client_id=subject", *header = escaped(fixture->arena, &reports);
    const char *wrong[] = {"", "x", "nginx-and-nobody-elsE", "nginx-and-nobody-else ",
                           "of the operator, and of nobody els"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_string_equal(fixture_cause(CALL(fixture, .body = body, .certificate = header, .proxy_secret = wrong[i])),
                            "client.certificate_missing");
    assert_int_equal(
        CALL(fixture, .body = body, .certificate = header, .proxy_secret = "of the operator, and of nobody else")
            ->answer.status,
        200);
    struct sp_str rfc9440 = sp_arena_printf(fixture->arena, ":%.*s:", SP_STR_ARG(base64_of(fixture->arena, &reports)));
    assert_int_equal(CALL(fixture, .body = body, .certificate = rfc9440.at)->answer.status, 200);
    assert_int_equal(CALL(fixture, .body = body, .certificate = reports.pem)->answer.status, 200);
}

static void what_the_proxy_garbles_is_its_fault(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str twice = sp_arena_printf(fixture->arena, "%s%s", reports.pem, own.pem);
    const char *rows[] = {"(null)",
                          "%",
                          "%4",
                          "::",
                          ":AAAA:",
                          ":!:",
                          "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
                          "-----BEGIN CERTIFICATE-----",
                          "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----",
                          twice.at};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call =
            CALL(fixture, .body = "grant_type=client_credentials&client_id=subject", .certificate = rows[i]);
        if (strcmp(fixture_cause(call), "client.certificate_malformed") != 0 || call->answer.status != 400)
            fail_msg("%s: %s", rows[i], fixture_cause(call));
    }
}

static const struct sp_json *claims_of(struct fixture *fixture, const char *token)
{
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    struct sp_str payload, text = sp_str_from_cstr(token);
    size_t first = sp_str_index_of(text, '.', 0), second = sp_str_index_of(text, '.', first + 1);
    assert_int_equal(sp_base64url_decode(fixture->arena, sp_str_slice(text, first + 1, second), &payload), SP_OK);
    assert_int_equal(sp_json_parse(fixture->arena, payload, &sp_json_limits_token, &claims, &error), SP_OK);
    return claims;
}

static void tokens_are_bound_where_the_client_wants_it(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str mine = thumbprint_of(fixture->arena, &own);
    const char *header = escaped(fixture->arena, &own), *basic = fixture_basic(fixture, "bound", "s");
    struct sp_call *call =
        CALL(fixture, .body = "grant_type=client_credentials", .authorization = basic, .certificate = header);
    const struct sp_json *claims = claims_of(fixture, fixture_member(call, "access_token"));
    const struct sp_json *cnf = sp_json_member(claims, SP_STR("cnf"));
    assert_true(sp_str_equal(sp_json_string(sp_json_member(cnf, SP_STR("x5t#S256"))), mine));
    assert_string_equal(fixture_member(call, "token_type"), "Bearer");

    call = CALL(fixture, .body = "grant_type=client_credentials", .authorization = basic);
    assert_string_equal(fixture_cause(call), "binding.mtls_missing");
    assert_int_equal(call->answer.status, 400);
    assert_string_equal(fixture_member(call, "error"), "invalid_request");

    call = CALL(fixture, .body = "grant_type=client_credentials",
                .authorization = fixture_basic(fixture, "secret", "s"), .certificate = header);
    assert_null(sp_json_member(claims_of(fixture, fixture_member(call, "access_token")), SP_STR("cnf")));

    call = CALL(fixture, .body = "grant_type=client_credentials", .certificate = header,
                .authorization = fixture_basic(fixture, "bound-opaque", "s"));
    call = CALL(fixture, .path = "/introspect", .authorization = fixture_basic(fixture, "secret", "s"),
                .body = sp_arena_printf(fixture->arena, "token=%s", fixture_member(call, "access_token")).at);
    assert_true(sp_str_contains(call->answer.body,
                                sp_arena_printf(fixture->arena, "\"cnf\":{\"x5t#S256\":\"%.*s\"}", SP_STR_ARG(mine))));
}

static void a_bound_token_is_presented_with_its_certificate(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call =
        CALL(fixture, .body = "grant_type=client_credentials", .authorization = fixture_basic(fixture, "bound", "s"),
             .certificate = escaped(fixture->arena, &own));
    const char *bearer = sp_arena_printf(fixture->arena, "Bearer %s", fixture_member(call, "access_token")).at;
    const struct {
        const struct test_certificate *certificate;
        const char *cause;
    } rows[] = {{NULL, "binding.mtls_missing"},
                {&reports, "binding.mtls_mismatch"},
                {&renewed, "binding.mtls_mismatch"},
                {&own, "scope.missing"}}; /* it gets as far as that */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *header = rows[i].certificate != NULL ? escaped(fixture->arena, rows[i].certificate) : NULL;
        call = CALL(fixture, .method = "GET", .path = "/userinfo", .authorization = bearer, .certificate = header);
        assert_string_equal(fixture_cause(call), rows[i].cause);
    }
}

/* RFC 8705 4: nobody but the holder of the certificate goes on with a public client's refresh token. */
static void a_public_clients_refresh_token_is_bound_too(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct sp_str data = sp_arena_printf(
        fixture->arena,
        "{\"issuer\":\"https://login.example\",\"scope\":\"\",\"x5t\":\"%.*s\",\"auth_time\":0,\"audiences\":[]}",
        SP_STR_ARG(thumbprint_of(fixture->arena, &own)));
    struct sp_ticket ticket = {.kind = SP_TICKET_REFRESH,
                               .family = SP_STR("f"),
                               .client_id = SP_STR("public"),
                               .subject = SP_STR("ann"),
                               .issued_at = FIXTURE_NOW,
                               .expires_at = FIXTURE_NOW + 60,
                               .data = data};
    sp_sha256(SP_STR("sprt_bound"), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = FIXTURE_NOW};
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    const char *body = "grant_type=refresh_token&client_id=public&refresh_token=sprt_bound";
    struct sp_call *call = CALL(fixture, .body = body);
    assert_string_equal(fixture_cause(call), "binding.mtls_missing");
    call = CALL(fixture, .body = body, .certificate = escaped(fixture->arena, &renewed));
    assert_string_equal(fixture_cause(call), "binding.mtls_mismatch");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
    call = CALL(fixture, .body = body, .certificate = escaped(fixture->arena, &own));
    assert_int_equal(call->answer.status, 200);
    /* The next one is bound likewise. */
    const char *next = sp_arena_printf(fixture->arena, "grant_type=refresh_token&client_id=public&refresh_token=%s",
                                       fixture_member(call, "refresh_token"))
                           .at;
    assert_string_equal(fixture_cause(CALL(fixture, .body = next, .certificate = escaped(fixture->arena, &renewed))),
                        "binding.mtls_mismatch");
    assert_int_equal(CALL(fixture, .body = next, .certificate = escaped(fixture->arena, &own))->answer.status, 200);
}

static void discovery_says_what_is_offered(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .method = "GET", .path = "/.well-known/openid-configuration");
    static const char *const texts[] = {"\"tls_client_auth\"",
                                        "\"self_signed_tls_client_auth\"",
                                        "\"tls_client_certificate_bound_access_tokens\":true",
                                        "\"mtls_endpoint_aliases\":{",
                                        "\"token_endpoint\":\"https://mtls.example/token\"",
                                        "\"revocation_endpoint\":\"https://mtls.example/revoke\""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!sp_str_contains(call->answer.body, sp_str_from_cstr(texts[i])))
            fail_msg("%s is not in %.*s", texts[i], SP_STR_ARG(call->answer.body));
    struct fixture *plain = fixture_create("{'clients':{}}");
    call = CALL(plain, .method = "GET", .path = "/.well-known/openid-configuration");
    assert_false(sp_str_contains(call->answer.body, SP_STR("tls_client")));
    fixture_destroy(&plain);
    struct fixture *self_signed = fixture_create("{'mtls':{},'clients':{}}");
    call = CALL(self_signed, .method = "GET", .path = "/.well-known/openid-configuration");
    assert_true(sp_str_contains(call->answer.body, SP_STR("\"self_signed_tls_client_auth\"")));
    assert_false(sp_str_contains(call->answer.body, SP_STR("\"tls_client_auth\"")));
    assert_false(sp_str_contains(call->answer.body, SP_STR("mtls_endpoint_aliases")));
    fixture_destroy(&self_signed);
}

static void settings_that_cannot_work_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *section, *member;
    } rows[] = {
        {"{'clients':{'a':{'method':'self_signed_tls_client_auth','certificate':'x'}}}",
         "authority.clients.a.certificate"},
        {"{'mtls':{},'clients':{'a':{'method':'self_signed_tls_client_auth'}}}", "authority.clients.a.method"},
        {"{'mtls':{},'clients':{'a':{'method':'tls_client_auth','tls_client_auth_san_dns':'a'}}}",
         "authority.clients.a.method"},
        {"{'mtls':{},'clients':{'a':{'method':'tls_client_auth'}}}", "authority.clients.a.tls_client_auth_subject_dn"},
        {"{'mtls':{},'clients':{'a':{'method':'tls_client_auth','tls_client_auth_san_dns':'a',"
         "'tls_client_auth_san_uri':'b'}}}",
         "authority.clients.a.tls_client_auth_subject_dn"},
        {"{'mtls':{},'clients':{'a':{'secret':'s','tls_client_auth_san_dns':'a'}}}",
         "authority.clients.a.tls_client_auth_subject_dn"},
        {"{'mtls':{},'clients':{'a':{'method':'tls_client_auth','tls_client_auth_san_ip':'1.2.3'}}}",
         "authority.clients.a.tls_client_auth_san_ip"},
        {"{'mtls':{},'clients':{'a':{'method':'tls_client_auth','tls_client_auth_subject_dn':'/CN=a'}}}",
         "authority.clients.a.tls_client_auth_subject_dn"},
        {"{'clients':{'a':{'secret':'s','tls_client_certificate_bound_access_tokens':true}}}",
         "authority.clients.a.tls_client_certificate_bound_access_tokens"},
        {"{'mtls':{'client_ca':'nothing'}}", "authority.mtls.client_ca"},
        {"{'mtls':{'alias':'https://mtls.example/path'}}", "authority.mtls.alias"},
        {"{'mtls':{'alias':'http://mtls.example'}}", "authority.mtls.alias"},
        {"{'mtls':{'ca':'x'}}", "authority.mtls.ca"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_str text;
        const struct sp_json *json = NULL;
        struct sp_json_error error;
        struct sp_authority_settings settings;
        struct sp_settings_error wrong = {SP_STR_NONE, SP_STR_NONE};
        char *quoted = strdup(rows[i].section);
        for (char *at = quoted; *at != '\0'; at++)
            *at = *at == '\'' ? '"' : *at;
        assert_int_equal(sp_arena_copy(arena, sp_str_from_cstr(quoted), &text), SP_OK);
        free(quoted);
        assert_int_equal(sp_json_parse(arena, text, &sp_json_limits_document, &json, &error), SP_OK);
        enum sp_status status =
            sp_authority_settings_read(arena, json, SP_STR("https://login.example"), &settings, &wrong);
        if (status != SP_MALFORMED || !sp_str_equal(wrong.member, sp_str_from_cstr(rows[i].member)))
            fail_msg("%s: %.*s: %.*s", rows[i].section, SP_STR_ARG(wrong.member), SP_STR_ARG(wrong.message));
        sp_arena_destroy(&arena);
    }
}

/* The trust itself: what an authority's file may hold. */
static void an_authoritys_file_is_whole_or_refused(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_certificate_trust *trust = NULL;
    struct sp_certificate *certificate = NULL;
    struct sp_str der,
        chain = sp_arena_printf(arena, "# ours\n%s\n%s", root.pem, intermediate.pem),
        broken = sp_arena_printf(arena, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", root.pem);
    const char *why = NULL;
    assert_int_equal(sp_certificate_trust_create(SP_STR(""), &trust), SP_MALFORMED);
    assert_int_equal(sp_certificate_trust_create(sp_str_from_cstr(revocations), &trust), SP_MALFORMED);
    assert_int_equal(sp_certificate_trust_create(broken, &trust), SP_MALFORMED);
    assert_int_equal(sp_certificate_trust_create(chain, &trust), SP_OK);
    assert_int_equal(sp_client_certificate_decode(arena, sp_str_from_cstr(below.pem), &der), SP_OK);
    assert_int_equal(sp_certificate_parse(der, &certificate), SP_OK);
    assert_int_equal(sp_certificate_trust_judge(trust, certificate, FIXTURE_NOW, &why), SP_OK);
    assert_int_equal(sp_certificate_trust_judge(trust, certificate, FIXTURE_NOW + 10 * 365 * 86400, &why),
                     SP_NOT_FOUND);
    assert_non_null(why);
    sp_certificate_trust_destroy(&trust);
    /* The one between alone is no end of a chain. */
    assert_int_equal(sp_certificate_trust_create(sp_str_from_cstr(intermediate.pem), &trust), SP_OK);
    assert_int_equal(sp_certificate_trust_judge(trust, certificate, FIXTURE_NOW, &why), SP_NOT_FOUND);
    sp_certificate_destroy(&certificate);
    sp_certificate_trust_destroy(&trust);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_certificate_is_judged_by_its_chain_and_name),
        cmocka_unit_test(another_method_than_the_registered_is_named),
        cmocka_unit_test(only_the_proxy_is_believed),
        cmocka_unit_test(what_the_proxy_garbles_is_its_fault),
        cmocka_unit_test(tokens_are_bound_where_the_client_wants_it),
        cmocka_unit_test(a_bound_token_is_presented_with_its_certificate),
        cmocka_unit_test(a_public_clients_refresh_token_is_bound_too),
        cmocka_unit_test(discovery_says_what_is_offered),
        cmocka_unit_test(settings_that_cannot_work_are_refused),
        cmocka_unit_test(an_authoritys_file_is_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
