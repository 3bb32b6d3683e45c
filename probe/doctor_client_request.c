/* SPDX-License-Identifier: Apache-2.0 */
/* How the doctor, as the client it is given, authenticates to a token endpoint: RFC 6749 2.3.1, RFC 7523 2.2 with a
 * shared secret, RFC 8705 2. */
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/jws.h"
#include "core/oauth/form.h"
#include "probe/doctor_checkup.h"

#define MAX_FORM_BYTES ((size_t)64 * 1024)
#define ASSERTION_LIFE_S 60
#define MAX_ANSWER_BYTES ((size_t)256 * 1024)

void sp_checkup_add_parameter(struct sp_buffer *form, const char *name, struct sp_str value)
{
    if (value.len > 0) {
        if (form->len > 0) {
            sp_buffer_append_char(form, '&');
        }
        sp_buffer_append(form, sp_str_from_cstr(name));
        sp_buffer_append_char(form, '=');
        sp_form_encode(form, value);
    }
}

static enum sp_status make_basic(struct sp_checkup *checkup, struct sp_str secret, bool raw,
                                 struct sp_str *authorization)
{
    struct sp_buffer pair;
    struct sp_str encoded;
    sp_buffer_init(&pair, checkup->arena, MAX_FORM_BYTES);
    if (raw) {
        sp_buffer_append(&pair, checkup->question->client_id);
        sp_buffer_append_char(&pair, ':');
        sp_buffer_append(&pair, secret);
    } else {
        sp_form_encode(&pair, checkup->question->client_id);
        sp_buffer_append_char(&pair, ':');
        sp_form_encode(&pair, secret);
    }
    if (sp_buffer_status(&pair) != SP_OK || sp_base64_encode(checkup->arena, sp_buffer_str(&pair), &encoded) != SP_OK) {
        return SP_NO_MEMORY;
    }
    *authorization = sp_arena_printf(checkup->arena, "Basic %.*s", SP_STR_ARG(encoded));
    sp_wipe((char *)(uintptr_t)encoded.at, encoded.len);
    sp_wipe(pair.at, pair.len);
    return authorization->at != NULL ? SP_OK : SP_NO_MEMORY;
}

static struct sp_str assertion_claims(struct sp_checkup *checkup, struct sp_str jti)
{
    struct sp_buffer claims;
    struct sp_json_writer writer;
    sp_buffer_init(&claims, checkup->arena, 8 * 1024);
    sp_json_writer_init(&writer, &claims, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "iss", checkup->question->client_id);
    sp_json_string_member(&writer, "sub", checkup->question->client_id);
    sp_json_string_member(&writer, "aud", checkup->metadata.token_endpoint);
    sp_json_string_member(&writer, "jti", jti);
    sp_json_int_member(&writer, "iat", checkup->now);
    sp_json_int_member(&writer, "exp", checkup->now + ASSERTION_LIFE_S);
    sp_json_end_object(&writer);
    return sp_buffer_status(&claims) == SP_OK ? sp_buffer_str(&claims) : SP_STR_NONE;
}

/* HS256 with the secret as it is (OIDC Core 9); a secret too short for it is no key. */
static enum sp_status make_assertion(struct sp_checkup *checkup, struct sp_str secret, struct sp_str *assertion)
{
    unsigned char random[16];
    struct sp_str jti;
    struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = secret};
    struct sp_key *key = NULL;
    enum sp_status status = secret.len >= 32 ? sp_key_import(&parts, &key) : SP_UNSUPPORTED;
    if (status == SP_OK) {
        status = sp_random(random, sizeof random);
    }
    if (status == SP_OK) {
        status = sp_base64url_encode(checkup->arena, sp_str((const char *)random, sizeof random), &jti);
    }
    if (status == SP_OK) {
        status = sp_jws_sign(checkup->arena, key, sp_algorithm_find(SP_STR("HS256")),
                             SP_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), assertion_claims(checkup, jti), assertion);
    }
    sp_key_destroy(&key);
    return status;
}

enum sp_status sp_checkup_authenticate(struct sp_checkup *checkup, struct sp_str method, struct sp_str secret, bool raw,
                                       struct sp_buffer *form, struct sp_str *authorization)
{
    const struct sp_doctor_question *question = checkup->question;
    struct sp_str assertion = SP_STR_NONE;
    enum sp_status status = SP_OK;
    *authorization = SP_STR_NONE;
    sp_buffer_init(form, NULL, MAX_FORM_BYTES);
    if (sp_str_equal(method, SP_STR("client_secret_basic"))) {
        return secret.len > 0 ? make_basic(checkup, secret, raw, authorization) : SP_UNSUPPORTED;
    }
    if (sp_str_equal(method, SP_STR("client_secret_post"))) {
        sp_checkup_add_parameter(form, "client_id", question->client_id);
        sp_checkup_add_parameter(form, "client_secret", secret);
        return secret.len > 0 ? SP_OK : SP_UNSUPPORTED;
    }
    if (sp_str_equal(method, SP_STR("client_secret_jwt"))) {
        status = make_assertion(checkup, secret, &assertion);
        sp_checkup_add_parameter(form, "client_id", question->client_id);
        sp_checkup_add_parameter(form, "client_assertion_type",
                                 SP_STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        sp_checkup_add_parameter(form, "client_assertion", assertion);
        return status;
    }
    bool by_certificate =
        sp_str_equal(method, SP_STR("tls_client_auth")) || sp_str_equal(method, SP_STR("self_signed_tls_client_auth"));
    bool is_public = sp_str_equal(method, SP_STR("none")) && question->client_secret.len == 0;
    if ((by_certificate && question->certificate_file.len > 0) || is_public) {
        sp_checkup_add_parameter(form, "client_id", question->client_id);
        return SP_OK;
    }
    return SP_UNSUPPORTED;
}

struct sp_http_call *sp_checkup_post(struct sp_checkup *checkup, struct sp_str url, struct sp_buffer *form,
                                     struct sp_str authorization)
{
    struct sp_http_call *call = NULL;
    if (sp_buffer_status(form) == SP_OK) {
        call = sp_checkup_call(checkup, (struct sp_http_request){.url = url,
                                                                 .form = sp_buffer_str(form),
                                                                 .authorization = authorization,
                                                                 .max_bytes = MAX_ANSWER_BYTES});
    }
    if (form->at != NULL) {
        sp_wipe(form->at, form->len);
    }
    sp_buffer_fini(form);
    return call;
}
