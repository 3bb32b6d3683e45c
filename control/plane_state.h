/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the control plane: what plane.c (life), plane_authority.c (the authority's process), configuration.c (what is
 * in force), plane_notice.c (what the service manager is told), plane_disk.c (whether
 * the disk takes the call log) and answers.c (HTTP) share. */
#ifndef SP_CONTROL_PLANE_STATE_H
#define SP_CONTROL_PLANE_STATE_H

#include "control/admin_guard.h"
#include "control/child.h"
#include "control/fetcher.h"
#include "control/http.h"
#include "control/introspection.h"
#include "control/keeper.h"
#include "control/nginx.h"
#include "control/plane.h"
#include "control/resolver.h"
#include "control/warnings.h"
#include "control/watched_files.h"
#include "core/policy/policy.h"
#include "core/policy/settings.h"
#include "probe/service_manager.h"

/* Why a configuration that was asked for is not in force. */
struct sp_plane_refusal {
    enum sp_cause cause; /* SP_CAUSE_NONE: it is none of the catalogue */
    int64_t at;          /* epoch; 0: nothing was refused */
    char why[768];       /* the first line that was said of it */
};

/* As nginx's workers write it, when last asked. */
struct sp_plane_call_log {
    bool fails;
    uint64_t lost; /* lines, since nginx started */
};

struct sp_plane {
    const struct sp_plane_terms *terms;
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    struct sp_keeper *keeper;
    struct sp_warnings *warnings;
    struct sp_introspector *introspector;
    struct sp_resolver *resolver;
    struct sp_nginx *nginx;
    struct sp_http *http;
    struct sp_admin_guard *admin_guard;
    struct sp_child authority;
    struct sp_policy *authority_policy; /* that it was started with; NULL: it was not */
    int authority_giver;                /* hands it its configuration; -1: none */
    struct sp_timer authority_timer, keeping_timer, watch_timer, end_timer, certificate_timer, disk_timer;
    struct sp_policy *policy; /* in force, or being put in force */
    /* A reload is under way until nginx says whether it takes it over; one asked for meanwhile comes after it. */
    bool is_reloading, reloads_again;
    struct sp_policy *policy_before; /* to go back to; NULL: there was none */
    const char *user;                /* of the workers when we are root; else NULL */
    int group;                       /* theirs, or -1 */
    char proxy_secret[65];           /* by which the authority knows our nginx: hexadecimal, new at each start */
    bool is_keeping;                 /* the keeper was set up: nginx (and the authority) answer */
    bool failed, stopping;           /* stopping: calls in progress end, then we */
    int64_t started_ms, authority_started_ms;
    int64_t authority_restart_ms; /* the last wait before a start; 0: it runs well */
    uint64_t authority_restarts;
    uint64_t reloads, refused_reloads;
    struct sp_plane_refusal attempt; /* as far as one is being put in force */
    struct sp_plane_refusal refusal; /* of the last that came to its end */
    int64_t in_force_since;          /* epoch; 0: nothing yet */
    /* nginx answered for the first time; it said of a configuration whether it takes it. */
    bool has_served, has_settled;
    struct sp_plane_call_log call_log;
    struct sp_service_manager manager;
    struct sp_timer alive_timer;
    struct sp_watched_files watched;
    unsigned restless_looks; /* in a row that found a change; a reload follows the first one that does not */
};

/* ---- configuration.c ---- */
/* Reads and applies the configuration; problems are told on stderr. After SP_OK it is nginx's turn, which ends with
 * sp_plane_keep or sp_plane_go_back. */
SP_MUST_CHECK enum sp_status sp_plane_configure(struct sp_plane *plane);
void sp_plane_keep(struct sp_plane *plane);
/* What was in force before is again, as far as there was anything. */
void sp_plane_go_back(struct sp_plane *plane);
/* After nginx did not take the policy, for the reason that nginx gives: what of it this machine does not allow, each
 * with its place and cause. The first is the attempt's refusal then; nginx's reason is when there is none. */
void sp_plane_tell_machine(struct sp_plane *plane, const char *nginx_why);
/* Sets the keeper and the introspector up for the policy in force. */
void sp_plane_start_keeping(struct sp_plane *plane);
/* Which files of the configuration are out of date, or soon will be, as a warning that stands: now, and each day from
 * now. */
void sp_plane_watch_certificates(struct sp_plane *plane);
/* Writes policy.json for the policy in force. SP_IO, SP_NO_MEMORY: told. */
SP_MUST_CHECK enum sp_status sp_plane_publish(struct sp_plane *plane);

/* ---- plane_notice.c ---- */
/* From here on the service manager hears that the loop turns, if it wants to. */
void sp_plane_begin_signs_of_life(struct sp_plane *plane);
void sp_plane_notice_reload(struct sp_plane *plane);
/* A start or a reload is over: that nginx serves, and with what. Nothing before it does, nor after the end began.
 */
void sp_plane_notice_ready(struct sp_plane *plane);
void sp_plane_notice_end(struct sp_plane *plane, const char *status);
/* For a start that came to nothing. */
void sp_plane_notice_failure(struct sp_plane *plane, const char *why);

/* ---- plane_disk.c ---- */
/* From here on, every few seconds, whether the call log can be written and how much room the disk has. */
void sp_plane_watch_disk(struct sp_plane *plane);
/* The member call_log of /readyz, while it fails or once lines were lost. */
void sp_plane_write_call_log(const struct sp_plane *plane, struct sp_json_writer *json);

/* ---- plane_authority.c ---- */
/* The authority runs when it is configured, and only then; a running one reads its configuration again, one that waits
 * for its next start starts now: what it lacked may be there. */
void sp_plane_apply_authority(struct sp_plane *plane);
/* The settings that the authority will take when it is started again, and not before. */
size_t sp_plane_waiting_settings(const struct sp_plane *plane, enum sp_setting waiting[SP_SETTING_COUNT]);
/* For the end of the program: waits for its own. */
void sp_plane_end_authority(struct sp_plane *plane);
/* The authority takes connections, which it does once it can answer them. */
bool sp_plane_authority_answers(const struct sp_plane *plane);

/* ---- answers.c ---- */
sp_exchange_handler sp_plane_answer;
sp_exchange_ended sp_plane_exchange_ended;

#endif
