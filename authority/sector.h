/* SPDX-License-Identifier: Apache-2.0 */
/* The sector of a client with pairwise subjects (OIDC Core 8.1): the host that all its redirect URIs have, or that of
 * its sector_identifier_uri, by which several clients share one. A stranger who names such a document must be named by
 * it: it lists his redirect URIs, or anybody could join a sector and learn its names (OIDC Registration 5). The
 * operator's own word needs no such proof. */
#ifndef SP_AUTHORITY_SECTOR_H
#define SP_AUTHORITY_SECTOR_H

#include "authority/settings_reader.h"

struct sp_call;

/* Sets client->sector where the client's subjects are pairwise. SP_MALFORMED with the reader's error: it has none.
 * Pure. */
SP_MUST_CHECK enum sp_status sp_sector_decide(struct sp_settings_reader *reader, struct sp_str where,
                                              struct sp_client *client);

/* Is every one of the URIs an element of the document, a JSON array of texts? SP_NOT_FOUND: *missing is not. */
SP_MUST_CHECK enum sp_status sp_sector_document_check(struct sp_arena *arena, struct sp_str document,
                                                      struct sp_str_list uris, struct sp_str *missing);

/* Fetches the client's document, where it names one, and refuses a registration that it does not cover. */
SP_MUST_CHECK enum sp_step sp_sector_verify(struct sp_call *call, const struct sp_client *client);

#endif
