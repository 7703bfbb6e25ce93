/* Published flaws: TLS that was not verified. Nothing is set here but trust in
   the server's CA, and nothing can be forgotten: verification is on. */
#include "support/cases.h"

#define UNTRUSTED \
    "error/3 tls \"*\"\nclose/3 1015 \"\" unclean peer=0 tls \"*\"\n"
#define HELLO "text hello; close 1000; expect-close; half-close"
#define GOOD OPEN "text/1 \"hello\"\nclose/3 1000 \"\" clean *\n"

/* CVE-2020-15133, CVE-2020-15134 (faye-websocket): no verification at all. */
static void faye_cve_2020_15133_every_bad_certificate(void) {
    static const char *const bad[] = {
        "wss_self_signed", "wss_untrusted", "wss_expired", "wss_not_yet",
        "wss_wrong_host"};
    wskt_config *config = trusting_config();
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_log(bad[i], HELLO, config, UNTRUSTED);
        expect_log(bad[i], HELLO, NULL, UNTRUSTED);
    }
    expect_log("wss", HELLO, config, GOOD);
    wskt_config_free(config);
}

/* CVE-2020-11050 (Java-WebSocket): a good chain for another host's name. */
static void java_websocket_cve_2020_11050_wrong_name(void) {
    wskt_config *config = trusting_config();
    expect_log("wss_wrong_host", HELLO, config, UNTRUSTED);
    wskt_config_free(config);
}

/* IXWebSocket 11.0.0 and PR#250: the peer was not verified with OpenSSL; #581,
   #588: nor was an address against the addresses of the certificate. The good
   certificate has 127.0.0.1 and [::1] in it, the wrong one has not. */
static void ixwebsocket_581_addresses_are_names_too(void) {
    wskt_config *config = trusting_config();
    expect_log("wss", HELLO, config, GOOD);
    expect_log("wss", HELLO, NULL, UNTRUSTED);
    expect_log("wss_wrong_host", HELLO, config, UNTRUSTED);
    wskt_config_free(config);
}

/* CVE-2026-11564 (curl 8.17 to 8.20): the trust of one connection went over
   to the next one of the handle. A configuration's trust is its own, whatever
   connected before it, and a change counts for new sockets only. */
static void curl_cve_2026_11564_trust_does_not_leak(void) {
    wskt_config *trusting = trusting_config();
    wskt_config *plain;
    OK(wskt_config_new(&plain));
    expect_log("wss", HELLO, plain, UNTRUSTED);
    expect_log("wss", HELLO, trusting, GOOD);
    expect_log("wss", HELLO, plain, UNTRUSTED);
    /* Trust added after a connector was built counts all the same. */
    OK(wskt_config_add_ca_file(plain, env("WSKT_CA")));
    expect_log("wss", HELLO, plain, GOOD);
    wskt_config_free(plain);
    OK(wskt_config_new(&plain));
    expect_log("wss", HELLO, plain, UNTRUSTED);
    wskt_config_free(plain);
    wskt_config_free(trusting);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(faye_cve_2020_15133_every_bad_certificate),
        CASE(java_websocket_cve_2020_11050_wrong_name),
        CASE(ixwebsocket_581_addresses_are_names_too),
        CASE(curl_cve_2026_11564_trust_does_not_leak),
    };
    return CASES(argc, argv, cases);
}
