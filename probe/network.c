/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/network.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include "core/base/host.h"

/* Any address as IPv6, so that one comparison serves both: IPv4 stands in its mapped form. */
struct bits {
    unsigned char bytes[16];
    unsigned prefix;
};

#define IPV4_OFFSET_BITS 96u
static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool parse(struct sp_str network, struct bits *bits)
{
    char text[INET6_ADDRSTRLEN + 1];
    size_t slash = sp_str_index_of(network, '/', 0);
    if (slash >= sizeof text || slash == 0) {
        return false;
    }
    memcpy(text, network.at, slash);
    text[slash] = '\0';
    bool is_v4 = inet_pton(AF_INET, text, bits->bytes + 12) == 1;
    if (is_v4) {
        memcpy(bits->bytes, mapped, sizeof mapped);
    } else if (inet_pton(AF_INET6, text, bits->bytes) != 1) {
        return false;
    }
    unsigned widest = is_v4 ? 32 : 128, prefix = 0;
    struct sp_str digits = sp_str_slice(network, slash + 1, network.len);
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || prefix > widest) {
            return false;
        }
        prefix = prefix * 10 + (unsigned)(digits.at[i] - '0');
    }
    if (slash == network.len) {
        prefix = widest;
    } else if (digits.len == 0 || prefix > widest) {
        return false;
    }
    bits->prefix = prefix + (is_v4 ? IPV4_OFFSET_BITS : 0);
    return true;
}

static bool bytes_of(const struct sockaddr *address, unsigned char bytes[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + 12, &v4.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        memcpy(bytes, &v6.sin6_addr, 16);
        return true;
    }
    return false;
}

bool sp_network_is_valid(struct sp_str network)
{
    struct bits bits;
    return parse(network, &bits);
}

bool sp_network_contains(struct sp_str network, const struct sockaddr *address)
{
    struct bits bits;
    unsigned char bytes[16];
    if (!parse(network, &bits) || !bytes_of(address, bytes)) {
        return false;
    }
    size_t whole = bits.prefix / 8;
    unsigned rest = bits.prefix % 8;
    if (memcmp(bits.bytes, bytes, whole) != 0) {
        return false;
    }
    unsigned char mask = (unsigned char)(0xFF00u >> rest);
    return rest == 0 || ((bits.bytes[whole] ^ bytes[whole]) & mask) == 0;
}

bool sp_network_is_public(const struct sockaddr *address)
{
    unsigned char bytes[16];
    return bytes_of(address, bytes) && sp_address_is_public(bytes);
}

/* inet_ntop prints by sprintf, which costs a server that prints one for each request more than parsing the request. */
static void print_v4(const unsigned char bytes[4], char out[INET_ADDRSTRLEN])
{
    for (size_t i = 0; i < 4; i++) {
        unsigned byte = bytes[i];
        if (byte >= 100)
            *out++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *out++ = (char)('0' + byte / 10 % 10);
        *out++ = (char)('0' + byte % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void sp_network_print(const struct sockaddr *address, char *out, size_t room)
{
    unsigned char bytes[16];
    out[0] = '\0';
    if (!bytes_of(address, bytes))
        return;
    if (memcmp(bytes, mapped, sizeof mapped) != 0)
        inet_ntop(AF_INET6, bytes, out, (socklen_t)room);
    else if (room >= INET_ADDRSTRLEN)
        print_v4(bytes + 12, out);
}
