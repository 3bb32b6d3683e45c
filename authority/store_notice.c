/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_notice.h"

#include <stdio.h>
#include <string.h>

bool sp_store_notice_fails(struct sp_store_notice *notice, int64_t now, const char *reason, uint64_t kept, bool refused)
{
    bool is_same = notice->reason[0] != '\0' && strncmp(notice->reason, reason, sizeof notice->reason - 1) == 0;
    notice->failed_at = now;
    notice->kept = kept;
    notice->refused = notice->refused || refused;
    if (is_same && now - notice->told_at < SP_STORE_NOTICE_EVERY_S)
        return false;
    snprintf(notice->reason, sizeof notice->reason, "%s", reason);
    notice->told_at = now;
    return true;
}

bool sp_store_notice_works(struct sp_store_notice *notice, int64_t now, uint64_t kept)
{
    if (notice->reason[0] == '\0' ||
        (notice->refused && (now - notice->failed_at < SP_STORE_NOTICE_QUIET_S || kept == notice->kept)))
        return false;
    *notice = (struct sp_store_notice){.kept = kept};
    return true;
}
