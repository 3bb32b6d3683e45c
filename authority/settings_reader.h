/* SPDX-License-Identifier: Apache-2.0 */
/* Reads objects of the configuration into structures. Members are rows: name, kind, place in the structure. What is not
 * a row is an error that names the nearest row. */
#ifndef SP_AUTHORITY_SETTINGS_READER_H
#define SP_AUTHORITY_SETTINGS_READER_H

#include "authority/settings.h"

struct sp_settings_reader {
    struct sp_arena *arena;
    struct sp_settings_error *error;
    bool ignores_unknown; /* members that are no row are passed over: the object is a stranger's (RFC 7591 2) */
};

enum sp_member_kind {
    SP_MEMBER_TEXT,       /* struct sp_str, not empty */
    SP_MEMBER_BOOL,       /* bool */
    SP_MEMBER_DURATION,   /* int64_t, seconds */
    SP_MEMBER_TEXTS,      /* struct sp_str_list; one text is a list of one */
    SP_MEMBER_SECTION,    /* an object that is read by rows of its own, elsewhere */
    SP_MEMBER_OF_ITS_OWN, /* by row->read */
};

struct sp_member_row {
    const char *name; /* NULL: behind the last one */
    enum sp_member_kind kind;
    size_t offset;
    /* SP_MALFORMED: told as row->expectation, what to write instead. at: structure + offset. */
    enum sp_status (*read)(struct sp_settings_reader *reader, const struct sp_json *value, void *at);
    const char *expectation;
};

#define SP_MEMBER(name, kind, offset)                                                                                  \
    {                                                                                                                  \
        (name), SP_MEMBER_##kind, (offset), NULL, NULL                                                                 \
    }
#define SP_MEMBER_BY(name, offset, read, expectation)                                                                  \
    {                                                                                                                  \
        (name), SP_MEMBER_OF_ITS_OWN, (offset), (read), (expectation)                                                  \
    }
#define SP_MEMBERS_END                                                                                                 \
    {                                                                                                                  \
        NULL, SP_MEMBER_TEXT, 0, NULL, NULL                                                                            \
    }

/* SP_MALFORMED, with the error filled; SP_NO_MEMORY when message is absent. name: the member below where, or NULL. */
enum sp_status sp_settings_complain(struct sp_settings_reader *reader, struct sp_str where, const char *name,
                                    struct sp_str message);
/* where: "authority.clients.web", for messages. */
SP_MUST_CHECK enum sp_status sp_settings_read_members(struct sp_settings_reader *reader, struct sp_str where,
                                                      const struct sp_json *section, const struct sp_member_row *rows,
                                                      void *into);
/* "10m" or seconds. SP_MALFORMED. */
SP_MUST_CHECK enum sp_status sp_settings_duration(const struct sp_json *value, int64_t *seconds);
/* A list of texts, none of them empty; or one. */
SP_MUST_CHECK enum sp_status sp_settings_texts(struct sp_settings_reader *reader, const struct sp_json *value,
                                               struct sp_str_list *list);

#endif
