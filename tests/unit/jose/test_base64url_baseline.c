/* SPDX-License-Identifier: Apache-2.0 */
/* The same tests for a processor without AVX2: the source once more, with its question answered by no. */
#define __builtin_cpu_supports(feature) 0
#include "core/jose/base64url.c"            /* NOLINT(bugprone-suspicious-include): for another processor */
#include "tests/unit/jose/test_base64url.c" /* NOLINT(bugprone-suspicious-include): for another processor */
