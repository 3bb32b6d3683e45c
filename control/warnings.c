/* SPDX-License-Identifier: Apache-2.0 */
#include "control/warnings.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "control/log.h"
#include "control/metrics.h"
#include "core/diagnosis/verdict.h"
#include "core/diagnosis/words.h"

#define MAX_WARNINGS 512u
#define MAX_QUEUED 64u
#define MAX_EVENT_BYTES ((size_t)32 * 1024)
#define MAX_ATTEMPTS 6u
#define RETRY_MS 5000 /* doubled each time */
#define WEBHOOK_TIMEOUT_MS 10000

struct warning {
    struct warning *next;
    char *about;
    char *detail; /* what the last look saw, in a sentence; NULL without memory */
    enum sp_warning_source source;
    enum sp_cause cause;
    int64_t since, fails_at;
    bool is_found; /* by the present look */
};

struct event {
    struct event *next;
    struct sp_buffer text;
};

struct sp_warnings {
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    char *webhook;
    struct sp_str_list blocked_networks;
    struct warning *list;
    size_t count;
    struct event *first;
    size_t queued;
    bool is_sending;
    unsigned attempts; /* of the first */
    struct sp_timer timer;
    uint64_t sent, failed, dropped;
};

static void send_next(void *data);

static void free_warning(struct warning *warning)
{
    free(warning->about);
    free(warning->detail);
    free(warning);
}

struct sp_warnings *sp_warnings_create(struct sp_loop *loop, struct sp_fetcher *fetcher)
{
    struct sp_warnings *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->loop = loop;
        made->fetcher = fetcher;
    }
    return made;
}

static void drop_event(struct sp_warnings *warnings)
{
    struct event *gone = warnings->first;
    warnings->first = gone->next;
    warnings->queued--;
    warnings->attempts = 0;
    sp_buffer_fini(&gone->text);
    free(gone);
}

void sp_warnings_destroy(struct sp_warnings **warnings)
{
    struct sp_warnings *dying = *warnings;
    if (dying == NULL) {
        return;
    }
    sp_fetcher_cancel(dying->fetcher, dying);
    sp_timer_clear(&dying->timer);
    while (dying->first != NULL) {
        drop_event(dying);
    }
    while (dying->list != NULL) {
        struct warning *gone = dying->list;
        dying->list = gone->next;
        free_warning(gone);
    }
    free(dying->webhook);
    free(dying);
    *warnings = NULL;
}

/* ---- the webhook ---- */
static struct sp_http_request request_for(const struct sp_warnings *warnings, struct sp_str body)
{
    return (struct sp_http_request){.url = sp_str_from_cstr(warnings->webhook),
                                    .form = body,
                                    .form_type = SP_STR("application/json"),
                                    .blocked_networks = warnings->blocked_networks,
                                    .connect_timeout_ms = WEBHOOK_TIMEOUT_MS / 2,
                                    .timeout_ms = WEBHOOK_TIMEOUT_MS,
                                    .max_bytes = 64 * 1024};
}

enum sp_status sp_warnings_configure(struct sp_warnings *warnings, struct sp_str webhook,
                                     struct sp_str_list blocked_networks)
{
    struct sp_http_call *call = NULL;
    char *copy = webhook.len > 0 ? strndup(webhook.at, webhook.len) : NULL, *before = warnings->webhook;
    if (webhook.len > 0 && copy == NULL) {
        return SP_NO_MEMORY;
    }
    warnings->webhook = copy;
    warnings->blocked_networks = blocked_networks;
    if (copy != NULL) {
        struct sp_http_request request = request_for(warnings, SP_STR("{}"));
        enum sp_status status = sp_http_call_create(&request, &call);
        sp_http_call_destroy(&call);
        if (status != SP_OK) {
            sp_log(SP_LOG_ERROR, "alerts.webhook is not used: it is no https URL (http is for this machine only)");
            warnings->webhook = before;
            free(copy);
            return status;
        }
    }
    free(before);
    return SP_OK;
}

static void event_sent(void *data, const struct sp_fetch_report *report)
{
    struct sp_warnings *warnings = data;
    warnings->is_sending = false;
    if (report->failure == SP_CAUSE_NONE && report->http_status >= 200 && report->http_status < 300) {
        warnings->sent++;
        drop_event(warnings);
        send_next(warnings);
        return;
    }
    warnings->failed++;
    /* The URL is a secret of its own and is not logged. */
    if (warnings->attempts == 1 || warnings->attempts == MAX_ATTEMPTS) {
        sp_log(SP_LOG_WARN, "the webhook of alerts does not take an event: %.*s%d%s",
               SP_STR_ARG(sp_cause_get(report->failure)->id), report->http_status,
               warnings->attempts == MAX_ATTEMPTS ? "; it is given up" : "; it is tried again");
    }
    if (warnings->attempts == MAX_ATTEMPTS) {
        warnings->dropped++;
        drop_event(warnings);
    }
    sp_timer_set(warnings->loop, &warnings->timer,
                 RETRY_MS << (warnings->attempts < MAX_ATTEMPTS ? warnings->attempts : 0), send_next, warnings);
}

static void send_next(void *data)
{
    struct sp_warnings *warnings = data;
    struct sp_http_call *call = NULL;
    if (warnings->is_sending || warnings->first == NULL) {
        return;
    }
    if (warnings->webhook == NULL) {
        while (warnings->first != NULL) {
            drop_event(warnings);
        }
        return;
    }
    struct sp_http_request request = request_for(warnings, sp_buffer_str(&warnings->first->text));
    warnings->attempts++;
    if (sp_http_call_create(&request, &call) == SP_OK &&
        sp_fetcher_start(warnings->fetcher, call, event_sent, warnings) == SP_OK) {
        warnings->is_sending = true;
    } else {
        warnings->dropped++;
        drop_event(warnings);
    }
}

static void write_event(struct sp_buffer *text, const struct warning *warning, const struct sp_finding *finding,
                        bool ends)
{
    struct sp_json_writer json;
    int64_t now = time(NULL);
    sp_json_writer_init(&json, text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "event", ends ? SP_STR("ended") : SP_STR("raised"));
    sp_json_int_member(&json, "at", now);
    sp_json_string_member(&json, "about", sp_str_from_cstr(warning->about));
    sp_json_int_member(&json, "since", warning->since);
    if (warning->fails_at != 0) {
        sp_json_int_member(&json, "fails_at", warning->fails_at);
        sp_json_int_member(&json, "seconds_left", warning->fails_at > now ? warning->fails_at - now : 0);
    }
    sp_json_name(&json, SP_STR("cause"));
    sp_finding_write(&json, finding);
    sp_json_end_object(&json);
}

/* Past the queue's end the oldest goes: what is newest is nearest to the truth. The one under way stays. */
static void queue_event(struct sp_warnings *warnings, const struct warning *warning, const struct sp_finding *finding,
                        bool ends)
{
    struct event *event = warnings->webhook != NULL ? calloc(1, sizeof *event) : NULL, **end = &warnings->first;
    if (event == NULL) {
        return;
    }
    sp_buffer_init(&event->text, NULL, MAX_EVENT_BYTES);
    write_event(&event->text, warning, finding, ends);
    if (sp_buffer_status(&event->text) != SP_OK || (warnings->queued >= MAX_QUEUED && warnings->is_sending)) {
        warnings->dropped++;
        sp_buffer_fini(&event->text);
        free(event);
        return;
    }
    if (warnings->queued >= MAX_QUEUED) {
        warnings->dropped++;
        drop_event(warnings);
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = event;
    warnings->queued++;
    if (warnings->timer.previous == NULL) {
        send_next(warnings);
    }
}

/* ---- raising and ending ---- */
static struct warning *find(const struct sp_warnings *warnings, const char *about, enum sp_warning_source source,
                            enum sp_cause cause)
{
    for (struct warning *at = warnings->list; at != NULL; at = at->next) {
        if (at->source == source && at->cause == cause && strcmp(at->about, about) == 0) {
            return at;
        }
    }
    return NULL;
}

static void tell_raised(const struct warning *warning, const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(4096);
    /* What is odd about documents, and a refresh that fails, the key keeper tells itself; what is wrong with a file of
     * the configuration is told with its line. */
    bool is_told = warning->source == SP_WARNING_OF_METADATA || warning->source == SP_WARNING_OF_KEYS ||
                   warning->source == SP_WARNING_OF_REFRESH || warning->source == SP_WARNING_OF_CONFIGURATION;
    if (!is_told) {
        sp_log_finding(warning->about, finding);
    }
    if (warning->fails_at != 0 && arena != NULL) {
        sp_log(SP_LOG_WARN, "%s: %.*s: time left until it breaks: %.*s", warning->about,
               SP_STR_ARG(sp_cause_get(warning->cause)->id),
               SP_STR_ARG(sp_words_duration(arena, warning->fails_at - (int64_t)time(NULL))));
    }
    sp_arena_destroy(&arena);
}

static void note_detail(struct warning *warning, const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(4096);
    struct sp_str text =
        arena != NULL ? sp_finding_fill(arena, sp_cause_get(finding->cause)->explanation, finding) : SP_STR_NONE;
    free(warning->detail);
    warning->detail = text.at != NULL ? strndup(text.at, text.len) : NULL;
    sp_arena_destroy(&arena);
}

static void raise_one(struct sp_warnings *warnings, const char *about, enum sp_warning_source source,
                      const struct sp_finding *finding, int64_t fails_at)
{
    struct warning *warning = find(warnings, about, source, finding->cause);
    if (warning != NULL) {
        warning->is_found = true;
        warning->fails_at = fails_at;
        note_detail(warning, finding);
        return;
    }
    warning = warnings->count < MAX_WARNINGS ? calloc(1, sizeof *warning) : NULL;
    char *copy = warning != NULL ? strdup(about) : NULL;
    if (copy == NULL) {
        free(warning);
        return;
    }
    *warning = (struct warning){.next = warnings->list,
                                .about = copy,
                                .source = source,
                                .cause = finding->cause,
                                .since = time(NULL),
                                .fails_at = fails_at,
                                .is_found = true};
    warnings->list = warning;
    warnings->count++;
    note_detail(warning, finding);
    tell_raised(warning, finding);
    queue_event(warnings, warning, finding, false);
}

static void end_unfound(struct sp_warnings *warnings, const char *about, bool of_any_source,
                        enum sp_warning_source source)
{
    for (struct warning **at = &warnings->list; *at != NULL;) {
        struct warning *warning = *at;
        bool is_meant = (of_any_source || warning->source == source) && strcmp(warning->about, about) == 0;
        if (!is_meant || warning->is_found) {
            at = &warning->next;
            continue;
        }
        const struct sp_finding ended = {.cause = warning->cause, .check = SP_CHECK_COUNT, .verified = true};
        sp_log(SP_LOG_INFO, "%s: %.*s: over", warning->about, SP_STR_ARG(sp_cause_get(warning->cause)->id));
        queue_event(warnings, warning, &ended, true);
        *at = warning->next;
        warnings->count--;
        free_warning(warning);
    }
}

void sp_warnings_take(struct sp_warnings *warnings, const char *about, enum sp_warning_source source,
                      const struct sp_document_findings *findings, int64_t fails_at)
{
    for (struct warning *at = warnings->list; at != NULL; at = at->next) {
        at->is_found = false;
    }
    for (size_t i = 0; findings != NULL && i < findings->count; i++) {
        raise_one(warnings, about, source, &findings->rows[i], fails_at);
    }
    end_unfound(warnings, about, false, source);
}

void sp_warnings_forget(struct sp_warnings *warnings, const char *about)
{
    for (struct warning *at = warnings->list; at != NULL; at = at->next) {
        at->is_found = false;
    }
    end_unfound(warnings, about, true, SP_WARNING_OF_CLOCK);
}

void sp_warnings_write_json(const struct sp_warnings *warnings, struct sp_json_writer *json)
{
    sp_json_name(json, SP_STR("warnings"));
    sp_json_begin_array(json);
    for (const struct warning *at = warnings->list; at != NULL; at = at->next) {
        sp_json_begin_object(json);
        sp_json_string_member(json, "about", sp_str_from_cstr(at->about));
        sp_json_string_member(json, "cause", sp_cause_get(at->cause)->id);
        sp_json_int_member(json, "since", at->since);
        if (at->fails_at != 0) {
            sp_json_int_member(json, "fails_at", at->fails_at);
        }
        if (at->detail != NULL) {
            sp_json_string_member(json, "detail", sp_str_from_cstr(at->detail));
        }
        sp_json_end_object(json);
    }
    sp_json_end_array(json);
}

void sp_warnings_write_metrics(const struct sp_warnings *warnings, struct sp_buffer *out, int64_t now)
{
    sp_metric_describe(out, "sallyport_warning", "gauge",
                       "1 while something works that will not for long, by its cause.");
    for (const struct warning *at = warnings->list; at != NULL; at = at->next) {
        const struct sp_metric_label labels[] = {{"about", sp_str_from_cstr(at->about)},
                                                 {"cause", sp_cause_get(at->cause)->id}};
        sp_metric_sample_with(out, "sallyport_warning", labels, 2, 1);
    }
    sp_metric_describe(out, "sallyport_warning_seconds_left", "gauge", "Until it breaks, where that is known.");
    for (const struct warning *at = warnings->list; at != NULL; at = at->next) {
        const struct sp_metric_label labels[] = {{"about", sp_str_from_cstr(at->about)},
                                                 {"cause", sp_cause_get(at->cause)->id}};
        if (at->fails_at != 0) {
            sp_metric_sample_with(out, "sallyport_warning_seconds_left", labels, 2,
                                  (double)(at->fails_at > now ? at->fails_at - now : 0));
        }
    }
    sp_metric_describe(out, "sallyport_warning_events_total", "counter",
                       "Events for the webhook, by what became of them.");
    sp_metric_sample(out, "sallyport_warning_events_total", "result", SP_STR("sent"), (double)warnings->sent);
    sp_metric_sample(out, "sallyport_warning_events_total", "result", SP_STR("failed"), (double)warnings->failed);
    sp_metric_sample(out, "sallyport_warning_events_total", "result", SP_STR("dropped"), (double)warnings->dropped);
}
