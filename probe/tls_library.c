/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's libssl, loaded when it is called first (library.h): who only judges a token speaks no TLS. */
#include "probe/library.h"

#include <openssl/ssl.h>

static const enum sp_library library = SP_LIBRARY_SSL;

SP_LIBRARY_ROW(int, SSL_accept, (SSL * ssl), ssl)
SP_LIBRARY_ROW(const char *, SSL_alert_desc_string_long, (int value), value)
SP_LIBRARY_ROW(const char *, SSL_CIPHER_get_name, (const SSL_CIPHER *cipher), cipher)
SP_LIBRARY_ROW(int, SSL_connect, (SSL * ssl), ssl)
SP_LIBRARY_ROW(long, SSL_ctrl, (SSL * ssl, int what, long number, void *argument), ssl, what, number, argument)
SP_LIBRARY_ROW(int, SSL_CTX_add_client_CA, (SSL_CTX * context, X509 *certificate), context, certificate)
SP_LIBRARY_ROW(long, SSL_CTX_ctrl, (SSL_CTX * context, int what, long number, void *argument), context, what, number,
               argument)
SP_LIBRARY_ROW(void, SSL_CTX_free, (SSL_CTX * context), context)
SP_LIBRARY_ROW(X509_STORE *, SSL_CTX_get_cert_store, (const SSL_CTX *context), context)
SP_LIBRARY_ROW(int, SSL_CTX_get_security_level, (const SSL_CTX *context), context)
SP_LIBRARY_ROW(SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *method), method)
SP_LIBRARY_ROW(void, SSL_CTX_set_cert_cb, (SSL_CTX * context, int (*choose)(SSL *, void *), void *argument), context,
               choose, argument)
SP_LIBRARY_ROW(void, SSL_CTX_set_cert_verify_callback,
               (SSL_CTX * context, int (*verify)(X509_STORE_CTX *, void *), void *argument), context, verify, argument)
SP_LIBRARY_ROW(int, SSL_CTX_set_cipher_list, (SSL_CTX * context, const char *list), context, list)
SP_LIBRARY_ROW(void, SSL_CTX_set_info_callback, (SSL_CTX * context, void (*tell)(const SSL *, int, int)), context, tell)
SP_LIBRARY_ROW(void, SSL_CTX_set_msg_callback,
               (SSL_CTX * context, void (*tell)(int, int, int, const void *, size_t, SSL *, void *)), context, tell)
SP_LIBRARY_ROW(void, SSL_CTX_set_verify, (SSL_CTX * context, int mode, SSL_verify_cb verify), context, mode, verify)
SP_LIBRARY_ROW(int, SSL_CTX_use_certificate, (SSL_CTX * context, X509 *certificate), context, certificate)
SP_LIBRARY_ROW(int, SSL_CTX_use_certificate_chain_file, (SSL_CTX * context, const char *path), context, path)
SP_LIBRARY_ROW(int, SSL_CTX_use_PrivateKey, (SSL_CTX * context, EVP_PKEY *key), context, key)
SP_LIBRARY_ROW(int, SSL_CTX_use_PrivateKey_file, (SSL_CTX * context, const char *path, int type), context, path, type)
SP_LIBRARY_ROW(void, SSL_free, (SSL * ssl), ssl)
SP_LIBRARY_ROW(const SSL_CIPHER *, SSL_get_current_cipher, (const SSL *ssl), ssl)
SP_LIBRARY_ROW(int, SSL_get_error, (const SSL *ssl, int result), ssl, result)
SP_LIBRARY_ROW(void *, SSL_get_ex_data, (const SSL *ssl, int place), ssl, place)
SP_LIBRARY_ROW(const char *, SSL_get_version, (const SSL *ssl), ssl)
SP_LIBRARY_ROW(SSL *, SSL_new, (SSL_CTX * context), context)
SP_LIBRARY_ROW(int, SSL_pending, (const SSL *ssl), ssl)
SP_LIBRARY_ROW(int, SSL_read, (SSL * ssl, void *into, int bytes), ssl, into, bytes)
SP_LIBRARY_ROW(int, SSL_set_alpn_protos, (SSL * ssl, const unsigned char *protocols, unsigned int bytes), ssl,
               protocols, bytes)
SP_LIBRARY_ROW(int, SSL_set_ex_data, (SSL * ssl, int place, void *data), ssl, place, data)
SP_LIBRARY_ROW(int, SSL_set_fd, (SSL * ssl, int descriptor), ssl, descriptor)
SP_LIBRARY_ROW(int, SSL_shutdown, (SSL * ssl), ssl)
SP_LIBRARY_ROW(int, SSL_write, (SSL * ssl, const void *from, int bytes), ssl, from, bytes)
SP_LIBRARY_ROW(const SSL_METHOD *, TLS_client_method, (void))
SP_LIBRARY_ROW(const SSL_METHOD *, TLS_server_method, (void))
