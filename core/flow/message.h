/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange read as an OAuth or OpenID Connect message: which one it is (messages.def) and its parameters, decoded
 * without refusing any. Recognised by what it carries first and by its URL second: the paths are everybody's own. */
#ifndef SP_FLOW_MESSAGE_H
#define SP_FLOW_MESSAGE_H

#include "core/base/json.h"
#include "core/base/url.h"
#include "core/diagnosis/finding.h"
#include "core/flow/exchange.h"
#include "core/oauth/form.h"

enum sp_flow_kind {
    SP_FLOW_NONE, /* no OAuth message */
#define MESSAGE(name, id, title, from, to) SP_FLOW_##name,
#include "core/flow/messages.def"
#undef MESSAGE
    SP_FLOW_KIND_COUNT
};

enum sp_flow_party { SP_PARTY_BROWSER, SP_PARTY_CLIENT, SP_PARTY_ISSUER, SP_PARTY_API };

struct sp_flow;

/* How near to the root a finding is. A vaguer one gives way to a finer one about the same message; one that only names
 * the failure gives way to any. */
enum sp_flow_depth { SP_FLOW_ROOT, SP_FLOW_NAMED, SP_FLOW_SYMPTOM };

struct sp_flow_finding {
    struct sp_finding finding;
    enum sp_flow_depth depth;
    struct sp_flow_finding *next;
};

struct sp_flow_message {
    struct sp_flow_exchange exchange;
    enum sp_flow_kind kind;
    struct sp_url url;             /* split; scheme absent when it is none */
    struct sp_str endpoint;        /* the URL without query and fragment */
    struct sp_form query, body;    /* of the URL (its fragment too); of a form body */
    struct sp_str answer_endpoint; /* of the redirect that answers; absent when there is none */
    struct sp_form answer;         /* its query and fragment */
    struct sp_str bearer;          /* the access token in Authorization (or access_token of a form); absent: none */
    bool bearer_is_dpop;
    const struct sp_json *json;      /* the answer's body when it is a JSON object */
    const struct sp_json *asked;     /* the request's body when it is a JSON object */
    struct sp_json_error json_error; /* why the answer's body is none; .fault OK: nothing there */
    struct sp_str note;              /* of a log: the line, scrubbed; of a handshake: what was agreed */
    uint64_t times;                  /* of a log: how often it stands there */
    struct sp_flow *flow;
    struct sp_flow_message *next;         /* in the capture */
    struct sp_flow_message *next_in_flow; /* in its flow */
    struct sp_flow_finding *findings;     /* in the order of telling */
};

/* known: what the capture's metadata says the URL is, or SP_FLOW_NONE. Texts are borrowed from the exchange, the rest
 * is in the arena. message->kind says what came of it. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_flow_message_read(struct sp_arena *arena, const struct sp_flow_exchange *exchange,
                                                  enum sp_flow_kind known, struct sp_flow_message *message);
/* The URL without query and fragment. */
struct sp_str sp_flow_endpoint(struct sp_str url);
/* Of the request: body before query; absent when neither has it. */
struct sp_str sp_flow_parameter(const struct sp_flow_message *message, const char *name);
/* Of the answer: the redirect's parameters, or the JSON object's string. */
struct sp_str sp_flow_answered(const struct sp_flow_message *message, const char *name);
/* The answer is an error, a refusal or none. */
bool sp_flow_has_failed(const struct sp_flow_message *message);
bool sp_flow_is_html(const struct sp_flow_message *message);

struct sp_str sp_flow_kind_name(enum sp_flow_kind kind);
struct sp_str sp_flow_kind_title(enum sp_flow_kind kind);
enum sp_flow_party sp_flow_sender(enum sp_flow_kind kind);
enum sp_flow_party sp_flow_receiver(enum sp_flow_kind kind);
struct sp_str sp_flow_party_title(enum sp_flow_party party);

#endif
