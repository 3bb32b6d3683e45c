/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail. Links: what proves that an address is somebody's, and what lets its owner choose a new password. A link
 * holds a ticket – random, kept as its hash, for one use and an hour – and opens a page with a button, so that a mail
 * filter which opens links uses nothing up. The message is an outgoing record in the same write, sealed under
 * the master key: whoever reads the store finds no link that still works. What ends up in
 * headers is an address that sp_email_normal let pass and a subject of texts.def in RFC 2047's encoding; the body is
 * base64: no header can be smuggled in. */
#ifndef SP_AUTHORITY_MAIL_H
#define SP_AUTHORITY_MAIL_H

#include "authority/authority.h"
#include "authority/page.h"

#define SP_MAIL_LINK_LIFETIME_S 3600

enum sp_mail_purpose { SP_MAIL_VERIFY, SP_MAIL_RESET };

struct sp_mail_link {
    enum sp_mail_purpose purpose;
    struct sp_str subject; /* the account */
    struct sp_str email;
    struct sp_str mark; /* of person.h, when it was sent: what has to be as it was then */
    unsigned char hash[32];
};

bool sp_mail_is_offered(const struct sp_call *call);
/* Makes the ticket and the message, of link's purpose, subject, email and mark. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_mail_send_link(struct sp_call *call, const struct sp_mail_link *link);
/* The same work and the same writes, for an account that is not there; nothing is sent. */
SP_MUST_CHECK enum sp_status sp_mail_pretend(struct sp_call *call);
/* A message without a link that is worth anything, about something that has happened (notice.h): words between the
 * greeting and who sends it. owner: the account. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_mail_send_notice(struct sp_call *call, struct sp_str owner, struct sp_str to,
                                                 struct sp_str words);
/* By the parameter `ticket`. SP_NOT_FOUND: none, expired, used, or for another purpose. */
SP_MUST_CHECK enum sp_status sp_mail_link_find(struct sp_call *call, enum sp_mail_purpose purpose,
                                               struct sp_mail_link *link);
/* *first is false when it was used meanwhile. */
SP_MUST_CHECK enum sp_status sp_mail_link_use(struct sp_call *call, const struct sp_mail_link *link, bool *first);
/* Says in call->finding that the link is good no more. What ended it is not told apart: its row is gone with most ends.
 */
void sp_mail_link_note_gone(struct sp_call *call);

/* At most `most` of what is called `what` for `who` within each window: *passes. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_mail_throttle(struct sp_call *call, const char *what, struct sp_str who,
                                              int64_t window_s, unsigned most, bool *passes);

/* Exposed for tests: the whole message, lines end with CRLF. Absent without memory. */
struct sp_str sp_mail_compose(struct sp_arena *arena, struct sp_str from, struct sp_str to, struct sp_str subject,
                              struct sp_str body, struct sp_str id, int64_t now);

#endif
