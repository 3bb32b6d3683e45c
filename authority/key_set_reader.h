/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and algorithms in the configuration: a key set, one key as PEM, names of algorithms.def. */
#ifndef SP_AUTHORITY_KEY_SET_READER_H
#define SP_AUTHORITY_KEY_SET_READER_H

#include "authority/settings_reader.h"

/* For rows of const struct sp_jwk_set *: {keys: […]}, or its text as ${file:…} gives it. */
SP_MUST_CHECK enum sp_status sp_read_key_set(struct sp_settings_reader *reader, const struct sp_json *value, void *at);
#define SP_KEY_SET_EXPECTATION                                                                                         \
    "Write a key set {keys: […]} with at least one usable public key, and no private one; or ${file:keys.json}."
SP_MUST_CHECK enum sp_status sp_read_public_key(struct sp_settings_reader *reader, const struct sp_json *value,
                                                void *at);
#define SP_PUBLIC_KEY_EXPECTATION "Write a public key or certificate as PEM, such as ${file:client.pem}."

/* For rows of struct sp_str: an https URL, or http of loopback. */
SP_MUST_CHECK enum sp_status sp_read_secure_url(struct sp_settings_reader *reader, const struct sp_json *value,
                                                void *at);
#define SP_JWKS_URI_EXPECTATION "Write the https URL of the key set; plain http is for loopback only."

/* For rows of enum sp_algorithm, and of a set of them: what signs with a key pair. */
SP_MUST_CHECK enum sp_status sp_read_algorithm(struct sp_settings_reader *reader, const struct sp_json *value,
                                               void *at);
SP_MUST_CHECK enum sp_status sp_read_algorithms(struct sp_settings_reader *reader, const struct sp_json *value,
                                                void *at);
#define SP_ALGORITHM_EXPECTATION "Write an algorithm that signs with a key pair, such as RS256, PS256, ES256 or EdDSA."

#endif
