/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the shell says when a program's library is missing. */
#define EXIT_NOT_LOADED 127

/* By their sonames: of the interfaces that the headers describe. And Debian's packages of them, which no tool finds out
 * (docs/install.md has the same list, for who packages Sallyport). */
static const struct {
    const char *soname, *package;
} libraries[SP_LIBRARY_COUNT] = {
    [SP_LIBRARY_CURL] = {"libcurl.so.4", "libcurl4"},
    [SP_LIBRARY_MICROHTTPD] = {"libmicrohttpd.so.12", "libmicrohttpd12"},
    [SP_LIBRARY_PQ] = {"libpq.so.5", "libpq5"},
    [SP_LIBRARY_SQLITE] = {"libsqlite3.so.0", "libsqlite3-0"},
    [SP_LIBRARY_ARGON2] = {"libargon2.so.1", "libargon2-1"},
    [SP_LIBRARY_CRYPT] = {"libcrypt.so.1", "libcrypt1"},
    [SP_LIBRARY_QRENCODE] = {"libqrencode.so.4", "libqrencode4"},
    [SP_LIBRARY_SSL] = {"libssl.so.3", "libssl3"},
    [SP_LIBRARY_SODIUM] = {"libsodium.so.23", "libsodium23"},
};
static void *handles[SP_LIBRARY_COUNT];
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static void *load(enum sp_library library)
{
    if (handles[library] == NULL)
        handles[library] = dlopen(libraries[library].soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return handles[library];
}

void sp_library_load(enum sp_library library)
{
    pthread_mutex_lock(&loading);
    (void)load(library);
    pthread_mutex_unlock(&loading);
}

sp_library_function *sp_library_find(enum sp_library library, const char *name)
{
    sp_library_function *function = NULL;
    pthread_mutex_lock(&loading);
    void *handle = load(library);
    void *at = handle != NULL ? dlsym(handle, name) : NULL;
    pthread_mutex_unlock(&loading);
    if (at == NULL) {
        const char *why = dlerror();
        fprintf(stderr, "sallyport: %s of %s cannot be called: %s. Install the library (Debian's package: %s)%s\n",
                name, libraries[library].soname, why != NULL ? why : "unknown", libraries[library].package,
                handle != NULL ? " of the version that Sallyport was built for, or a newer one" : "");
        _Exit(EXIT_NOT_LOADED);
    }
    _Static_assert(sizeof function == sizeof at, "POSIX: dlsym returns functions too");
    memcpy(&function, &at, sizeof function);
    return function;
}
