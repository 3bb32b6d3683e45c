/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

enum sp_status sp_sql_put_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                  struct sp_str scopes, int64_t now)
{
    return SP_SQL_RUN(
        store, SP_SQL_PUT_CONSENT,
        .values = {sp_sql_text(subject), sp_sql_text(client_id), sp_sql_text(scopes), sp_sql_number(now)});
}

static enum sp_status read_scopes(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    return sp_arena_copy(arena, columns[0].text, element);
}

enum sp_status sp_sql_find_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                   struct sp_arena *arena, struct sp_str *scopes)
{
    const struct sp_sql_query query = {SP_SQL_FIND_CONSENT, .values = {sp_sql_text(subject), sp_sql_text(client_id)}};
    return sp_sql_first(store, &query, read_scopes, sizeof *scopes, arena, scopes);
}

static enum sp_status read_consent(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_consent *consent = element;
    consent->granted_at = columns[2].number;
    return sp_sql_copy(columns, 2, arena, (struct sp_str *[]){&consent->client_id, &consent->scopes});
}

enum sp_status sp_sql_list_consents(struct sp_store *store, struct sp_str subject, size_t most, struct sp_arena *arena,
                                    struct sp_consent **consents, size_t *count)
{
    const struct sp_sql_query query = {SP_SQL_LIST_CONSENTS,
                                       .values = {sp_sql_text(subject), sp_sql_number((int64_t)most)}};
    return sp_sql_list(store, &query, read_consent, sizeof **consents, most, arena, consents, count);
}

enum sp_status sp_sql_drop_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id)
{
    return SP_SQL_CHANGE(store, SP_SQL_DROP_CONSENT, .values = {sp_sql_text(subject), sp_sql_text(client_id)});
}
