/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/status.h"

const char *sp_status_text(enum sp_status status)
{
    switch (status) {
    case SP_OK:
        return "done";
    case SP_NO_MEMORY:
        return "out of memory";
    case SP_TOO_LARGE:
        return "too large";
    case SP_MALFORMED:
        return "malformed";
    case SP_UNSUPPORTED:
        return "not supported";
    case SP_NOT_FOUND:
        return "not found";
    case SP_IO:
        return "system call failed";
    case SP_CRYPTO:
        return "the crypto library failed";
    }
    return "unknown status";
}
