/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees of other providers: the buttons below our own form, and the page when a sign-in there failed. */
#ifndef SP_AUTHORITY_UPSTREAM_PAGES_H
#define SP_AUTHORITY_UPSTREAM_PAGES_H

#include "authority/denial.h"
#include "authority/page.h"
#include "authority/upstream.h"
#include "authority/visit.h"

/* "Sign in with NAME" for each; nothing where there is none. */
void sp_upstream_buttons(struct sp_page *page, const struct sp_visit *visit);
/* What to do when a federated identity waits to be linked. */
void sp_upstream_link_notice(struct sp_page *page, const struct sp_visit *visit);

struct sp_upstream_failure {
    const struct sp_upstream_provider *upstream;
    struct sp_str visit; /* to go back to; absent: unknown */
};
/* A value for call->deny; deny_context is a struct sp_upstream_failure. */
enum sp_step sp_upstream_failure_page(struct sp_call *call, const struct sp_denial *denial);

#endif
