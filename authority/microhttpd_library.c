/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd, loaded when it is called first (library.h). */
#include "probe/library.h"

#include <microhttpd.h>
#include <stdarg.h>

static const enum sp_library library = SP_LIBRARY_MICROHTTPD;

SP_LIBRARY_ROW(enum MHD_Result, MHD_add_connection,
               (struct MHD_Daemon * daemon, MHD_socket socket, const struct sockaddr *address, socklen_t len), daemon,
               socket, address, len)
SP_LIBRARY_ROW(enum MHD_Result, MHD_add_response_header,
               (struct MHD_Response * response, const char *name, const char *value), response, name, value)
SP_LIBRARY_ROW(struct MHD_Response *, MHD_create_response_from_buffer,
               (size_t size, void *buffer, enum MHD_ResponseMemoryMode mode), size, buffer, mode)
SP_LIBRARY_ROW(void, MHD_destroy_response, (struct MHD_Response * response), response)
SP_LIBRARY_ROW(int, MHD_get_connection_values,
               (struct MHD_Connection * connection, enum MHD_ValueKind kind, MHD_KeyValueIterator iterator,
                void *context),
               connection, kind, iterator, context)
SP_LIBRARY_ROW(enum MHD_Result, MHD_get_timeout, (struct MHD_Daemon * daemon, MHD_UNSIGNED_LONG_LONG *timeout), daemon,
               timeout)
SP_LIBRARY_ROW(const char *, MHD_lookup_connection_value,
               (struct MHD_Connection * connection, enum MHD_ValueKind kind, const char *key), connection, kind, key)
SP_LIBRARY_ROW(enum MHD_Result, MHD_queue_response,
               (struct MHD_Connection * connection, unsigned int status, struct MHD_Response *response), connection,
               status, response)
SP_LIBRARY_ROW(void, MHD_resume_connection, (struct MHD_Connection * connection), connection)
SP_LIBRARY_ROW(enum MHD_Result, MHD_run, (struct MHD_Daemon * daemon), daemon)
SP_LIBRARY_ROW(void, MHD_stop_daemon, (struct MHD_Daemon * daemon), daemon)
SP_LIBRARY_ROW(void, MHD_suspend_connection, (struct MHD_Connection * connection), connection)

/* Nothing of what is asked takes another argument. */
const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
                                                        enum MHD_ConnectionInfoType type, ...)
{
    SP_LIBRARY_CALL(library, MHD_get_connection_info, connection, type);
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon, enum MHD_DaemonInfoType type, ...)
{
    SP_LIBRARY_CALL(library, MHD_get_daemon_info, daemon, type);
}

static struct MHD_Daemon *start(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accepts,
                                void *accepts_context, MHD_AccessHandlerCallback handle, void *context, va_list options)
{
    SP_LIBRARY_CALL(library, MHD_start_daemon_va, flags, port, accepts, accepts_context, handle, context, options);
}

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accepts,
                                    void *accepts_context, MHD_AccessHandlerCallback handle, void *context, ...)
{
    va_list options;
    va_start(options, context);
    struct MHD_Daemon *daemon = start(flags, port, accepts, accepts_context, handle, context, options);
    va_end(options);
    return daemon;
}
