/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport keys generate`: a new key as JWK, key set or PEM. A private key goes to a file that only its owner can
 * read, or down a pipe; on a terminal it is shown only to who asks for that. */
#include "cli/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/secret.h"
#include "core/diagnosis/document.h"

struct wanted {
    enum sp_algorithm algorithm;
    enum sp_key_type type;
    enum sp_curve curve;
    unsigned size; /* RSA: bits; oct: bytes */
    struct sp_str format, kid;
    char thumbprint[43];
};

static int read_algorithm(const struct sp_cli *cli, struct wanted *wanted)
{
    struct sp_str name = sp_cli_text(cli, "alg");
    wanted->algorithm = name.at != NULL ? sp_algorithm_find(name) : SP_ALGORITHM_ES256;
    if (wanted->algorithm == SP_ALGORITHM_UNKNOWN) {
        struct sp_str all = sp_algorithms_in_words(cli->arena, sp_algorithms_asymmetric() | sp_algorithms_symmetric());
        return sp_cli_usage_error(cli, "--alg '%.*s' is none of %.*s", SP_STR_ARG(name), SP_STR_ARG(all));
    }
    const struct sp_algorithm_info *info = sp_algorithm_get(wanted->algorithm);
    wanted->type = info->key_type;
    wanted->curve = info->curve;
    if (info->family == SP_FAMILY_EDDSA && info->curve == SP_CURVE_NONE)
        wanted->curve = SP_CURVE_ED25519;
    return SP_CLI_FINE;
}

static int read_size(const struct sp_cli *cli, struct wanted *wanted)
{
    int64_t least = 8 * (int64_t)sp_hash_size(sp_algorithm_get(wanted->algorithm)->hash), most = 2048;
    if (wanted->type == SP_KEY_TYPE_RSA) {
        least = SP_MIN_RSA_BITS;
        most = SP_MAX_RSA_BITS;
    } else if (wanted->type != SP_KEY_TYPE_OCT) {
        return sp_cli_is_given(cli, "bits")
                   ? sp_cli_usage_error(cli, "--bits is for RSA and HS keys; a curve has its own")
                   : SP_CLI_FINE;
    }
    int64_t bits = sp_cli_number(cli, "bits", least);
    if (bits < least || bits > most || bits % 8 != 0)
        return sp_cli_usage_error(cli, "--bits must be a multiple of 8 from %lld to %lld", (long long)least,
                                  (long long)most);
    wanted->size = (unsigned)(wanted->type == SP_KEY_TYPE_OCT ? bits / 8 : bits);
    return SP_CLI_FINE;
}

static int read_options(const struct sp_cli *cli, struct wanted *wanted)
{
    int exit_status = read_algorithm(cli, wanted);
    if (exit_status == SP_CLI_FINE)
        exit_status = read_size(cli, wanted);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    struct sp_str format = sp_cli_text(cli, "format");
    wanted->format = format.at != NULL ? format : SP_STR("jwk");
    wanted->kid = sp_cli_text(cli, "kid");
    bool is_pem = sp_str_equal(wanted->format, SP_STR("pem"));
    if (!is_pem && !sp_str_equal(wanted->format, SP_STR("jwk")) && !sp_str_equal(wanted->format, SP_STR("jwks")))
        return sp_cli_usage_error(cli, "--format '%.*s' is none of jwk, jwks, pem", SP_STR_ARG(format));
    if (wanted->type == SP_KEY_TYPE_OCT && (is_pem || sp_cli_flag(cli, "public")))
        return sp_cli_usage_error(cli, "an HS key is a shared secret: it has no public part and no PEM form");
    if (sp_cli_flag(cli, "public") && sp_cli_is_given(cli, "output"))
        return sp_cli_usage_error(cli, "--public throws the private part away; --output keeps it: give one of them");
    if (!sp_cli_flag(cli, "public") && !sp_cli_flag(cli, "private") && !sp_cli_is_given(cli, "output") &&
        isatty(STDOUT_FILENO))
        return sp_cli_usage_error(cli, "this would show a private key on the terminal: give --output FILE (mode 0600), "
                                       "or --private if that is meant");
    return SP_CLI_FINE;
}

/* ---- writing ---- */

static enum sp_status write_pem(struct sp_arena *arena, const struct sp_key *key, bool with_private, bool as_json,
                                const struct wanted *wanted, struct sp_buffer *out)
{
    struct sp_json_writer json;
    struct sp_str pem;
    enum sp_status status = with_private ? sp_key_export_private_pem(key, arena, &pem)
                                         : sp_key_export_public(key, SP_PUBLIC_PEM, arena, &pem);
    if (status != SP_OK)
        return status;
    if (!as_json) {
        sp_buffer_append(out, pem);
    } else {
        sp_json_writer_init(&json, out, true);
        sp_json_begin_object(&json);
        sp_json_string_member(&json, "kid", wanted->kid);
        sp_json_string_member(&json, "alg", sp_algorithm_get(wanted->algorithm)->name);
        sp_json_string_member(&json, "pem", pem);
        sp_json_end_object(&json);
    }
    return sp_buffer_status(out);
}

static enum sp_status write_jwk(const struct sp_key *key, bool with_private, const struct wanted *wanted,
                                struct sp_buffer *out)
{
    struct sp_json_writer json;
    bool in_set = sp_str_equal(wanted->format, SP_STR("jwks"));
    sp_json_writer_init(&json, out, true);
    if (in_set) {
        sp_json_begin_object(&json);
        sp_json_name(&json, SP_STR("keys"));
        sp_json_begin_array(&json);
    }
    enum sp_status status =
        sp_jwk_write(&json, key, wanted->kid, SP_STR("sig"), sp_algorithm_get(wanted->algorithm)->name, with_private);
    if (in_set) {
        sp_json_end_array(&json);
        sp_json_end_object(&json);
    }
    return status == SP_OK ? sp_buffer_status(out) : status;
}

static enum sp_status write_key(struct sp_arena *arena, const struct sp_key *key, bool with_private, bool as_json,
                                const struct wanted *wanted, struct sp_buffer *out)
{
    if (sp_str_equal(wanted->format, SP_STR("pem")))
        return write_pem(arena, key, with_private, as_json, wanted, out);
    enum sp_status status = write_jwk(key, with_private, wanted, out);
    sp_buffer_append_char(out, '\n');
    return status;
}

/* Never over an existing file: it may be the key that signs today. */
static int save(const struct sp_cli *cli, struct sp_str path, struct sp_str text)
{
    int fd = open(path.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* from argv: ends with NUL */
    if (fd < 0)
        return sp_cli_failure(cli, "cannot create %s: %s", path.at, strerror(errno));
    bool good = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (good)
        return SP_CLI_FINE;
    unlink(path.at);
    return sp_cli_failure(cli, "cannot write %s: %s", path.at, strerror(error));
}

static int deliver(const struct sp_cli *cli, const struct sp_key *key, const struct wanted *wanted)
{
    struct sp_arena *arena = sp_arena_create(1u << 20);
    struct sp_str path = sp_cli_text(cli, "output");
    struct sp_buffer private_text, shown;
    bool to_file = path.at != NULL, as_json = sp_cli_wants_json(cli), secret = wanted->type == SP_KEY_TYPE_OCT;
    int exit_status = SP_CLI_FINE;
    if (arena == NULL)
        return sp_cli_failure(cli, "out of memory");
    sp_buffer_init(&private_text, arena, 128u * 1024);
    sp_buffer_init(&shown, arena, 128u * 1024);
    enum sp_status status = SP_OK;
    if (to_file)
        status = write_key(arena, key, true, false, wanted, &private_text);
    if (status == SP_OK && !(to_file && secret))
        status = write_key(arena, key, !to_file && !sp_cli_flag(cli, "public"), as_json, wanted, &shown);
    if (status != SP_OK)
        exit_status = sp_cli_failure(cli, "%s", sp_status_text(status));
    if (exit_status == SP_CLI_FINE && to_file)
        exit_status = save(cli, path, sp_buffer_str(&private_text));
    if (exit_status == SP_CLI_FINE && shown.len > 0 && fwrite(shown.at, 1, shown.len, stdout) != shown.len)
        exit_status = sp_cli_failure(cli, "could not write to standard output");
    if (private_text.at != NULL)
        sp_wipe(private_text.at, private_text.len);
    if (shown.at != NULL)
        sp_wipe(shown.at, shown.len);
    sp_arena_destroy(&arena);
    return exit_status;
}

static int run(struct sp_cli *cli)
{
    struct wanted wanted = {.algorithm = SP_ALGORITHM_UNKNOWN};
    struct sp_key *key = NULL;
    int exit_status = read_options(cli, &wanted);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    enum sp_status status = sp_key_generate(wanted.type, wanted.curve, wanted.size, &key);
    if (status == SP_OK && wanted.kid.at == NULL) {
        status = sp_keys_thumbprint(key, wanted.thumbprint);
        wanted.kid = sp_str(wanted.thumbprint, sizeof wanted.thumbprint);
    }
    exit_status = status == SP_OK ? deliver(cli, key, &wanted) : sp_cli_failure(cli, "%s", sp_status_text(status));
    sp_key_destroy(&key);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"alg", 0, SP_OPTION_TEXT, "ALG",
     "The algorithm it is for: ES256 (the default), RS256, PS256, EdDSA, HS256 and their kin."},
    {"bits", 0, SP_OPTION_NUMBER, "N", "Size of an RSA modulus (default 2048) or an HS secret (default: as its hash)."},
    {"kid", 0, SP_OPTION_TEXT, "ID", "Its id (default: its RFC 7638 thumbprint)."},
    {"format", 0, SP_OPTION_TEXT, "FORMAT", "jwk (the default), jwks or pem."},
    {"output", 'o', SP_OPTION_TEXT, "FILE",
     "Write the private key there, readable by its owner only, and print the public one. Never overwrites."},
    {"public", 0, SP_OPTION_FLAG, NULL, "Print the public part only; the private one is gone."},
    {"private", 0, SP_OPTION_FLAG, NULL, "Print the private key even on a terminal."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_keys_generate = {
    .name = "generate",
    .summary = "a new signing key",
    .options = options,
    .text = "Examples:\n"
            "  sallyport keys generate --output signing.jwk > public.jwk\n"
            "  sallyport keys generate --alg RS256 --bits 3072 --format pem --output key.pem > key.pub.pem\n",
    .run = run,
};
