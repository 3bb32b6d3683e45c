/* SPDX-License-Identifier: Apache-2.0 */
/* A HAR from anywhere: never a crash, the same exchanges however the file is cut, and no secret in what is shown –
 * codes and tokens that stand in the recording as parameters are masked in JSON and page. */
#include "core/diagnosis/scrub.h"
#include "core/flow/har.h"
#include "core/flow/report.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, const struct sp_flow_exchange *exchange)
{
    sp_flow_capture_add(context, exchange);
}

static struct sp_flow_capture *read_in_pieces(struct sp_str text, size_t piece)
{
    static const struct sp_flow_terms terms = {.leeway_s = 30};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    struct sp_har *har = sp_har_create(take, capture);
    ALWAYS(capture != NULL && har != NULL);
    for (size_t at = 0; at < text.len; at += piece)
        sp_har_read(har, sp_str_slice(text, at, at + piece), false);
    sp_har_read(har, SP_STR(""), true);
    sp_har_destroy(&har);
    sp_flow_judge(capture);
    return capture;
}

static void shows_no_secret(const struct sp_flow_capture *capture, struct sp_str shown)
{
    static const char *const names[] = {"code", "client_secret", "code_verifier", "refresh_token", "access_token"};
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            struct sp_str secret = sp_form_value(&at->body, sp_str_from_cstr(names[i]));
            bool telling = secret.len >= 24;
            for (size_t b = 0; b < secret.len; b++) {
                char c = secret.at[b];
                telling = telling && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
            }
            /* Unless the same text stands where no secret belongs. */
            if (telling && sp_scrub(capture->arena, secret).len < secret.len)
                ALWAYS(!sp_str_contains(shown, secret) || sp_str_contains(at->endpoint, secret));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_str text = sp_str((const char *)data, size);
    struct sp_flow_capture *whole = read_in_pieces(text, size + 1), *parts = read_in_pieces(text, 7);
    const struct sp_flow_source source = {.name = SP_STR("fuzz"), .kind = "har"};
    struct sp_buffer json, page;
    struct sp_json_writer writer;
    ALWAYS(whole->messages == parts->messages && whole->flow_count == parts->flow_count);
    sp_buffer_init(&json, NULL, 64 << 20);
    sp_buffer_init(&page, NULL, 64 << 20);
    sp_json_writer_init(&writer, &json, false);
    sp_json_begin_object(&writer);
    sp_flow_write_json(&writer, whole, &source);
    sp_json_end_object(&writer);
    sp_flow_write_html(&page, whole, &source);
    shows_no_secret(whole, sp_buffer_str(&json));
    /* Nothing from outside opens an element of its own. */
    ALWAYS(!sp_str_contains(sp_buffer_str(&page), SP_STR("<script")) &&
           !sp_str_contains(sp_buffer_str(&page), SP_STR("<img")));
    sp_buffer_fini(&json);
    sp_buffer_fini(&page);
    sp_flow_capture_destroy(&whole);
    sp_flow_capture_destroy(&parts);
    return 0;
}
