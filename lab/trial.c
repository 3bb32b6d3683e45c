/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 20
#define GRACE_MS 1000
#define MOST_VARIABLES 512u

extern char **environ;

/* ---- what an ending means ---- */

static const struct {
    const char *name, *words;
    bool finding;
} outcomes[SP_LAB_OUTCOME_COUNT] = {
    [SP_LAB_FAILED_CLOSED] = {"failed_closed", "failed closed", false},
    [SP_LAB_ACCEPTED] = {"accepted", "ACCEPTED", true},
    [SP_LAB_SURVIVED] = {"survived", "survived", false},
    [SP_LAB_DID_NOT_SURVIVE] = {"did_not_survive", "DID NOT SURVIVE", true},
    [SP_LAB_TOLD] = {"refused", "refused", false},
    [SP_LAB_WENT_ON] = {"went_on", "went on", false},
    [SP_LAB_HUNG] = {"hung", "HUNG", true},
    [SP_LAB_UNMET] = {"unmet", "not met", false},
    [SP_LAB_UNHEALTHY] = {"unhealthy", "fails in a healthy world too", false},
};

struct sp_str sp_lab_outcome_name(enum sp_lab_outcome outcome)
{
    return sp_str_from_cstr(outcomes[outcome].name);
}

struct sp_str sp_lab_outcome_words(enum sp_lab_outcome outcome)
{
    return sp_str_from_cstr(outcomes[outcome].words);
}

bool sp_lab_outcome_is_finding(enum sp_lab_outcome outcome)
{
    return outcomes[outcome].finding;
}

/* What is committed without a request to the lab: in the token or the URL that the command was given, or by a port
 * where nobody is. */
static bool is_met_anyway(const struct sp_lab_fault *fault)
{
    return fault->who != SP_LAB_WHO_CLIENT || fault->cause == SP_CAUSE_UPSTREAM_DNS ||
           sp_lab_act_find(fault->cause, SP_LAB_TOKEN) == SP_LAB_ACT_REFUSE ||
           sp_lab_act_find(fault->cause, SP_LAB_API) == SP_LAB_ACT_REFUSE;
}

enum sp_lab_outcome sp_lab_judge(const struct sp_lab_fault *fault, const struct sp_lab_ending *ending,
                                 uint64_t committed)
{
    bool succeeded = ending->exit_status == 0;
    if (ending->timed_out)
        return SP_LAB_HUNG;
    if (committed == 0 && !is_met_anyway(fault))
        return SP_LAB_UNMET;
    switch (fault->must) {
    case SP_LAB_MUST_SURVIVE:
        return succeeded ? SP_LAB_SURVIVED : SP_LAB_DID_NOT_SURVIVE;
    case SP_LAB_MUST_EITHER:
        return succeeded ? SP_LAB_WENT_ON : SP_LAB_TOLD;
    case SP_LAB_MUST_REFUSE:
        break;
    }
    return succeeded ? SP_LAB_ACCEPTED : SP_LAB_FAILED_CLOSED;
}

/* ---- its environment ---- */

static bool is_ours(const char *variable)
{
    return strncmp(variable, "SALLYPORT_LAB_", 14) == 0;
}

static enum sp_status make_environment(struct sp_lab *lab, struct sp_arena *arena, char **variables)
{
    const struct sp_lab_facts facts = sp_lab_facts(lab);
    struct sp_str access_token, id_token;
    enum sp_status status = sp_lab_example_tokens(lab, arena, &access_token, &id_token);
    if (status != SP_OK)
        return status;
    const struct {
        const char *name;
        struct sp_str value;
    } rows[] = {
        {"FAULT", sp_lab_fault_id(sp_lab_fault(lab))},
        {"ISSUER", facts.issuer},
        {"API", facts.api},
        {"CA", facts.ca_file},
        {"CLIENT_ID", facts.client_id},
        {"CLIENT_SECRET", facts.client_secret},
        {"TOKEN", access_token},
        {"ID_TOKEN", id_token},
        {"AUDIENCE", facts.audience},
        {"SCOPE", facts.scope},
        {"METADATA_URL", facts.metadata_url},
        {"TOKEN_ENDPOINT", facts.token_endpoint},
        {"AUTHORIZATION_ENDPOINT", facts.authorization_endpoint},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str line = sp_arena_printf(arena, "SALLYPORT_LAB_%s=%.*s", rows[i].name, SP_STR_ARG(rows[i].value));
        if (line.at == NULL)
            return SP_NO_MEMORY;
        variables[count++] = (char *)(uintptr_t)line.at;
    }
    for (char **at = environ; *at != NULL && count + 1 < MOST_VARIABLES; at++)
        if (!is_ours(*at))
            variables[count++] = *at;
    variables[count] = NULL;
    return SP_OK;
}

/* ---- its run ---- */

struct run {
    pid_t pid;
    int pipe;
    char output[SP_LAB_TRIAL_OUTPUT_BYTES];
    size_t output_len;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* It gets its own group, to be ended as a whole, the signals as they are by default, and nothing of ours but its
 * output. */
static int start(struct run *run, struct sp_str command, char **variables, int ends[2])
{
    char *words[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command.at, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
    int error = posix_spawn(&run->pid, "/bin/sh", &files, &attributes, words, variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* Keeps the last of it. */
static void take_output(struct run *run)
{
    char block[4096];
    ssize_t got;
    while ((got = read(run->pipe, block, sizeof block)) > 0) {
        size_t len = (size_t)got;
        if (run->output_len + len > sizeof run->output) {
            size_t keep = sizeof run->output - len;
            keep = keep < run->output_len ? keep : run->output_len;
            memmove(run->output, run->output + run->output_len - keep, keep);
            run->output_len = keep;
        }
        memcpy(run->output + run->output_len, block, len);
        run->output_len += len;
    }
}

static bool was_told_to_stop(void)
{
    const struct timespec at_once = {0, 0};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    return sigtimedwait(&signals, NULL, &at_once) > 0;
}

static bool has_ended(struct run *run, int *how)
{
    struct pollfd output = {run->pipe, POLLIN, 0};
    poll(&output, 1, TICK_MS);
    /* At its end, when the command closed it, poll returns at once: the process itself is what counts. */
    if ((output.revents & POLLHUP) != 0)
        poll(NULL, 0, TICK_MS);
    take_output(run);
    return waitpid(run->pid, how, WNOHANG) == run->pid;
}

/* The group: a shell's children too. */
static void end_all(struct run *run, int *how)
{
    int64_t until = now_ms() + GRACE_MS;
    bool ended = false;
    kill(-run->pid, SIGTERM);
    while (!ended && now_ms() < until)
        ended = has_ended(run, how);
    kill(-run->pid, SIGKILL);
    if (!ended)
        (void)waitpid(run->pid, how, 0);
}

static void await(struct run *run, int64_t timeout_ms, struct sp_lab_ending *ending)
{
    int64_t since = now_ms();
    int how = 0;
    bool ended = false;
    while (!ended && !ending->timed_out && !ending->interrupted) {
        ended = has_ended(run, &how);
        ending->timed_out = !ended && now_ms() - since >= timeout_ms;
        ending->interrupted = !ended && was_told_to_stop();
    }
    if (!ended)
        end_all(run, &how);
    else
        kill(-run->pid, SIGKILL); /* what it left behind */
    take_output(run);
    ending->took_ms = now_ms() - since;
    ending->exit_status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

/* Runs the command with the facts of the moment in its environment (SALLYPORT_LAB_…). SP_IO with errno: it cannot be
 * started; SP_NO_MEMORY. */
static enum sp_status run_command(struct sp_lab *lab, struct sp_arena *arena, struct sp_str command, int64_t timeout_ms,
                                  struct sp_lab_ending *out)
{
    char *variables[MOST_VARIABLES];
    struct sp_str line = sp_arena_printf(arena, "%.*s", SP_STR_ARG(command));
    struct run *run = calloc(1, sizeof *run);
    struct sp_lab_ending ending = {.timed_out = false};
    int ends[2] = {-1, -1};
    enum sp_status status = line.at != NULL && run != NULL ? make_environment(lab, arena, variables) : SP_NO_MEMORY;
    if (status != SP_OK)
        goto done;
    status = SP_IO;
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        goto done;
    run->pipe = ends[0];
    errno = start(run, line, variables, ends);
    if (errno != 0)
        goto done;
    close(ends[1]);
    ends[1] = -1;
    await(run, timeout_ms, &ending);
    status = sp_arena_copy(arena, sp_str(run->output, run->output_len), &ending.output);
    if (status == SP_OK)
        *out = ending;
done:
    for (size_t i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    free(run);
    return status;
}

enum sp_status sp_lab_trial_run(struct sp_lab *lab, struct sp_arena *arena, enum sp_cause fault, struct sp_str command,
                                int64_t timeout_ms, struct sp_lab_trial *trial)
{
    struct sp_lab_trial made = {.fault = fault, .outcome = SP_LAB_UNHEALTHY};
    sp_lab_set_fault(lab, SP_CAUSE_NONE);
    enum sp_status status = run_command(lab, arena, command, timeout_ms, &made.ending);
    bool healthy = status == SP_OK && made.ending.exit_status == 0 && !made.ending.timed_out;
    if (healthy) {
        sp_lab_set_fault(lab, fault);
        status = run_command(lab, arena, command, timeout_ms, &made.ending);
        made.committed = sp_lab_commits(lab);
        made.outcome = sp_lab_judge(sp_lab_fault_find(fault), &made.ending, made.committed);
        sp_lab_set_fault(lab, SP_CAUSE_NONE);
    }
    if (status == SP_OK)
        *trial = made;
    return status;
}
