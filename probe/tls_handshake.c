/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/tls_handshake.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include "core/base/host.h"
#include "core/diagnosis/document.h"
#include "probe/connection.h"

#define OFFERED "TLS 1.2 and 1.3"
#define ANSWER_BYTES 4096

struct handshake {
    SSL_CTX *context;
    SSL *ssl;
    STACK_OF(X509) * chain;
    int alert; /* received, -1: none */
    bool asked_for_certificate;
    char first[80]; /* the peer's first bytes */
    long first_len;
    int64_t deadline_ms;
};

static struct handshake *of_ssl(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* Keeps what was sent; verified later, with all faults. */
static int keep_chain(X509_STORE_CTX *context, void *data)
{
    struct handshake *handshake = data;
    X509 *leaf = X509_STORE_CTX_get0_cert(context);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(context);
    sk_X509_pop_free(handshake->chain, X509_free);
    handshake->chain = sent != NULL ? X509_chain_up_ref(sent) : sk_X509_new_null();
    if (sent == NULL && handshake->chain != NULL && leaf != NULL && X509_up_ref(leaf) == 1 &&
        sk_X509_push(handshake->chain, leaf) == 0) {
        X509_free(leaf);
    }
    return 1;
}

static int note_request(SSL *ssl, void *data)
{
    (void)data;
    of_ssl(ssl)->asked_for_certificate = true;
    return 1;
}

static void note_alert(const SSL *ssl, int where, int value)
{
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY) {
        of_ssl(ssl)->alert = value & 0xff;
    }
}

/* The first five bytes that come should be the head of a TLS record; they are handed out before they are judged. */
static void note_first_bytes(int is_write, int version, int type, const void *bytes, size_t len, SSL *ssl, void *data)
{
    struct handshake *handshake = of_ssl(ssl);
    (void)version, (void)data;
    if (is_write == 0 && type == SSL3_RT_HEADER && handshake->first_len == 0 && len <= sizeof handshake->first) {
        memcpy(handshake->first, bytes, len);
        handshake->first_len = (long)len;
    }
}

static bool load_certificate(SSL_CTX *context, struct sp_str certificate, struct sp_str key)
{
    char certificate_file[4096], key_file[4096];
    struct sp_str from = key.len > 0 ? key : certificate; /* one file may have both */
    snprintf(certificate_file, sizeof certificate_file, "%.*s", SP_STR_ARG(certificate));
    snprintf(key_file, sizeof key_file, "%.*s", SP_STR_ARG(from));
    return SSL_CTX_use_certificate_chain_file(context, certificate_file) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) == 1;
}

static bool set_host(SSL *ssl, struct sp_str host)
{
    char name[256];
    if (sp_host_is_address(host)) {
        return true; /* RFC 6066 3: SNI has names only */
    }
    snprintf(name, sizeof name, "%.*s", SP_STR_ARG(host));
    return SSL_set_tlsext_host_name(ssl, name) == 1;
}

static enum sp_status prepare(struct handshake *handshake, const struct sp_tls_question *question)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    handshake->context = SSL_CTX_new(TLS_client_method());
    if (handshake->context == NULL || SSL_CTX_set_min_proto_version(handshake->context, TLS1_2_VERSION) != 1) {
        return SP_NO_MEMORY;
    }
    SSL_CTX_set_cert_verify_callback(handshake->context, keep_chain, handshake);
    SSL_CTX_set_cert_cb(handshake->context, note_request, NULL);
    SSL_CTX_set_info_callback(handshake->context, note_alert);
    SSL_CTX_set_msg_callback(handshake->context, note_first_bytes);
    SSL_CTX_set_msg_callback(handshake->context, note_first_bytes);
    /* Also chains that OpenSSL's own level would not even read are to be seen. */
    if (question->certificate_file.len > 0 &&
        !load_certificate(handshake->context, question->certificate_file, question->key_file)) {
        return SP_MALFORMED;
    }
    handshake->ssl = SSL_new(handshake->context);
    bool ready = handshake->ssl != NULL && SSL_set_app_data(handshake->ssl, handshake) == 1 &&
                 SSL_set_fd(handshake->ssl, question->socket) == 1 && set_host(handshake->ssl, question->host) &&
                 SSL_set_alpn_protos(handshake->ssl, protocols, sizeof protocols - 1) == 0;
    return ready ? SP_OK : SP_NO_MEMORY;
}

/* False past the deadline. *answer: SSL_connect's last. */
static bool connect_all(struct handshake *handshake, int socket, int *error)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int answer = SSL_connect(handshake->ssl);
        *error = answer == 1 ? SSL_ERROR_NONE : SSL_get_error(handshake->ssl, answer);
        if (*error != SSL_ERROR_WANT_READ && *error != SSL_ERROR_WANT_WRITE) {
            return true;
        }
        if (!sp_connection_wait(socket, *error == SSL_ERROR_WANT_WRITE, handshake->deadline_ms)) {
            return false;
        }
    }
}

/* A TLS record begins with its type (20 … 23) and 3. */
static bool is_plain(const struct handshake *handshake)
{
    return handshake->first_len >= 2 && !(handshake->first[0] >= 20 && handshake->first[0] <= 23) &&
           handshake->first[1] != 3;
}

static bool is_protocol_failure(const struct handshake *handshake, int reason)
{
    return handshake->alert == SSL_AD_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL ||
           reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_WRONG_SSL_VERSION ||
           (reason == SSL_R_WRONG_VERSION_NUMBER && !is_plain(handshake));
}

/* What the peer said instead of TLS: its first line. */
static struct sp_str plain_words(struct sp_arena *arena, struct handshake *handshake, int socket)
{
    ssize_t got = recv(socket, handshake->first + handshake->first_len,
                       sizeof handshake->first - (size_t)handshake->first_len, MSG_DONTWAIT);
    struct sp_str bytes = sp_str(handshake->first, (size_t)(handshake->first_len + (got > 0 ? got : 0)));
    bool is_http = sp_str_has_prefix(bytes, SP_STR("HTTP/"));
    bytes = sp_str_slice(bytes, 0, sp_str_index_of(bytes, '\n', 0));
    return sp_arena_printf(arena, "plain %s (\"%.*s\")", is_http ? "HTTP" : "text",
                           SP_STR_ARG(sp_document_first_bytes(arena, bytes)));
}

static enum sp_handshake outcome_of(struct sp_arena *arena, struct handshake *handshake, int socket, int error,
                                    struct sp_str *detail)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    if (is_plain(handshake)) {
        *detail = plain_words(arena, handshake, socket);
        return SP_HANDSHAKE_PLAINTEXT;
    }
    if (is_protocol_failure(handshake, reason)) {
        *detail = handshake->alert >= 0
                      ? sp_arena_printf(arena, "alert \"%s\"", SSL_alert_desc_string_long(handshake->alert))
                      : SP_STR("with an older version");
        return SP_HANDSHAKE_PROTOCOL;
    }
    if (handshake->alert >= 0) {
        *detail = sp_arena_printf(arena, "alert \"%s\"", SSL_alert_desc_string_long(handshake->alert));
        return SP_HANDSHAKE_ALERT;
    }
    if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        *detail = errno != 0 && error == SSL_ERROR_SYSCALL
                      ? sp_arena_printf(arena, "the connection ended: %s", strerror(errno))
                      : SP_STR("the peer closed the connection without a word");
        return SP_HANDSHAKE_CLOSED;
    }
    const char *text = ERR_reason_error_string(code);
    *detail = sp_arena_printf(arena, "%s", text != NULL ? text : "unknown failure");
    return SP_HANDSHAKE_FAILED;
}

/* No answer to the request: because of the certificate that is missing, or of the one that was sent. */
static void take_silence(struct sp_arena *arena, const struct handshake *handshake, bool is_late,
                         struct sp_tls_evidence *evidence)
{
    struct sp_str alert = handshake->alert >= 0
                              ? sp_arena_printf(arena, "alert \"%s\"", SSL_alert_desc_string_long(handshake->alert))
                              : SP_STR("the peer closed the connection without a word");
    if (!evidence->sent_certificate && handshake->alert >= 0) {
        evidence->refused_without_certificate = true;
        evidence->refusal = alert;
    } else if (evidence->sent_certificate && !is_late) {
        evidence->handshake = handshake->alert >= 0 ? SP_HANDSHAKE_ALERT : SP_HANDSHAKE_CLOSED;
        evidence->detail = sp_arena_printf(arena, "%.*s, after our client certificate", SP_STR_ARG(alert));
    }
}

/* Sends a request and reads once: servers hold a missing certificate against us only now – by an alert in TLS 1.3, by
 * a page in the case of nginx and others. */
static void see_refusal(struct sp_arena *arena, struct handshake *handshake, const struct sp_tls_question *question,
                        struct sp_tls_evidence *evidence)
{
    char request[2048], answer[ANSWER_BYTES + 1];
    struct sp_str path = question->path.len > 0 ? question->path : SP_STR("/");
    int len = snprintf(request, sizeof request, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
                       SP_STR_ARG(path), SP_STR_ARG(question->host));
    if (len < 0 || (size_t)len >= sizeof request || SSL_write(handshake->ssl, request, len) <= 0) {
        return;
    }
    int got, error;
    do {
        got = SSL_read(handshake->ssl, answer, ANSWER_BYTES);
        error = got > 0 ? SSL_ERROR_NONE : SSL_get_error(handshake->ssl, got);
    } while (error == SSL_ERROR_WANT_READ && sp_connection_wait(question->socket, false, handshake->deadline_ms));
    if (got <= 0) {
        take_silence(arena, handshake, error == SSL_ERROR_WANT_READ, evidence);
        return;
    }
    struct sp_str text = sp_str(answer, (size_t)got), line = sp_str_slice(text, 0, sp_str_index_of(text, '\r', 0));
    bool is_refused = sp_str_contains(line, SP_STR(" 400")) || sp_str_contains(line, SP_STR(" 401")) ||
                      sp_str_contains(line, SP_STR(" 403")) || sp_str_contains(line, SP_STR(" 496"));
    bool says_so = sp_str_contains(text, SP_STR("SSL certificate")) || sp_str_contains(text, SP_STR("client cert")) ||
                   sp_str_contains(text, SP_STR("Client Cert"));
    evidence->refused_without_certificate = is_refused && says_so && !evidence->sent_certificate;
    if (evidence->refused_without_certificate) {
        evidence->refusal = sp_arena_printf(arena, "\"%.*s\" and a page that says so",
                                            SP_STR_ARG(sp_document_first_bytes(arena, line)));
    }
}

/* In TLS 1.2 the alert comes within the handshake, and is not named after what is missing. */
static bool is_about_certificate(int alert)
{
    return alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_BAD_CERTIFICATE || alert == SSL_AD_NO_CERTIFICATE ||
           alert == SSL_AD_CERTIFICATE_UNKNOWN || alert == SSL_AD_CERTIFICATE_REQUIRED;
}

static void take_outcome(struct sp_arena *arena, struct handshake *handshake, const struct sp_tls_question *question,
                         bool in_time, int error, struct sp_tls_evidence *evidence)
{
    evidence->asked_for_certificate = handshake->asked_for_certificate;
    evidence->sent_certificate = handshake->asked_for_certificate && question->certificate_file.len > 0;
    if (!in_time) {
        evidence->handshake = SP_HANDSHAKE_TIMEOUT;
        evidence->detail = sp_arena_printf(arena, "%lld ms", (long long)question->timeout_ms);
        return;
    }
    if (error != SSL_ERROR_NONE) {
        evidence->handshake = outcome_of(arena, handshake, question->socket, error, &evidence->detail);
        if (evidence->handshake == SP_HANDSHAKE_ALERT && handshake->asked_for_certificate &&
            !evidence->sent_certificate && is_about_certificate(handshake->alert)) {
            evidence->refused_without_certificate = true;
            evidence->refusal = evidence->detail;
        }
        return;
    }
    evidence->handshake = SP_HANDSHAKE_DONE;
    evidence->version = sp_str_from_cstr(SSL_get_version(handshake->ssl));
    evidence->cipher = sp_str_from_cstr(SSL_get_cipher_name(handshake->ssl));
    if (handshake->asked_for_certificate) {
        see_refusal(arena, handshake, question, evidence);
    }
}

enum sp_status sp_tls_look(struct sp_arena *arena, const struct sp_tls_question *question,
                           struct sp_tls_evidence *evidence)
{
    int64_t started = sp_monotonic_ms();
    struct handshake handshake = {.alert = -1, .deadline_ms = started + question->timeout_ms};
    int error = SSL_ERROR_NONE;
    *evidence =
        (struct sp_tls_evidence){.host = question->host, .address = question->address, .offered = SP_STR(OFFERED)};
    enum sp_status status = prepare(&handshake, question);
    if (status == SP_OK) {
        bool in_time = connect_all(&handshake, question->socket, &error);
        take_outcome(arena, &handshake, question, in_time, error, evidence);
        evidence->elapsed_ms = sp_monotonic_ms() - started;
        if (handshake.chain != NULL) {
            struct sp_chain_question chain = question->chain;
            chain.host = question->host;
            chain.security_level = SSL_CTX_get_security_level(handshake.context);
            status = sp_chain_examine(arena, &chain, handshake.chain, &evidence->chain);
        }
    }
    sk_X509_pop_free(handshake.chain, X509_free);
    SSL_free(handshake.ssl);
    SSL_CTX_free(handshake.context);
    ERR_clear_error();
    return status;
}

struct sp_str sp_tls_old_version(struct sp_arena *arena, int socket, struct sp_str host, int64_t timeout_ms)
{
    struct handshake handshake = {.alert = -1, .deadline_ms = sp_monotonic_ms() + timeout_ms};
    struct sp_str version = SP_STR_NONE;
    int error;
    handshake.context = SSL_CTX_new(TLS_client_method());
    if (handshake.context != NULL && SSL_CTX_set_min_proto_version(handshake.context, TLS1_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(handshake.context, "ALL:@SECLEVEL=0") == 1) {
        SSL_CTX_set_cert_verify_callback(handshake.context, keep_chain, &handshake);
        handshake.ssl = SSL_new(handshake.context);
    }
    if (handshake.ssl != NULL && SSL_set_app_data(handshake.ssl, &handshake) == 1 &&
        SSL_set_fd(handshake.ssl, socket) == 1 && set_host(handshake.ssl, host)) {
        bool in_time = connect_all(&handshake, socket, &error);
        /* The version stands in its first flight; whether the rest succeeds does not matter. */
        bool known = in_time && (error == SSL_ERROR_NONE || handshake.chain != NULL);
        version = known ? sp_arena_printf(arena, "%s", SSL_get_version(handshake.ssl)) : SP_STR_NONE;
    }
    sk_X509_pop_free(handshake.chain, X509_free);
    SSL_free(handshake.ssl);
    SSL_CTX_free(handshake.context);
    ERR_clear_error();
    return version;
}
