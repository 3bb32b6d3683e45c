/* SPDX-License-Identifier: Apache-2.0 */
/* A URL from anywhere: its pieces are the text, the host holds nothing that another reader would end it at, and a host
 * that the system's own inet_aton takes for an address inside is never said to be outside. */
#include <arpa/inet.h>

#include "core/base/host.h"
#include "core/base/url.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t behind(const struct sp_str piece, size_t mark)
{
    return piece.at != NULL ? piece.len + mark : 0;
}

static void judge_host(struct sp_str host)
{
    char name[256];
    struct in_addr v4;
    unsigned char address[16] = {[10] = 0xFF, 0xFF};
    ALWAYS(host.len > 0 && !sp_str_contains(host, SP_STR("@")) && !sp_str_contains(host, SP_STR("/")));
    ALWAYS(!sp_str_contains(host, SP_STR("\\")) && !sp_str_contains(host, SP_STR(";")));
    ALWAYS(host.at[0] != '[' || (host.at[host.len - 1] == ']' && sp_host_is_address(host)));
    ALWAYS(!sp_host_is_loopback(host) || sp_host_is_internal(host));
    if (host.len >= sizeof name)
        return;
    memcpy(name, host.at, host.len);
    name[host.len] = '\0';
    if (inet_aton(name, &v4) == 0)
        return;
    memcpy(address + 12, &v4, 4);
    ALWAYS(sp_address_is_public(address) || sp_host_is_internal(host));
    ALWAYS(!sp_host_is_loopback(host) || address[12] == 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_url url;
    struct sp_str text = sp_str((const char *)data, size);
    if (sp_url_split(text, &url) != SP_OK)
        return 0;
    ALWAYS(url.scheme.len + 3 + behind(url.userinfo, 1) + url.host.len + behind(url.port, 1) + url.path.len +
               behind(url.query, 1) + behind(url.fragment, 1) ==
           size);
    ALWAYS(sp_url_port(&url) < 65536);
    judge_host(url.host);
    return 0;
}
