/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/host.h"

static void knows_loopback_and_internal_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool loopback, internal;
    } hosts[] = {
        {"localhost", true, true},
        {"LOCALHOST", true, true},
        {"localhost.", true, true},
        {"a.localhost", true, true},
        {"a.localhost.", true, true},
        {"127.0.0.1", true, true},
        {"127.9.9.9", true, true},
        {"[::1]", true, true},
        {"[0:0:0:0:0:0:0:1]", true, true},
        {"[0::0001]", true, true},
        {"[::ffff:127.0.0.1]", true, true},
        {"[::ffff:7f00:1]", true, true},
        {"10.1.2.3", false, true},
        {"172.16.0.1", false, true},
        {"172.31.255.255", false, true},
        {"172.32.0.1", false, false},
        {"100.64.0.1", false, true},
        {"100.128.0.1", false, false},
        {"192.168.1.1", false, true},
        {"169.254.169.254", false, true},
        {"0.0.0.0", false, true},
        {"224.0.0.1", false, true},
        {"255.255.255.255", false, true},
        {"8.8.8.8", false, false},
        {"223.255.255.255", false, false},
        /* what inet_aton and browsers take for an address gives no leave, and is an address when it comes to refusing
         */
        {"127.1", false, true},
        {"127.0.0", false, true},
        {"127.0.0.1.", false, true},
        {"2130706433", false, true},
        {"0177.0.0.1", false, true},
        {"0127.0.0.1", false, false}, /* 87.0.0.1 */
        {"010.0.0.1", false, false},  /* 8.0.0.1 */
        {"0x7f.1", false, true},
        {"0x7F000001", false, true},
        {"0xA.0.0.1", false, true},
        {"192.168.257", false, true},
        {"192.0xA80101", false, true},
        {"8.8.2056", false, false},
        {"0x8080808.", false, false},
        /* no address and no name */
        {"1.2.3.4.5", false, true},
        {"1.2.3.256", false, true},
        {"1.2.3.08", false, true},
        {"4294967296", false, true},
        {"8.8.8.0x1ff", false, true},
        {"a.0x7f", false, true},
        {"a..", false, true},
        {".", false, true},
        {"[", false, true},
        {"[fd.example]", false, true},
        {"\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97\xe3\x80\x82"
         "1.a",
         false, true},
        {"[::]", false, true},
        {"[::7f00:1]", false, true},
        {"[::ffff:192.168.0.1]", false, true},
        {"[::ffff:8.8.8.8]", false, false},
        {"[64:ff9b::10.0.0.1]", false, true},
        {"[64:ff9b:1::1]", false, true},
        {"[2002:a00:1::1]", false, true},
        {"[fd00::1]", false, true},
        {"[FC00::1]", false, true},
        {"[fe80::1%25eth0]", false, true},
        {"[fec0::1]", false, true},
        {"[ff02::1]", false, true},
        {"[2606:4700::1111]", false, false},
        {"[fd::1]", false, false}, /* 00fd */
        {"keycloak", false, true},
        {"keycloak.", false, true},
        {"idp.svc", false, true},
        {"printer.local.", false, true},
        {"PRINTER.LOCAL", false, true},
        {"idp.example.com", false, false},
        {"idp.example.com.", false, false},
        {"1.example.com", false, false},
        {"a.0x7f.com", false, false},
        {"127.0.0.1.evil.com", false, false},
        {"localhost.evil.com", false, false},
        {"mylocal", false, true},
        {"a.notlocal", false, false},
        {"10.0.0.1.xn--p1ai", false, false},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct sp_str host = sp_str_from_cstr(hosts[i].host);
        print_message("%s\n", hosts[i].host);
        assert_int_equal(sp_host_is_loopback(host), hosts[i].loopback);
        assert_int_equal(sp_host_is_internal(host), hosts[i].internal);
    }
}

static void an_address_is_plain_or_in_brackets(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool address, bracketed;
    } hosts[] = {
        {"1.2.3.4", true, false},
        {"01.2.3.4", false, false},
        {"1.2.3", false, false},
        {"1.2.3.4.", false, false},
        {"[::1]", true, true},
        {"[::1%eth0]", true, true},
        {"[1.2.3.4]", true, false},
        {"[::1", true, false},
        {"[]", true, false},
        {"", false, false},
        {"a.example", false, false},
        {"[::1]a", true, false},
        {"[fe80::1%25eth0.1]", true, true},
        {"[::1%]", true, false},
        {"[::1%25;x]", true, false},
        {"[::1%a\\b]", true, false},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        print_message("%s\n", hosts[i].host);
        assert_int_equal(sp_host_is_address(sp_str_from_cstr(hosts[i].host)), hosts[i].address);
        assert_int_equal(sp_host_is_bracketed(sp_str_from_cstr(hosts[i].host)), hosts[i].bracketed);
    }
}

static void the_value_of_a_host_header_is_a_host_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool is;
    } values[] = {
        {"a.example", true},
        {"A_b-c~.example.", true},
        {"a.example:", true},
        {"a.example:8080", true},
        {"a.example:65535", true},
        {"a.example:65536", false},
        {"a.example:99999999999999999999", false},
        {"a.example:8x", false},
        {"a.example:80:80", false},
        {"::1", false},
        {"[::1]", true},
        {"[::1]:80", true},
        {"[::1", false},
        {"[::1]x", false},
        {"[::1]80", false},
        {"[]", false},
        {"[a\"]", false},
        {"127.0.0.1:80", true},
        {"a%2Fb", true},
        {"a%2", false},
        {"a%", false},
        {"a%zz", false},
        {"a!$&'()*+,;=b", true},
        {"x\"y,z=\"1", false},
        {"a\\b", false},
        {"a/b", false},
        {"a?b", false},
        {"a#b", false},
        {"u@a", false},
        {"a<b>", false},
        {"a b", false},
        {"a\tb", false},
        {"a\x7f", false},
        {"\xc3\xa4.example", false},
        {"", false},
        {":80", false},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        print_message("%s\n", values[i].value);
        assert_int_equal(sp_host_is_header_value(sp_str_from_cstr(values[i].value)), values[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_loopback_and_internal_hosts),
        cmocka_unit_test(an_address_is_plain_or_in_brackets),
        cmocka_unit_test(the_value_of_a_host_header_is_a_host_and_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
