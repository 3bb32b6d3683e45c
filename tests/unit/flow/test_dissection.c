/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as tshark 4.0 writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "core/flow/dissection.h"
#include "core/flow/report.h"

#define AT(frame, from, to)                                                                                            \
    "{\"timestamp\":\"1\",\"layers\":{\"frame_number\":[\"" frame "\"],\"frame_time_epoch\":[\"1795666562.60174" frame \
    "000\"],\"tcp_stream\":[\"0\"],\"ip_src\":[\"10.0.0." from "\"],\"ip_dst\":[\"10.0.0." to                          \
    "\"],\"tcp_srcport\":[\"443\"],\"tcp_dstport\":[\"443\"],"
#define HELLO                                                                                                          \
    AT("1", "1", "2")                                                                                                  \
    "\"tls_handshake_type\":[\"1\"],\"tls_handshake_extensions_server_name\":[\"idp\"],"                               \
    "\"tls_handshake_version\":[\"0x0303\"]}}\n"
#define SERVER_HELLO(types)                                                                                            \
    AT("2", "2", "1") "\"tls_handshake_type\":[" types "],\"tls_handshake_version\":[\"0x0303\"]}}\n"
#define ALERT(from, to, number)                                                                                        \
    AT("3", from, to) "\"tls_alert_message_level\":[\"2\"],\"tls_alert_message_desc\":[\"" number "\"]}}\n"

static struct sp_flow_capture *read_lines(const char *text, size_t piece, struct sp_dissection_report *report)
{
    static const struct sp_flow_terms terms = {.leeway_s = 30};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    struct sp_dissection *dissection = sp_dissection_create(capture);
    struct sp_str all = sp_str_from_cstr(text);
    assert_non_null(dissection);
    for (size_t at = 0; at < all.len; at += piece)
        sp_dissection_read(dissection, sp_str_slice(all, at, at + piece), false);
    sp_dissection_read(dissection, SP_STR(""), true);
    *report = *sp_dissection_report(dissection);
    sp_dissection_destroy(&dissection);
    sp_flow_judge(capture);
    return capture;
}

static const struct {
    const char *what, *text;
    enum sp_cause cause; /* of the first flow */
} rows[] = {
    {"a client that does not trust the CA", HELLO SERVER_HELLO("\"2\",\"11\"") ALERT("1", "2", "48"),
     SP_CAUSE_NETWORK_TLS_UNKNOWN_CA},
    {"a client that says expired", HELLO SERVER_HELLO("\"2\",\"11\"") ALERT("1", "2", "45"),
     SP_CAUSE_NETWORK_TLS_EXPIRED},
    {"a server without a common version", HELLO ALERT("2", "1", "70"), SP_CAUSE_NETWORK_TLS_PROTOCOL},
    {"a server that does not know the name", HELLO ALERT("2", "1", "112"), SP_CAUSE_NETWORK_TLS_HOSTNAME},
    {"a server that wants a client certificate", HELLO SERVER_HELLO("\"2\",\"11\",\"13\"") ALERT("2", "1", "40"),
     SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED},
    {"a handshake failure", HELLO SERVER_HELLO("\"2\"") ALERT("2", "1", "40"), SP_CAUSE_NETWORK_TLS_HANDSHAKE},
    {"a hello that nobody answers", HELLO, SP_CAUSE_NETWORK_TLS_HANDSHAKE},
    {"a good end", HELLO SERVER_HELLO("\"2\"") ALERT("1", "2", "0"), SP_CAUSE_NONE},
};

static void alerts_are_named_by_who_sent_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_dissection_report report;
        struct sp_flow_capture *capture = read_lines(rows[i].text, 17, &report);
        enum sp_cause cause = capture->flows->cause != NULL ? capture->flows->cause->finding.cause : SP_CAUSE_NONE;
        if (cause != rows[i].cause)
            print_error("%s\n", rows[i].what);
        assert_int_equal(cause, rows[i].cause);
        assert_true(sp_str_equal(capture->flows->place, SP_STR("idp")));
        assert_int_equal(report.unreadable, 0);
        sp_flow_capture_destroy(&capture);
    }
}

static void a_connection_that_is_refused_and_a_name_that_is_not_there_are_warnings(void **state)
{
    struct sp_dissection_report report;
    struct sp_flow_capture *capture = read_lines(
        AT("1", "1", "2") "\"tcp_flags_syn\":[\"1\"],\"tcp_flags_ack\":[\"0\"],\"tcp_flags_reset\":[\"0\"]}}\n" AT(
            "2", "2", "1") "\"tcp_flags_syn\":[\"0\"],\"tcp_flags_ack\":[\"1\"],\"tcp_flags_reset\":[\"1\"]}}\n"
                           "{\"layers\":{\"dns_flags_response\":[\"1\"],\"dns_flags_rcode\":[\"3\"],\"dns_qry_"
                           "name\":[\"idp.example\"]}}\n",
        1000, &report);
    struct sp_flow_count count = sp_flow_count(capture);
    (void)state;
    assert_int_equal(count.flows, 2);
    assert_int_equal(count.warned, 2);
    assert_int_equal(count.broken, 0);
    sp_flow_capture_destroy(&capture);
}

static void what_is_no_dissection_is_counted(void **state)
{
    struct sp_dissection_report report;
    struct sp_flow_capture *capture =
        read_lines("{\"index\":{}}\nno "
                   "json\n{\"layers\":5}\n{\"layers\":{\"http_response_code\":[\"200\"],\"tcp_stream\":[\"1\"]}}\n"
                   "{\"layers\":{\"http_request_method\":[\"GET\"],\"http_request_full_uri\":[\"http://a/\"]}}\n{\"lay",
                   5, &report);
    (void)state;
    assert_int_equal(report.unreadable, 3);
    assert_int_equal(report.without_request, 1);
    assert_int_equal(report.unanswered, 1);
    sp_flow_capture_destroy(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_are_named_by_who_sent_them),
        cmocka_unit_test(a_connection_that_is_refused_and_a_name_that_is_not_there_are_warnings),
        cmocka_unit_test(what_is_no_dissection_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
