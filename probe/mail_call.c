/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/mail_call.h"

#include <stdio.h>
#include <stdlib.h>
#include "core/base/secret.h"
#include "core/base/url.h"
#include "probe/curl_failure.h"

/* The longest of what is handed to curl as text: a URL, a password. */
#define MAX_TEXT_BYTES 1100u

struct reading {
    struct sp_str rest;
};

static size_t give_message(char *into, size_t size, size_t count, void *data)
{
    struct reading *reading = data;
    size_t room = size * count, len = reading->rest.len < room ? reading->rest.len : room;
    if (len > 0)
        memcpy(into, reading->rest.at, len);
    reading->rest = sp_str_slice(reading->rest, len, reading->rest.len);
    return len;
}

/* sp_url_split knows the web's schemes: the rest of the grammar is the same. */
static bool split(struct sp_str url, struct sp_url *parts, bool *implicit_tls)
{
    char web[MAX_TEXT_BYTES];
    *implicit_tls = sp_str_has_prefix(url, SP_STR("smtps://"));
    if (!*implicit_tls && !sp_str_has_prefix(url, SP_STR("smtp://")))
        return false;
    struct sp_str rest = sp_str_slice(url, *implicit_tls ? 8 : 7, url.len);
    int len = snprintf(web, sizeof web, "http://%.*s", SP_STR_ARG(rest));
    return len > 0 && (size_t)len < sizeof web && sp_url_split(sp_str(web, (size_t)len), parts) == SP_OK;
}

static bool is_loopback(struct sp_str url)
{
    char web[MAX_TEXT_BYTES];
    struct sp_url parts;
    int len = snprintf(web, sizeof web, "http://%.*s", SP_STR_ARG(sp_str_slice(url, 7, url.len)));
    return len > 0 && (size_t)len < sizeof web && sp_url_split(sp_str(web, (size_t)len), &parts) == SP_OK &&
           sp_url_is_secure(&parts);
}

bool sp_mail_url_is_usable(struct sp_str url)
{
    struct sp_url parts;
    bool implicit_tls;
    return split(url, &parts, &implicit_tls);
}

struct texts {
    char url[MAX_TEXT_BYTES], user[MAX_TEXT_BYTES], password[MAX_TEXT_BYTES], from[MAX_TEXT_BYTES], to[MAX_TEXT_BYTES],
        ca_file[MAX_TEXT_BYTES], error[CURL_ERROR_SIZE];
};

static bool copy(char into[MAX_TEXT_BYTES], const char *before, struct sp_str text, const char *behind)
{
    int len = snprintf(into, MAX_TEXT_BYTES, "%s%.*s%s", before, SP_STR_ARG(text), behind);
    return len >= 0 && (size_t)len < MAX_TEXT_BYTES && sp_str_index_of(text, '\0', 0) == text.len;
}

static CURLcode set_options(CURL *handle, const struct sp_mail_request *request, struct texts *texts,
                            struct reading *reading, struct curl_slist *recipients)
{
    CURLcode rc = CURLE_OK;
    bool plain = !sp_str_has_prefix(request->url, SP_STR("smtps:")) && is_loopback(request->url);
#define SET(option, value) rc = rc != CURLE_OK ? rc : curl_easy_setopt(handle, option, value)
    SET(CURLOPT_URL, texts->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    /* On loopback TLS is taken where it is offered; beyond it there is no mail without. */
    SET(CURLOPT_USE_SSL, plain ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, texts->error);
    SET(CURLOPT_MAIL_FROM, texts->from);
    SET(CURLOPT_MAIL_RCPT, recipients);
    SET(CURLOPT_READFUNCTION, give_message);
    SET(CURLOPT_READDATA, reading);
    SET(CURLOPT_UPLOAD, 1L);
    if (request->user.len > 0) {
        SET(CURLOPT_USERNAME, texts->user);
        SET(CURLOPT_PASSWORD, texts->password);
    }
    if (request->ca_file.len > 0) {
        SET(CURLOPT_CAINFO, texts->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
#undef SET
    return rc;
}

static void perform(CURL *handle, const struct sp_mail_request *request, struct texts *texts,
                    struct sp_mail_report *report)
{
    struct reading reading = {request->message};
    struct curl_slist *recipients = curl_slist_append(NULL, texts->to);
    long code = 0;
    CURLcode rc = recipients != NULL ? set_options(handle, request, texts, &reading, recipients) : CURLE_OUT_OF_MEMORY;
    if (rc == CURLE_OK)
        rc = curl_easy_perform(handle);
    (void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    report->code = (int)code;
    report->accepted = rc == CURLE_OK;
    if (!report->accepted) {
        report->failure = sp_curl_failure_cause(handle, rc, texts->error);
        sp_curl_failure_detail(handle, rc, texts->error, report->detail, sizeof report->detail);
    }
    curl_slist_free_all(recipients);
}

void sp_mail_call_perform(const struct sp_mail_request *request, struct sp_mail_report *report)
{
    struct texts *texts = calloc(1, sizeof *texts);
    CURL *handle = curl_easy_init();
    *report = (struct sp_mail_report){.failure = SP_CAUSE_NETWORK_HTTP_TIMEOUT};
    bool fits = texts != NULL && handle != NULL && sp_mail_url_is_usable(request->url) &&
                copy(texts->url, "", request->url, "") && copy(texts->user, "", request->user, "") &&
                copy(texts->password, "", request->password, "") && copy(texts->from, "<", request->from, ">") &&
                copy(texts->to, "<", request->to, ">") && copy(texts->ca_file, "", request->ca_file, "");
    if (fits)
        perform(handle, request, texts, report);
    else
        snprintf(report->detail, sizeof report->detail, "the message or its way could not be prepared");
    curl_easy_cleanup(handle);
    if (texts != NULL)
        sp_wipe(texts, sizeof *texts);
    free(texts);
}
