/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport keys show`: what is in a key set and what is wrong with it. */
#include "cli/keys.h"

#include <stdlib.h>

#include "cli/token.h"

/* A member of the set, usable or not, in the order of the document. */
struct member {
    uint32_t index;
    const struct sp_jwk *jwk;
    const struct sp_jwk_skipped *skipped;
};

static int by_index(const void *a, const void *b)
{
    uint32_t left = ((const struct member *)a)->index, right = ((const struct member *)b)->index;
    return (left > right) - (left < right);
}

static struct member *list_members(const struct sp_cli *cli, const struct sp_jwk_set *set, size_t *count)
{
    *count = set != NULL ? set->count + set->skipped_count : 0;
    struct member *members = sp_arena_calloc(cli->arena, *count + 1, sizeof *members);
    if (members == NULL || *count == 0)
        return members;
    for (size_t i = 0; i < set->count; i++)
        members[i] = (struct member){set->keys[i].index, &set->keys[i], NULL};
    for (size_t i = 0; i < set->skipped_count; i++)
        members[set->count + i] = (struct member){set->skipped[i].index, NULL, &set->skipped[i]};
    qsort(members, *count, sizeof *members, by_index);
    return members;
}

/* A key of a type that we do not do is to be ignored (RFC 7517 5), so a set that has one is in order. */
static bool is_a_problem(const struct sp_finding *finding)
{
    return finding->cause != SP_CAUSE_KEYS_UNSUPPORTED_TYPE;
}

/* That no key is left is the outcome; what is wrong with those that stand there says more. */
static const struct sp_finding *find_problem(const struct sp_document_findings *findings)
{
    const struct sp_finding *empty = NULL;
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->rows[i].cause == SP_CAUSE_KEYS_EMPTY)
            empty = &findings->rows[i];
        else if (is_a_problem(&findings->rows[i]))
            return &findings->rows[i];
    }
    return empty;
}

/* ---- for programs ---- */

static enum sp_status write_key(struct sp_json_writer *json, const struct sp_jwk *jwk)
{
    char thumbprint[43];
    enum sp_curve curve = sp_key_curve(jwk->key);
    enum sp_status status = sp_keys_thumbprint(jwk->key, thumbprint);
    if (status != SP_OK)
        return status;
    sp_json_string_member(json, "kty", sp_key_type_name(sp_key_type(jwk->key)));
    if (curve != SP_CURVE_NONE)
        sp_json_string_member(json, "crv", sp_curve_name(curve));
    sp_json_int_member(json, "bits", sp_key_bits(jwk->key));
    if (jwk->use.at != NULL)
        sp_json_string_member(json, "use", jwk->use);
    if (jwk->algorithm_text.at != NULL)
        sp_json_string_member(json, "alg", jwk->algorithm_text);
    sp_json_string_member(json, "thumbprint", sp_str(thumbprint, sizeof thumbprint));
    sp_json_bool_member(json, "verifies", jwk->may_verify);
    sp_json_bool_member(json, "private", jwk->has_private);
    return SP_OK;
}

static enum sp_status write_member(struct sp_json_writer *json, const struct member *member)
{
    enum sp_status status = SP_OK;
    struct sp_str kid = member->jwk != NULL ? member->jwk->kid : member->skipped->kid;
    sp_json_begin_object(json);
    sp_json_int_member(json, "index", member->index);
    if (kid.at != NULL)
        sp_json_string_member(json, "kid", kid);
    if (member->jwk != NULL) {
        status = write_key(json, member->jwk);
    } else {
        sp_json_bool_member(json, "verifies", false);
        sp_json_string_member(json, "cause", sp_cause_get(sp_jwk_fault_cause(member->skipped->fault))->id);
        sp_json_string_member(json, "detail", member->skipped->evidence);
    }
    sp_json_end_object(json);
    return status;
}

static int print_json(const struct sp_cli *cli, const struct sp_keys_source *source, const struct member *members,
                      size_t count, int exit_status)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    enum sp_status status = SP_OK;
    const struct sp_finding *primary = find_problem(source->findings);
    sp_buffer_init(&buffer, cli->arena, 4u << 20);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "source", source->name);
    sp_json_bool_member(&json, "accepted", exit_status == SP_CLI_FINE);
    sp_json_name(&json, SP_STR("keys"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < count && status == SP_OK; i++)
        status = write_member(&json, &members[i]);
    sp_json_end_array(&json);
    sp_json_name(&json, SP_STR("cause"));
    if (primary != NULL)
        sp_finding_write(&json, primary);
    else
        sp_json_put_null(&json);
    sp_json_name(&json, SP_STR("also"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < source->findings->count; i++)
        if (&source->findings->rows[i] != primary)
            sp_finding_write(&json, &source->findings->rows[i]);
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    return status == SP_OK ? sp_cli_print_json(cli, &buffer, exit_status) : sp_cli_failure(cli, "out of memory");
}

/* ---- for people ---- */

#define MAX_COLUMNS 64

/* One line, whatever a kid holds; padded by characters, so that UTF-8 does not shift the columns behind it. */
static void print_column(struct sp_str text, size_t width)
{
    size_t columns = 0, end = MAX_COLUMNS;
    text = text.len > 0 ? text : SP_STR("-");
    bool is_cut = text.len > MAX_COLUMNS;
    while (is_cut && ((unsigned char)text.at[end] & 0xc0) == 0x80)
        end--; /* never inside a character */
    text = sp_str_slice(text, 0, end);
    for (struct sp_str rest = text; rest.len > 0;) {
        size_t line = sp_str_index_of(rest, '\n', 0), tab = sp_str_index_of(rest, '\t', 0),
               stop = line < tab ? line : tab;
        sp_cli_print_safe(stdout, sp_str_slice(rest, 0, stop));
        if (stop < rest.len)
            printf("\\x%02x", (unsigned char)rest.at[stop]);
        rest = sp_str_slice(rest, stop + 1, rest.len);
    }
    if (is_cut)
        fputs(sp_cli_sign(SP_SIGN_MORE), stdout);
    for (size_t i = 0; i < text.len; i++)
        columns += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    printf("%*s", columns < width ? (int)(width - columns) + 1 : 1, "");
}

static size_t kid_width(const struct member *members, size_t count)
{
    size_t width = 3;
    for (size_t i = 0; i < count; i++) {
        struct sp_str kid = members[i].jwk != NULL ? members[i].jwk->kid : members[i].skipped->kid;
        width = kid.len > width ? kid.len : width;
    }
    return width < 44 ? width : 44;
}

static void print_member(const struct member *member, size_t width)
{
    char thumbprint[43] = "", bits[16];
    const struct sp_jwk *jwk = member->jwk;
    printf("%3u  ", member->index);
    print_column(jwk != NULL ? jwk->kid : member->skipped->kid, width);
    if (jwk == NULL) {
        struct sp_str id = sp_cause_get(sp_jwk_fault_cause(member->skipped->fault))->id;
        printf(" %s%.*s%s\n", sp_cli_style(SP_STYLE_WARN), SP_STR_ARG(id), sp_cli_style(SP_STYLE_PLAIN));
        return;
    }
    enum sp_curve curve = sp_key_curve(jwk->key);
    snprintf(bits, sizeof bits, "%u", sp_key_bits(jwk->key));
    putchar(' ');
    print_column(curve != SP_CURVE_NONE ? sp_curve_name(curve) : sp_key_type_name(sp_key_type(jwk->key)), 9);
    print_column(sp_str_from_cstr(bits), 5);
    print_column(jwk->use.at != NULL || jwk->may_verify ? jwk->use : SP_STR("ops"), 4);
    print_column(jwk->algorithm_text, 9);
    if (sp_keys_thumbprint(jwk->key, thumbprint) == SP_OK)
        printf("%.43s", thumbprint);
    printf("%s\n", jwk->has_private ? "  private" : "");
}

static void print_finding(struct sp_arena *arena, const struct sp_keys_source *source, const struct sp_finding *finding)
{
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    bool rejects = sp_finding_severity(finding) == SP_SEVERITY_REJECT;
    printf("\n%s%s %.*s%s: ", sp_cli_style(rejects ? SP_STYLE_BAD : SP_STYLE_WARN),
           sp_cli_sign(rejects ? SP_SIGN_BAD : SP_SIGN_WARN), SP_STR_ARG(info->id), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, info->title, 2, (unsigned)info->id.len + 4);
    putchar('\n');
    sp_keys_print_evidence(stdout, arena, source, finding);
}

static void print_text(struct sp_arena *arena, const struct sp_keys_source *source, const struct member *members,
                       size_t count)
{
    size_t usable = 0, width = kid_width(members, count);
    for (size_t i = 0; i < count; i++)
        usable += members[i].jwk != NULL && members[i].jwk->may_verify;
    sp_cli_print_safe(stdout, source->name);
    printf(": %zu key%s, %zu can verify\n", count, count == 1 ? "" : "s", usable);
    if (count > 0)
        printf("\n%s  #  %-*s  %-9s %-5s %-4s %-9s %s%s\n", sp_cli_style(SP_STYLE_BOLD), (int)width, "KID", "TYPE",
               "BITS", "USE", "ALG", "THUMBPRINT", sp_cli_style(SP_STYLE_PLAIN));
    for (size_t i = 0; i < count; i++)
        print_member(&members[i], width);
    for (size_t i = 0; i < source->findings->count; i++)
        print_finding(arena, source, &source->findings->rows[i]);
}

/* ---- the command ---- */

static int run(struct sp_cli *cli)
{
    struct sp_keys_source source;
    size_t count = 0;
    int exit_status = sp_keys_source_read(cli, sp_cli_argument(cli, 0), &source);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    const struct member *members = list_members(cli, source.set, &count);
    if (members == NULL)
        return sp_cli_failure(cli, "out of memory");
    if (source.out_of_reach)
        exit_status = SP_CLI_UNEXAMINED;
    else if (find_problem(source.findings) != NULL)
        exit_status = SP_CLI_REJECTED;
    if (sp_cli_wants_json(cli))
        return print_json(cli, &source, members, count, exit_status);
    print_text(cli->arena, &source, members, count);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"ca", 0, SP_OPTION_TEXT, "FILE", "Trust these certificates instead of the system's, for a URL."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_keys_show = {
    .name = "show",
    .summary = "what is in a key set, and what is wrong with it",
    .arguments = "FILE|URL|-",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text = "Takes a key set, one JWK, or PEM (keys and certificates). Exit status 1 when something is wrong with it;\n"
            "members of a type that is not supported are only told, as they are to be ignored (RFC 7517 5).\n\n"
            "Examples:\n"
            "  sallyport keys show https://idp.example.com/.well-known/jwks.json\n"
            "  sallyport keys show server.crt\n",
    .run = run,
};
