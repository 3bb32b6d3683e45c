/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_keys.h"

#include "authority/remote_keys.h"

enum sp_step sp_client_keys_for(struct sp_call *call, const struct sp_client *client, struct sp_str kid,
                                const struct sp_jwk_set **keys)
{
    if (client->jwks_uri.len > 0) {
        const struct sp_keys_place place = {client->jwks_uri, client->public_urls_only,
                                            client->public_urls_only ? client->id : SP_STR_NONE};
        return sp_remote_keys_get(call, &place, kid, keys);
    }
    *keys = client->keys;
    return SP_GOES_ON;
}
