/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a stranger's sector_identifier_uri. A document that covers the redirect URIs has each of them in
 * it, as JSON writes them or escaped; a URI that is told missing is one of those asked for. */
#include "authority/sector.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sp_str uris[] = {{"https://a.example/", 18}, {"com.example.b:/", 15}};
    static const struct sp_str_list both = {uris, 2}, none = {uris, 0};
    struct sp_arena *arena = sp_arena_create(4 << 20);
    struct sp_str document = sp_str((const char *)data, size), missing = SP_STR_NONE;
    enum sp_status status = sp_sector_document_check(arena, document, both, &missing);
    ALWAYS((status == SP_NOT_FOUND) == (missing.at != NULL));
    if (status == SP_NOT_FOUND)
        ALWAYS(missing.at == uris[0].at || missing.at == uris[1].at);
    if (status == SP_OK && sp_str_index_of(document, '\\', 0) == document.len)
        ALWAYS(sp_str_contains(document, uris[0]) && sp_str_contains(document, uris[1]));
    /* Whether it is a list does not depend on what is looked for. */
    ALWAYS((sp_sector_document_check(arena, document, none, &missing) == SP_OK) ==
           (status == SP_OK || status == SP_NOT_FOUND));
    sp_arena_destroy(&arena);
    return 0;
}
