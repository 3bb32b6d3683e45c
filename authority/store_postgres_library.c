/* SPDX-License-Identifier: Apache-2.0 */
/* libpq, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <libpq-fe.h>

static const enum sp_library library = SP_LIBRARY_PQ;

SP_LIBRARY_ROW(void, PQclear, (PGresult * result), result)
SP_LIBRARY_ROW(char *, PQcmdStatus, (PGresult * result), result)
SP_LIBRARY_ROW(char *, PQcmdTuples, (PGresult * result), result)
SP_LIBRARY_ROW(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), conn)
SP_LIBRARY_ROW(PGconn *, PQconnectStartParams, (const char *const *keywords, const char *const *values, int expand),
               keywords, values, expand)
SP_LIBRARY_ROW(void, PQconninfoFree, (PQconninfoOption * options), options)
SP_LIBRARY_ROW(PQconninfoOption *, PQconninfoParse, (const char *text, char **trouble), text, trouble)
SP_LIBRARY_ROW(int, PQconsumeInput, (PGconn * conn), conn)
SP_LIBRARY_ROW(int, PQenterPipelineMode, (PGconn * conn), conn)
SP_LIBRARY_ROW(char *, PQerrorMessage, (const PGconn *conn), conn)
SP_LIBRARY_ROW(void, PQfinish, (PGconn * conn), conn)
SP_LIBRARY_ROW(int, PQflush, (PGconn * conn), conn)
SP_LIBRARY_ROW(void, PQfreemem, (void *memory), memory)
SP_LIBRARY_ROW(Oid, PQftype, (const PGresult *result, int column), result, column)
SP_LIBRARY_ROW(PGresult *, PQgetResult, (PGconn * conn), conn)
SP_LIBRARY_ROW(int, PQgetisnull, (const PGresult *result, int row, int column), result, row, column)
SP_LIBRARY_ROW(int, PQgetlength, (const PGresult *result, int row, int column), result, row, column)
SP_LIBRARY_ROW(char *, PQgetvalue, (const PGresult *result, int row, int column), result, row, column)
SP_LIBRARY_ROW(int, PQisBusy, (PGconn * conn), conn)
SP_LIBRARY_ROW(int, PQnfields, (const PGresult *result), result)
SP_LIBRARY_ROW(int, PQntuples, (const PGresult *result), result)
SP_LIBRARY_ROW(const char *, PQparameterStatus, (const PGconn *conn, const char *name), conn, name)
SP_LIBRARY_ROW(int, PQpipelineSync, (PGconn * conn), conn)
SP_LIBRARY_ROW(char *, PQresultErrorField, (const PGresult *result, int field), result, field)
SP_LIBRARY_ROW(char *, PQresultErrorMessage, (const PGresult *result), result)
SP_LIBRARY_ROW(ExecStatusType, PQresultStatus, (const PGresult *result), result)
SP_LIBRARY_ROW(int, PQsendPrepare, (PGconn * conn, const char *name, const char *query, int count, const Oid *types),
               conn, name, query, count, types)
SP_LIBRARY_ROW(int, PQsendQueryParams,
               (PGconn * conn, const char *query, int count, const Oid *types, const char *const *values,
                const int *lengths, const int *formats, int format),
               conn, query, count, types, values, lengths, formats, format)
SP_LIBRARY_ROW(int, PQsendQueryPrepared,
               (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths,
                const int *formats, int format),
               conn, name, count, values, lengths, formats, format)
SP_LIBRARY_ROW(int, PQserverVersion, (const PGconn *conn), conn)
SP_LIBRARY_ROW(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn * conn, PQnoticeReceiver receive, void *context), conn,
               receive, context)
SP_LIBRARY_ROW(int, PQsetnonblocking, (PGconn * conn, int on), conn, on)
SP_LIBRARY_ROW(int, PQsocket, (const PGconn *conn), conn)
SP_LIBRARY_ROW(ConnStatusType, PQstatus, (const PGconn *conn), conn)
SP_LIBRARY_ROW(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), conn)
