/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport keys rotate`: a new signing key for the authority, by hand. Works on the store; a running authority sees
 * it within a second. */
#include "authority/key_ring.h"
#include "authority/master_key.h"
#include "cli/authority_context.h"

static int print_states(struct sp_cli *cli, const struct sp_key_ring *ring)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, sp_cli_arena(cli), 1u << 20);
    sp_json_writer_init(&json, &buffer, !sp_cli_wants_json(cli));
    sp_key_ring_write_states(ring, sp_cli_now(), &json);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

static int run(struct sp_cli *cli)
{
    struct sp_authority_settings settings;
    struct sp_store *store = NULL;
    struct sp_key_ring *ring = NULL;
    unsigned char master_key[32];
    char trouble[256] = "";
    const char *state = sp_cli_authority_state(cli);
    struct sp_str name = sp_cli_text(cli, "algorithm");
    enum sp_algorithm algorithm = sp_algorithm_find(name);
    if (name.at != NULL && algorithm == SP_ALGORITHM_UNKNOWN)
        return sp_cli_failure(cli, "there is no algorithm %.*s", SP_STR_ARG(name));
    enum sp_status status =
        sp_cli_authority_settings(cli, sp_cli_arena(cli), SP_STR("https://authority.invalid"), NULL, &settings);
    if (status != SP_OK)
        return status == SP_MALFORMED ? SP_CLI_REJECTED : SP_CLI_UNEXAMINED;
    status = sp_cli_open_store(cli, &settings, &store, trouble);
    if (status == SP_OK)
        status = sp_cli_master_key(&settings, store, state, master_key, trouble);
    if (status == SP_OK)
        status = sp_key_ring_create(store, &settings, master_key, sp_cli_now(), &ring, trouble);
    if (status == SP_OK)
        status = sp_key_ring_rotate(ring, &settings, algorithm, sp_cli_flag(cli, "now"), sp_cli_now(), trouble);
    explicit_bzero(master_key, sizeof master_key);
    int exit_status = status == SP_OK
                          ? print_states(cli, ring)
                          : sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
    sp_key_ring_destroy(&ring);
    if (store != NULL)
        store->methods->destroy(&store);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration with an authority: section; may be repeated, later files win."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {"algorithm", 0, SP_OPTION_TEXT, "ALG", "Only the keys of this one of tokens.algorithms (default: all of them)."},
    {"now", 0, SP_OPTION_FLAG, NULL,
     "Sign with the new key at once: verifiers that cache the old set refuse until they look again."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_keys_rotate = {
    .name = "rotate",
    .summary = "give the authority new signing keys",
    .options = options,
    .text =
        "Of every algorithm that is configured, or of the one named: the new key is published at once and signs after\n"
        "keys.overlap; the old one stays published until the last token that it signed is dead. After a leak use "
        "--now.",
    .run = run,
};
