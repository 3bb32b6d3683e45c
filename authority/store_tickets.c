/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

#define NAMED(kind, hash) sp_sql_number((int64_t)(kind)), sp_sql_bytes((hash), 32)

static enum sp_status write_ticket(struct sp_store *store, enum sp_statement how, const struct sp_ticket *ticket,
                                   size_t *changed)
{
    return SP_SQL_RUN(store, how,
                      .values = {NAMED(ticket->kind, ticket->hash), sp_sql_text(ticket->family),
                                 sp_sql_text(ticket->client_id), sp_sql_text(ticket->subject),
                                 sp_sql_number(ticket->issued_at), sp_sql_number(ticket->expires_at),
                                 sp_sql_number(ticket->used_at), sp_sql_text(ticket->data)},
                      .changed = changed);
}

enum sp_status sp_sql_put_ticket(struct sp_store *store, const struct sp_ticket *ticket, bool *fresh)
{
    size_t changed = 0;
    if (fresh == NULL)
        return write_ticket(store, SP_SQL_PUT_TICKET, ticket, NULL);
    enum sp_status status = write_ticket(store, SP_SQL_ADD_TICKET, ticket, &changed);
    if (status == SP_OK)
        *fresh = changed == 1;
    return status;
}

enum sp_status sp_sql_replace_ticket(struct sp_store *store, const struct sp_ticket *ticket)
{
    return write_ticket(store, SP_SQL_REPLACE_TICKET, ticket, NULL);
}

static enum sp_status read_ticket(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_ticket *ticket = element;
    ticket->issued_at = columns[3].number;
    ticket->expires_at = columns[4].number;
    ticket->used_at = columns[5].number;
    enum sp_status status =
        sp_sql_copy(columns, 3, arena, (struct sp_str *[]){&ticket->family, &ticket->client_id, &ticket->subject});
    return status == SP_OK ? sp_arena_copy(arena, columns[6].text, &ticket->data) : status;
}

static enum sp_status read_listed_ticket(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_ticket *ticket = element;
    if (columns[0].text.len != sizeof ticket->hash)
        return SP_IO;
    memcpy(ticket->hash, columns[0].text.at, sizeof ticket->hash);
    return read_ticket(columns + 1, arena, ticket);
}

enum sp_status sp_sql_find_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                  struct sp_arena *arena, struct sp_ticket *ticket)
{
    struct sp_ticket found;
    const struct sp_sql_query query = {SP_SQL_FIND_TICKET, .values = {NAMED(kind, hash)}};
    enum sp_status status = sp_sql_first(store, &query, read_ticket, sizeof found, arena, &found);
    if (status != SP_OK)
        return status;
    found.kind = kind;
    memcpy(found.hash, hash, sizeof found.hash);
    *ticket = found;
    return SP_OK;
}

static enum sp_status count_row(const struct sp_sql_value *columns, void *into)
{
    (void)columns;
    ++*(size_t *)into;
    return SP_OK;
}

enum sp_status sp_sql_use_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                 int64_t now, bool *first)
{
    size_t changed = 0, found = 0;
    enum sp_status status =
        SP_SQL_RUN(store, SP_SQL_USE_TICKET, .values = {sp_sql_number(now), NAMED(kind, hash)}, .changed = &changed);
    if (status == SP_OK && changed == 0)
        status = SP_SQL_RUN(store, SP_SQL_HAS_TICKET, .values = {NAMED(kind, hash)}, .read = count_row, .into = &found);
    if (status == SP_OK && changed + found == 0)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        *first = changed == 1;
    return status;
}

enum sp_status sp_sql_change_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                    int64_t expires_at, struct sp_str subject, struct sp_str data)
{
    return SP_SQL_CHANGE(
        store, SP_SQL_CHANGE_TICKET,
        .values = {sp_sql_number(expires_at), sp_sql_text(subject), sp_sql_text(data), NAMED(kind, hash)});
}

enum sp_status sp_sql_drop_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32])
{
    return SP_SQL_RUN(store, SP_SQL_DROP_TICKET, .values = {NAMED(kind, hash)});
}

enum sp_status sp_sql_drop_family(struct sp_store *store, struct sp_str family)
{
    return SP_SQL_RUN(store, SP_SQL_DROP_FAMILY, .values = {sp_sql_text(family)});
}

enum sp_status sp_sql_end_family(struct sp_store *store, struct sp_str family, int64_t now)
{
    const int64_t code = SP_TICKET_CODE, refresh = SP_TICKET_REFRESH;
    enum sp_status status = SP_SQL_RUN(store, SP_SQL_DROP_FAMILY_BUT,
                                       .values = {sp_sql_text(family), sp_sql_number(code), sp_sql_number(refresh)});
    return status == SP_OK ? SP_SQL_RUN(store, SP_SQL_USE_FAMILY, .values = {sp_sql_number(now), sp_sql_text(family)})
                           : status;
}

static enum sp_status read_number(const struct sp_sql_value *columns, void *into)
{
    *(int64_t *)into = columns[0].number;
    return SP_OK;
}

enum sp_status sp_sql_find_family_end(struct sp_store *store, struct sp_str family, enum sp_ticket_kind kind,
                                      int64_t *expires_at)
{
    int64_t end = 0;
    enum sp_status status =
        SP_SQL_RUN(store, SP_SQL_FAMILY_END, .values = {sp_sql_text(family), sp_sql_number((int64_t)kind)},
                   .read = read_number, .into = &end);
    if (status == SP_OK)
        *expires_at = end;
    return status;
}

static enum sp_status read_two_numbers(const struct sp_sql_value *columns, void *into)
{
    int64_t *numbers = into;
    numbers[0] = columns[0].number;
    numbers[1] = columns[1].number;
    return SP_OK;
}

enum sp_status sp_sql_count_family(struct sp_store *store, struct sp_str family, enum sp_ticket_kind kind,
                                   int64_t after, int64_t until, int64_t *count, int64_t *first_end)
{
    int64_t numbers[2] = {0};
    enum sp_status status = SP_SQL_RUN(
        store, SP_SQL_COUNT_FAMILY,
        .values = {sp_sql_text(family), sp_sql_number((int64_t)kind), sp_sql_number(after), sp_sql_number(until)},
        .read = read_two_numbers, .into = numbers);
    if (status != SP_OK)
        return status;
    *count = numbers[0];
    *first_end = numbers[1];
    return SP_OK;
}

enum sp_status sp_sql_list_tickets(struct sp_store *store, enum sp_ticket_kind kind, struct sp_str subject, int64_t now,
                                   size_t most, struct sp_arena *arena, struct sp_ticket **tickets, size_t *count)
{
    struct sp_ticket *list = NULL;
    const struct sp_sql_query query = {SP_SQL_LIST_TICKETS,
                                       .values = {sp_sql_text(subject), sp_sql_number((int64_t)kind),
                                                  sp_sql_number(now), sp_sql_number((int64_t)most)}};
    enum sp_status status = sp_sql_list(store, &query, read_listed_ticket, sizeof *list, most, arena, &list, count);
    for (size_t i = 0; status == SP_OK && i < *count; i++)
        list[i].kind = kind;
    if (status == SP_OK)
        *tickets = list;
    return status;
}

enum sp_status sp_sql_purge_tickets(struct sp_store *store, int64_t before, int64_t most)
{
    return SP_SQL_RUN(store, SP_SQL_PURGE_TICKETS, .values = {sp_sql_number(before), sp_sql_number(most)});
}
