/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keys.h"

#include "cli/token.h"
#include "core/base/url.h"
#include "core/jose/base64url.h"

/* A bundle of certificates has fewer; the set's own ceiling is the same. */
#define MAX_PEM_BLOCKS SP_MAX_JWKS_KEYS

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

enum sp_status sp_keys_thumbprint(const struct sp_key *key, char thumbprint[43])
{
    unsigned char digest[32];
    enum sp_status status = sp_jwk_thumbprint(key, digest);
    if (status == SP_OK)
        sp_base64url_encode_into(sp_str((const char *)digest, sizeof digest), thumbprint);
    return status;
}

/* ---- PEM, as the JSON that the examination reads ---- */

static bool cut_block(struct sp_str *rest, struct sp_str *block)
{
    const struct sp_str begin = SP_STR("-----BEGIN "), end = SP_STR("-----END ");
    size_t from = 0;
    while (from < rest->len && !sp_str_has_prefix(sp_str_slice(*rest, from, rest->len), begin))
        from++;
    size_t to = from;
    while (to < rest->len && !sp_str_has_prefix(sp_str_slice(*rest, to, rest->len), end))
        to++;
    if (to >= rest->len)
        return false;
    to = sp_str_index_of(*rest, '\n', to);
    *block = sp_str_slice(*rest, from, to + 1);
    *rest = sp_str_slice(*rest, to + 1, rest->len);
    return true;
}

static int write_block(const struct sp_cli *cli, struct sp_str place, struct sp_str block, bool with_private,
                       struct sp_json_writer *writer)
{
    struct sp_key *key = NULL;
    enum sp_status status = sp_key_import_pem(block, &key);
    if (status == SP_OK)
        status =
            sp_jwk_write(writer, key, SP_STR_NONE, SP_STR_NONE, SP_STR_NONE, with_private && sp_key_is_private(key));
    sp_key_destroy(&key);
    if (status == SP_UNSUPPORTED)
        return sp_cli_failure(cli, "%.*s: a key of a type that signs no tokens", SP_STR_ARG(place));
    if (status == SP_MALFORMED)
        return sp_cli_failure(cli, "%.*s: a PEM block that is no key and no certificate, or needs a password",
                              SP_STR_ARG(place));
    return status == SP_OK ? SP_CLI_FINE : sp_cli_failure(cli, "%s", sp_status_text(status));
}

bool sp_keys_is_pem(struct sp_str text)
{
    return sp_str_contains(sp_str_slice(text, 0, 64 * 1024), SP_STR("-----BEGIN ")) &&
           !sp_str_has_prefix(sp_str_trim(text), SP_STR("{"));
}

int sp_keys_pem_read(const struct sp_cli *cli, struct sp_str place, struct sp_str text, bool as_set,
                     struct sp_str *json)
{
    struct sp_str rest = text, block, blocks[MAX_PEM_BLOCKS];
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    size_t count = 0;
    int exit_status = SP_CLI_FINE;
    while (count < MAX_PEM_BLOCKS && cut_block(&rest, &block))
        /* openssl ecparam -genkey puts the name of the curve in front. */
        if (!sp_str_contains(block, SP_STR("EC PARAMETERS-----")))
            blocks[count++] = block;
    if (count == 0)
        return sp_cli_failure(cli, "%.*s: a PEM block that does not end", SP_STR_ARG(place));
    sp_buffer_init(&buffer, cli->arena, 2 * SP_MAX_JWKS_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    as_set = as_set || count > 1;
    if (as_set) {
        sp_json_begin_object(&writer);
        sp_json_name(&writer, SP_STR("keys"));
        sp_json_begin_array(&writer);
    }
    for (size_t i = 0; i < count && exit_status == SP_CLI_FINE; i++)
        exit_status = write_block(cli, place, blocks[i], !as_set, &writer);
    if (as_set) {
        sp_json_end_array(&writer);
        sp_json_end_object(&writer);
    }
    if (exit_status == SP_CLI_FINE && sp_buffer_status(&buffer) != SP_OK)
        exit_status = sp_cli_failure(cli, "out of memory");
    *json = sp_buffer_str(&buffer);
    return exit_status;
}

/* ---- the source ---- */

static struct sp_str fix_of(struct sp_arena *arena, const struct sp_keys_source *source,
                            const struct sp_finding *finding)
{
    struct sp_url url;
    if ((finding->cause == SP_CAUSE_KEYS_NOT_JSON || finding->cause == SP_CAUSE_KEYS_HTML) &&
        sp_url_split(source->name, &url) != SP_OK)
        return SP_STR("Name a file with a JWK, a key set {\"keys\": […]}, or PEM (a public key, private key or "
                      "certificate); `sallyport keys generate` makes a key.");
    return sp_finding_fix(arena, finding);
}

void sp_keys_print_evidence(FILE *out, struct sp_arena *arena, const struct sp_keys_source *source,
                            const struct sp_finding *finding)
{
    const struct sp_str evidence[] = {finding->received, finding->detail};
    for (size_t i = 0; i < 2; i++) {
        if (evidence[i].len == 0)
            continue;
        fputs("  ", out);
        sp_cli_print_wrapped(out, evidence[i], 2, 2);
        fputc('\n', out);
    }
    if (finding->reason != SP_CAUSE_NONE)
        fprintf(out, "  reason: %.*s\n", SP_STR_ARG(sp_cause_get(finding->reason)->id));
    const struct sp_str fix = fix_of(arena, source, finding);
    if (fix.len > 0) {
        fputs("  fix ", out);
        sp_cli_print_wrapped(out, fix, 2, 6);
        fputc('\n', out);
    }
}

static int examine(const struct sp_cli *cli, const struct sp_fetch_report *report, struct sp_keys_source *source)
{
    source->findings = SP_ARENA_NEW(cli->arena, struct sp_document_findings);
    if (source->findings == NULL ||
        sp_keys_document_examine(cli->arena, report, &source->set, source->findings) != SP_OK)
        return sp_cli_failure(cli, "out of memory");
    /* A set that is refused for having no signing key still has members to look at. */
    if (source->set == NULL && sp_jwk_set_parse(report->body, &source->set, NULL) == SP_NO_MEMORY)
        return sp_cli_failure(cli, "out of memory");
    if (source->set != NULL && sp_arena_defer(cli->arena, release_set, source->set) != SP_OK) {
        sp_jwk_set_unref(&source->set);
        return sp_cli_failure(cli, "out of memory");
    }
    return SP_CLI_FINE;
}

static int read_file(const struct sp_cli *cli, struct sp_str place, struct sp_keys_source *source)
{
    struct sp_str text;
    int exit_status = SP_CLI_FINE;
    enum sp_status status = sp_cli_read_beginning(cli, place, SP_MAX_JWKS_BYTES, &text);
    if (status != SP_OK && status != SP_TOO_LARGE)
        return SP_CLI_UNEXAMINED;
    if (sp_keys_is_pem(text))
        exit_status = sp_keys_pem_read(cli, source->name, text, false, &text);
    struct sp_fetch_report report = {.url = source->name,
                                     .http_status = 200,
                                     .content_type = SP_STR("a file"),
                                     .body = text,
                                     .too_large = status == SP_TOO_LARGE,
                                     .max_bytes = SP_MAX_JWKS_BYTES,
                                     .max_age_s = -1};
    return exit_status == SP_CLI_FINE ? examine(cli, &report, source) : exit_status;
}

int sp_keys_source_read(const struct sp_cli *cli, struct sp_str place, struct sp_keys_source *source)
{
    struct sp_url url;
    *source = (struct sp_keys_source){.name = sp_str_equal(place, SP_STR("-")) ? SP_STR("standard input") : place};
    if (sp_url_split(place, &url) != SP_OK)
        return read_file(cli, place, source);
    const struct sp_fetch_report *report = sp_cli_fetch(cli, place, sp_cli_text(cli, "ca"), SP_MAX_JWKS_BYTES);
    if (report == NULL)
        return SP_CLI_UNEXAMINED;
    source->out_of_reach = report->http_status == 0;
    return examine(cli, report, source);
}
