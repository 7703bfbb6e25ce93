/* Which servers are trusted: each fault of a certificate is refused with 1015
   and named, in every way of driving; good ones and pinned ones pass. */
#include "support/ways.h"

/* What the configuration trusts. */
enum trust { THE_CA, NOBODY, THE_SYSTEM };

struct row {
    const char *name;
    const char *port;
    enum trust trust;
    /* The message of the failure; NULL: it opens. */
    const char *message;
    /* NULL: the URL's, 127.0.0.1. */
    const char *server_name;
    bool any_certificate;
    bool any_host_name;
    /* The names of files with pins. */
    const char *pins[2];
};

#define NO_CA                                                            \
    "unable to *: an untrusted CA, or an intermediate certificate is missing"
#define NOT_FOR(name) "the server's certificate is not for " name
#define PINNED "the server's public key is none of the pinned ones"

static const struct row rows[] = {
    {.name = "a good certificate", .port = "wss"},
    {.name = "an intermediate CA", .port = "wss_chain"},
    /* -- each fault -- */
    {.name = "expired",
     .port = "wss_expired",
     .message = "certificate has expired"},
    {.name = "not yet valid",
     .port = "wss_not_yet",
     .message = "certificate is not yet valid"},
    {.name = "self-signed",
     .port = "wss_self_signed",
     .message = "self*signed certificate"},
    {.name = "an unknown CA", .port = "wss_untrusted", .message = NO_CA},
    {.name = "a missing intermediate",
     .port = "wss_no_intermediate",
     .message = NO_CA},
    {.name = "another host",
     .port = "wss_wrong_host",
     .message = "IP address mismatch: " NOT_FOR("127.0.0.1")},
    {.name = "another host, by name",
     .port = "wss_wrong_host",
     .server_name = "localhost",
     .message = "hostname mismatch: " NOT_FOR("localhost")},
    {.name = "another address",
     .port = "wss_wrong_ip",
     .message = "IP address mismatch: " NOT_FOR("127.0.0.1")},
    {.name = "a weak key",
     .port = "wss_weak_key",
     .message = "EE certificate key too weak"},
    {.name = "no TLS", .port = "tls_garbage", .message = "wrong version number*"},
    /* -- names -- */
    {.name = "the name that was set",
     .port = "wss_wrong_host",
     .server_name = "other.example"},
    {.name = "in other letters, with a dot",
     .port = "wss_wrong_host",
     .server_name = "OTHER.example."},
    {.name = "an address that was set",
     .port = "wss_wrong_ip",
     .server_name = "127.0.0.2"},
    {.name = "an address of IPv6",
     .port = "wss_wrong_ip",
     .server_name = "::2"},
    {.name = "the same in brackets",
     .port = "wss_wrong_ip",
     .server_name = "[0::2]"},
    {.name = "a wildcard",
     .port = "wss_wildcard",
     .server_name = "a.wild.example"},
    {.name = "a wildcard is one label",
     .port = "wss_wildcard",
     .server_name = "a.b.wild.example",
     .message = "hostname mismatch: " NOT_FOR("a.b.wild.example")},
    {.name = "a wildcard is a label",
     .port = "wss_wildcard",
     .server_name = "wild.example",
     .message = "hostname mismatch: " NOT_FOR("wild.example")},
    {.name = "a wildcard is a whole label",
     .port = "wss_wildcard",
     .server_name = "part.partial.example",
     .message = "hostname mismatch: " NOT_FOR("part.partial.example")},
    {.name = "a wildcard is the first label",
     .port = "wss_wildcard",
     .server_name = "in.a.example",
     .message = "hostname mismatch: " NOT_FOR("in.a.example")},
    {.name = "no wildcard for a top-level domain",
     .port = "wss_wildcard",
     .server_name = "a.toplevel",
     .message = "hostname mismatch: " NOT_FOR("a.toplevel")},
    {.name = "no wildcard for everything",
     .port = "wss_wildcard",
     .server_name = "localhost",
     .message = "hostname mismatch: " NOT_FOR("localhost")},
    {.name = "no wildcard for an address",
     .port = "wss_wildcard",
     .message = "IP address mismatch: " NOT_FOR("127.0.0.1")},
    /* -- the system's roots: SSL_CERT_FILE is the CA -- */
    {.name = "the system's roots", .port = "wss", .trust = THE_SYSTEM},
    {.name = "without the system's roots",
     .port = "wss",
     .trust = NOBODY,
     .message = NO_CA},
    /* -- pins -- */
    {.name = "a pin", .port = "wss", .pins = {"pin"}},
    {.name = "the second pin", .port = "wss", .pins = {"other-pin", "pin"}},
    {.name = "another key",
     .port = "wss",
     .pins = {"other-pin"},
     .message = PINNED},
    {.name = "a pin does not excuse the certificate",
     .port = "wss",
     .trust = NOBODY,
     .pins = {"pin"},
     .message = NO_CA},
    {.name = "a pin alone",
     .port = "wss",
     .trust = NOBODY,
     .any_certificate = true,
     .pins = {"pin"}},
    {.name = "a pin alone, another key",
     .port = "wss",
     .trust = NOBODY,
     .any_certificate = true,
     .pins = {"other-pin"},
     .message = PINNED},
    /* -- danger -- */
    {.name = "any certificate: expired",
     .port = "wss_expired",
     .any_certificate = true},
    {.name = "any certificate: self-signed",
     .port = "wss_self_signed",
     .any_certificate = true},
    {.name = "any certificate: another host",
     .port = "wss_wrong_host",
     .any_certificate = true},
    {.name = "any host name",
     .port = "wss_wrong_host",
     .any_host_name = true},
    {.name = "any host name does not excuse the date",
     .port = "wss_expired",
     .any_host_name = true,
     .message = "certificate has expired"},
    {.name = "any host name does not excuse the CA",
     .port = "wss_untrusted",
     .any_host_name = true,
     .message = NO_CA},
};

static wskt_config *configure(const struct row *row) {
    wskt_config *config;
    size_t i;
    OK(wskt_config_new(&config));
    if (row->trust != THE_SYSTEM) {
        OK(wskt_config_set_system_roots(config, false));
    }
    if (row->trust == THE_CA) {
        OK(wskt_config_add_ca_file(config, env("WSKT_CA")));
    }
    if (row->server_name != NULL) {
        OK(wskt_config_set_tls_server_name(config, row->server_name));
    }
    OK(wskt_config_set_danger_any_certificate(config, row->any_certificate));
    OK(wskt_config_set_danger_any_host_name(config, row->any_host_name));
    for (i = 0; i < 2 && row->pins[i] != NULL; i++) {
        char *path = server_file(row->pins[i]);
        char *pin = read_whole(path, NULL);
        OK(wskt_config_add_pinned_public_key(config, pin));
        free(pin);
        free(path);
    }
    return config;
}

static void run_row(const struct row *row, enum way way,
                    const wskt_config *config) {
    char *url = script_url(
        row->port, "close 1000; flush; expect-close; half-close", new_id());
    struct text want = {0};
    struct party party;
    party_make(&party, way, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    if (row->message == NULL) {
        text_add(&want,
                 "open/1\nclose/3 1000 \"\" clean peer=1000 peer \"\"\n");
    } else {
        const char *message = wskt_socket_close_event(party.socket)->message;
        text_add(&want,
                 "error/3 tls *\nclose/3 1015 \"\" unclean peer=0 tls *\n");
        if (!text_like(message, row->message)) {
            FAIL("%s: %s, not %s", party.name, message, row->message);
        }
    }
    if (!text_like(text_of(&party.log), text_of(&want))) {
        FAIL("%s:\n%snot\n%s", party.name, text_of(&party.log),
             text_of(&want));
    }
    party_check_closed(&party);
    party_free(&party);
    text_free(&want);
    free(url);
}

int main(void) {
    size_t i;
    int way;
    begin();
    /* What the TLS library takes for the system's certificates. */
    CHECK_INT(setenv("SSL_CERT_FILE", env("WSKT_CA"), 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/nonexistent", 1), 0);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wskt_config *config = configure(&rows[i]);
        now_testing(rows[i].name);
        for (way = 0; way < WAYS; way++) {
            run_row(&rows[i], (enum way)way, config);
        }
        wskt_config_free(config);
    }
    return end();
}
