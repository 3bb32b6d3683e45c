/* SPDX-License-Identifier: Apache-2.0 */
/* A recording reverse proxy for one issuer: a client points at it instead of the issuer, every request is forwarded,
 * led back through it (core/flow/detour.h), written into a HAR and handed to who judges. For a server-side client whose
 * traffic no browser sees. Plain http, so on a loopback address unless asked otherwise; towards the issuer TLS is
 * always verified. */
#ifndef SP_CAPTURE_RECORDER_H
#define SP_CAPTURE_RECORDER_H

#include "core/flow/flow.h"

struct sp_recorder;

struct sp_recorder_terms {
    struct sp_str issuer;  /* URL; its origin is what is asked */
    struct sp_str ca_file; /* absent: the system's trust store */
    const char *address;   /* IPv4 or IPv6 */
    unsigned port;         /* 0: the kernel's choice */
    const char *har;       /* file to write, replaced, mode 0600; NULL: none */
    /* Called for each exchange, one at a time; the exchange is borrowed. Its URL is the issuer's. */
    void (*take)(void *context, const struct sp_flow_exchange *exchange);
    void *context;
};

/* Terms' texts are borrowed. SP_IO with errno (the address is taken, the file cannot be written); SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_recorder_start(const struct sp_recorder_terms *terms, struct sp_recorder **recorder);
/* "http://127.0.0.1:8089": what stands for the issuer's origin. */
struct sp_str sp_recorder_url(const struct sp_recorder *recorder);
/* Requests that run are finished; the HAR is whole. */
void sp_recorder_stop(struct sp_recorder **recorder);

#endif
