/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport serve`: finds the configuration, the state directory and the nginx module, then hands over to the control
 * plane. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/check.h"
#include "cli/serve.h"
#include "control/plane.h"
#include "probe/configuration.h"

#define MODULE_NAME "ngx_http_sallyport_module.so"
/* STATE/authority.sock must fit into a socket's address of 108 bytes. */
#define MAX_STATE_BYTES 90u

const char *sp_cli_serve_state(const struct sp_cli *cli, bool *is_named)
{
    struct sp_str given = sp_cli_text(cli, "state");
    const char *directory = getenv("STATE_DIRECTORY");
    *is_named = given.at != NULL || directory != NULL;
    return given.at != NULL ? given.at : directory != NULL ? directory : "state";
}

static bool make_state(const struct sp_cli *cli, char state[PATH_MAX], bool *is_new)
{
    bool is_named;
    const char *path = sp_cli_serve_state(cli, &is_named);
    /* The control plane lets the workers' group into it. */
    *is_new = mkdir(path, 0700) == 0;
    if (!*is_new && errno != EEXIST) {
        sp_cli_failure(cli, "the state directory %s cannot be made: %s", path, strerror(errno));
        return false;
    }
    if (realpath(path, state) == NULL || access(state, R_OK | W_OK | X_OK) != 0) {
        sp_cli_failure(cli, "the state directory %s cannot be used: %s", path, strerror(errno));
        return false;
    }
    if (strlen(state) > MAX_STATE_BYTES) {
        sp_cli_failure(
            cli, "the state directory's path has %zu bytes; its sockets allow %u. Choose a shorter one with --state",
            strlen(state), MAX_STATE_BYTES);
        return false;
    }
    return true;
}

static bool find_program(char program[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", program, PATH_MAX - 1);
    if (len <= 0) {
        return false;
    }
    program[len] = '\0';
    return true;
}

/* $SALLYPORT_MODULE, next to the program (the build), where `make install` puts it, where nginx's package keeps
 * modules. */
static bool find_module(const struct sp_cli *cli, const char *program, char module[PATH_MAX])
{
    char beside[PATH_MAX];
    const char *slash = strrchr(program, '/');
    snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - program), program, MODULE_NAME);
    const char *const places[] = {getenv("SALLYPORT_MODULE"), beside, SP_MODULE_DIR "/" MODULE_NAME,
                                  "/usr/lib/nginx/modules/" MODULE_NAME};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] != NULL && realpath(places[i], module) != NULL) {
            return true;
        }
    }
    sp_cli_failure(cli,
                   "%s is not found beside this program, in %s or in /usr/lib/nginx/modules; build it with `make`, or "
                   "name it in $SALLYPORT_MODULE",
                   MODULE_NAME, SP_MODULE_DIR);
    return false;
}

static size_t find_configurations(const struct sp_cli *cli, const struct sp_str **paths)
{
    static const char *const defaults[] = SP_CONFIGURATION_DEFAULTS;
    static struct sp_str found;
    size_t count = sp_cli_list(cli, "config", paths);
    for (size_t i = 0; count == 0 && i < sizeof defaults / sizeof defaults[0]; i++) {
        if (access(defaults[i], F_OK) == 0) {
            found = sp_str_from_cstr(defaults[i]);
            *paths = &found;
            count = 1;
        }
    }
    return count;
}

static int run(struct sp_cli *cli)
{
    char state[PATH_MAX], program[PATH_MAX], module[PATH_MAX];
    struct sp_plane_terms terms = {.state = state,
                                   .program = program,
                                   .module = module,
                                   .watches = sp_cli_flag(cli, "watch"),
                                   .judge_authority = sp_check_authority};
    terms.configuration_count = find_configurations(cli, &terms.configurations);
    if (terms.configuration_count == 0) {
        return sp_cli_usage_error(cli, "there is no configuration: name one with -c FILE (sallyport.yaml here and "
                                       "/etc/sallyport/sallyport.yaml do not exist)");
    }
    if (!find_program(program)) {
        return sp_cli_failure(cli, "/proc/self/exe: %s", strerror(errno));
    }
    if (!find_module(cli, program, module) || !make_state(cli, state, &terms.state_is_new)) {
        return SP_CLI_UNEXAMINED;
    }
    switch (sp_plane_run(&terms)) {
    case SP_OK:
        return SP_CLI_FINE;
    case SP_MALFORMED:
        return SP_CLI_REJECTED;
    default:
        return SP_CLI_UNEXAMINED;
    }
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration; several are merged in order. Default: sallyport.yaml, then /etc/sallyport/sallyport.yaml."},
    {"state", 0, SP_OPTION_TEXT, "DIR",
     "State directory: keys, snapshot, sockets, logs. Default: $STATE_DIRECTORY, or ./state."},
    {"watch", 0, SP_OPTION_FLAG, NULL,
     "Apply the configuration anew whenever one of its files changes, or one that it names (certificates, keys, "
     "secrets)."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_serve = {
    .name = "serve",
    .summary = "Run the gateway: nginx, the key keeper, the authority",
    .options = options,
    .text = "Writes nginx's configuration into the state directory, starts nginx as its child and watches it. SIGHUP "
            "applies a changed\n"
            "configuration without dropping a connection; a bad one is refused, the old one stays. SIGTERM ends "
            "gracefully, SIGUSR1\n"
            "opens the logs anew after they were renamed. When this process dies, nginx serves on; started again it "
            "goes on with the running nginx.\n"
            "\n"
            "  sallyport serve -c sallyport.yaml\n"
            "  sallyport serve -c base.yaml -c production.yaml --state /var/lib/sallyport\n",
    .run = run,
};
