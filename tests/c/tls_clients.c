/* The client's certificate: shown to servers that ask for one, and what they
   say without it. A TLS 1.3 server refuses after our side is done. */
#include "support/ways.h"

#define PASSWORD "correct horse"

static const char *const ports[] = {"wss_client_tls12", "wss_client_tls13"};

enum form { NONE, FILES, BUFFERS, ONE_FILE, RSA, ARCHIVE_FILE, ARCHIVE, STRANGER, FORMS };

static const char *const form_names[] = {
    "none",         "files",   "buffers", "one file", "RSA",
    "archive file", "archive", "a stranger's",
};

static void set_files(wskt_config *config, const char *certificate,
                      const char *key) {
    char *certificate_path = server_file(certificate);
    char *key_path = server_file(key);
    OK(wskt_config_set_client_certificate_file(config, certificate_path,
                                               key_path));
    free(certificate_path);
    free(key_path);
}

static char *load(const char *name, size_t *len) {
    char *path = server_file(name);
    char *bytes = read_whole(path, len);
    free(path);
    return bytes;
}

static void set_buffers(wskt_config *config) {
    size_t certificate_len, key_len;
    char *certificate = load("client.pem", &certificate_len);
    char *key = load("client.key", &key_len);
    OK(wskt_config_set_client_certificate_pem(config, certificate,
                                              certificate_len, key, key_len));
    free(certificate);
    free(key);
}

/* Both in one buffer, with a comment in front. */
static void set_one(wskt_config *config) {
    char *certificate = load("client.pem", NULL);
    char *key = load("client.key", NULL);
    struct text both = {0};
    text_add(&both, "# comment\n%s\n%s", key, certificate);
    OK(wskt_config_set_client_certificate_pem(config, both.at, both.len,
                                              both.at, both.len));
    text_free(&both);
    free(certificate);
    free(key);
}

static void set_archive(wskt_config *config, bool from_file) {
    char *path = server_file("client.p12");
    size_t len;
    char *bytes = read_whole(path, &len);
    if (from_file) {
        OK(wskt_config_set_client_pkcs12_file(config, path, PASSWORD));
    } else {
        OK(wskt_config_set_client_pkcs12(config, bytes, len, PASSWORD));
    }
    free(bytes);
    free(path);
}

static wskt_config *configure(enum form form) {
    wskt_config *config = trusting_config();
    switch (form) {
        case FILES:
            set_files(config, "client.pem", "client.key");
            break;
        case BUFFERS:
            set_buffers(config);
            break;
        case ONE_FILE:
            set_one(config);
            break;
        case RSA:
            set_files(config, "client-rsa.pem", "client-rsa.key");
            break;
        case ARCHIVE_FILE:
        case ARCHIVE:
            set_archive(config, form == ARCHIVE_FILE);
            break;
        case STRANGER:
            set_files(config, "stranger.pem", "client.key");
            break;
        default:
            break;
    }
    return config;
}

/* What the server has against no certificate, and one by a stranger. */
static const char *message(enum form form, size_t port_index) {
    if (form == STRANGER) {
        return "*alert unknown ca: the server refused the client certificate";
    }
    return port_index == 0
               ? "*alert handshake failure: the server refused: no cipher in "
                 "common, or it asks for a client certificate"
               : "*alert certificate required: the server asks for a client "
                 "certificate";
}

static void visit(enum way way, enum form form, size_t port_index,
                  const wskt_config *config) {
    bool refused = form == NONE || form == STRANGER;
    const char *id = new_id();
    char *url = script_url(ports[port_index],
                           "close 1000; flush; expect-close; half-close", id);
    struct text want = {0};
    struct party party;
    party_make(&party, way, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    if (refused) {
        const char *want_why = message(form, port_index);
        const char *why = wskt_socket_close_event(party.socket)->message;
        text_add(&want,
                 "error/3 tls *\nclose/3 1015 \"\" unclean peer=0 tls *\n");
        if (!text_like(why, want_why)) {
            FAIL("%s, %s: %s, not %s", party.name, ports[port_index], why,
                 want_why);
        }
    } else {
        struct report report;
        text_add(&want,
                 "open/1\nclose/3 1000 \"\" clean peer=1000 peer \"\"\n");
        get_report(&report, id);
        CHECK(strstr(report.tls, "\"client_certificate\":true") != NULL);
        CHECK_STR(report.errors, "[]");
        free_report(&report);
    }
    if (!text_like(text_of(&party.log), text_of(&want))) {
        FAIL("%s, %s:\n%snot\n%s", party.name, ports[port_index],
             text_of(&party.log), text_of(&want));
    }
    party_check_closed(&party);
    party_free(&party);
    text_free(&want);
    free(url);
}

/* In browser mode nothing is told. */
static void hidden(void) {
    wskt_config *config = configure(NONE);
    char *url = script_url(ports[1], "accept", new_id());
    wskt_socket *socket;
    OK(wskt_config_set_browser_mode(config, true));
    OK(wskt_socket_new(NULL, url, config, &socket));
    RESULT(wskt_socket_connect(socket, limit_ms()), WSKT_ERR_CONNECT_FAILED);
    while (wskt_socket_close_event(socket) == NULL) {
        const wskt_event *event;
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    }
    CHECK_INT(wskt_socket_close_event(socket)->code, 1006);
    CHECK_STR(wskt_socket_close_event(socket)->message, "");
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
}

/* A certificate that is not asked for is not shown. */
static void not_asked(void) {
    wskt_config *config = configure(FILES);
    const char *id = new_id();
    char *url = script_url("wss", "close 1000; expect-close; half-close", id);
    struct party party;
    struct report report;
    party_make(&party, WAY_BLOCKING, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.opens, 1);
    get_report(&report, id);
    CHECK(strstr(report.tls, "\"client_certificate\":false") != NULL);
    free_report(&report);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- what is refused when it is set ------------------------------------- */

static void refused(wskt_config *config, wskt_result got, wskt_result want,
                    const char *text) {
    if (got != want || !text_like(wskt_config_error_text(config), text)) {
        FAIL("%s, \"%s\"; not %s, \"%s\"", wskt_result_name(got),
             wskt_config_error_text(config), wskt_result_name(want), text);
    }
}

/* The key in this form is refused with a command, which converts it. */
static void other_form(const char *certificate, const char *key,
                       const char *what, const char *inform) {
    wskt_config *config = trusting_config();
    char *certificate_path = server_file(certificate);
    char *key_path = server_file(key);
    char *new_path = server_file("converted.key");
    struct text text = {0};
    struct text command = {0};
    text_add(&text,
             "client_certificate_file: the key is %s, not PKCS#8 in PEM; this "
             "converts it: openssl pkey%s -in KEY -out key-pkcs8.pem",
             what, inform);
    refused(config,
            wskt_config_set_client_certificate_file(config, certificate_path,
                                                    key_path),
            WSKT_ERR_INVALID_KEY, text_of(&text));
    text_add(&command, "openssl pkey%s -in %s -out %s -passin 'pass:%s'",
             inform, key_path, new_path, PASSWORD);
    CHECK_INT(system(text_of(&command)), 0);
    OK(wskt_config_set_client_certificate_file(config, certificate_path,
                                               new_path));
    text_free(&text);
    text_free(&command);
    free(certificate_path);
    free(key_path);
    free(new_path);
    wskt_config_free(config);
}

static void bad_input(void) {
    wskt_config *config = trusting_config();
    char *certificate = server_file("client.pem");
    char *key = server_file("client.key");
    char *other_key = server_file("client-rsa.key");
    char *archive = server_file("client.p12");
    const char *ca = env("WSKT_CA");
    const char *garbage =
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    size_t len;
    char *pem = read_whole(certificate, &len);
#define FILE_TEXT "client_certificate_file: "
    OK(wskt_config_set_client_certificate_file(config, certificate, key));
    refused(config,
            wskt_config_set_client_certificate_file(config, certificate,
                                                    other_key),
            WSKT_ERR_INVALID_KEY, FILE_TEXT "key and certificate do not fit");
    refused(config,
            wskt_config_set_client_certificate_file(config, ca, key),
            WSKT_ERR_INVALID_KEY,
            FILE_TEXT "key and certificate do not fit (*mismatch)");
    refused(config,
            wskt_config_set_client_certificate_file(config, "/no/such", key),
            WSKT_ERR_IO, FILE_TEXT "/no/such: No such file*");
    refused(config,
            wskt_config_set_client_certificate_file(config, certificate,
                                                    "/no/key"),
            WSKT_ERR_IO, FILE_TEXT "/no/key: No such file*");
    refused(config,
            wskt_config_set_client_certificate_file(config, key, key),
            WSKT_ERR_INVALID_CERTIFICATE,
            FILE_TEXT "there is no certificate in it");
    refused(config,
            wskt_config_set_client_certificate_file(config, certificate,
                                                    certificate),
            WSKT_ERR_INVALID_KEY, FILE_TEXT "there is no private key in it");
    refused(config,
            wskt_config_set_client_certificate_file(config, "\xff", key),
            WSKT_ERR_INVALID_UTF8, FILE_TEXT "*UTF-8");
    refused(config,
            wskt_config_set_client_certificate_pem(config, pem, len, garbage,
                                                   strlen(garbage)),
            WSKT_ERR_INVALID_KEY, "client_certificate_pem: the key: *");
    refused(config,
            wskt_config_set_client_certificate_pem(config, pem, len, NULL, 0),
            WSKT_ERR_INVALID_KEY,
            "client_certificate_pem: there is no private key in it");
    refused(config,
            wskt_config_set_client_certificate_pem(config, NULL, 1, pem, len),
            WSKT_ERR_NULL, "client_certificate_pem: *NULL");
    refused(config,
            wskt_config_set_client_pkcs12_file(config, archive, "wrong"),
            WSKT_ERR_WRONG_PASSWORD,
            "client_pkcs12_file: the password does not open the archive");
    refused(config, wskt_config_set_client_pkcs12_file(config, archive, ""),
            WSKT_ERR_WRONG_PASSWORD,
            "client_pkcs12_file: the password does not open the archive");
    refused(config,
            wskt_config_set_client_pkcs12_file(config, certificate, PASSWORD),
            WSKT_ERR_INVALID_CERTIFICATE,
            "client_pkcs12_file: no certificate and key can be read from it: *");
    refused(config, wskt_config_set_client_pkcs12(config, NULL, 0, PASSWORD),
            WSKT_ERR_INVALID_CERTIFICATE,
            "client_pkcs12: no certificate and key can be read from it: *");
    refused(config, wskt_config_set_client_pkcs12(config, "x", 1, "\xff"),
            WSKT_ERR_INVALID_UTF8, "client_pkcs12: *UTF-8");
    /* Nothing of that has changed anything. */
    visit(WAY_BLOCKING, FILES, 1, config);
    free(pem);
    free(certificate);
    free(key);
    free(other_key);
    free(archive);
    wskt_config_free(config);
}

int main(void) {
    int form, way;
    size_t i;
    begin();
    for (form = 0; form < FORMS; form++) {
        wskt_config *config = configure((enum form)form);
        now_testing(form_names[form]);
        for (i = 0; i < sizeof ports / sizeof ports[0]; i++) {
            for (way = 0; way < WAYS; way++) {
                visit((enum way)way, (enum form)form, i, config);
            }
        }
        wskt_config_free(config);
    }
    RUN(hidden);
    RUN(not_asked);
    RUN(bad_input);
    now_testing("other forms of keys");
    other_form("client-rsa.pem", "client-pkcs1.key", "PKCS#1", "");
    other_form("client.pem", "client-sec1.key", "SEC1", "");
    other_form("client.pem", "client-locked.key", "encrypted", "");
    other_form("client.pem", "client.der", "DER", " -inform DER");
    return end();
}
