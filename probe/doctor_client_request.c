/* SPDX-License-Identifier: Apache-2.0 */
/* How the doctor, as the client it is given, authenticates to a token endpoint (core/oauth/client_authentication.h). */
#include "core/base/secret.h"
#include "core/oauth/client_authentication.h"
#include "probe/doctor_checkup.h"

#define MAX_ANSWER_BYTES ((size_t)256 * 1024)

enum sp_status sp_checkup_authenticate(struct sp_checkup *checkup, struct sp_str method, struct sp_str secret, bool raw,
                                       struct sp_buffer *form, struct sp_str *authorization)
{
    const struct sp_doctor_question *question = checkup->question;
    struct sp_client_proof proof = {
        .method = method,
        .client_id = question->client_id,
        .secret = secret,
        .secret_is_raw = raw,
        .key = question->key,
        .kid = question->kid,
        .algorithm = question->key != NULL
                         ? sp_key_signs_with(question->key, sp_client_algorithms(checkup->metadata.json))
                         : SP_ALGORITHM_UNKNOWN,
        .has_certificate = question->certificate_file.len > 0,
        .audience = checkup->metadata.token_endpoint,
        .now = checkup->now};
    sp_buffer_init(form, NULL, SP_MAX_CLIENT_FORM_BYTES);
    enum sp_status status = sp_random_text(checkup->arena, &proof.jti);
    return status == SP_OK ? sp_client_prove(checkup->arena, &proof, form, authorization) : status;
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
