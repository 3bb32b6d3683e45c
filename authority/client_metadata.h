/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says of itself when it registers (RFC 7591 2, OIDC Registration 2), read into the same structure as a
 * client of the configuration and held to the same rules, and to those of authority.registration beside them. Members
 * that are not known are passed over, as RFC 7591 wants it; known ones with a value that cannot be kept are refused: a
 * client is never told less than it gets. */
#ifndef SP_AUTHORITY_CLIENT_METADATA_H
#define SP_AUTHORITY_CLIENT_METADATA_H

#include "authority/settings.h"

#define SP_MAX_REGISTRATION_BYTES (32u * 1024)
#define SP_MAX_REGISTERED_URIS 32u

struct sp_metadata_fault {
    struct sp_str member;  /* "redirect_uris" */
    struct sp_str message; /* for the developer */
};

/* secret: what a method by secret will be verified with. kept: read back from the store, where what the configuration
 * allows no more is left out and not refused. *client holds its id already. SP_MALFORMED with *fault. Texts are
 * borrowed from metadata. */
struct sp_metadata_terms {
    const struct sp_authority_settings *settings;
    const struct sp_client_secret *secret;
    bool kept;
};
SP_MUST_CHECK enum sp_status sp_client_metadata_read(struct sp_arena *arena, const struct sp_metadata_terms *terms,
                                                     const struct sp_json *metadata, struct sp_client *client,
                                                     struct sp_metadata_fault *fault);
/* Members of an object: those of the request that are known, and the defaults of the others. */
void sp_client_metadata_write(struct sp_json_writer *json, const struct sp_authority_settings *settings,
                              const struct sp_json *metadata, const struct sp_client *client);

#endif
