/* SPDX-License-Identifier: Apache-2.0 */
/* An account as the CLI and the admin API show it. The password's hash is never shown, only of which kind it is. */
#ifndef SP_AUTHORITY_ACCOUNT_JSON_H
#define SP_AUTHORITY_ACCOUNT_JSON_H

#include "authority/authority.h"
#include "core/base/json.h"

/* {"id","name","disabled","created_at","password":"argon2id|…|none","claims":{…}} */
SP_MUST_CHECK enum sp_status sp_account_json(struct sp_json_writer *json, struct sp_arena *arena,
                                             const struct sp_account *account);
/* And "sessions", "grants", "factors". */
SP_MUST_CHECK enum sp_status sp_account_json_whole(struct sp_json_writer *json, struct sp_call *call,
                                                   const struct sp_account *account);

/* A member "sessions" or "grants": a list. */
SP_MUST_CHECK enum sp_status sp_account_json_sessions(struct sp_json_writer *json, struct sp_call *call,
                                                      struct sp_str subject);
SP_MUST_CHECK enum sp_status sp_account_json_grants(struct sp_json_writer *json, struct sp_call *call,
                                                    struct sp_str subject);

#endif
