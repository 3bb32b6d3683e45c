/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport authority`: the OpenID Provider as a process of its own – the only one that holds private signing keys.
 * With --dev it starts alone, in memory, on a free port, with a client to try it with. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "authority/call_log.h"
#include "authority/client_directory.h"
#include "authority/account.h"
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/master_mark.h"
#include "authority/patience.h"
#include "authority/remote_keys.h"
#include "authority/listener.h"
#include "authority/server.h"
#include "authority/settings_generation.h"
#include "authority/throttle.h"
#include "cli/authority_context.h"
#include "core/base/limits.h"
#include "core/policy/policy.h"
#include "core/policy/settings.h"
#include "probe/handed_configuration.h"
#include "probe/service_manager.h"

#define DEV_API "\"audiences\":[\"https://api.example.test\"]"
/* Applications write their own address with a slash or without. */
#define DEV_HOME(at) "\"http://" at "/\",\"http://" at "\""
/* Any port of the two addresses (RFC 8252 7.3); of the name, which is compared byte by byte, those of common tools. */
#define DEV_REDIRECTS                                                                                                  \
    "\"native\":true,\"redirect_uris\":[\"http://127.0.0.1/callback\",\"http://[::1]/callback\","                      \
    "\"http://localhost:3000/callback\",\"http://localhost:5173/callback\",\"http://localhost:8080/callback\"],"       \
    "\"post_logout_redirect_uris\":[" DEV_HOME("127.0.0.1:3000") "," DEV_HOME("localhost:3000") "," DEV_HOME(          \
        "localhost:5173") "," DEV_HOME("localhost:8080") "],"
#define DEV_PERSON "\"scopes\":[\"openid\",\"profile\",\"email\",\"offline_access\",\"read:demo\"],"
static const char dev_section[] =
    "{\"clients\":{"
    "\"demo\":{\"secret\":\"demo-secret\",\"scopes\":[\"read:demo\",\"write:demo\"]," DEV_API "},"
    "\"demo-opaque\":{\"secret\":\"demo-secret\",\"scopes\":[\"read:demo\"],\"token_format\":\"opaque\"," DEV_API "},"
    "\"demo-web\":{\"method\":\"none\",\"name\":\"Demo\"," DEV_REDIRECTS DEV_PERSON DEV_API "},"
    "\"demo-app\":{\"secret\":\"demo-secret\",\"name\":\"Demo App\"," DEV_REDIRECTS DEV_PERSON DEV_API "},"
    "\"demo-tv\":{\"method\":\"none\",\"name\":\"Demo "
    "TV\",\"grants\":[\"urn:ietf:params:oauth:grant-type:device_code\","
    "\"refresh_token\"]," DEV_PERSON DEV_API "},"
    "\"demo-service\":{\"secret\":\"demo-secret\",\"grants\":[\"client_credentials\","
    "\"urn:ietf:params:oauth:grant-type:token-exchange\"],\"scopes\":[\"read:demo\"],"
    "\"audiences\":[\"https://next.example.test\"],\"exchange_from\":[\"https://api.example.test\"]}}}";

/* Seeded with --dev; exists already when the state directory is used again. */
#define DEV_CLAIMS "{\"name\":\"Ann Example\",\"email\":\"ann@example.test\",\"email_verified\":true}"
static const struct sp_account_request dev_account = {
    .name = {"ann", 3},
    .password = {"ann-secret", 10},
    .claims = {DEV_CLAIMS, sizeof DEV_CLAIMS - 1},
};

struct running {
    const struct sp_cli *cli;
    struct sp_authority authority;
    bool dev;
    char url[80];
    int listen_fd, admin_fd, log_fd;
    const char *log_path;
    struct sp_policy *of_start; /* for what only a start takes; NULL: it was not from -c */
    struct sp_service_manager manager;
    char refusal[768]; /* the first line of why the last configuration was refused */
    int handed_fd;     /* what the configuration that was handed to us is in; -1: none */
};

static enum sp_status open_listener(struct running *running, const char *state, char trouble[256])
{
    struct sp_str listen = sp_cli_text(running->cli, "listen"), path = sp_cli_text(running->cli, "socket");
    struct sp_str admin = sp_cli_text(running->cli, "admin-socket");
    if (admin.at != NULL) {
        enum sp_status opened = sp_listen_unix(admin.at, SP_LISTEN_TO_US, &running->admin_fd, trouble);
        if (opened != SP_OK)
            return opened;
    }
    if (path.at == NULL && (listen.at != NULL || running->dev))
        return sp_listen_tcp(listen.at != NULL ? listen : SP_STR("127.0.0.1:0"), &running->listen_fd, running->url,
                             trouble);
    struct sp_str whole =
        path.at != NULL ? path : sp_arena_printf(sp_cli_arena(running->cli), "%s/authority.sock", state);
    const char *group = getenv(SP_PROXY_GROUP_VARIABLE);
    return whole.at == NULL
               ? SP_NO_MEMORY
               : sp_listen_unix(whole.at, group != NULL ? atoi(group) : SP_LISTEN_TO_ALL, &running->listen_fd, trouble);
}

/* A new one is an operator's last resort; what it costs is said, since nobody would see it happen. */
static enum sp_status warn_of_another_master_key(struct running *running, char trouble[256])
{
    struct sp_store *store = running->authority.store;
    struct sp_master_change change = {0, false};
    const struct sp_patience patience = sp_patience_begin(SP_PATIENCE_MS);
    enum sp_status status;
    do
        status = sp_master_mark_check(store, running->authority.process_secret, sp_cli_arena(running->cli),
                                      sp_cli_now(), &change);
    while (status == SP_IO && sp_patience_lasts(&patience));
    if (status == SP_IO)
        snprintf(trouble, 256, "the store: %.230s", store->trouble);
    if (change.lost_names > 0 && change.is_known_again)
        fprintf(stderr,
                "authority: the master key is one that was in use here before: the pairwise names (sub) that were made "
                "under it hold again. %lld that applications were told meanwhile, under another, are lost: those "
                "applications meet the same people under other names once more (docs/operations.md)\n",
                (long long)change.lost_names);
    else if (change.lost_names > 0)
        fprintf(stderr,
                "authority: the master key is another than before: %lld pairwise names (sub) that applications know "
                "people by were made under that one. From now on those applications meet the same people under new "
                "names. If the old key is still there, stop now and give it back (docs/operations.md)\n",
                (long long)change.lost_names);
    return status;
}

/* Of several that start at once on one database, one writes it while the others wait. */
static enum sp_status put_dev_account(struct running *running, char trouble[256])
{
    const struct sp_patience patience = sp_patience_begin(SP_PATIENCE_MS);
    enum sp_status status;
    do
        status = sp_account_put(running->authority.store, sp_cli_arena(running->cli), &dev_account, false, sp_cli_now(),
                                trouble);
    while (status == SP_IO && sp_patience_lasts(&patience));
    return status == SP_NOT_FOUND ? SP_OK : status;
}

/* A client that is new has no account's id: `sub` would name both (account.id_of_client). Where the store cannot tell
 * now, the account gets no token. At a start it is only told: what served yesterday serves today. */
static enum sp_status check_client_ids(const struct running *running, const struct sp_authority_settings *settings,
                                       const struct sp_authority_settings *before)
{
    struct sp_account account;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    if (arena == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_account_of_client(running->authority.store, arena, settings, before, &account);
    if (status == SP_OK)
        fprintf(stderr,
                "authority: account.id_of_client: authority.clients.%.*s has the id of the account '%.*s': APIs would "
                "take one's tokens for the other's. %s. Give the client another id, or import the person again under "
                "another one\n",
                SP_STR_ARG(account.id), SP_STR_ARG(account.name),
                before != NULL ? "The configuration was not taken, the old one serves on"
                               : "Until one of them has another id, the account gets no tokens");
    sp_arena_destroy(&arena);
    return status == SP_OK && before != NULL ? SP_MALFORMED : SP_OK;
}

static enum sp_status open_state(struct running *running, const char *state, char trouble[256])
{
    unsigned char master_key[32];
    struct sp_arena *arena = sp_cli_arena(running->cli);
    struct sp_str log = state != NULL ? sp_arena_printf(arena, "%s/authority.jsonl", state) : SP_STR_NONE;
    enum sp_status status;
    bool in_memory = state == NULL && running->authority.settings->postgres.url.len == 0;
    status = in_memory
                 ? sp_store_open_sqlite(":memory:", &running->authority.store, trouble)
                 : sp_cli_open_store(running->cli, running->authority.settings, &running->authority.store, trouble);
    if (status == SP_OK && (state != NULL || running->authority.settings->master_key.len > 0))
        status = sp_cli_master_key(running->authority.settings, running->authority.store, state, master_key, trouble);
    else
        sp_random_bytes(master_key, sizeof master_key);
    if (status == SP_OK && sp_postgres_is_exposed(&running->authority.settings->postgres))
        fprintf(stderr, "authority: insecure: sslmode does not verify the PostgreSQL server; use verify-full\n");
    /* Nodes that share a store share a master key, and so take each other's DPoP nonces. */
    if (status == SP_OK)
        sp_mac(master_key, SP_STR("process secret"), running->authority.process_secret);
    if (status == SP_OK)
        status = sp_key_ring_create(running->authority.store, running->authority.settings, master_key, sp_cli_now(),
                                    &running->authority.keys, trouble);
    explicit_bzero(master_key, sizeof master_key);
    if (status == SP_OK && !in_memory)
        status = warn_of_another_master_key(running, trouble);
    if (status == SP_OK && running->dev) {
        status = put_dev_account(running, trouble);
    }
    if (status == SP_OK)
        status = check_client_ids(running, running->authority.settings, NULL);
    if (status == SP_OK && log.at != NULL) {
        running->log_fd = sp_call_log_open(log.at);
        running->log_path = log.at;
        if (running->log_fd < 0) {
            snprintf(trouble, 256, "%.180s: %s", log.at, strerror(errno));
            status = SP_IO;
        }
    }
    return status;
}

/* What a test has to know, as the configuration has it. */
static void write_seeded(struct sp_json_writer *json, struct sp_arena *arena)
{
    const struct sp_json *section;
    struct sp_json_error error;
    if (sp_json_parse(arena, sp_str_from_cstr(dev_section), &sp_json_limits_document, &section, &error) == SP_OK) {
        sp_json_name(json, SP_STR("clients"));
        sp_json_put_value(json, sp_json_member(section, SP_STR("clients")));
    }
    sp_json_name(json, SP_STR("accounts"));
    sp_json_begin_object(json);
    sp_json_name(json, dev_account.name);
    sp_json_begin_object(json);
    sp_json_string_member(json, "password", dev_account.password);
    sp_json_end_object(json);
    sp_json_end_object(json);
}

static void print_ready(const struct running *running)
{
    const struct sp_authority_settings *settings = running->authority.settings;
    if (sp_cli_wants_json(running->cli)) {
        struct sp_buffer buffer;
        struct sp_json_writer json;
        sp_buffer_init(&buffer, sp_cli_arena(running->cli), 65536);
        sp_json_writer_init(&json, &buffer, false);
        sp_json_begin_object(&json);
        sp_json_string_member(&json, "issuer", settings->issuer);
        if (running->url[0] != '\0')
            sp_json_string_member(&json, "listen", sp_str_from_cstr(running->url));
        if (running->dev && !sp_cli_is_given(running->cli, "config"))
            write_seeded(&json, sp_cli_arena(running->cli));
        sp_json_end_object(&json);
        (void)sp_cli_print_json(running->cli, &buffer, SP_CLI_FINE);
    } else {
        printf("The authority serves %.*s%s%s\n", SP_STR_ARG(settings->issuer), running->url[0] != '\0' ? " on " : "",
               running->url);
    }
    if (running->dev && !sp_cli_wants_json(running->cli) && !sp_cli_is_given(running->cli, "config"))
        printf(
            "\nNothing of it is kept when it ends. Try it:\n\n"
            "  curl -s %.*s/.well-known/openid-configuration\n"
            "  curl -s -u demo:demo-secret -d grant_type=client_credentials -d scope=read:demo %.*s/token\n"
            "  curl -s -u demo:wrong -d grant_type=client_credentials %.*s/token     # and look here for the cause\n\n"
            "Sign in with code and PKCE: account ann, password ann-secret; clients demo-web (public) and demo-app "
            "(demo-secret),\n"
            "redirect URI http://127.0.0.1:ANY/callback or http://localhost:3000/callback (5173 and 8080, too). Device "
            "grant: demo-tv (public).\n"
            "Token exchange: demo-service (demo-secret) takes tokens of demo. All of it for programs: --json.\n"
            "demo-web asks for consent each time: any program of this machine can pass for a public client (RFC 8252 "
            "8.6).\n\n",
            SP_STR_ARG(settings->base), SP_STR_ARG(settings->base), SP_STR_ARG(settings->base));
    fflush(stdout);
}

static enum sp_status read_handed_settings(struct running *running, struct sp_settings_generation *generation)
{
    struct sp_str text;
    struct sp_arena *arena = sp_arena_create(2 * (size_t)SP_MAX_POLICY_BYTES);
    enum sp_status status = arena == NULL ? SP_NO_MEMORY
                                          : sp_handed_configuration_take((int)sp_cli_number(running->cli, "handed", -1),
                                                                         &running->handed_fd, arena, &text);
    if (status != SP_OK)
        (void)sp_cli_failure(running->cli, "the configuration was not handed over: %s",
                             status == SP_IO ? strerror(errno) : sp_status_text(status));
    else
        status = sp_cli_authority_settings_handed(running->cli, generation->arena, text, &generation->settings);
    sp_arena_destroy(&arena);
    return status;
}

/* Published only when it could be read. Complains itself. */
static enum sp_status read_settings(struct running *running)
{
    struct sp_settings_generation *generation = sp_settings_generation_create();
    if (generation == NULL)
        return SP_NO_MEMORY;
    struct sp_str default_issuer =
        running->dev && running->url[0] != '\0' ? sp_str_from_cstr(running->url) : SP_STR_NONE;
    enum sp_status status = sp_cli_is_given(running->cli, "handed")
                                ? read_handed_settings(running, generation)
                                : sp_cli_authority_settings(running->cli, generation->arena, default_issuer,
                                                            running->dev ? dev_section : NULL, &generation->settings);
    if (status == SP_OK && running->authority.store != NULL)
        status = check_client_ids(running, &generation->settings, running->authority.settings);
    if (status != SP_OK) {
        sp_settings_generation_unref(&generation);
        return status;
    }
    generation->settings.development = running->dev;
    sp_settings_generation_publish(&running->authority, generation);
    return SP_OK;
}

/* Under `sallyport serve` it is told there, where the configuration stands. */
static void tell_waiting_settings(const struct running *running)
{
    enum sp_setting waiting[SP_SETTING_COUNT];
    const struct sp_policy *now = running->authority.settings->configuration;
    const size_t count = running->of_start == NULL || now == NULL
                             ? 0
                             : sp_start_settings_changed(running->of_start->source, now->source, waiting);
    for (size_t i = 0; i < count; i++) {
        const struct sp_setting_info *info = sp_setting_get(waiting[i]);
        fprintf(stderr,
                "authority: %.*s.%.*s differs from what the authority was started with, and only a start takes it: "
                "until then the old value holds. Restart it, or write the old value back\n",
                SP_STR_ARG(sp_section_get(info->section)->place), SP_STR_ARG(info->name));
    }
}

static const char *reload(void *context, struct sp_authority *authority)
{
    struct running *running = context;
    sp_cli_keep_complaint(running->refusal, sizeof running->refusal);
    const enum sp_status status = read_settings(running);
    sp_cli_keep_complaint(NULL, 0);
    if (status != SP_OK)
        return running->refusal;
    sp_client_directory_forget(authority, SP_STR_NONE); /* read under the rules of before */
    tell_waiting_settings(running);
    fprintf(stderr, "authority: the configuration was read again\n");
    return NULL;
}

static void notice_failure(const struct running *running, const char *why)
{
    char status[SP_SERVICE_STATUS_BYTES];
    snprintf(status, sizeof status, "Not started: %s", why[0] != '\0' ? why : "see the log");
    if (sp_service_manager_tell(&running->manager, SP_SERVICE_STATUS, status) != SP_OK)
        fprintf(stderr, "authority: the service manager ($NOTIFY_SOCKET) cannot be told why: %s\n", strerror(errno));
}

static int run(struct sp_cli *cli)
{
    struct running running = {
        .cli = cli, .dev = sp_cli_flag(cli, "dev"), .listen_fd = -1, .admin_fd = -1, .log_fd = -1, .handed_fd = -1};
    char trouble[256] = "";
    const char *state = running.dev && !sp_cli_is_given(cli, "state") ? NULL : sp_cli_authority_state(cli);
    if (sp_cli_is_given(cli, "listen") && sp_cli_is_given(cli, "socket"))
        return sp_cli_usage_error(cli, "--listen and --socket exclude each other");
    if (sp_cli_is_given(cli, "handed") && (sp_cli_is_given(cli, "config") || running.dev))
        return sp_cli_usage_error(cli, "--handed comes from `sallyport serve` alone; it excludes -c and --dev");
    if (state != NULL && mkdir(state, 0700) != 0 && errno != EEXIST)
        return sp_cli_failure(cli, "%s: %s", state, strerror(errno));
    sp_service_manager_find(&running.manager);
    sp_server_hold_reload();
    int exit_status = SP_CLI_UNEXAMINED;
    /* A development issuer is named after its port; behind nginx whoever can connect is to be answered. */
    bool listens_first = running.dev || sp_cli_is_given(cli, "listen");
    enum sp_status status = listens_first ? open_listener(&running, state, trouble) : SP_OK;
    if (status == SP_OK) {
        sp_cli_keep_complaint(running.refusal, sizeof running.refusal);
        status = read_settings(&running);
        sp_cli_keep_complaint(NULL, 0);
        if (status != SP_OK) {
            notice_failure(&running, running.refusal);
            exit_status = status == SP_MALFORMED ? SP_CLI_REJECTED : SP_CLI_UNEXAMINED;
            goto done; /* it complained itself */
        }
        if (!sp_cli_is_given(cli, "handed") && running.authority.settings->configuration != NULL)
            running.of_start = sp_policy_ref(running.authority.settings->configuration);
        running.authority.proxy_secret = sp_str_from_cstr(getenv(SP_PROXY_SECRET_VARIABLE));
        status = open_state(&running, state, trouble);
    }
    if (status == SP_OK && !listens_first)
        status = open_listener(&running, state, trouble);
    if (status == SP_OK)
        status = sp_server_hold_signals();
    if (status == SP_OK) {
        print_ready(&running);
        struct sp_server_terms terms = {.listen_fd = running.listen_fd,
                                        .authority = &running.authority,
                                        .admin_fd = running.admin_fd,
                                        .log_fd = running.log_fd,
                                        .log_path = running.log_path,
                                        .tells_refusals = running.dev && !sp_cli_wants_json(cli),
                                        .reload = reload,
                                        .reload_context = &running,
                                        .manager = &running.manager};
        running.listen_fd = running.admin_fd = -1; /* the server's from here on */
        status = sp_server_run(&terms);
        if (status != SP_OK)
            snprintf(trouble, sizeof trouble, "the HTTP server could not start");
    }
    if (status != SP_OK)
        notice_failure(&running, trouble[0] != '\0' ? trouble : sp_status_text(status));
    exit_status = status == SP_OK ? SP_CLI_FINE
                                  : sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
done:
    sp_remote_keys_destroy(&running.authority.remote_keys);
    sp_client_directory_destroy(&running.authority.directory);
    sp_throttle_destroy(&running.authority.throttle);
    sp_key_destroy(&running.authority.follow_key);
    sp_key_ring_destroy(&running.authority.keys);
    if (running.authority.store != NULL)
        running.authority.store->methods->destroy(&running.authority.store);
    sp_settings_generation_unref(&running.authority.generation);
    sp_policy_unref(&running.of_start);
    if (running.listen_fd >= 0)
        close(running.listen_fd);
    if (running.admin_fd >= 0)
        close(running.admin_fd);
    if (running.log_fd >= 0)
        close(running.log_fd);
    if (running.handed_fd >= 0)
        close(running.handed_fd);
    explicit_bzero(running.authority.process_secret, sizeof running.authority.process_secret);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration with an authority: section; may be repeated, later files win."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "Where the store, the sealed keys and the log live (default: state)."},
    {"socket", 0, SP_OPTION_TEXT, "PATH", "Listen on this unix socket (default: STATE/authority.sock, behind nginx)."},
    {"admin-socket", 0, SP_OPTION_TEXT, "PATH",
     "Serve the admin API on this unix socket, to our own user alone; `sallyport serve` asks for the token in front of "
     "it."},
    {"handed", 0, SP_OPTION_NUMBER, "FD",
     "Take the configuration that `sallyport serve` hands over on this descriptor, in place of -c."},
    {"listen", 0, SP_OPTION_TEXT, "ADDR", "Listen on HOST:PORT instead; port 0 takes a free one."},
    {"dev", 0, SP_OPTION_FLAG, NULL, "Start alone, in memory, on a free port, with clients to try it with."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_authority = {
    .name = "authority",
    .summary = "run the OpenID Provider alone",
    .options = options,
    .text =
        "`sallyport serve` starts it by itself when the configuration has an authority: section. SIGHUP reads the "
        "configuration again,\n"
        "SIGTERM ends it. Every call is a line in STATE/authority.jsonl; refused ones name their cause. SIGUSR1 opens "
        "that file anew, after it was\n"
        "renamed.\n\n"
        "  sallyport authority --dev\n"
        "  sallyport authority -c sallyport.yaml --state /var/lib/sallyport --listen 127.0.0.1:9400",
    .run = run,
};
