/* SPDX-License-Identifier: Apache-2.0 */
/* libpq, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <libpq-fe.h>

static struct sp_library library = {.name = "libpq.so.5"};

#define FORWARD(type, name, parameters, ...)                                                                           \
    type name parameters                                                                                               \
    {                                                                                                                  \
        SP_LIBRARY_CALL(library, name, __VA_ARGS__);                                                                   \
    }

FORWARD(void, PQclear, (PGresult * result), result)
FORWARD(char *, PQcmdStatus, (PGresult * result), result)
FORWARD(char *, PQcmdTuples, (PGresult * result), result)
FORWARD(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), conn)
FORWARD(PGconn *, PQconnectStartParams, (const char *const *keywords, const char *const *values, int expand), keywords,
        values, expand)
FORWARD(void, PQconninfoFree, (PQconninfoOption * options), options)
FORWARD(PQconninfoOption *, PQconninfoParse, (const char *text, char **trouble), text, trouble)
FORWARD(int, PQconsumeInput, (PGconn * conn), conn)
FORWARD(int, PQenterPipelineMode, (PGconn * conn), conn)
FORWARD(char *, PQerrorMessage, (const PGconn *conn), conn)
FORWARD(void, PQfinish, (PGconn * conn), conn)
FORWARD(int, PQflush, (PGconn * conn), conn)
FORWARD(void, PQfreemem, (void *memory), memory)
FORWARD(Oid, PQftype, (const PGresult *result, int column), result, column)
FORWARD(PGresult *, PQgetResult, (PGconn * conn), conn)
FORWARD(int, PQgetisnull, (const PGresult *result, int row, int column), result, row, column)
FORWARD(int, PQgetlength, (const PGresult *result, int row, int column), result, row, column)
FORWARD(char *, PQgetvalue, (const PGresult *result, int row, int column), result, row, column)
FORWARD(int, PQisBusy, (PGconn * conn), conn)
FORWARD(int, PQnfields, (const PGresult *result), result)
FORWARD(int, PQntuples, (const PGresult *result), result)
FORWARD(const char *, PQparameterStatus, (const PGconn *conn, const char *name), conn, name)
FORWARD(int, PQpipelineSync, (PGconn * conn), conn)
FORWARD(char *, PQresultErrorField, (const PGresult *result, int field), result, field)
FORWARD(char *, PQresultErrorMessage, (const PGresult *result), result)
FORWARD(ExecStatusType, PQresultStatus, (const PGresult *result), result)
FORWARD(int, PQsendPrepare, (PGconn * conn, const char *name, const char *query, int count, const Oid *types), conn,
        name, query, count, types)
FORWARD(int, PQsendQueryParams,
        (PGconn * conn, const char *query, int count, const Oid *types, const char *const *values, const int *lengths,
         const int *formats, int format),
        conn, query, count, types, values, lengths, formats, format)
FORWARD(int, PQsendQueryPrepared,
        (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths, const int *formats,
         int format),
        conn, name, count, values, lengths, formats, format)
FORWARD(int, PQserverVersion, (const PGconn *conn), conn)
FORWARD(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn * conn, PQnoticeReceiver receive, void *context), conn, receive,
        context)
FORWARD(int, PQsetnonblocking, (PGconn * conn, int on), conn, on)
FORWARD(int, PQsocket, (const PGconn *conn), conn)
FORWARD(ConnStatusType, PQstatus, (const PGconn *conn), conn)
FORWARD(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), conn)
#undef FORWARD
