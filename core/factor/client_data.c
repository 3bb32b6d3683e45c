/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/client_data.h"

#include "core/base/json.h"
#include "core/factor/factor.h"

static const struct {
    struct sp_str name;
    size_t at;
    bool required;
} texts[] = {
    {{"type", 4}, offsetof(struct sp_client_data, type), true},
    {{"challenge", 9}, offsetof(struct sp_client_data, challenge), true},
    {{"origin", 6}, offsetof(struct sp_client_data, origin), true},
    {{"topOrigin", 9}, offsetof(struct sp_client_data, top_origin), false},
};

enum sp_status sp_client_data_read(struct sp_arena *arena, struct sp_str bytes, struct sp_client_data *data)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_client_data read = {0};
    if (bytes.len > SP_MAX_CLIENT_DATA_BYTES)
        return SP_TOO_LARGE;
    enum sp_status status = sp_json_parse(arena, bytes, &sp_json_limits_token, &json, &error);
    if (status != SP_OK)
        return status;
    if (!sp_json_is(json, SP_JSON_OBJECT))
        return SP_MALFORMED;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct sp_json *member = sp_json_member(json, texts[i].name);
        if (member == NULL ? texts[i].required : !sp_json_is(member, SP_JSON_STRING))
            return SP_MALFORMED;
        *(struct sp_str *)((char *)&read + texts[i].at) = sp_json_string(member);
    }
    /* Level 1 browsers leave it out. */
    const struct sp_json *cross = sp_json_member(json, SP_STR("crossOrigin"));
    read.cross_origin = sp_json_is(cross, SP_JSON_TRUE);
    if (cross != NULL && !read.cross_origin && !sp_json_is(cross, SP_JSON_FALSE))
        return SP_MALFORMED;
    *data = read;
    return SP_OK;
}
