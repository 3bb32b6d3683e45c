/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when something of them is called first. libcurl, libmicrohttpd and libpq bring thirty
 * others (LDAP, Kerberos, GnuTLS, HTTP/2 …): loading and relocating them took three quarters of `sallyport token
 * examine`, which needs none. So the program is not linked with them: a file beside their users (curl_library.c,
 * microhttpd_library.c, store_postgres_library.c) defines the functions that we call, under their own names, and each
 * passes its call on. SQLite, argon2, libcrypt, libqrencode, libsodium and libssl bring little, and go the same way for
 * the same reason. Callers include the library's header as ever. To call one more function, add its row there; the
 * linker names it.
 *
 * The rows do generate functions: written out, seventy would differ in nothing but these words. */
#ifndef SP_PROBE_LIBRARY_H
#define SP_PROBE_LIBRARY_H

#include <stddef.h>

enum sp_library {
    SP_LIBRARY_CURL,
    SP_LIBRARY_MICROHTTPD,
    SP_LIBRARY_PQ,
    SP_LIBRARY_SQLITE,
    SP_LIBRARY_ARGON2,
    SP_LIBRARY_CRYPT,
    SP_LIBRARY_QRENCODE,
    SP_LIBRARY_SSL,
    SP_LIBRARY_SODIUM,
    SP_LIBRARY_COUNT
};

/* Loads it now. For what serves strangers: later they may hold every descriptor that opening it would need. Says
 * nothing of one that is not there: who calls it hears of it. */
void sp_library_load(enum sp_library library);

typedef void sp_library_function(void);

/* Ends the program with a message when the library or the function is not there, as the dynamic loader would. Any
 * thread may ask. */
sp_library_function *sp_library_find(enum sp_library library, const char *name);

/* The body of a function that passes its arguments on to its namesake in `library`. */
#define SP_LIBRARY_CALL(library, name, ...)                                                                            \
    static sp_library_function *found;                                                                                 \
    sp_library_function *at = __atomic_load_n(&found, __ATOMIC_ACQUIRE);                                               \
    if (at == NULL) {                                                                                                  \
        at = sp_library_find(library, #name);                                                                          \
        __atomic_store_n(&found, at, __ATOMIC_RELEASE);                                                                \
    }                                                                                                                  \
    return ((typeof(&name))at)(__VA_ARGS__)

/* A whole such function of the file's own `library`. */
#define SP_LIBRARY_ROW(type, name, parameters, ...)                                                                    \
    type name parameters                                                                                               \
    {                                                                                                                  \
        SP_LIBRARY_CALL(library, name, __VA_ARGS__);                                                                   \
    }

#endif
