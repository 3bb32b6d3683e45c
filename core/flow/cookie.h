/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies as a browser sees them (RFC 6265, 6265bis): what a Set-Cookie asked for, what a request carried, and whether
 * a browser can have kept and sent one. Only what a recording shows is judged; the clock is that of the recording. */
#ifndef SP_FLOW_COOKIE_H
#define SP_FLOW_COOKIE_H

#include "core/base/url.h"
#include "core/flow/exchange.h"

/* What every browser keeps of name and value together (RFC 6265bis 5.6). */
#define SP_FLOW_COOKIE_BYTES 4096u

enum sp_flow_same_site { SP_SAME_SITE_UNSET, SP_SAME_SITE_LAX, SP_SAME_SITE_STRICT, SP_SAME_SITE_NONE };

struct sp_flow_cookie {
    struct sp_str name, value, domain, path; /* domain: absent when not given; without a leading dot */
    enum sp_flow_same_site same_site;
    bool secure, partitioned, deletes; /* deletes: Max-Age or Expires lie in the past */
    int64_t lifetime_s;                /* -1: as long as the browser runs */
};

/* One header line may hold several, separated by line ends, as some recorders write them: cuts the next off *rest.
 * now_ms: when it arrived. False past the last. */
bool sp_flow_cookie_next(struct sp_str *rest, int64_t now_ms, struct sp_flow_cookie *cookie);
/* The value of the cookie that a request carried; absent when it did not. */
struct sp_str sp_flow_cookie_sent(const struct sp_flow_exchange *exchange, struct sp_str name);
/* RFC 6265 5.1.3. */
bool sp_flow_domain_covers(struct sp_str domain, struct sp_str host);
/* The part that two hosts of one site share: the last two labels, three where the second is short as in co.uk. An
 * address is its own site. A guess without the public suffix list, good enough to tell that two hosts differ. */
struct sp_str sp_flow_site(struct sp_str host);
bool sp_flow_same_site(const struct sp_url *a, const struct sp_url *b);

#endif
