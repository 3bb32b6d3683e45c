/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE_BYTES (256u * 1024)
#define PEEKED_BYTES 4096u

struct sp_source {
    int fd;
    bool packed, at_end, peeked;
    bool inside;  /* of a gzip member */
    bool drained; /* nothing more will be unpacked */
    z_stream zip;
    unsigned char *raw;  /* as in the file */
    char *piece;         /* as handed on */
    struct sp_str first; /* peeked: not handed on yet */
    const char *first_fault;
    enum sp_status first_status;
    unsigned long long unpacked, packed_bytes;
};

static enum sp_status read_raw(struct sp_source *source, void *to, size_t room, size_t *len)
{
    ssize_t got;
    do {
        got = read(source->fd, to, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return SP_IO;
    *len = (size_t)got;
    source->at_end = got == 0;
    return SP_OK;
}

static enum sp_status refill(struct sp_source *source)
{
    size_t len = 0;
    enum sp_status status = source->at_end ? SP_OK : read_raw(source, source->raw, PIECE_BYTES, &len);
    source->packed_bytes += len;
    source->zip.next_in = source->raw;
    source->zip.avail_in = (unsigned)len;
    return status;
}

/* One call of inflate; false when this piece is done. */
static bool unpack_some(struct sp_source *source, const char **fault)
{
    z_stream *zip = &source->zip;
    int result = inflate(zip, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
        /* Another member may follow, as `cat a.gz b.gz` makes. */
        source->inside = false;
        return inflateReset(zip) == Z_OK;
    }
    source->inside = true;
    if (result != Z_OK && result != Z_BUF_ERROR) {
        *fault = "The gzip data is broken: what stands before the break was read.";
        source->drained = true;
        return false;
    }
    return true;
}

static bool is_bomb(const struct sp_source *source)
{
    unsigned long long used = source->packed_bytes - source->zip.avail_in + PIECE_BYTES;
    return source->unpacked > SP_MAX_UNPACKED_BYTES || source->unpacked / SP_MAX_UNPACKED_RATIO > used;
}

static enum sp_status unpack(struct sp_source *source, struct sp_str *piece, const char **fault)
{
    z_stream *zip = &source->zip;
    zip->next_out = (unsigned char *)source->piece;
    zip->avail_out = PIECE_BYTES;
    while (zip->avail_out > 0 && !source->drained) {
        if (zip->avail_in == 0 && refill(source) != SP_OK)
            return SP_IO;
        unsigned room = zip->avail_out;
        bool nothing_left = zip->avail_in == 0 && source->at_end;
        if (nothing_left && !source->inside)
            source->drained = true;
        else if (!unpack_some(source, fault))
            break;
        else if (nothing_left && zip->avail_out == room) {
            *fault = "The gzip data is cut: what stands before the end was read.";
            source->drained = true;
        }
    }
    size_t len = PIECE_BYTES - zip->avail_out;
    source->unpacked += len;
    if (*fault == NULL && is_bomb(source)) {
        *fault = "The gzip data unpacks to far more than a recording does; reading stopped there.";
        source->drained = true;
    }
    *piece = sp_str(source->piece, len);
    return *fault != NULL ? SP_MALFORMED : SP_OK;
}

static enum sp_status next_piece(struct sp_source *source, struct sp_str *piece, const char **fault)
{
    size_t len = 0;
    *piece = sp_str(source->piece, 0);
    if (source->packed)
        return unpack(source, piece, fault);
    enum sp_status status = read_raw(source, source->piece, PIECE_BYTES, &len);
    *piece = sp_str(source->piece, len);
    return status;
}

/* The first piece decides whether it is packed and what it is. */
static enum sp_status peek(struct sp_source *source)
{
    size_t len = 0, got = 0;
    /* A pipe gives what it has. */
    do {
        enum sp_status status = read_raw(source, source->raw + len, PIECE_BYTES - len, &got);
        if (status != SP_OK)
            return status;
        len += got;
    } while (got > 0 && len < PEEKED_BYTES);
    source->packed = len >= 2 && source->raw[0] == 0x1f && source->raw[1] == 0x8b;
    source->peeked = true;
    if (!source->packed) {
        memcpy(source->piece, source->raw, len);
        source->first = sp_str(source->piece, len);
        return SP_OK;
    }
    if (inflateInit2(&source->zip, 15 + 16) != Z_OK)
        return SP_NO_MEMORY;
    source->zip.next_in = source->raw;
    source->zip.avail_in = (unsigned)len;
    source->packed_bytes = len;
    source->first_status = unpack(source, &source->first, &source->first_fault);
    return SP_OK;
}

enum sp_status sp_source_open(const char *path, struct sp_source **out)
{
    struct stat about;
    struct sp_source *source = calloc(1, sizeof *source);
    enum sp_status status = SP_NO_MEMORY;
    if (source == NULL)
        return SP_NO_MEMORY;
    source->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0) {
        status = errno == ENOENT ? SP_NOT_FOUND : SP_IO;
        goto done;
    }
    if (fstat(source->fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        status = SP_IO;
        goto done;
    }
    source->raw = malloc(PIECE_BYTES);
    source->piece = malloc(PIECE_BYTES);
    if (source->raw != NULL && source->piece != NULL)
        status = peek(source);
done:
    if (status != SP_OK) {
        int kept = errno;
        sp_source_close(&source);
        errno = kept;
        return status;
    }
    *out = source;
    return SP_OK;
}

void sp_source_close(struct sp_source **source)
{
    if (*source == NULL)
        return;
    if ((*source)->packed)
        inflateEnd(&(*source)->zip);
    if ((*source)->fd >= 0)
        close((*source)->fd);
    free((*source)->raw);
    free((*source)->piece);
    free(*source);
    *source = NULL;
}

static bool begins(struct sp_str text, const char *magic)
{
    return text.len >= 4 && memcmp(text.at, magic, 4) == 0;
}

enum sp_source_kind sp_source_kind(const struct sp_source *source)
{
    static const char *const magics[] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d",
                                         "\x0a\x0d\x0d\x0a"};
    struct sp_str first = source->first;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (begins(first, magics[i]))
            return SP_SOURCE_PCAP;
    if (sp_str_has_prefix(first, SP_STR("\xef\xbb\xbf")))
        first = sp_str_slice(first, 3, first.len);
    /* Docker's log lines begin with {"log":"…" too: a HAR's log is an object. */
    static const char shape[] = "{\"log\":{";
    size_t met = 0;
    for (size_t i = 0; i < first.len && met < sizeof shape - 1; i++)
        if (first.at[i] == shape[met])
            met++;
        else if (strchr(" \t\r\n", first.at[i]) == NULL || first.at[i] == '\0')
            break;
    return met == sizeof shape - 1 ? SP_SOURCE_JSON : SP_SOURCE_TEXT;
}

enum sp_status sp_source_read(struct sp_source *source, struct sp_str *piece, const char **fault)
{
    *fault = NULL;
    if (source->peeked) {
        source->peeked = false;
        *piece = source->first;
        *fault = source->first_fault;
        return source->first_status;
    }
    if (source->packed ? source->drained : source->at_end) {
        *piece = sp_str(source->piece, 0);
        return SP_OK;
    }
    return next_piece(source, piece, fault);
}

enum sp_status sp_source_stat(const struct sp_source *source, struct stat *status)
{
    return fstat(source->fd, status) == 0 ? SP_OK : SP_IO;
}
