/* SPDX-License-Identifier: Apache-2.0 */
/* token examine -c FILE --api NAME: the requirements and issuers as the gateway has them. */
#include "cli/token.h"

#include <unistd.h>

#include "cli/policy_file.h"
#include "core/base/nearest.h"
#include "core/policy/knowledge.h"

static void release_knowledge(void *knowledge)
{
    struct sp_knowledge *held = knowledge;
    sp_knowledge_destroy(&held);
}

static int find_api(const struct sp_cli *cli, const struct sp_policy *policy, const struct sp_api **api)
{
    struct sp_str name = sp_cli_text(cli, "api");
    const struct sp_api *nearest = NULL;
    size_t least = SP_NOT_NEAR;
    for (size_t i = 0; i < policy->api_count; i++) {
        size_t apart = sp_nearness(policy->apis[i].name, name);
        if (sp_str_equal(policy->apis[i].name, name)) {
            *api = &policy->apis[i];
            return SP_CLI_FINE;
        }
        if (apart < least) {
            least = apart;
            nearest = &policy->apis[i];
        }
    }
    if (nearest != NULL)
        return sp_cli_usage_error(cli, "the configuration has no API '%.*s'. Did you mean '%.*s'?", SP_STR_ARG(name),
                                  SP_STR_ARG(nearest->name));
    return sp_cli_usage_error(cli, "the configuration has no API '%.*s'", SP_STR_ARG(name));
}

static const struct sp_requirements *requirements_of(const struct sp_api *api, struct sp_str method)
{
    for (size_t i = 0; i + 1 < api->method_count; i++)
        if (sp_str_equal(api->methods[i].method, method))
            return &api->methods[i].requirements;
    return &api->methods[api->method_count - 1].requirements;
}

/* ---- keys ---- */

/* A relative path is meant from where serve runs; beside the configuration it is found too. */
static struct sp_str locate(const struct sp_cli *cli, struct sp_str file)
{
    const struct sp_str *configs;
    struct sp_str here = sp_arena_printf(cli->arena, "%.*s", SP_STR_ARG(file));
    if (here.at == NULL || here.at[0] == '/' || access(here.at, R_OK) == 0 || sp_cli_list(cli, "config", &configs) == 0)
        return here;
    size_t end = configs[0].len;
    while (end > 0 && configs[0].at[end - 1] != '/')
        end--;
    struct sp_str beside = sp_arena_printf(cli->arena, "%.*s%.*s", (int)end, configs[0].at, SP_STR_ARG(file));
    return beside.at != NULL && access(beside.at, R_OK) == 0 ? beside : here;
}

static struct sp_str setting(const struct sp_json *source, const char *name)
{
    return sp_json_string(sp_json_member(source, sp_str_from_cstr(name)));
}

static bool is_asked(const struct sp_requirements *requirements, size_t issuer)
{
    for (size_t i = 0; i < requirements->issuer_count; i++)
        if (requirements->issuers[i] == issuer)
            return true;
    return false;
}

/* Only the issuers that this API accepts are fetched; the others' files still tell their tokens apart. */
static int read_keys(const struct sp_cli *cli, const struct sp_policy *policy, size_t i,
                     const struct sp_requirements *requirements, struct sp_issuer_knowledge *known)
{
    const struct sp_json *source = policy->issuer_sources[i];
    struct sp_str file = setting(source, "jwks_file"), url = setting(source, "jwks_uri");
    bool given = sp_cli_is_given(cli, "jwks") || sp_cli_is_given(cli, "key") || sp_cli_is_given(cli, "secret");
    if (given && requirements->issuer_count > 0 && requirements->issuers[0] == i)
        return sp_token_keys_read(cli, SP_STR_NONE, known);
    if (known->keys != NULL)
        return SP_CLI_FINE;
    if (file.len > 0)
        return sp_token_keys_from_file(cli, locate(cli, file), known);
    known->refetched = true;
    if (!is_asked(requirements, i))
        return SP_CLI_FINE;
    return sp_token_keys_fetch(cli, url, policy->issuers[i].issuer, setting(source, "ca_file"), known);
}

int sp_token_policy_examine(const struct sp_cli *cli, const struct sp_token_input *input, int64_t now)
{
    struct sp_policy *policy = NULL;
    struct sp_knowledge *knowledge = NULL;
    const struct sp_api *api = NULL;
    struct sp_json_error error;
    struct sp_configuration_terms terms = {0};
    terms.count = sp_cli_list(cli, "config", &terms.paths);
    int exit_status = sp_cli_policy_read(cli, &terms, &policy);
    if (exit_status == SP_CLI_FINE)
        exit_status = find_api(cli, policy, &api);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    if (sp_knowledge_parse(SP_STR(""), policy, &knowledge, &error) != SP_OK ||
        sp_arena_defer(cli->arena, release_knowledge, knowledge) != SP_OK)
        return sp_cli_failure(cli, "out of memory");
    struct sp_str method = sp_cli_text(cli, "method");
    const struct sp_requirements *requirements = requirements_of(api, method.at != NULL ? method : SP_STR("GET"));
    struct sp_world world = knowledge->world;
    struct sp_known_issuer *issuers = sp_arena_calloc(cli->arena, world.issuer_count + 1, sizeof *issuers);
    if (issuers == NULL)
        return sp_cli_failure(cli, "out of memory");
    for (size_t i = 0; i < world.issuer_count; i++) {
        issuers[i] = world.issuers[i];
        exit_status = read_keys(cli, policy, i, requirements, &issuers[i].known);
        if (exit_status != SP_CLI_FINE)
            return exit_status;
    }
    world.issuers = issuers;
    struct sp_exam_input exam_input = {.token = input->token,
                                       .requirements = requirements,
                                       .world = &world,
                                       .now = now,
                                       .possession_unknown = true,
                                       .scheme_is_bearer = input->scheme_is_bearer,
                                       .explain = true};
    return sp_token_judge(cli, input, &exam_input);
}
