/* SPDX-License-Identifier: Apache-2.0 */
/* Failures: we could not do it. What we did and saw is a finding (core/diagnosis/finding.h), never one of these. */
#ifndef SP_BASE_STATUS_H
#define SP_BASE_STATUS_H

enum sp_status {
    SP_OK = 0,
    SP_NO_MEMORY,   /* an arena's or a buffer's ceiling, or malloc */
    SP_TOO_LARGE,   /* input above its ceiling in limits.h */
    SP_MALFORMED,   /* input is not of the form; the callee's error structure says where */
    SP_UNSUPPORTED, /* well-formed, but of a kind we do not do */
    SP_NOT_FOUND,
    SP_IO,     /* a shell's system call; errno is kept */
    SP_CRYPTO, /* OpenSSL failed where it must not */
};

#define SP_MUST_CHECK __attribute__((warn_unused_result))

/* A short text for logs, never NULL. */
const char *sp_status_text(enum sp_status status);

#endif
