/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_log.h"

#include <sys/uio.h>

#include "gateway/call.h"
#include "gateway/metrics.h"
#include "gateway/presented.h"
#include "gateway/record.h"
#include "gateway/request_id.h"
#include "gateway/snapshot.h"

#define GATHERED_BYTES (64u * 1024)
#define FLUSH_MS 200
#define RETRY_MS 1000
#define TELL_EVERY_S 60

/* Of one worker; the master has one too, with nothing in it. */
struct sp_call_log {
    const struct sp_main_conf *conf;
    ngx_open_file_t *file; /* nginx opens it anew when it is told to */
    u_char *start, *pos, *end;
    ngx_event_t flush;
    time_t failed_at, told_at; /* 0: never */
};

/* ---- the file ---- */

/* The bytes of `lines` that reached the file as whole lines. The rest of the line that was cut is not written where it
 * ends: another worker may have written behind it. */
static size_t write_once(const struct sp_call_log *log, u_char *lines, size_t len, ngx_err_t *error)
{
    struct sp_metrics *metrics = sp_metrics_of(log->conf);
    const bool was_cut = sp_metrics_swap_cut(metrics, false);
    struct iovec parts[] = {{(void *)(uintptr_t) "\n", was_cut ? 1 : 0}, {lines, len}};
    const ssize_t n = writev(log->file->fd, parts, 2);
    if (n <= 0) {
        *error = n < 0 ? ngx_errno : NGX_ENOSPC;
        if (was_cut) {
            (void)sp_metrics_swap_cut(metrics, true);
        }
        return 0;
    }
    const size_t written = (size_t)n - parts[0].iov_len;
    size_t whole = written;
    while (whole > 0 && lines[whole - 1] != LF) {
        whole--;
    }
    if (whole < written) {
        (void)sp_metrics_swap_cut(metrics, true);
    }
    return whole;
}

static void tell_failure(struct sp_call_log *log, ngx_err_t error)
{
    const time_t now = ngx_time();
    sp_metrics_log_fails(sp_metrics_of(log->conf), error);
    log->failed_at = now;
    if (log->told_at == 0 || now - log->told_at >= TELL_EVERY_S) {
        log->told_at = now;
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, error,
                      "the call log \"%V\" cannot be written: its lines wait, and are lost when there are too many",
                      &log->file->name);
    }
}

/* A disk that is nearly full takes a part; the try after it says why not the rest. */
static size_t write_lines(struct sp_call_log *log, u_char *lines, size_t len)
{
    ngx_err_t error = 0;
    size_t done = 0;
    for (size_t last = 1; done < len && error == 0 && last > 0; done += last) {
        last = write_once(log, lines + done, len - done, &error);
        if (last == 0 && error == 0) {
            last = write_once(log, lines + done, len - done, &error);
        }
    }
    if (done == len) {
        log->failed_at = 0;
        sp_metrics_log_writes(sp_metrics_of(log->conf));
    } else {
        tell_failure(log, error != 0 ? error : NGX_ENOSPC);
    }
    return done;
}

/* ---- what waits ---- */

static void flush(struct sp_call_log *log)
{
    const size_t len = (size_t)(log->pos - log->start);
    if (len > 0) {
        const size_t done = write_lines(log, log->start, len);
        memmove(log->start, log->start + done, len - done);
        log->pos = log->start + (len - done);
    }
    if (log->flush.timer_set) {
        ngx_del_timer(&log->flush);
    }
}

/* When it has lines and nobody comes who would. */
static void flush_later(struct sp_call_log *log)
{
    if (log->pos > log->start && !log->flush.timer_set) {
        ngx_add_timer(&log->flush, log->failed_at != 0 ? RETRY_MS : FLUSH_MS);
    }
}

static void flush_event(ngx_event_t *event)
{
    struct sp_call_log *log = event->data;
    flush(log);
    flush_later(log);
}

/* Before nginx opens the file anew. */
static void flush_file(ngx_open_file_t *file, ngx_log_t *nginx_log)
{
    const struct sp_main_conf *conf = ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_sallyport_module);
    (void)nginx_log;
    if (conf != NULL && conf->call_log != NULL && conf->call_log->file == file && conf->worker != NULL) {
        flush(conf->call_log);
        flush_later(conf->call_log);
    }
}

void sp_call_log_end(struct sp_call_log *log)
{
    uint64_t lost = 0;
    flush(log);
    for (const u_char *at = log->start; at < log->pos; at++) {
        lost += *at == LF;
    }
    sp_metrics_add_to(sp_metrics_of(log->conf), SP_COUNT_CALL_LOG_LOST, lost);
    log->pos = log->start;
}

static void append(struct sp_call_log *log, struct sp_str line)
{
    log->pos = ngx_cpymem(log->pos, line.at, line.len);
    *log->pos++ = LF;
}

static bool has_room(const struct sp_call_log *log, struct sp_str line)
{
    return line.len < (size_t)(log->end - log->pos);
}

/* Longer than all that is gathered: it goes by itself, or is lost. */
static bool write_long(struct sp_call_log *log, ngx_pool_t *pool, struct sp_str line)
{
    u_char *copy = log->pos == log->start ? ngx_pnalloc(pool, line.len + 1) : NULL;
    if (copy == NULL) {
        return false;
    }
    *ngx_cpymem(copy, line.at, line.len) = LF;
    return write_lines(log, copy, line.len + 1) > 0;
}

/* A disk without room is not asked again by every call. */
static bool add(struct sp_call_log *log, ngx_pool_t *pool, struct sp_str line)
{
    if (!has_room(log, line) && log->failed_at != ngx_time()) {
        flush(log);
    }
    bool is_taken = has_room(log, line);
    if (is_taken) {
        append(log, line);
    } else if (line.len >= GATHERED_BYTES) {
        is_taken = write_long(log, pool, line);
    }
    flush_later(log);
    return is_taken;
}

ngx_int_t sp_call_log_handler(ngx_http_request_t *request)
{
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    struct sp_main_conf *conf = sp_main_conf_of(request);
    if (!location->logs_calls || conf->worker == NULL) {
        return NGX_OK;
    }
    struct sp_call *call = sp_call_get(request);
    struct sp_str line = SP_STR_NONE;
    if (call != NULL) {
        sp_presented_read(call, &call->snapshot->owned, false);
        line = sp_call_identify(call) == NGX_OK ? sp_record_line(call) : SP_STR_NONE;
    }
    if (line.at == NULL || !add(conf->call_log, request->pool, line)) {
        sp_metrics_count(sp_metrics_of(conf), SP_COUNT_CALL_LOG_LOST);
    }
    return NGX_OK;
}

/* ---- the directive ---- */

static struct sp_call_log *open_log(ngx_conf_t *cf, const struct sp_main_conf *conf, ngx_str_t *path)
{
    struct sp_call_log *log = ngx_pcalloc(cf->pool, sizeof *log);
    if (log == NULL || (log->file = ngx_conf_open_file(cf->cycle, path)) == NULL ||
        (log->start = ngx_pnalloc(cf->pool, GATHERED_BYTES)) == NULL) {
        return NULL;
    }
    log->conf = conf;
    log->pos = log->start;
    log->end = log->start + GATHERED_BYTES;
    log->flush.handler = flush_event;
    log->flush.data = log;
    log->flush.log = &cf->cycle->new_log;
    log->flush.cancelable = 1; /* a worker that ends writes what waits in the end */
    log->file->flush = flush_file;
    return log;
}

char *sp_call_log_set(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)command;
    struct sp_location_conf *location = data;
    struct sp_main_conf *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sallyport_module);
    ngx_str_t path = ((ngx_str_t *)cf->args->elts)[1];
    if (location->logs_calls != NGX_CONF_UNSET) {
        return "is duplicate";
    }
    location->logs_calls = !sp_str_equal(sp_str_of(path), SP_STR("off"));
    if (!location->logs_calls) {
        return NGX_CONF_OK;
    }
    if (path.len == 0) {
        return "names no file";
    }
    if (conf->call_log == NULL) {
        conf->call_log = open_log(cf, conf, &path);
        return conf->call_log != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
    }
    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }
    return sp_str_equal(sp_str_of(path), sp_str_of(conf->call_log->file->name))
               ? NGX_CONF_OK
               : "names another file than before: there is one call log";
}
