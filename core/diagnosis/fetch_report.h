/* SPDX-License-Identifier: Apache-2.0 */
/* What came of one attempt to fetch a document, as evidence: filled by whoever fetches (control/, probe/), judged here
 * (metadata.h, keys_document.h), so that the same words are said wherever a fetch fails. */
#ifndef SP_DIAGNOSIS_FETCH_REPORT_H
#define SP_DIAGNOSIS_FETCH_REPORT_H

#include "core/base/str.h"
#include "core/diagnosis/cause.h"

struct sp_fetch_report {
    struct sp_str url;            /* as asked for */
    enum sp_cause failure;        /* network.* when no answer came; SP_CAUSE_NONE when one did */
    struct sp_str failure_detail; /* of failure: address, errno, certificate */
    int http_status;              /* 0: no answer */
    struct sp_str content_type;   /* absent: none sent */
    struct sp_str location;       /* of a redirect that was not followed */
    struct sp_str allow;          /* methods that are taken, of a 405 */
    struct sp_str body;           /* up to the limit */
    bool too_large;               /* the body went on past the limit */
    size_t max_bytes;             /* that limit */
    int64_t date_s;               /* the answer's Date header, 0: none */
    int64_t max_age_s;            /* Cache-Control: max-age, -1: none */
    int64_t retry_after_s;        /* 0: none */
    struct sp_str final_url;      /* after redirects that were followed */
    unsigned redirects;           /* how many */
    struct sp_str address;        /* that answered, without its port; absent: none did */
    int64_t timeout_ms;           /* that was allowed for it all */
    int64_t sent_ms,
        received_ms;            /* our wall clock when the request left and the answer's first byte came; 0: did not */
    int64_t age_s;              /* Age header: the answer, and its Date, come from a cache; 0: none */
    struct sp_str certificate;  /* of the chain served, the subject of the one that ends first; absent: not asked for */
    int64_t certificate_ends_s; /* 0: not known */
    struct sp_str authenticate; /* WWW-Authenticate; absent: none */
    struct sp_str dpop_nonce;   /* DPoP-Nonce (RFC 9449 8); absent: none */
    struct sp_str cache_control; /* absent: none */
};

#endif
