/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/curl_failure.h"
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>

static enum sp_cause connect_cause(CURL *handle)
{
    long os_errno = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_errno);
    switch (os_errno) {
    case ECONNREFUSED:
    case ENOENT: /* of a unix socket */
        return SP_CAUSE_NETWORK_TCP_REFUSED;
    case ETIMEDOUT:
        return SP_CAUSE_NETWORK_TCP_TIMEOUT;
    default:
        return SP_CAUSE_NETWORK_TCP_UNREACHABLE;
    }
}

/* How far it came says what was waited for. */
static enum sp_cause timeout_cause(CURL *handle)
{
    curl_off_t resolved = 0, connected = 0;
    curl_easy_getinfo(handle, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &connected);
    if (resolved == 0) {
        return SP_CAUSE_NETWORK_DNS_TIMEOUT;
    }
    return connected == 0 ? SP_CAUSE_NETWORK_TCP_TIMEOUT : SP_CAUSE_NETWORK_HTTP_TIMEOUT;
}

static enum sp_cause certificate_cause(CURL *handle)
{
    static const struct {
        long verify_result;
        enum sp_cause cause;
    } rows[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, SP_CAUSE_NETWORK_TLS_EXPIRED},
        {X509_V_ERR_CERT_NOT_YET_VALID, SP_CAUSE_NETWORK_TLS_NOT_YET_VALID},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, SP_CAUSE_NETWORK_TLS_SELF_SIGNED},
        {X509_V_OK, SP_CAUSE_NETWORK_TLS_HOSTNAME}, /* the chain is good, the name is not */
        {X509_V_ERR_HOSTNAME_MISMATCH, SP_CAUSE_NETWORK_TLS_HOSTNAME},
        {X509_V_ERR_IP_ADDRESS_MISMATCH, SP_CAUSE_NETWORK_TLS_HOSTNAME},
    };
    long verify_result = 0;
    curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].verify_result == verify_result) {
            return rows[i].cause;
        }
    }
    return SP_CAUSE_NETWORK_TLS_UNKNOWN_CA;
}

static enum sp_cause handshake_cause(const char *error)
{
    static const struct {
        const char *text; /* as OpenSSL words it */
        enum sp_cause cause;
    } rows[] = {
        {"wrong version number", SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT},
        {"http request", SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT},
        {"packet length too long", SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT},
        {"protocol version", SP_CAUSE_NETWORK_TLS_PROTOCOL},
        {"unsupported protocol", SP_CAUSE_NETWORK_TLS_PROTOCOL},
        {"certificate required", SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(error, rows[i].text) != NULL) {
            return rows[i].cause;
        }
    }
    return SP_CAUSE_NETWORK_TLS_HANDSHAKE;
}

enum sp_cause sp_curl_failure_cause(CURL *handle, CURLcode result, const char *error)
{
    long connect_status = 0;
    curl_easy_getinfo(handle, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status != 0 && connect_status != 200) {
        return connect_status == 407 ? SP_CAUSE_NETWORK_PROXY_AUTH_REQUIRED : SP_CAUSE_NETWORK_PROXY_UNREACHABLE;
    }
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return SP_CAUSE_NETWORK_DNS_NOT_FOUND;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return SP_CAUSE_NETWORK_PROXY_UNREACHABLE;
    case CURLE_COULDNT_CONNECT:
        return connect_cause(handle);
    case CURLE_OPERATION_TIMEDOUT:
        return timeout_cause(handle);
    case CURLE_PEER_FAILED_VERIFICATION:
        return certificate_cause(handle);
    case CURLE_SSL_CACERT_BADFILE:
        return SP_CAUSE_NETWORK_TLS_UNKNOWN_CA;
    case CURLE_SSL_CONNECT_ERROR:
        return handshake_cause(error);
    case CURLE_UNSUPPORTED_PROTOCOL:
        /* Bytes that are no HTTP at all: TLS, most often. */
        return strstr(error, "HTTP/0.9") != NULL ? SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT : SP_CAUSE_NETWORK_HTTP_REDIRECT;
    case CURLE_TOO_MANY_REDIRECTS:
        return SP_CAUSE_NETWORK_HTTP_REDIRECT;
    case CURLE_WEIRD_SERVER_REPLY:
        return SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT;
    case CURLE_RECV_ERROR:
        return strstr(error, "certificate required") != NULL ? SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED
                                                             : SP_CAUSE_NETWORK_HTTP_SERVER_ERROR;
    default:
        /* The connection stood and ended before the answer was whole. */
        return SP_CAUSE_NETWORK_HTTP_SERVER_ERROR;
    }
}

void sp_curl_failure_detail(CURL *handle, CURLcode result, const char *error, char *out, size_t room)
{
    const char *address = NULL;
    long port = 0;
    curl_easy_getinfo(handle, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(handle, CURLINFO_PRIMARY_PORT, &port);
    const char *said = error[0] != '\0' ? error : curl_easy_strerror(result);
    if (address != NULL && address[0] != '\0') {
        snprintf(out, room, "%s (asked %s port %ld)", said, address, port);
    } else {
        snprintf(out, room, "%s", said);
    }
}
