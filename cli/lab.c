/* SPDX-License-Identifier: Apache-2.0 */
/* The group `sallyport lab`: a member is a file of its own and a row here. */
#include "cli/lab.h"

static const struct sp_cli_command *const members[] = {&sp_cli_lab_list, &sp_cli_lab_serve, &sp_cli_lab_run, NULL};

const struct sp_cli_command sp_cli_lab = {
    .name = "lab",
    .summary = "A misbehaving issuer, API and network to test clients and gateways against.",
    .commands = members,
    .text =
        "One chosen fault, named by its cause in the catalogue, in an otherwise healthy world. What the lab serves is "
        "for\ntests alone: keys, secrets and its CA are made when it starts and forgotten when it stops, and it "
        "listens on\nloopback addresses unless told otherwise.",
};

bool sp_lab_read_fault(const struct sp_cli *cli, struct sp_str id, enum sp_cause *fault)
{
    struct sp_str nearest, reason;
    if (sp_lab_fault_of_id(id, fault))
        return true;
    reason = sp_lab_unprovoked_reason(sp_cause_find(id));
    nearest = sp_lab_fault_nearest(id);
    if (reason.at != NULL)
        sp_cli_usage_error(cli, "the lab cannot commit '%.*s': %.*s", SP_STR_ARG(id), SP_STR_ARG(reason));
    else if (nearest.at != NULL)
        sp_cli_usage_error(cli, "the lab has no fault '%.*s'. Did you mean '%.*s'?",
                           SP_STR_ARG(sp_str_slice(id, 0, 80)), SP_STR_ARG(nearest));
    else
        sp_cli_usage_error(cli, "the lab has no fault '%.*s'; `sallyport lab list` shows all",
                           SP_STR_ARG(sp_str_slice(id, 0, 80)));
    return false;
}

bool sp_lab_read_terms(const struct sp_cli *cli, const char *listen, struct sp_lab_terms *terms)
{
    struct sp_str given = sp_cli_text(cli, "listen");
    struct sp_str text = given.at != NULL ? given : sp_str_from_cstr(listen);
    if (!sp_cli_split_address(cli, text, &terms->address, &terms->port) || terms->port == 65535) {
        sp_cli_usage_error(cli, "--listen is ADDRESS:PORT, and the API gets the next port; not '%.*s'",
                           SP_STR_ARG(text));
        return false;
    }
    terms->redirect_uris.count = sp_cli_list(cli, "redirect-uri", &terms->redirect_uris.at);
    return true;
}
