/* SPDX-License-Identifier: Apache-2.0 */
/* Every ceiling on what comes from outside, each with its reason. */
#ifndef SP_BASE_LIMITS_H
#define SP_BASE_LIMITS_H

/* Tokens: Entra and Keycloak tokens with many groups reach 10 kB; nginx's own header ceiling is 32 kB by default. */
#define SP_MAX_TOKEN_BYTES (16u * 1024)
/* Diagnosis offline may look at more, to say why it is too large. */
#define SP_MAX_EXAMINED_BYTES (1024u * 1024)
#define SP_MAX_TOKEN_JSON_DEPTH 16u
#define SP_MAX_TOKEN_JSON_VALUES 4096u
/* One examination: decoded token, tree, findings, verdict text. */
#define SP_MAX_EXAM_ARENA_BYTES (8u * 1024 * 1024)
/* Key sets: Google's and Microsoft's are below 20 kB with x5c. */
#define SP_MAX_JWKS_BYTES (1024u * 1024)
#define SP_MAX_JWKS_KEYS 256u
/* RSA beyond 8192 bit costs a verifier milliseconds: a way to slow a gateway. */
#define SP_MAX_RSA_BITS 8192u
#define SP_MIN_RSA_BITS 2048u
/* Certificates, keys and authorities that nginx's configuration names: a system's whole trust store has 250 kB. */
#define SP_MAX_NAMED_FILE_BYTES (8u * 1024 * 1024)
/* A client's certificate as DER: with an RSA-4096 key and many names it has 4 kB. */
#define SP_MAX_CERTIFICATE_BYTES (16u * 1024)
#define SP_MAX_METADATA_BYTES (1024u * 1024)
#define SP_MAX_INTROSPECTION_BYTES (256u * 1024)
#define SP_MAX_DOCUMENT_JSON_DEPTH 64u
#define SP_MAX_DOCUMENT_JSON_VALUES (4u * 1024 * 1024)
/* A policy with 10,000 routes and 100,000 consumers is about 30 MB of text. */
#define SP_MAX_POLICY_BYTES (256u * 1024 * 1024)
#define SP_MAX_POLICY_ARENA_BYTES (2048ull * 1024 * 1024)
#define SP_MAX_YAML_DEPTH 32u
/* Nobody reads more at once; past it problems are only counted. */
#define SP_MAX_POLICY_PROBLEMS 1000u
/* Requirements name issuers by 16 bits. */
#define SP_MAX_POLICY_ISSUERS 65535u
#define SP_MAX_SCOPES 256u
/* Of an account: deeper or more would not be read again out of a token (SP_MAX_TOKEN_JSON_DEPTH, …_VALUES). */
#define SP_MAX_ACCOUNT_CLAIMS_DEPTH 10u
#define SP_MAX_ACCOUNT_CLAIMS_VALUES 2048u
#define SP_MAX_CLAIM_NAME_BYTES 128u
#define SP_MAX_TOLD_CLAIMS 64u
/* Scopes and claims that a person agrees to at a time: all of SP_MAX_SCOPES with all of their claims would be more, and
 * nobody would read them. */
#define SP_MAX_CONSENT_BYTES (256u * 1024)
/* What scopes tell in one token: signed and in base64url it stays below SP_MAX_TOKEN_BYTES, which APIs look at. */
#define SP_MAX_TOLD_BYTES (8u * 1024)
#define SP_MAX_AUDIENCES 64u
/* Of one token, each for the next service: every one is looked up where what came of them is. */
#define SP_MAX_EXCHANGES 8u
/* OIDC Core 2 allows 255 characters of sub; other identity providers' e-mail addresses fit. */
#define SP_MAX_SUBJECT_BYTES 1024u
/* They are searched one by one. */
#define SP_MAX_ASSERTION_ISSUERS 100u
#define SP_MAX_FINDINGS 64u
/* The authority's errands. One call asks for a handful: two secrets in four readings are eight hashes. */
#define SP_MAX_CALL_ERRANDS 16u
/* An argon2 hash takes 30 ms of a processor: 128 are two seconds of waiting on two, and beyond that nobody waits. */
#define SP_MAX_COMPUTE_ERRANDS 128u
#define SP_MAX_NETWORK_ERRANDS 256u
#define SP_MAX_DELIVERY_ERRANDS 64u
/* A browser and a client both wait no longer than this for what we ask elsewhere. */
#define SP_ERRAND_CONNECT_TIMEOUT_MS 5000
#define SP_ERRAND_TIMEOUT_MS 10000
#define SP_MAX_ERRAND_ANSWER_BYTES (1024u * 1024)
/* The admin API: a table of a thousand people with their claims; a call has room to read it. */
#define SP_MAX_ADMIN_BODY_BYTES (2u * 1024 * 1024)
#define SP_MAX_ADMIN_ARENA_BYTES (64u * 1024 * 1024)
#define SP_MAX_ADMIN_ANSWER_BYTES (8u * 1024 * 1024)
/* A million people with twenty columns. */
#define SP_MAX_CSV_BYTES (256u * 1024 * 1024)
#define SP_MAX_CSV_FIELDS 128u
/* Key sets behind clients' jwks_uri: a client has a handful of keys, and there may be many clients. */
#define SP_MAX_CLIENT_JWKS_BYTES (128u * 1024)
/* Keys that a client registers itself with. Its row is read anew by whoever names it, and each key is taken apart then.
 */
#define SP_MAX_CLIENT_KEYS 16u
/* Keys of a set that one JWT is tried with: whoever has several gives each a kid (OIDC Core 10.1). Each costs some
 * milliseconds at the worst, and who asks need not be anybody. */
#define SP_MAX_KEY_TRIES 8u
#define SP_MAX_REMOTE_KEY_SETS 1024u
/* A sector_identifier_uri's document: the redirect URIs of a company's applications. */
#define SP_MAX_SECTOR_DOCUMENT_BYTES (128u * 1024)
/* Captures (inspect): one exchange at a time is in memory. A key set or token response is far below; what a body has
 * beyond is not looked at. A multiple of 4, so that base64 cut there still decodes. */
#define SP_MAX_CAPTURED_BODY_BYTES (256u * 1024)
/* Longer than any server takes: what made a server answer 431 still fits. */
#define SP_MAX_CAPTURED_HEADER_BYTES (128u * 1024)
#define SP_MAX_CAPTURED_HEADERS 512u
/* Passing through `record`: sign-in pages with their pictures inside stay below. */
#define SP_MAX_RECORDED_BODY_BYTES (8u * 1024 * 1024)
#define SP_MAX_CAPTURED_EXCHANGE_BYTES (8u * 1024 * 1024)
/* OAuth messages that are kept of one capture, and those of one flow: each is compared with the others of its flow. */
#define SP_MAX_FLOW_MESSAGES 50000u
#define SP_MAX_MESSAGES_OF_FLOW 400u
#define SP_MAX_FLOWS 4000u
/* A line of a log with a token of 16 kB and its surroundings. */
#define SP_MAX_LOG_LINE_BYTES (128u * 1024)
/* A packet in tshark's JSON: bodies stand there twice as hexadecimal. */
#define SP_MAX_DISSECTION_LINE_BYTES (16u * 1024 * 1024)
#define SP_MAX_FLOW_ARENA_BYTES (384u * 1024 * 1024)
/* A message that waits to be delivered: a mail with its text is a few kB. */
#define SP_MAX_OUTGOING_BYTES (64u * 1024)
#define SP_MAX_OUTGOING_ARENA_BYTES (8u * 1024 * 1024)
/* A backtest: its rows, each with a few short texts, are for people; the line of a call is cut at 512 kB by the
 * gateway. */
#define SP_MAX_TALLY_ROWS 16384u
#define SP_MAX_TALLY_BYTES (64u * 1024 * 1024)
#define SP_MAX_CALL_LINE_BYTES (1024u * 1024)
/* Counters of failures by address and by name: 32 bytes of key, 24 of counts and a little more: 60,000 of them. */
#define SP_MAX_THROTTLE_BYTES (4u * 1024 * 1024)
/* Failures from addresses that a node tells the others, one row each; the oldest gives way. Ten minutes of 160 wrong
 * passwords a second, which is more than a machine hashes; some 25 MB. */
#define SP_MAX_SHARED_FAILURES 100000u
/* Kinds of password hashes beside our own, by each of which a wrong password is hashed: a system that is moved from has
 * one, or two where it changed its mind. */
#define SP_MAX_PASSWORD_KINDS 4u
/* Networks and browsers whose wrong passwords for one name are counted apart, in one row of 3 kB at most. */
#define SP_MAX_GUESSERS 32u
/* Likewise of who showed wrong admin tokens: few can reach that address at all. */
#define SP_MAX_ADMIN_GUARD_BYTES (64u * 1024)

#endif
