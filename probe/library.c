/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the shell says when a program's library is missing. */
#define EXIT_NOT_LOADED 127

sp_library_function *sp_library_find(struct sp_library *library, const char *name)
{
    static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
    sp_library_function *function = NULL;
    pthread_mutex_lock(&loading);
    if (library->handle == NULL)
        library->handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *at = library->handle != NULL ? dlsym(library->handle, name) : NULL;
    pthread_mutex_unlock(&loading);
    if (at == NULL) {
        fprintf(stderr, "sallyport: %s: %s\n", name, dlerror());
        _Exit(EXIT_NOT_LOADED);
    }
    _Static_assert(sizeof function == sizeof at, "POSIX: dlsym returns functions too");
    memcpy(&function, &at, sizeof function);
    return function;
}
