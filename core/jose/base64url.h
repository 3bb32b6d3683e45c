/* SPDX-License-Identifier: Apache-2.0 */
/* base64url as JOSE has it (RFC 7515 2): no padding, no white space, no bits beyond the last byte; and plain base64
 * (RFC 4648 4) for x5c, PEM and Basic credentials. Strict: what is not canonical is malformed, so no two texts stand
 * for one value. */
#ifndef SP_JOSE_BASE64URL_H
#define SP_JOSE_BASE64URL_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

/* Bytes that `characters` of it decode to at most. */
#define SP_BASE64URL_DECODED_MAX(characters) ((characters) / 4 * 3 + 3)
/* Characters that `bytes` encode to, without padding. */
#define SP_BASE64URL_ENCODED(bytes) (((bytes)*4 + 2) / 3)

/* SP_MALFORMED or SP_NO_MEMORY, *bytes untouched then. An empty text is no bytes. */
SP_MUST_CHECK enum sp_status sp_base64url_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *bytes);
SP_MUST_CHECK enum sp_status sp_base64url_encode(struct sp_arena *arena, struct sp_str bytes, struct sp_str *text);

/* Plain base64 with its padding. */
SP_MUST_CHECK enum sp_status sp_base64_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *bytes);
SP_MUST_CHECK enum sp_status sp_base64_encode(struct sp_arena *arena, struct sp_str bytes, struct sp_str *text);

/* Without an arena: out has room for SP_BASE64URL_DECODED_MAX(text.len). */
SP_MUST_CHECK enum sp_status sp_base64url_decode_into(struct sp_str text, unsigned char *out, size_t *len);
/* out has room for SP_BASE64URL_ENCODED(bytes.len); nothing terminates it. */
void sp_base64url_encode_into(struct sp_str bytes, char *out);

#endif
