/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_AUTHORITY_UPSTREAM_READER_H
#define SP_AUTHORITY_UPSTREAM_READER_H

#include "authority/settings_reader.h"

/* authority.upstreams; section may be NULL. SP_MALFORMED with the reader's error. */
SP_MUST_CHECK enum sp_status sp_upstreams_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                               struct sp_authority_settings *settings);

#endif
