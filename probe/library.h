/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when something of them is called first. libcurl, libmicrohttpd and libpq bring thirty
 * others (LDAP, Kerberos, GnuTLS, HTTP/2 …): loading and relocating them took three quarters of `sallyport token
 * examine`, which needs none. So the program is not linked with them: a file beside their users (curl_library.c,
 * microhttpd_library.c, store_postgres_library.c) defines the functions that we call, under their own names, and each
 * passes its call on. Callers include the library's header as ever. To call one more function, add its row there; the
 * linker names it.
 *
 * The rows do generate functions: written out, seventy would differ in nothing but these words. */
#ifndef SP_PROBE_LIBRARY_H
#define SP_PROBE_LIBRARY_H

struct sp_library {
    const char *name; /* the soname: of the interface that the headers describe */
    void *handle;     /* NULL: not loaded yet */
};

typedef void sp_library_function(void);

/* Ends the program with a message when the library or the function is not there, as the dynamic loader would. Any
 * thread may ask. */
sp_library_function *sp_library_find(struct sp_library *library, const char *name);

/* The body of a function that passes its arguments on to its namesake in `library`. */
#define SP_LIBRARY_CALL(library, name, ...)                                                                            \
    static sp_library_function *found;                                                                                 \
    sp_library_function *at = __atomic_load_n(&found, __ATOMIC_ACQUIRE);                                               \
    if (at == NULL) {                                                                                                  \
        at = sp_library_find(&(library), #name);                                                                       \
        __atomic_store_n(&found, at, __ATOMIC_RELEASE);                                                                \
    }                                                                                                                  \
    return ((typeof(&name))at)(__VA_ARGS__)

#endif
