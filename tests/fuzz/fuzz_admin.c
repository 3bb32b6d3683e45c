/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the admin API: `METHOD TARGET`, the media type, an empty line, the body. Whatever it is, it is answered;
 * looking changes nothing; no answer shows a password's hash; and every account that is kept is one that could be
 * added.
 */
#include <stdlib.h>
#include "authority/account.h"
#include "authority/admin.h"
#include "authority/errand.h"
#include "authority/key_ring.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char section[] = "{\"issuer\":\"https://login.example\",\"tokens\":{\"algorithm\":\"ES256\"},\"clients\":{"
                              "\"web\":{\"secret\":\"x\",\"redirect_uris\":[\"https://w.example/cb\"]}}}";
/* Of nobody's password. */
#define HASH "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"

static struct sp_authority *authority(void)
{
    static struct sp_authority one;
    static struct sp_authority_settings settings;
    static struct sp_arena *arena; /* as long as the process, and seen by the leak sanitizer */
    if (one.settings != NULL)
        return &one;
    arena = sp_arena_create(1 << 20);
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_settings_error wrong;
    char trouble[256];
    unsigned char master_key[32] = {1};
    ALWAYS(sp_json_parse(arena, SP_STR(section), &sp_json_limits_document, &json, &error) == SP_OK);
    ALWAYS(sp_authority_settings_read(arena, json, SP_STR_NONE, &settings, &wrong) == SP_OK);
    ALWAYS(sp_store_open_sqlite(":memory:", &one.store, trouble) == SP_OK);
    ALWAYS(sp_key_ring_create(one.store, &settings, master_key, 1800000000, &one.keys, trouble) == SP_OK);
    const struct sp_account ann = {SP_STR("ann"), SP_STR("Ann"), SP_STR(HASH), SP_STR("{}"), 1, 0, 0, false};
    ALWAYS(one.store->methods->put_account(one.store, &ann) == SP_OK);
    one.settings = &settings;
    return &one;
}

static struct sp_str cut(struct sp_str *rest, char end)
{
    size_t at = sp_str_index_of(*rest, end, 0);
    struct sp_str piece = sp_str_slice(*rest, 0, at);
    *rest = sp_str_slice(*rest, at + 1, rest->len);
    return piece;
}

/* Without the 30 ms of a real one. */
static void run(struct sp_errand *errand)
{
    memcpy(errand->hash, HASH, sizeof HASH);
    for (size_t i = 0; i < errand->password_count; i++)
        memcpy(errand->hashes[i], HASH, sizeof HASH);
    errand->done = true;
}

static void check_accounts(struct sp_store *store, struct sp_arena *arena)
{
    struct sp_account *accounts = NULL;
    size_t count = 0;
    char trouble[256];
    ALWAYS(store->methods->list_accounts(store, SP_STR(""), 50, arena, &accounts, &count) == SP_OK);
    for (size_t i = 0; i < count; i++) {
        const struct sp_account_request request = {
            .id = accounts[i].id, .name = accounts[i].name, .claims = accounts[i].claims};
        ALWAYS(sp_account_check(arena, &request, trouble) == SP_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(64 << 20);
    struct sp_call call = {.authority = authority(), .arena = arena, .now = 1800000000};
    struct sp_store *store = call.authority->store;
    const struct sp_str asked = sp_str((const char *)data, size);
    struct sp_str rest = asked, line = cut(&rest, '\n');
    uint64_t kept = store->kept;
    call.asked.method = cut(&line, ' ');
    call.asked.path = cut(&line, '?');
    call.asked.query = line;
    call.asked.content_type = cut(&rest, '\n');
    (void)cut(&rest, '\n');
    call.asked.body = rest;
    while (sp_admin_answer(&call) == SP_WAITS)
        run(call.waits_for);
    ALWAYS(call.answer.status >= 200 && call.answer.status < 600);
    /* A refusal quotes what was asked, so only a hash that did not come in tells. */
    ALWAYS(!sp_str_contains(call.answer.body, SP_STR(HASH)) || sp_str_contains(asked, SP_STR(HASH)));
    ALWAYS(!sp_str_equal(call.asked.method, SP_STR("GET")) || store->kept == kept);
    ALWAYS(call.answer.status < 400 || store->kept == kept);
    for (size_t i = 0; i < call.answer.header_count; i++) {
        struct sp_str value = call.answer.headers[i].value;
        ALWAYS(sp_str_index_of(value, '\n', 0) == value.len && sp_str_index_of(value, '\r', 0) == value.len);
    }
    ALWAYS(store->methods->flush(store) == SP_OK);
    check_accounts(store, arena);
    sp_arena_destroy(&arena);
    return 0;
}
