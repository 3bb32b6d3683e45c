/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table as accounts: what is taken, what is refused and with which words; and an account in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "authority/account_import.h"

/* One head and one row; says: the claims that come out, or what the refusal says. */
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *text, *says;
} rows[] = {
    {"name,password\nann,long-enough\n", "no word of claims"},
    {"password,name\nlong-enough,ann\n", "no word of claims"},
    {"name,email,email_verified\nann,a@b.example,TRUE\n", "{\"email\":\"a@b.example\",\"email_verified\":true}"},
    {"name,given_name,email_verified\nann,,\n", "{}"},
    {"name,claims.dept\nann,\"R\"\"D\"\n", "{\"dept\":\"R\\\"D\"}"},
    {"name,claims,claims.dept\nann,\"{\"\"roles\"\":[1]}\",x\n", "{\"roles\":[1],\"dept\":\"x\"}"},
    {"name,claims.name\nann,Ann Example\n", "{\"name\":\"Ann Example\"}"},
    {"nme\nann\n", "nearest known one is 'name'"},
    {"name;password\nann;x\n", "something else than commas"},
    {"name\tpassword\nann\tx\n", "something else than commas"},
    {"name,department\nann,x\n", "write claims.NAME"},
    {"sub,name\n1,ann\n", "there is no column 'sub'; the nearest known one is 'id'"},
    {"Username,E-Mail\nann,a@b.example\n",
     "there is no column 'Username'; the nearest known one is 'name'; there is no column 'E-Mail'; the nearest known "
     "one is 'email'"},
    {"NAME\nann\n", "nearest known one is 'name'"},
    {"name,,email\nann,,\n", "column 2 has no name"},
    {"name|email\nann|x\n", "something else than commas (vertical bars)"},
    {"claims.dept;name\nx;ann\n", "something else than commas (semicolons)"},
    {"name,name\nann,ann\n", "there twice"},
    {"email\na@b.example\n", "'name' among them"},
    {"name,email\nann\n", "it has 1 fields, the first row names 2 columns"},
    {"name,email\nann,a@b@c\n", "is no e-mail address"},
    {"name,email\nann,\"a@b.example\nBcc: x\"\n", "is no e-mail address"},
    {"name,email_verified\nann,perhaps\n", "neither true nor false"},
    {"name,claims\nann,[]\n", "no JSON object"},
    {"name,claims.updated_at\nann,2026-01-01\n",
     "'updated_at' has to be a number (OpenID Connect Core 5.1), and is \"2026-01-01\""},
    {"name,claims\nann,\"{\"\"email_verified\"\":\"\"true\"\"}\"\n", "'email_verified' has to be true or false"},
    {"name,claims\nann,\"{\"\"address\"\":\"\"Road 1\"\"}\"\n", "'address' has to be an object"},
    {"name,claims\nann,\"{\"\"name#de\"\":7}\"\n", "'name#de' has to be a text"},
    {"name,claims\nann,\"{\"\"nickname\"\":null}\"\n", "'nickname' has to be a text"},
    {"name,claims\nann,\"{\"\"updated_at\"\":1.5,\"\"roles\"\":null}\"\n", "{\"updated_at\":1.5,\"roles\":null}"},
    {"name,claims,email\nann,\"{\"\"email\"\":\"\"x@y.z\"\"}\",a@b.example\n", "has a column of its own"},
    {"name,password\nann,short\n", "8 characters"},
    {"name,password,password_hash\nann,long-enough,$6$x$y\n", "both a password and a hash"},
    {"name,password_hash\nann,md5:abc\n", "of no kind that can be verified here"},
    {"name,id\nann,with space\n", "printable ASCII"},
    {"name,id\nann,\xC3\xA4nn\n", "printable ASCII"},
    {"name,id\nann," X64 X64 X64 X64 "\n", "1 to 255"},
    {"name\n ann\n", "without white space"},
    {"name,claims.dept\nann,\xff\n", "no UTF-8"},
    {"name\n\"an\nn\"\n", "control characters"},
};

static void a_row_is_an_account_or_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(4 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_csv csv;
        struct sp_csv_row row;
        struct sp_account_columns columns;
        struct sp_account_request request;
        const char *wrong = NULL;
        char said[256] = "";
        sp_csv_init(&csv, sp_str_from_cstr(rows[i].text));
        assert_int_equal(sp_csv_next(&csv, arena, &row, &wrong), SP_OK);
        enum sp_status status = sp_account_columns_read(&row, &columns, said);
        if (status == SP_OK) {
            assert_int_equal(sp_csv_next(&csv, arena, &row, &wrong), SP_OK);
            status = sp_account_row_read(arena, &columns, &row, &request, said);
        }
        if (status == SP_OK)
            snprintf(said, sizeof said, "%.*s",
                     SP_STR_ARG(request.claims.at != NULL ? request.claims : SP_STR("no word of claims")));
        if (rows[i].says[0] == '{' ? strcmp(said, rows[i].says) != 0 : strstr(said, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].text, said);
    }
    sp_arena_destroy(&arena);
}

static struct sp_store *open_store(void)
{
    struct sp_store *store = NULL;
    char trouble[256];
    assert_int_equal(sp_store_open_sqlite(":memory:", &store, trouble), SP_OK);
    return store;
}

static enum sp_status put(struct sp_store *store, struct sp_arena *arena, const char *name, const char *claims,
                          bool replaces)
{
    char trouble[256];
    struct sp_account_request request = {.name = sp_str_from_cstr(name), .claims = sp_str_from_cstr(claims)};
    return sp_account_put(store, arena, &request, replaces, 1, trouble);
}

static const char *owner_of(struct sp_store *store, struct sp_arena *arena, const char *address)
{
    struct sp_record record;
    struct sp_account account;
    if (store->methods->find_record(store, SP_RECORD_EMAIL, sp_str_from_cstr(address), arena, &record) != SP_OK ||
        store->methods->get_account(store, record.owner, arena, &account) != SP_OK)
        return "nobody";
    return account.name.at;
}

/* before, the change, after */
static const struct {
    const char *before, *head, *row, *after;
} changes[] = {
    {"{\"dept\":\"R\",\"name\":\"A\"}", "name,given_name", "ann,Ann",
     "{\"dept\":\"R\",\"name\":\"A\",\"given_name\":\"Ann\"}"},
    {"{\"dept\":\"R\",\"name\":\"A\"}", "name,claims.dept", "ann,", "{\"name\":\"A\"}"},
    {"{\"dept\":\"R\",\"roles\":[1]}", "name,claims", "ann,\"{\"\"roles\"\":null,\"\"x\"\":1}\"",
     "{\"dept\":\"R\",\"x\":1}"},
    {"{\"dept\":\"R\"}", "name,claims", "ann,", "{\"dept\":\"R\"}"},
    {"{\"email\":\"a@b.c\",\"email_verified\":true}", "name,email", "ann,a@b.c",
     "{\"email_verified\":true,\"email\":\"a@b.c\"}"},
    {"{\"email\":\"a@b.c\",\"email_verified\":true}", "name,email", "ann,n@b.c", "{\"email\":\"n@b.c\"}"},
    {"{\"email\":\"a@b.c\",\"email_verified\":true}", "name,email", "ann,", "{}"},
    {"{\"email\":\"a@b.c\",\"email_verified\":true}", "name,email,email_verified", "ann,n@b.c,yes",
     "{\"email\":\"n@b.c\",\"email_verified\":true}"},
};

static void a_change_takes_no_claim_away_that_it_does_not_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct sp_store *store = open_store();
        struct sp_arena *arena = sp_arena_create(4 << 20);
        struct sp_csv csv;
        struct sp_csv_row row;
        struct sp_account_columns columns;
        struct sp_account_request request;
        struct sp_account account;
        const char *wrong = NULL;
        char table[512], trouble[256];
        assert_int_equal(put(store, arena, "ann", changes[i].before, false), SP_OK);
        snprintf(table, sizeof table, "%s\n%s\n", changes[i].head, changes[i].row);
        sp_csv_init(&csv, sp_str_from_cstr(table));
        assert_int_equal(sp_csv_next(&csv, arena, &row, &wrong), SP_OK);
        assert_int_equal(sp_account_columns_read(&row, &columns, trouble), SP_OK);
        assert_int_equal(sp_csv_next(&csv, arena, &row, &wrong), SP_OK);
        assert_int_equal(sp_account_row_read(arena, &columns, &row, &request, trouble), SP_OK);
        assert_int_equal(sp_account_put(store, arena, &request, true, 1, trouble), SP_OK);
        assert_int_equal(store->methods->find_account(store, SP_STR("ann"), arena, &account), SP_OK);
        if (!sp_str_equal(account.claims, sp_str_from_cstr(changes[i].after)))
            fail_msg("%s + %s: %.*s", changes[i].head, changes[i].row, SP_STR_ARG(account.claims));
        store->methods->destroy(&store);
        sp_arena_destroy(&arena);
    }
}

static void a_verified_address_is_one_accounts_own(void **state)
{
    (void)state;
    struct sp_store *store = open_store();
    struct sp_arena *arena = sp_arena_create(4 << 20);
    assert_int_equal(put(store, arena, "ann", "{\"email\":\"Ann@B.example\",\"email_verified\":true}", false), SP_OK);
    assert_int_equal(put(store, arena, "eve", "{\"email\":\"ann@b.example\",\"email_verified\":true}", false),
                     SP_NOT_FOUND);
    assert_int_equal(put(store, arena, "eve", "{\"email\":\"ann@b.example\"}", false), SP_OK); /* she says so only */
    assert_string_equal(owner_of(store, arena, "ann@b.example"), "ann");
    assert_int_equal(put(store, arena, "ann", "{\"email\":\"ann@b.example\",\"email_verified\":true}", true), SP_OK);
    assert_int_equal(put(store, arena, "ann", "{\"email\":\"new@b.example\",\"email_verified\":true}", true), SP_OK);
    assert_string_equal(owner_of(store, arena, "ann@b.example"), "nobody");
    assert_string_equal(owner_of(store, arena, "new@b.example"), "ann");
    store->methods->destroy(&store);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_an_account_or_is_refused_with_a_reason),
        cmocka_unit_test(a_change_takes_no_claim_away_that_it_does_not_name),
        cmocka_unit_test(a_verified_address_is_one_accounts_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
