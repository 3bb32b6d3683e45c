/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, loaded when it is called first (library.h). */
#include "probe/library.h"

#include <curl/curl.h>
#include <stdarg.h>

static const enum sp_library library = SP_LIBRARY_CURL;

SP_LIBRARY_ROW(void, curl_easy_cleanup, (CURL * curl), curl)
SP_LIBRARY_ROW(CURL *, curl_easy_init, (void))
SP_LIBRARY_ROW(CURLcode, curl_easy_perform, (CURL * curl), curl)
SP_LIBRARY_ROW(const char *, curl_easy_strerror, (CURLcode code), code)
SP_LIBRARY_ROW(time_t, curl_getdate, (const char *text, const time_t *unused), text, unused)
SP_LIBRARY_ROW(CURLcode, curl_global_init, (long flags), flags)
SP_LIBRARY_ROW(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), multi, easy)
SP_LIBRARY_ROW(CURLMcode, curl_multi_cleanup, (CURLM * multi), multi)
SP_LIBRARY_ROW(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), multi, left)
SP_LIBRARY_ROW(CURLM *, curl_multi_init, (void))
SP_LIBRARY_ROW(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), multi, running)
SP_LIBRARY_ROW(CURLMcode, curl_multi_poll,
               (CURLM * multi, struct curl_waitfd extra[], unsigned int count, int timeout_ms, int *ready), multi,
               extra, count, timeout_ms, ready)
SP_LIBRARY_ROW(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL *easy), multi, easy)
SP_LIBRARY_ROW(CURLMcode, curl_multi_socket_action, (CURLM * multi, curl_socket_t socket, int events, int *running),
               multi, socket, events, running)
SP_LIBRARY_ROW(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), list, text)
SP_LIBRARY_ROW(void, curl_slist_free_all, (struct curl_slist * list), list)
SP_LIBRARY_ROW(curl_version_info_data *, curl_version_info, (CURLversion version), version)

/* Macros of their own, which check the types where they are called. */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

static CURLcode set_option(CURL *curl, CURLoption option, void *value)
{
    SP_LIBRARY_CALL(library, curl_easy_setopt, curl, option, value);
}

static CURLMcode set_multi_option(CURLM *multi, CURLMoption option, void *value)
{
    SP_LIBRARY_CALL(library, curl_multi_setopt, multi, option, value);
}

static CURLcode get_info(CURL *curl, CURLINFO info, void *into)
{
    SP_LIBRARY_CALL(library, curl_easy_getinfo, curl, info, into);
}

/* An option's one value is a long, a pointer, a function or a curl_off_t: words of one size, passed alike. */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "one word");

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list values;
    va_start(values, option);
    void *value = va_arg(values, void *);
    va_end(values);
    return set_option(curl, option, value);
}

CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list values;
    va_start(values, option);
    void *value = va_arg(values, void *);
    va_end(values);
    return set_multi_option(multi, option, value);
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list values;
    va_start(values, info);
    void *into = va_arg(values, void *);
    va_end(values);
    return get_info(curl, info, into);
}
