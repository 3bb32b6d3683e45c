/* SPDX-License-Identifier: Apache-2.0 */
/* One client of the configuration, read and checked: what it has fits together and is enough for how it proves itself.
 */
#ifndef SP_AUTHORITY_CLIENT_READER_H
#define SP_AUTHORITY_CLIENT_READER_H

#include "authority/settings_reader.h"

/* *client holds id, name and the defaults already. where: "authority.clients.ID". SP_MALFORMED with the reader's error.
 */
SP_MUST_CHECK enum sp_status sp_client_read(struct sp_settings_reader *reader, struct sp_str where,
                                            const struct sp_json *section, struct sp_client *client);

/* What of it must fit together, wherever it came from; fills in the method and the grants where none is named. */
SP_MUST_CHECK enum sp_status sp_client_check(struct sp_settings_reader *reader, struct sp_str where,
                                             struct sp_client *client);
/* What it needs of the section around it. */
SP_MUST_CHECK enum sp_status sp_client_check_mtls(struct sp_settings_reader *reader, struct sp_str where,
                                                  const struct sp_client *client, const struct sp_mtls_settings *mtls);

/* For rows of a set of enum sp_grant. */
SP_MUST_CHECK enum sp_status sp_client_read_grants(struct sp_settings_reader *reader, const struct sp_json *value,
                                                   void *at);
#define SP_GRANTS_EXPECTATION "Write a list of grant types that this authority knows."
/* For rows of is_pairwise. */
SP_MUST_CHECK enum sp_status sp_client_read_subject_type(struct sp_settings_reader *reader, const struct sp_json *value,
                                                         void *at);
#define SP_SUBJECT_TYPE_EXPECTATION "Write public or pairwise."
/* For rows of enum sp_token_format. */
SP_MUST_CHECK enum sp_status sp_client_read_format(struct sp_settings_reader *reader, const struct sp_json *value,
                                                   void *at);
#define SP_FORMAT_EXPECTATION "Write jwt or opaque."

#endif
