/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/http_batch.h"

static void take_finished(CURLM *multi)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            struct sp_http_call *call = NULL;
            CURL *handle = message->easy_handle;
            CURLcode result = message->data.result;
            curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&call);
            curl_multi_remove_handle(multi, handle);
            sp_http_call_finish(call, result);
        }
    }
}

/* Of those that curl gave up on; usually none. */
static void finish_rest(CURLM *multi, struct sp_http_call *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sp_fetch_report *report = calls[i] != NULL ? sp_http_call_report(calls[i]) : NULL;
        if (report != NULL && report->http_status == 0 && report->failure == SP_CAUSE_NONE && !report->too_large) {
            curl_multi_remove_handle(multi, sp_http_call_handle(calls[i]));
            sp_http_call_finish(calls[i], CURLE_ABORTED_BY_CALLBACK);
        }
    }
}

void sp_http_calls_perform(struct sp_http_call *const *calls, size_t count)
{
    CURLM *multi = curl_multi_init();
    int running = 1;
    for (size_t i = 0; i < count; i++) {
        if (calls[i] != NULL &&
            (multi == NULL || curl_multi_add_handle(multi, sp_http_call_handle(calls[i])) != CURLM_OK)) {
            sp_http_call_perform(calls[i]);
        }
    }
    while (multi != NULL && running > 0 && curl_multi_perform(multi, &running) == CURLM_OK) {
        take_finished(multi);
        if (running > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK) {
            break;
        }
    }
    if (multi != NULL) {
        take_finished(multi);
        finish_rest(multi, calls, count);
        curl_multi_cleanup(multi);
    }
}
