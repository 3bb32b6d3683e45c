/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/check_here.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/limits.h"
#include "core/policy/check.h"
#include "core/policy/settings.h"
#include "probe/port_holder.h"

#define PATH_BYTES 4096

struct look {
    struct sp_arena *arena;
    const struct sp_policy *policy;
    const struct sp_machine_terms *terms;
    struct sp_policy_report *report;
    bool has_state;
    pid_t nginx; /* of the state directory; its workers have it as their process group. 0: none */
    enum sp_status status;
};

static void complain(struct look *look, enum sp_cause cause, const struct sp_json *value, struct sp_str path,
                     const char *expected, struct sp_str received, struct sp_str detail)
{
    struct sp_policy_problem problem = {.file = received};
    if (value != NULL) {
        problem = sp_policy_place(look->policy, value);
    }
    problem.finding = (struct sp_finding){.cause = cause,
                                          .check = SP_CHECK_COUNT,
                                          .verified = true,
                                          .expected = sp_str_from_cstr(expected),
                                          .received = received,
                                          .detail = detail};
    problem.path = path;
    problem.message =
        sp_arena_printf(look->arena, "%.*s: %.*s: %.*s", SP_STR_ARG(path), SP_STR_ARG(received), SP_STR_ARG(detail));
    if (detail.at == NULL || problem.message.at == NULL || sp_policy_report_add(look->report, &problem) != SP_OK) {
        look->status = SP_NO_MEMORY;
    }
}

/* ---- addresses ---- */
static socklen_t socket_address(const struct sp_listen_place *place, struct sockaddr_storage *storage)
{
    memset(storage, 0, sizeof *storage);
    if (place->family == SP_LISTEN_IPV4) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)place->port)};
        memcpy(&address.sin_addr, place->address, 4);
        memcpy(storage, &address, sizeof address);
        return sizeof address;
    }
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)place->port)};
    memcpy(&address.sin6_addr, place->address, 16);
    memcpy(storage, &address, sizeof address);
    return sizeof address;
}

/* As nginx does it, without listening; 0, or why not. */
static int try_to_bind(const struct sp_listen_place *place)
{
    struct sockaddr_storage address;
    const socklen_t len = socket_address(place, &address);
    const int one = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    const int error = bind(fd, (struct sockaddr *)&address, len) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static bool is_own(const struct look *look, const struct sp_port_holder *holder)
{
    if (holder->pid == 0) {
        return false;
    }
    const bool is_of_state = look->nginx > 1 && (holder->pid == look->nginx || getpgid(holder->pid) == look->nginx);
    return is_of_state || (look->terms->is_state_assumed && sp_process_has_gateway(holder->pid));
}

/* None: it is our own nginx that has it. */
static struct sp_str who_has(struct look *look, const struct sp_listen_place *place)
{
    struct sp_port_holder holder;
    sp_port_holder_find(place, &holder);
    if (is_own(look, &holder)) {
        return SP_STR_NONE;
    }
    if (!holder.is_found) {
        return SP_STR("it is taken, by a socket that does not listen");
    }
    if (holder.pid == 0) {
        return sp_arena_printf(
            look->arena, "it is taken, by a process of user %u that user %u is not shown (as root, check names it)",
            holder.uid, (unsigned)geteuid());
    }
    return sp_arena_printf(look->arena, "process %d (%s%s) listens there", (int)holder.pid, holder.name,
                           sp_process_has_gateway(holder.pid) ? " of another sallyport" : "");
}

static struct sp_str fault_of(struct look *look, const struct sp_listen_place *place, int error)
{
    switch (error) {
    case EADDRINUSE:
        return who_has(look, place);
    case EADDRNOTAVAIL:
        return SP_STR("it is no address of this machine");
    case EACCES:
        return sp_arena_printf(look->arena, "user %u may not take port %u", (unsigned)geteuid(), place->port);
    default:
        return sp_arena_printf(look->arena, "%s", strerror(error));
    }
}

struct address {
    struct sp_str text, path;
    const struct sp_json *value;
};

static void complain_of_address(struct look *look, const struct address *address, struct sp_str detail)
{
    if (detail.len > 0) {
        complain(look, SP_CAUSE_CONFIG_ADDRESS, address->value, address->path,
                 "an address of this machine with a port that is free", address->text, detail);
    }
}

static void try_place(struct look *look, const struct address *address, const struct sp_listen_place *place)
{
    const int error = try_to_bind(place);
    if (error != 0) {
        complain_of_address(look, address, fault_of(look, place, error));
    }
}

static void leave_name_out(struct look *look, const struct address *address, struct sp_listen_place *place)
{
    static const unsigned char loopback[4] = {127, 0, 0, 1};
    if (!sp_str_equal_ignoring_case(place->text, SP_STR("localhost"))) {
        look->terms->leaves_out(look->terms->data, address->path.at, address->text);
        return;
    }
    memcpy(place->address, loopback, sizeof loopback);
    place->family = SP_LISTEN_IPV4;
    try_place(look, address, place);
}

/* A name means whatever it leads to here; nginx takes all of it. */
static void try_name(struct look *look, const struct address *address, struct sp_listen_place *place)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct sp_str name = sp_arena_printf(look->arena, "%.*s", SP_STR_ARG(place->text));
    const int failure = name.at != NULL ? getaddrinfo(name.at, NULL, &hints, &list) : EAI_MEMORY;
    if (failure != 0) {
        complain_of_address(look, address,
                            sp_arena_printf(look->arena, "the name has no address here (%s)", gai_strerror(failure)));
        return;
    }
    int error = 0;
    for (const struct addrinfo *at = list; at != NULL && error == 0; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            struct sockaddr_in found;
            memcpy(&found, at->ai_addr, sizeof found);
            memcpy(place->address, &found.sin_addr, 4);
            place->family = SP_LISTEN_IPV4;
        } else {
            struct sockaddr_in6 found;
            memcpy(&found, at->ai_addr, sizeof found);
            memcpy(place->address, &found.sin6_addr, 16);
            place->family = SP_LISTEN_IPV6;
        }
        error = try_to_bind(place);
    }
    freeaddrinfo(list);
    if (error != 0) {
        complain_of_address(look, address, fault_of(look, place, error));
    }
}

static struct sp_str folder_fault(struct look *look, struct sp_str path);

static void try_address(struct look *look, const struct address *address)
{
    struct sp_listen_place places[2];
    const size_t count = sp_listen_places(address->text, places);
    for (size_t i = 0; i < count && look->status == SP_OK; i++) {
        if (places[i].family == SP_LISTEN_UNIX) {
            complain_of_address(look, address, folder_fault(look, places[i].text));
        } else if (places[i].family == SP_LISTEN_NAME && look->terms->leaves_out != NULL) {
            leave_name_out(look, address, &places[i]);
        } else if (places[i].family == SP_LISTEN_NAME) {
            try_name(look, address, &places[i]);
        } else if (i == 0 || access("/proc/net/if_inet6", F_OK) == 0) { /* ":8080" is IPv6 where there is any */
            const int error = try_to_bind(&places[i]);
            struct sp_str fault = error != 0 ? fault_of(look, &places[i], error) : SP_STR_NONE;
            complain_of_address(look, address, fault);
            if (fault.len > 0) {
                return; /* the other family says the same */
            }
        }
    }
}

static const struct sp_json *place_of(const struct sp_json *object, enum sp_setting setting, const struct sp_json *root)
{
    const struct sp_json *value = object != NULL ? sp_setting_value(object, setting) : NULL;
    return value != NULL ? value : object != NULL ? object : root;
}

static void try_addresses(struct look *look)
{
    const struct sp_serving *serving = &look->policy->serving;
    const struct sp_json *root = look->policy->source;
    for (size_t i = 0; i < serving->listener_count && look->status == SP_OK; i++) {
        const struct sp_listener *listener = &serving->listeners[i];
        try_address(look, &(struct address){.text = listener->address,
                                            .path = SP_STR("listen.address"),
                                            .value = place_of(listener->source, SP_SETTING_LISTEN_ADDRESS, root)});
    }
    if (serving->has_admin && look->status == SP_OK) {
        try_address(look, &(struct address){.text = serving->admin_address,
                                            .path = SP_STR("admin.address"),
                                            .value = place_of(sp_setting_value(root, SP_SETTING_ROOT_ADMIN),
                                                              SP_SETTING_ADMIN_ADDRESS, root)});
    }
}

/* ---- files ---- */
static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static struct sp_str not_writable(struct look *look, const char *what, const char *path)
{
    return sp_arena_printf(look->arena, "user %u may not write %s %s (%s)", (unsigned)geteuid(), what, path,
                           strerror(errno));
}

/* Of the folder that a file at `path` is to be made in; none: it can be. */
static struct sp_str folder_fault(struct look *look, struct sp_str path)
{
    char folder[PATH_BYTES];
    struct stat found;
    size_t end = path.len;
    while (end > 0 && path.at[end - 1] != '/') {
        end--;
    }
    end = end > 1 ? end - 1 : end;
    snprintf(folder, sizeof folder, "%.*s", end > 0 ? (int)end : 1, end > 0 ? path.at : ".");
    if (stat(folder, &found) != 0) {
        return sp_arena_printf(look->arena, errno == ENOENT ? "there is no folder %s, and nothing makes it" : "%s: %s",
                               folder, strerror(errno));
    }
    if (!S_ISDIR(found.st_mode)) {
        return sp_arena_printf(look->arena, "%s is no folder", folder);
    }
    return may(folder, W_OK | X_OK) ? SP_STR_NONE : not_writable(look, "into the folder", folder);
}

static struct sp_str file_fault(struct look *look, struct sp_str path)
{
    char file[PATH_BYTES];
    struct stat found;
    snprintf(file, sizeof file, "%.*s", SP_STR_ARG(path));
    if (stat(file, &found) != 0) {
        return errno == ENOENT ? folder_fault(look, path) : sp_arena_printf(look->arena, "%s", strerror(errno));
    }
    if (S_ISDIR(found.st_mode)) {
        return SP_STR("it is a folder");
    }
    return may(file, W_OK) ? SP_STR_NONE : not_writable(look, "the file", file);
}

static void look_at_file(struct look *look, const struct sp_json *value, const char *member, struct sp_str path)
{
    struct sp_str fault = path.at != NULL ? file_fault(look, path) : SP_STR_NONE;
    if (path.at == NULL) {
        look->status = SP_NO_MEMORY;
    } else if (fault.len > 0) {
        complain(look, SP_CAUSE_CONFIG_FILE, value, sp_str_from_cstr(member),
                 "its folder, and let the user that `sallyport serve` runs as write there", path, fault);
    }
}

static void look_at_call_log(struct look *look)
{
    const struct sp_serving *serving = &look->policy->serving;
    const struct sp_json *root = look->policy->source,
                         *value =
                             place_of(sp_setting_value(root, SP_SETTING_ROOT_CALL_LOG), SP_SETTING_CALL_LOG_FILE, root);
    struct sp_str file = serving->call_log_file;
    if (!serving->logs_calls) {
        return;
    }
    if (sp_str_has_prefix(file, SP_STR("/"))) {
        look_at_file(look, value, "call_log.file", file);
    } else if (look->has_state || sp_str_index_of(file, '/', 0) < file.len) {
        look_at_file(look, value, "call_log.file",
                     sp_arena_printf(look->arena, "%s/%.*s", look->terms->state, SP_STR_ARG(file)));
    }
}

/* The directory is made when it is missing; what is opened in it may be another user's, of a start as root;
 * the rest is replaced as a whole. */
static void look_at_state(struct look *look)
{
    static const char *const names[] = {"lock", "nginx.error.log", "authority.jsonl", "authority.sqlite"};
    const char *state = look->terms->state;
    struct stat found;
    struct sp_str path = sp_str_from_cstr(state), fault = SP_STR_NONE;
    if (!look->has_state) {
        fault = folder_fault(look, path);
    } else if (stat(state, &found) != 0 || !S_ISDIR(found.st_mode)) {
        fault = SP_STR("it is no folder");
    } else if (!may(state, R_OK | W_OK | X_OK)) {
        fault = not_writable(look, "into the folder", state);
    }
    if (fault.len > 0) {
        complain(look, SP_CAUSE_CONFIG_FILE, NULL, SP_STR("--state"),
                 "it a folder of the user that `sallyport serve` runs as", path, fault);
        return;
    }
    for (size_t i = 0; look->has_state && i < sizeof names / sizeof names[0] && look->status == SP_OK; i++) {
        look_at_file(look, NULL, "--state", sp_arena_printf(look->arena, "%s/%s", state, names[i]));
    }
}

static pid_t nginx_of(const char *state)
{
    char path[PATH_BYTES];
    int pid = 0;
    snprintf(path, sizeof path, "%s/nginx.pid", state);
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%9d", &pid) != 1) {
        pid = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return (pid_t)pid;
}

enum sp_status sp_check_here(const struct sp_policy *policy, const struct sp_machine_terms *terms,
                             struct sp_policy_report *report)
{
    struct look look = {.arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES),
                        .policy = policy,
                        .terms = terms,
                        .report = report,
                        .has_state = access(terms->state, F_OK) == 0,
                        .nginx = nginx_of(terms->state)};
    if (look.arena == NULL) {
        return SP_NO_MEMORY;
    }
    try_addresses(&look);
    if (look.has_state || !terms->is_state_assumed) {
        look_at_state(&look);
    }
    look_at_call_log(&look);
    enum sp_status status = look.status;
    sp_policy_report_sort(report);
    sp_arena_destroy(&look.arena);
    return status;
}
