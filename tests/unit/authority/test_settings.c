/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "authority/settings.h"

/* text: JSON of `authority:` with single quotes for double ones. */
static enum sp_status read_section(struct sp_arena *arena, const char *text, struct sp_settings_error *error)
{
    static struct sp_authority_settings settings;
    const struct sp_json *json = NULL;
    struct sp_json_error wrong;
    struct sp_str copy;
    assert_int_equal(sp_arena_copy(arena, sp_str_from_cstr(text), &copy), SP_OK);
    for (char *at = (char *)(uintptr_t)copy.at; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    assert_int_equal(sp_json_parse(arena, copy, &sp_json_limits_document, &json, &wrong), SP_OK);
    return sp_authority_settings_read(arena, json, SP_STR("https://login.example"), &settings, error);
}

#define CLIENT(members) "{'clients':{'c':{" members "}}}"
#define SCOPE(members) "{'scopes':{'staff':{" members "}}}"
#define FAPI2(members) "{'tokens':{'algorithms':'ES256'},'clients':{'c':{'profile':'fapi2'," KEY "," members "}}}"
#define FOUR "'a','b','c','d',"
#define SIXTEEN FOUR FOUR FOUR FOUR
#define TRUST(members) "{'assertion_issuers':{'i':{" members "}}}"
#define KEY                                                                                                            \
    "'jwks':{'keys':[{'kty':'EC','crv':'P-256','x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU','y':'x_"              \
    "FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'}]}"

static void what_cannot_work_is_refused_by_its_member(void **state)
{
    (void)state;
    static const struct {
        const char *section, *member; /* NULL: fine */
    } rows[] = {
        {CLIENT("'secret':'x'"), NULL},
        {CLIENT(
             "'secret':'x','redirect_uris':['https://a.example/cb','http://localhost:3000/cb','com.example.app:/cb']"),
         NULL},
        {CLIENT("'secret':'x','redirect_uris':['http://a.example/cb']"), "authority.clients.c.redirect_uris"},
        {CLIENT("'secret':'x','redirect_uris':['https://a.example/cb','myapp:/cb']"),
         "authority.clients.c.redirect_uris"},
        {CLIENT("'secret':'x','redirect_uris':['https://a.example/#x']"), "authority.clients.c.redirect_uris"},
        {CLIENT("'secret':'x','redirect_uris':['/cb']"), "authority.clients.c.redirect_uris"},
        {CLIENT("'secret':'x','redirect_uris':['https://*.a.example/cb']"), "authority.clients.c.redirect_uris"},
        {CLIENT("'secret':'x','redirect_uris':['https://a.example/cb'],"
                "'frontchannel_logout_uri':'https://A.example:443/out?x=1'"),
         NULL},
        {CLIENT("'secret':'x','redirect_uris':['https://a.example/cb'],'frontchannel_logout_uri':'https://b.example/'"),
         "authority.clients.c.frontchannel_logout_uri"},
        {CLIENT("'secret':'x','redirect_uris':['https://a.example/cb'],"
                "'frontchannel_logout_uri':'https://a.example:8443/'"),
         "authority.clients.c.frontchannel_logout_uri"},
        {CLIENT("'secret':'x','logo_uri':'http://a.example/logo.png'"), "authority.clients.c.logo_uri"},
        {CLIENT("'secret':'x','tos_uri':'javascript:alert(1)'"), "authority.clients.c.tos_uri"},
        {CLIENT("'secret':'x','subject_type':'pairwise','redirect_uris':['https://a.example/cb']"), NULL},
        {CLIENT("'secret':'x','subject_type':'pairwise'"), "authority.clients.c.sector_identifier_uri"},
        {CLIENT("'secret':'x','subject_type':'each'"), "authority.clients.c.subject_type"},
        {CLIENT("'secret':'x','default_max_age':'30m','default_acr_values':['a'],'require_auth_time':true"), NULL},
        {CLIENT("'secret':'x','default_max_age':'soon'"), "authority.clients.c.default_max_age"},
        {"{'mtls':{'proxy_secret':'thirty-two characters, no fewer!'}}", NULL},
        {"{'mtls':{'proxy_secret':'thirty-one characters are too f'}}", "authority.mtls.proxy_secret"},
        {"{'mtls':{'proxy_secret':''}}", "authority.mtls.proxy_secret"},
        {"{'issuer':'http://login.example'}", "authority.issuer"},
        {"{'issuer':'http://127.0.0.1:9000/op'}", NULL},
        {"{'issuer':'https://login.example/?x'}", "authority.issuer"},
        {"{'issuer':'https://login.example/#x'}", "authority.issuer"},
        {CLIENT("'sceret':'x'"), "authority.clients.c.sceret"},
        {CLIENT("'method':'none','grants':['client_credentials']"), "authority.clients.c.grants"},
        {CLIENT("'method':'none','secret':'x'"), "authority.clients.c.method"},
        {CLIENT("'method':'private_key_jwt'"), "authority.clients.c.method"},
        {CLIENT(KEY ",'require_signed_request_object':true,'request_object_signing_alg':'ES256'"), NULL},
        {CLIENT("'secret':'x','require_signed_request_object':true"),
         "authority.clients.c.require_signed_request_object"},
        {CLIENT(KEY ",'request_object_signing_alg':'none'"), "authority.clients.c.request_object_signing_alg"},
        {CLIENT(KEY ",'request_object_signing_alg':'HS256'"), "authority.clients.c.request_object_signing_alg"},
        {CLIENT("'secret':'x','grants':['urn:ietf:params:oauth:grant-type:jwt-bearer']"), "authority.clients.c.grants"},
        {CLIENT("'secret':'x','assertion_issuers':['i']"), "authority.clients.c.assertion_issuers"},
        {TRUST("'issuer':'https://i.example'," KEY), NULL},
        {TRUST(KEY), "authority.assertion_issuers.i.issuer"},
        {TRUST("'issuer':'https://login.example'," KEY), "authority.assertion_issuers.i.issuer"},
        {TRUST("'issuer':'https://i.example'"), "authority.assertion_issuers.i.jwks"},
        {TRUST("'issuer':'https://i.example','jwks':'{}'"), "authority.assertion_issuers.i.jwks"},
        {TRUST("'issuer':'https://i.example','jwks_uri':'http://i.example/'"),
         "authority.assertion_issuers.i.jwks_uri"},
        {TRUST("'issuer':'https://i.example','jwks_uri':'https://i.example/'," KEY),
         "authority.assertion_issuers.i.jwks"},
        {TRUST("'issuer':'https://i.example','subject':'all'," KEY), "authority.assertion_issuers.i.subject"},
        {"{'tokens':{'algorithm':'none'}}", "authority.tokens.algorithm"},
        {"{'tokens':{'algorithms':['ES256','HS256']}}", "authority.tokens.algorithms"},
        {"{'tokens':{'algorithms':'PS256'},'clients':{'c':{'secret':'x','userinfo_signed_response_alg':'PS256'}}}",
         NULL},
        {CLIENT("'secret':'x','id_token_signed_response_alg':'RS256'"), NULL}, /* the standard one */
        {CLIENT("'secret':'x','id_token_signed_response_alg':'PS256'"),
         "authority.clients.c.id_token_signed_response_alg"},
        {FAPI2("'id_token_signed_response_alg':'ES256','token_format':'opaque','require_dpop':true"), NULL},
        {FAPI2("'token_format':'opaque','require_dpop':true"), "authority.clients.c.id_token_signed_response_alg"},
        {FAPI2("'id_token_signed_response_alg':'ES256','require_dpop':true"), "authority.clients.c.token_format"},
        {FAPI2("'token_format':'opaque'"), "authority.clients.c.require_dpop"},
        {FAPI2("'id_token_signed_response_alg':'ES256','token_format':'opaque','require_dpop':true,"
               "'introspection_signed_response_alg':'RS256'"),
         "authority.clients.c.introspection_signed_response_alg"},
        {FAPI2("'require_dpop':true,'allow_plain_pkce':true"), "authority.clients.c.allow_plain_pkce"},
        {FAPI2("'require_dpop':true,'redirect_uris':['http://127.0.0.1/']"), "authority.clients.c.redirect_uris"},
        {FAPI2("'require_dpop':true,'secret':'a secret of thirty-two bytes or more','method':'client_secret_jwt'"),
         "authority.clients.c.method"},
        {CLIENT("'secret':'a secret of thirty-two bytes or more','method':'client_secret_jwt'"), NULL},
        {CLIENT("'secret':'a secret of thirty-one bytes ..','method':'client_secret_jwt'"),
         "authority.clients.c.secret"},
        {CLIENT("'secret':'x','profile':'fapi1'"), "authority.clients.c.profile"},
        {SCOPE("'claims':['dept','https://example.com/roles','email']"), NULL},
        {SCOPE("'description':'see your department','tell_in':['access_token','id_token']"), NULL},
        {SCOPE("'description':{'de':'Ihre Abteilung sehen'},'claims':'dept','tell_in':'userinfo'"), NULL},
        {SCOPE("'claims':['dept','sub']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['exp']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['scp']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['acr#de']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['may_act']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['dept#de']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['my dept']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['dépt']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':['']"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':{'dept':true}"), "authority.scopes.staff.claims"},
        {SCOPE("'claims':[" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "'a']"), "authority.scopes.staff.claims"},
        {SCOPE("'description':''"), "authority.scopes.staff.description"},
        {SCOPE("'description':{}"), "authority.scopes.staff.description"},
        {SCOPE("'description':{'fr':'x'}"), "authority.scopes.staff.description"},
        {SCOPE("'description':7"), "authority.scopes.staff.description"},
        {SCOPE("'tell_in':[]"), "authority.scopes.staff.tell_in"},
        {SCOPE("'tell_in':['introspection']"), "authority.scopes.staff.tell_in"},
        {SCOPE("'claim':['dept']"), "authority.scopes.staff.claim"},
        {"{'scopes':{'profile':{'claims':['dept']}}}", "authority.scopes.profile"},
        {"{'scopes':{'two words':{}}}", "authority.scopes.two words"},
        {"{'tokens':{'code_lifetime':'2m','algorithm':'ES256'},'clients':{'c':{'profile':'fapi2','require_dpop':"
         "true," KEY "}}}",
         "authority.clients.c.profile"},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
        enum sp_status status = read_section(arena, rows[i].section, &error);
        bool as_expected = rows[i].member == NULL ? status == SP_OK
                                                  : status == SP_MALFORMED && error.message.len > 0 &&
                                                        sp_str_equal(error.member, sp_str_from_cstr(rows[i].member));
        if (!as_expected)
            fail_msg("%s: %d %.*s: %.*s", rows[i].section, status, SP_STR_ARG(error.member), SP_STR_ARG(error.message));
    }
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_work_is_refused_by_its_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
