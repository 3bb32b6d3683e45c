/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a capture: each kind of message has its judges (a table in judge.c), each judge compares the message with the
 * others of its flow and with what is known, and tells what is proven. A request that is wrong and was accepted is told
 * as a warning. At the end each flow's cause is chosen: the first specific finding, before any general one that merely
 * names the failure (response.error, callback.error).
 *
 * Evidence holds no secret: what judges put into findings went through sp_flow_masked or is no secret. */
#ifndef SP_FLOW_JUDGE_H
#define SP_FLOW_JUDGE_H

#include "core/diagnosis/stated_cause.h"
#include "core/flow/flow.h"

/* All of it; once, after the last exchange was added. */
void sp_flow_judge(struct sp_flow_capture *capture);
/* One message with what is known by now, for who judges live. */
void sp_flow_judge_message(struct sp_flow_capture *capture, struct sp_flow_message *message);

/* ---- telling; the finding's texts live as long as the capture. Never NULL ---- */
struct sp_finding *sp_flow_tell(struct sp_flow_capture *capture, struct sp_flow_message *message, enum sp_cause cause,
                                struct sp_str expected, struct sp_str received);
/* The server named it, or it is as fine as the recording allows: a comparison outranks it. */
struct sp_finding *sp_flow_tell_named(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                      enum sp_cause cause, struct sp_str expected, struct sp_str received);
/* Names the failure, not what is behind it. */
struct sp_finding *sp_flow_tell_general(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                        enum sp_cause cause, struct sp_str expected, struct sp_str received);
/* Proven, and it did not stand in the way unless the message failed. */
struct sp_finding *sp_flow_tell_of_request(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                           enum sp_cause cause, struct sp_str expected, struct sp_str received);
bool sp_flow_has_told(const struct sp_flow_message *message, enum sp_cause cause);
bool sp_flow_has_told_specific(const struct sp_flow_message *message);

/* ---- judges, by what they look at ---- */
#define SP_FLOW_JUDGE(name) void sp_flow_judge_##name(struct sp_flow_capture *capture, struct sp_flow_message *message)
SP_FLOW_JUDGE(authorization); /* the request that a browser carries, plain or pushed */
SP_FLOW_JUDGE(redirect_uri);  /* of it */
SP_FLOW_JUDGE(callback);      /* what came back, and the cookies that had to come along */
SP_FLOW_JUDGE(sent_back);     /* the same of the redirect to it, where its arrival was not recorded */
SP_FLOW_JUDGE(login_start);   /* cookies and circles */
SP_FLOW_JUDGE(frame);         /* an authorization request in a frame of another site, once all of its flow is known */
SP_FLOW_JUDGE(refusal_named); /* the server names the cause itself, or by a text that is known */
SP_FLOW_JUDGE(token_form);    /* method, media type, parameters */
SP_FLOW_JUDGE(client);        /* client authentication */
SP_FLOW_JUDGE(code);          /* code, redirect URI, PKCE */
SP_FLOW_JUDGE(refresh);
SP_FLOW_JUDGE(device);
SP_FLOW_JUDGE(grant);          /* errors of any grant */
SP_FLOW_JUDGE(json_answer);    /* an answer that must be JSON */
SP_FLOW_JUDGE(needed_members); /* of an answer that another step begins with */
SP_FLOW_JUDGE(token_answer);   /* members of a token response */
SP_FLOW_JUDGE(tokens);         /* ID token and access token in it */
SP_FLOW_JUDGE(front_tokens);   /* ID token in a callback */
SP_FLOW_JUDGE(userinfo);
SP_FLOW_JUDGE(presented); /* the token that an API was called with */
SP_FLOW_JUDGE(challenge); /* 401 of an API, MCP */
SP_FLOW_JUDGE(preflight);
SP_FLOW_JUDGE(cors); /* a cross-origin call */
SP_FLOW_JUDGE(resource_metadata);
SP_FLOW_JUDGE(discovery);
SP_FLOW_JUDGE(key_set);
SP_FLOW_JUDGE(logout);
SP_FLOW_JUDGE(logout_token);
SP_FLOW_JUDGE(revocation);
SP_FLOW_JUDGE(log_token); /* a token that stood in a log */
SP_FLOW_JUDGE(transport); /* no answer, headers too large */

/* ---- shared by judges ---- */
/* Of a client that was refused, where nothing finer is told; client: NULL where nothing is known of it. */
void sp_flow_judge_client_method(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                 const struct sp_flow_credentials *who, const struct sp_flow_client *client);
/* As the browser says of the request (Sec-Fetch-Dest, Sec-Fetch-Site). */
bool sp_flow_in_frame(const struct sp_flow_message *message);
bool sp_flow_in_foreign_frame(const struct sp_flow_message *message);
/* What the challenge must be for the verifier that was sent; absent where the method is not S256 or nothing was sent.
 */
struct sp_str sp_flow_hashed_verifier(struct sp_flow_capture *capture, const struct sp_flow_message *message);
/* Why a request with prompt=none found nobody: a constant, or absent. */
struct sp_str sp_flow_silence_in_words(const struct sp_flow_message *message);
/* error_description and the body's beginning: where a server says more than a code. */
bool sp_flow_answer_says(const struct sp_flow_message *message, const char *part);
/* error + description, scrubbed; absent when there is none. */
struct sp_str sp_flow_error_in_words(struct sp_flow_capture *capture, const struct sp_flow_message *message);
bool sp_flow_error_is(const struct sp_flow_message *message, const char *error);
/* All words of `words` are among those of `of`; *missing: the first that is not. */
bool sp_flow_words_within(struct sp_str words, struct sp_str of, struct sp_str *missing);
/* A JSON list of strings has it; true when the list is absent and when_absent. */
bool sp_flow_list_has(const struct sp_json *list, struct sp_str value, bool when_absent);
/* "a b" of a JSON list of strings, in the arena. */
struct sp_str sp_flow_list_in_words(struct sp_arena *arena, const struct sp_json *list);
/* Seconds from a to b as the recording's clock has it, in words: "12 s later". */
struct sp_str sp_flow_later(struct sp_flow_capture *capture, const struct sp_flow_message *a,
                            const struct sp_flow_message *b);
int64_t sp_flow_now_s(const struct sp_flow_message *message);
/* The finding that examining a document or a token brought, told about the message. */
void sp_flow_tell_finding(struct sp_flow_capture *capture, struct sp_flow_message *message,
                          const struct sp_finding *finding);

#endif
