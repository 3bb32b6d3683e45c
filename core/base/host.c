/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/host.h"

#include <arpa/inet.h>

#define IPV4_AT 12 /* in an IPv6 address that carries one */

static void put_ipv4(uint32_t number, unsigned char address[16])
{
    memset(address, 0, 10);
    memset(address + 10, 0xFF, 2);
    for (unsigned i = 0; i < 4; i++)
        address[IPV4_AT + i] = (unsigned char)(number >> (24 - 8 * i));
}

/* As inet_pton reads it: four decimal numbers without leading zeros, which others read as octal. */
static bool read_ipv4(struct sp_str host, unsigned char address[16])
{
    char text[INET_ADDRSTRLEN];
    struct in_addr v4;
    if (host.len == 0 || host.len >= sizeof text || host.at[0] < '0' || host.at[0] > '9')
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    put_ipv4(ntohl(v4.s_addr), address);
    return true;
}

/* RFC 6874 2: "%25" and a name of unreserved or escaped characters; also without the 25, as people write it. */
static bool is_zone(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && (c == '\0' || strchr("-._~%", c) == NULL))
            return false;
    }
    return s.len > 1;
}

static bool read_ipv6(struct sp_str host, unsigned char address[16])
{
    char text[INET6_ADDRSTRLEN];
    if (host.len < 2 || host.at[0] != '[' || host.at[host.len - 1] != ']')
        return false;
    struct sp_str inside = sp_str_slice(host, 1, host.len - 1);
    const size_t percent = sp_str_index_of(inside, '%', 0);
    const struct sp_str zone = sp_str_slice(inside, percent, inside.len);
    inside = sp_str_slice(inside, 0, percent);
    if (inside.len >= sizeof text || (zone.len > 0 && !is_zone(zone)))
        return false;
    memcpy(text, inside.at, inside.len);
    text[inside.len] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

static bool read_address(struct sp_str host, unsigned char address[16])
{
    return read_ipv4(host, address) || read_ipv6(host, address);
}

/* One part of an address as inet_aton has it: 0x… is hexadecimal, 0… octal. Nothing beyond 32 bits. */
static bool read_part(struct sp_str part, uint64_t *value)
{
    bool is_hex = part.len > 1 && part.at[0] == '0' && (part.at[1] | 0x20) == 'x';
    unsigned base = is_hex ? 16 : part.len > 1 && part.at[0] == '0' ? 8 : 10;
    uint64_t number = 0;
    for (size_t i = is_hex ? 2 : 0; i < part.len; i++) {
        int digit = sp_hex_digit(part.at[i]);
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        number = number * base + (unsigned)digit;
        if (number > UINT32_MAX)
            return false;
    }
    *value = number;
    return part.len > 0;
}

/* One to four parts; the last has the bytes that the others leave: 127.1, 2130706433, 0x7f.0.0.1. */
static bool read_loose_ipv4(struct sp_str host, unsigned char address[16])
{
    uint64_t part, number = 0;
    size_t from = 0;
    for (unsigned count = 0; count < 4; count++) {
        size_t dot = sp_str_index_of(host, '.', from);
        if (!read_part(sp_str_slice(host, from, dot), &part))
            return false;
        if (dot == host.len) {
            unsigned bits = 32 - 8 * count;
            if (part >> bits != 0)
                return false;
            put_ipv4((uint32_t)(number << bits | part), address);
            return true;
        }
        if (part > 255)
            return false;
        number = number << 8 | part;
        from = dot + 1;
    }
    return false;
}

/* IANA's special-purpose registries, multicast, and the forms in which IPv6 carries IPv4 (RFC 6052, RFC 3056). */
static const struct {
    unsigned char at[16];
    unsigned bits;
} special[] = {
#define IPV4(a, b, bits)                                                                                               \
    {                                                                                                                  \
        {[10] = 0xFF, 0xFF, a, b}, 96 + (bits)                                                                         \
    }
    IPV4(0, 0, 8),
    IPV4(10, 0, 8),
    IPV4(100, 64, 10),
    IPV4(127, 0, 8),
    IPV4(169, 254, 16),
    IPV4(172, 16, 12),
    IPV4(192, 0, 24),
    IPV4(192, 168, 16),
    IPV4(198, 18, 15),
    IPV4(224, 0, 3),
#undef IPV4
    {{0}, 96},
    {{0x00, 0x64, 0xFF, 0x9B}, 96},
    {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48},
    {{0x20, 0x02}, 16},
    {{0xFC}, 7},
    {{0xFE, 0x80}, 10},
    {{0xFE, 0xC0}, 10},
    {{0xFF}, 8},
};

static bool has_prefix(const unsigned char address[16], const unsigned char prefix[16], unsigned bits)
{
    size_t whole = bits / 8;
    unsigned char mask = (unsigned char)(0xFF00u >> bits % 8);
    return memcmp(address, prefix, whole) == 0 && (bits % 8 == 0 || ((address[whole] ^ prefix[whole]) & mask) == 0);
}

bool sp_address_is_public(const unsigned char address[16])
{
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (has_prefix(address, special[i].at, special[i].bits))
            return false;
    return true;
}

bool sp_host_is_bracketed(struct sp_str host)
{
    unsigned char address[16];
    return read_ipv6(host, address);
}

bool sp_host_is_address(struct sp_str host)
{
    unsigned char address[16];
    return (host.len > 0 && host.at[0] == '[') || read_ipv4(host, address);
}

/* unreserved and sub-delims, without "%": RFC 3986 2.2, 2.3. */
static bool is_name_byte(unsigned char c)
{
    static const uint64_t allowed[4] = {0x2BFF7FD200000000u, 0x47FFFFFE87FFFFFEu};
    return (allowed[c / 64] >> c % 64 & 1) != 0;
}

static bool is_registered_name(struct sp_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (is_name_byte((unsigned char)host.at[i]))
            continue;
        if (host.at[i] != '%' || i + 2 >= host.len || sp_hex_digit(host.at[i + 1]) < 0 ||
            sp_hex_digit(host.at[i + 2]) < 0)
            return false;
        i += 2;
    }
    return host.len > 0;
}

static bool is_port_or_none(struct sp_str text)
{
    unsigned number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text.at[i] - '0');
        if (number > 65535)
            return false;
    }
    return true;
}

bool sp_host_is_header_value(struct sp_str value)
{
    const bool bracketed = value.len > 0 && value.at[0] == '[';
    const size_t end = bracketed ? sp_str_index_of(value, ']', 0) + 1 : sp_str_index_of(value, ':', 0);
    const struct sp_str host = sp_str_slice(value, 0, end);
    return (bracketed ? sp_host_is_bracketed(host) : is_registered_name(host)) &&
           (end >= value.len || (value.at[end] == ':' && is_port_or_none(sp_str_slice(value, end + 1, value.len))));
}

/* The root's dot: "localhost." is the same name. */
static struct sp_str without_final_dot(struct sp_str host)
{
    return host.len > 1 && host.at[host.len - 1] == '.' ? sp_str_slice(host, 0, host.len - 1) : host;
}

static bool is_below(struct sp_str host, struct sp_str zone)
{
    return host.len >= zone.len && sp_str_equal_ignoring_case(sp_str_slice(host, host.len - zone.len, host.len), zone);
}

bool sp_host_is_loopback(struct sp_str host)
{
    static const unsigned char mapped[16] = {[10] = 0xFF, 0xFF, 127}, one[16] = {[15] = 1};
    unsigned char address[16];
    if (read_address(host, address))
        return has_prefix(address, mapped, 104) || memcmp(address, one, sizeof one) == 0;
    host = without_final_dot(host);
    return sp_str_equal_ignoring_case(host, SP_STR("localhost")) || is_below(host, SP_STR(".localhost"));
}

/* No such top-level domain is, and browsers refuse the name (WHATWG URL 3.5). */
static bool ends_in_number(struct sp_str host)
{
    size_t from = host.len;
    uint64_t number;
    bool digits = true;
    while (from > 0 && host.at[from - 1] != '.') {
        from--;
        digits = digits && host.at[from] >= '0' && host.at[from] <= '9';
    }
    return digits || read_part(sp_str_slice(host, from, host.len), &number);
}

static bool is_ascii(struct sp_str host)
{
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.at[i] >= 0x80)
            return false;
    return true;
}

bool sp_host_is_internal(struct sp_str host)
{
    static const char *const zones[] = {".local", ".internal", ".localdomain", ".svc", ".lan", ".docker", ".intranet"};
    unsigned char address[16];
    if (sp_host_is_loopback(host))
        return true;
    host = without_final_dot(host);
    if (read_ipv6(host, address) || read_loose_ipv4(host, address))
        return !sp_address_is_public(address);
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        if (is_below(host, sp_str_from_cstr(zones[i])))
            return true;
    return sp_str_index_of(host, '.', 0) == host.len || host.at[0] == '[' || ends_in_number(host) || !is_ascii(host);
}
