/* SPDX-License-Identifier: Apache-2.0 */
/* One issuer as the keeper has it: what is configured, what is known, and what is in flight. Shared by keeper.c (when
 * and how to fetch) and keys_file.c (what is written and read back). */
#ifndef SP_CONTROL_KEPT_ISSUER_H
#define SP_CONTROL_KEPT_ISSUER_H

#include "control/keeper.h"
#include "core/base/json.h"
#include "control/warnings.h"
#include "core/diagnosis/clock.h"
#include "core/diagnosis/document.h"

#define SP_MAX_PREVIOUS_KIDS 256u

struct sp_waiter {
    struct sp_waiter *next;
    void (*done)(void *data, const char *outcome, int64_t generation);
    void *data;
};

struct sp_kept_issuer {
    struct sp_kept_issuer *next;
    struct sp_keeper *keeper;
    struct sp_arena *arena; /* of the configured texts */
    struct sp_keeper_issuer setup;

    /* known */
    struct sp_jwk_set *keys;
    char *keys_text, *old_text, *unadopted_text; /* JSON as fetched; NULL: none */
    char *unusable_text; /* the same of a set without a usable key, while there is no other: it accepts nothing */
    char *previous_kids[SP_MAX_PREVIOUS_KIDS]; /* newest first */
    size_t previous_kid_count;
    char *jwks_uri, *introspection_endpoint; /* discovered */
    char *published_issuer; /* what that document calls its issuer, if not the configured one: its keys only explain */
    uint32_t advertised_algorithms;
    int64_t fetched_at, stale_since;
    enum sp_cause failure, failure_reason;
    char *failure_detail;
    bool gave_up; /* the old keys are too old to serve, and it has been told */
    int64_t clock_skew_s;
    bool clock_skew_known;
    struct sp_clock_sample clock_sample; /* of the last answer with a Date; who and address are absent */
    char clock_address[64];

    /* in flight */
    bool is_fetching, is_looking_again;
    enum sp_metadata_place place;
    int64_t last_look_ms; /* of the last fetch for an unknown kid, monotonic; 0: none */
    unsigned failures_in_row;
    struct sp_timer timer;
    struct sp_waiter *waiters;
    uint64_t fetches, failures, look_agains, throttled;
};

struct sp_keeper {
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    char *path;
    struct sp_kept_issuer *issuers;
    struct sp_warnings *warnings; /* NULL: nobody is told */
    struct sp_str_list blocked_networks;
    int64_t generation;
    unsigned char written_sha256[32]; /* of the last keys.json without its generation */
    struct sp_arena *restored_arena;  /* of what keys.json held at the start */
    const struct sp_json *restored;
};

/* ---- key_fetch.c ---- */
/* Fetches the issuer's keys: metadata first where its place is not known. Ends in sp_keys_file_publish and in telling
 * the waiters. */
void sp_key_fetch_start(struct sp_kept_issuer *issuer);
/* The same as a timer's callback; nothing when a fetch is in flight. */
void sp_key_fetch_due(void *issuer);
void sp_key_fetch_tell_waiters(struct sp_kept_issuer *issuer, const char *outcome);

/* ---- kept_warnings.c: what of an issuer will not work for long ---- */
/* Certificate and clock of an answer; measures the issuer's clock. */
void sp_kept_warnings_take_answer(struct sp_kept_issuer *issuer, const struct sp_fetch_report *report);
void sp_kept_warnings_take_findings(struct sp_kept_issuer *issuer, enum sp_warning_source source,
                                    const struct sp_document_findings *findings);
/* The refresh failed by this; NULL: it did not. */
void sp_kept_warnings_take_refresh(struct sp_kept_issuer *issuer, const struct sp_finding *failed);
void sp_kept_warnings_forget(const struct sp_kept_issuer *issuer);

/* ---- keys_file.c ---- */
/* Reads what keys.json holds at the start. */
void sp_keys_file_open(struct sp_keeper *keeper);
/* Writes keys.json if anything in it changed. */
void sp_keys_file_publish(struct sp_keeper *keeper);
/* A copy on the heap, ending with NUL; NULL for an absent text, or without memory. */
char *sp_kept_text(struct sp_str text);
/* Takes over what keys.json knows of an issuer of the same name and URL. */
void sp_keys_file_restore(struct sp_kept_issuer *issuer, const struct sp_json *object);

#endif
