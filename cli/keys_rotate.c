/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport keys rotate`: a new signing key for the authority, by hand. Works on the store; a running authority sees
 * it within a second. */
#include <stdio.h>
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

/* What a fresh key in place of leaked ones costs, and what it does not mend. */
static void tell_withdrawn(size_t count)
{
    fprintf(
        stderr,
        "%zu signing key%s withdrawn, and every token signed by %s is dead:\n"
        "  refused by each node of this authority within a second, or when it reaches its database again;\n"
        "  refused by gateways and applications once they fetch the key set again, within minutes unless they keep it "
        "for longer than it says.\n"
        "Opaque tokens of machines end as well: they were sealed under the same master key. Applications need\n"
        "new tokens. Refresh tokens, people's opaque tokens and sessions stay. Whoever had the store and its master\n"
        "key has more than these keys: see \"A signing key that leaked\" in docs/authority.md.\n",
        count, count == 1 ? " is" : "s are", count == 1 ? "it" : "them");
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
    enum sp_key_haste haste = sp_cli_flag(cli, "leaked") ? SP_KEYS_LEAKED
                              : sp_cli_flag(cli, "now")  ? SP_KEYS_AT_ONCE
                                                         : SP_KEYS_AFTER_OVERLAP;
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
        status = sp_key_ring_rotate(ring, &settings, algorithm, haste, sp_cli_now(), trouble);
    if (status == SP_OK && haste == SP_KEYS_LEAKED)
        tell_withdrawn(sp_key_ring_withdrawn(ring));
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
     "Sign with the new key at once, or with the one that waits: verifiers that cache the old set refuse until they "
     "look again."},
    {"leaked", 0, SP_OPTION_FLAG, NULL,
     "Somebody else has the keys: drop them all now, those that wait too. Every token that they signed is refused, and "
     "so is every opaque one of a machine."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_keys_rotate = {
    .name = "rotate",
    .summary = "give the authority new signing keys",
    .options = options,
    .text =
        "Of every algorithm that is configured, or of the one named: the new key is published at once and signs after\n"
        "keys.overlap; the old one stays published until the last token that it signed is dead. With --now a key that\n"
        "waits already signs at once. Neither helps after a leak: --leaked makes a fresh key that signs at once and\n"
        "withdraws every other, so that nothing they signed is accepted any more, nor any opaque token that was\n"
        "sealed before.",
    .run = run,
};
