/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "probe/network.h"

static bool contains(const char *network, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        return sp_network_contains(sp_str_from_cstr(network), (const struct sockaddr *)&v4);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return sp_network_contains(sp_str_from_cstr(network), (const struct sockaddr *)&v6);
}

static void networks_contain_their_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool inside;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"169.254.169.254", "169.254.169.254", true},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"fd00::/8", "fd12::1", true},
        {"fd00::/8", "fe80::1", false},
        {"::/0", "::1", true},
        {"nonsense", "1.2.3.4", false},
        {"10.0.0.0/", "10.0.0.1", false},
        {"10.0.0.0/33", "10.0.0.1", false},
        {"10.0.0.0/99999999999999999999", "10.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("%s in %s\n", rows[i].address, rows[i].network);
        assert_int_equal(contains(rows[i].network, rows[i].address), rows[i].inside);
    }
}

static bool is_public(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        return sp_network_is_public((const struct sockaddr *)&v4);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return sp_network_is_public((const struct sockaddr *)&v6);
}

static void what_leads_inside_is_not_public(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "0.0.0.0",       "10.1.2.3",         "100.64.0.1",      "127.0.0.1",       "169.254.169.254",
        "172.31.0.1",    "192.168.0.1",      "224.0.0.1",       "255.255.255.255", "::",
        "::1",           "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1",        "64:ff9b::a00:1",
        "2002:a00:1::1", "fd00::1",          "fe80::1",         "ff02::1"};
    static const char *const outside[] = {"8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1111"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        print_message("%s\n", inside[i]);
        assert_false(is_public(inside[i]));
    }
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        print_message("%s\n", outside[i]);
        assert_true(is_public(outside[i]));
    }
}

static void an_address_is_printed_as_it_is_written(void **state)
{
    (void)state;
    static const char *const rows[] = {"0.0.0.0", "9.10.99.100", "127.0.0.1", "255.255.255.255", "203.0.113.7",
                                       "::",      "::1",         "fd00::1",   "2001:db8::a:b"};
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool is_v4 = inet_pton(AF_INET, rows[i], &v4.sin_addr) == 1;
        if (!is_v4)
            assert_int_equal(inet_pton(AF_INET6, rows[i], &v6.sin6_addr), 1);
        sp_network_print(is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, text, sizeof text);
        assert_string_equal(text, rows[i]);
    }
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.33", &mapped.sin6_addr), 1);
    sp_network_print((const struct sockaddr *)&mapped, text, sizeof text);
    assert_string_equal(text, "192.0.2.33");
    sp_network_print((const struct sockaddr *)&mapped, text, INET_ADDRSTRLEN - 1);
    assert_string_equal(text, ""); /* no room: nothing, and nothing beyond */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks_contain_their_addresses),
                                       cmocka_unit_test(what_leads_inside_is_not_public),
                                       cmocka_unit_test(an_address_is_printed_as_it_is_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
