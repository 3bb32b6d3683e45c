/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as one block of bytes for shared memory: fixed numbers, then the lengths of the texts, then the texts; no
 * pointers.
 *
 *   0  magic and version (2)  issuer (2)  kind (1)  flags (1)  algorithm (1)  type (1)
 *   8  expires_at (8)  not_before (8)  issued_at (8)  auth_time (8)
 *  40  lengths of subject, client_id, scope, audiences, acr, claims (6 × 2)
 *  52  [jkt (32)] [x5t (32)] subject client_id scope audiences acr claims
 */
#include "core/diagnosis/facts.h"

#define MAGIC 0x5351u
#define HEAD 52u
#define TEXT_COUNT 6
#define FLAG_KEY 1u
#define FLAG_CERTIFICATE 2u
#define FLAG_EMAIL 4u
#define FLAG_INTROSPECTED 8u

struct head {
    uint16_t magic, issuer;
    uint8_t kind, flags, algorithm, type;
    int64_t expires_at, not_before, issued_at, auth_time;
};
_Static_assert(sizeof(struct head) == 40, "the layout above");

static void texts_of(const struct sp_facts *facts, struct sp_str texts[TEXT_COUNT])
{
    const struct sp_str all[TEXT_COUNT] = {facts->subject,   facts->client_id, facts->scope,
                                           facts->audiences, facts->acr,       facts->claims};
    memcpy(texts, all, sizeof all);
}

size_t sp_facts_packed_size(const struct sp_facts *facts)
{
    struct sp_str texts[TEXT_COUNT];
    size_t size = HEAD + (facts->bound_to_key ? 32u : 0) + (facts->bound_to_certificate ? 32u : 0);
    texts_of(facts, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        /* Too long to be told in 16 bits: such a token is not kept. */
        if (texts[i].len > UINT16_MAX)
            return SIZE_MAX;
        size += texts[i].len;
    }
    return size;
}

void sp_facts_pack(const struct sp_facts *facts, void *block)
{
    struct sp_str texts[TEXT_COUNT];
    uint16_t lengths[TEXT_COUNT];
    unsigned char *at = block;
    struct head head = {
        .magic = MAGIC,
        .issuer = facts->issuer,
        .kind = (uint8_t)facts->kind,
        .flags = (uint8_t)((facts->bound_to_key ? FLAG_KEY : 0) | (facts->bound_to_certificate ? FLAG_CERTIFICATE : 0) |
                           (facts->email_verified ? FLAG_EMAIL : 0) | (facts->introspected ? FLAG_INTROSPECTED : 0)),
        .algorithm = (uint8_t)facts->algorithm,
        .type = (uint8_t)facts->type,
        .expires_at = facts->expires_at,
        .issued_at = facts->issued_at,
        .not_before = facts->not_before,
        .auth_time = facts->auth_time,
    };
    texts_of(facts, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        lengths[i] = (uint16_t)texts[i].len;
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, lengths, sizeof lengths);
    at += HEAD;
    if (facts->bound_to_key) {
        memcpy(at, facts->jkt_sha256, 32);
        at += 32;
    }
    if (facts->bound_to_certificate) {
        memcpy(at, facts->x5t_sha256, 32);
        at += 32;
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i].len > 0)
            memcpy(at, texts[i].at, texts[i].len);
        at += texts[i].len;
    }
}

enum sp_status sp_facts_unpack(const void *block, size_t bytes, struct sp_facts *out)
{
    struct head head;
    uint16_t lengths[TEXT_COUNT];
    struct sp_facts facts = {0};
    const char *at = block;
    if (bytes < HEAD)
        return SP_MALFORMED;
    memcpy(&head, at, sizeof head);
    memcpy(lengths, at + sizeof head, sizeof lengths);
    size_t needed = HEAD + ((head.flags & FLAG_KEY) != 0 ? 32u : 0) + ((head.flags & FLAG_CERTIFICATE) != 0 ? 32u : 0);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        needed += lengths[i];
    if (head.magic != MAGIC || head.kind > SP_TOKEN_API_KEY || head.algorithm >= SP_ALGORITHM_COUNT ||
        head.type > SP_TYPE_OTHER || needed != bytes)
        return SP_MALFORMED;
    facts.issuer = head.issuer;
    facts.kind = (enum sp_token_kind)head.kind;
    facts.algorithm = (enum sp_algorithm)head.algorithm;
    facts.type = (enum sp_type_said)head.type;
    facts.expires_at = head.expires_at;
    facts.issued_at = head.issued_at;
    facts.not_before = head.not_before;
    facts.auth_time = head.auth_time;
    facts.email_verified = (head.flags & FLAG_EMAIL) != 0;
    facts.introspected = (head.flags & FLAG_INTROSPECTED) != 0;
    at += HEAD;
    if ((head.flags & FLAG_KEY) != 0) {
        facts.bound_to_key = true;
        memcpy(facts.jkt_sha256, at, 32);
        at += 32;
    }
    if ((head.flags & FLAG_CERTIFICATE) != 0) {
        facts.bound_to_certificate = true;
        memcpy(facts.x5t_sha256, at, 32);
        at += 32;
    }
    struct sp_str *const texts[TEXT_COUNT] = {&facts.subject,   &facts.client_id, &facts.scope,
                                              &facts.audiences, &facts.acr,       &facts.claims};
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        *texts[i] = sp_str(at, lengths[i]);
        at += lengths[i];
    }
    *out = facts;
    return SP_OK;
}
