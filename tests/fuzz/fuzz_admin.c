/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the admin API: `METHOD TARGET`, the media type, an empty line, the body. Whatever it is, it is answered;
 * looking changes nothing; no answer shows a password's hash; and every account that is kept is one that could be
 * added.
 */
#include <stdlib.h>
#include "authority/account.h"
#include "authority/admin.h"
#include "authority/errand.h"
#include "tests/fuzz/memory_authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char section[] = "{\"issuer\":\"https://login.example\",\"tokens\":{\"algorithm\":\"ES256\"},\"clients\":{"
                              "\"web\":{\"secret\":\"x\",\"redirect_uris\":[\"https://w.example/cb\"]}}}";
/* Of nobody's password. */
#define HASH "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"

static struct sp_authority *authority(void)
{
    const struct sp_account ann = {SP_STR("ann"), SP_STR("Ann"), SP_STR(HASH), SP_STR("{}"), 1, 0, 0, false};
    bool is_new;
    struct sp_authority *one = memory_authority(SP_STR(section), &is_new);
    if (is_new)
        ALWAYS(one->store->methods->put_account(one->store, &ann) == SP_OK);
    return one;
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
