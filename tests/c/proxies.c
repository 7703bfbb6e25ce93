/* Proxies: tunnels of each kind, with ws and wss through them, whatever a
   proxy can answer instead, and who gets which credentials. */
#include "support/names.h"
#include "support/ways.h"

/* KIND://USER:PASSWORD@localhost:PORT, the password encoded. */
static char *proxy_url(const char *kind, const char *user,
                       const char *password) {
    struct text url = {0};
    const char *port_name = strcmp(kind, "https") == 0 ? "wss" : "ws";
    text_add(&url, "%s://%s:", kind, user);
    for (; *password != '\0'; password++) {
        text_add(&url, "%%%02X", (unsigned char)*password);
    }
    text_add(&url, "@localhost:%d", port(port_name));
    return url.at;
}

static void drive(struct party *party, const char *what, const char *want) {
    party_start(party);
    party_drive(party);
    if (!text_like(text_of(&party->log), want)) {
        FAIL("%s, %s:\n%s", what, way_name(party->way), text_of(&party->log));
    }
    party_check_closed(party);
    party_free(party);
}

/* The proxy's half of a tunnel: what it was told, and what it was not. */
static void check_told(const char *id, bool http, const char *server) {
    struct report report;
    get_report(&report, id);
    CHECK(strstr(report.json, server) != NULL);
    CHECK(strstr(report.json, "secret") == NULL);
    CHECK(strstr(report.json, "cookie") == NULL);
    if (http) {
        CHECK(strstr(text_of(&report.headers), "Proxy-Authorization: ") !=
              NULL);
        CHECK(strstr(text_of(&report.headers), "\nAuthorization") == NULL);
    }
    free_report(&report);
}

/* The server's half: nothing about the proxy. */
static void check_not_told(const char *id) {
    struct report report;
    get_report(&report, id);
    CHECK_STR(report.errors, "[]");
    CHECK(strstr(text_of(&report.headers), "Cookie: secret") != NULL);
    CHECK(strstr(text_of(&report.headers), "Proxy") == NULL);
    free_report(&report);
}

static void run_tunnel(enum way way, const char *kind, const char *scheme,
                       const char *password) {
    const char *id = new_id();
    const char *proxy_id = new_id();
    struct text url = {0};
    struct text server = {0};
    struct party party;
    char *proxy = proxy_url(kind, proxy_id, password);
    wskt_config *config = trusting_config();
    text_add(&url, "%s://localhost:%d/s/echo-until-close?id=%s", scheme,
             port(scheme), id);
    text_add(&server, "\"localhost:%d\"", port(scheme));
    OK(wskt_config_set_proxy(config, proxy));
    OK(wskt_config_add_header(config, "Cookie", "secret=cookie"));
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = echo_once;
    drive(&party, kind, echoed);
    check_told(proxy_id, strcmp(kind, "socks5h") != 0, text_of(&server));
    check_not_told(id);
    wskt_config_free(config);
    free(proxy);
    text_free(&url);
    text_free(&server);
}

static void tunnels(void) {
    static const char *const kinds[] = {"http", "https", "socks5h"};
    static const char *const schemes[] = {"ws", "wss"};
    int kind, scheme, way;
    for (way = 0; way < WAYS; way++) {
        for (kind = 0; kind < 3; kind++) {
            for (scheme = 0; scheme < 2; scheme++) {
                run_tunnel((enum way)way, kinds[kind], schemes[scheme],
                           strcmp(kinds[kind], "socks5h") == 0 ? "drip" : "");
            }
        }
    }
}

/* Much through two layers of TLS, both ways. */
static void large(struct party *party, const wskt_event *event) {
    static const size_t size = 3 << 20;
    if (event->type == WSKT_EVENT_OPEN) {
        unsigned char *data = pattern_binary(size);
        OK(wskt_socket_send_binary(party->socket, data, size));
        free(data);
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        unsigned char *data = pattern_binary(size);
        CHECK_INT(as_message(event)->len, size);
        CHECK(memcmp(as_message(event)->data, data, size) == 0);
        free(data);
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void large_messages(void) {
    static const char *const kinds[] = {"http", "https", "socks5h"};
    static const char *const schemes[] = {"ws", "wss"};
    int way, i;
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < 6; i++) {
            struct party party;
            char *proxy = proxy_url(kinds[i / 2], new_id(), "x");
            char *url = path_url(schemes[i % 2], "/echo");
            wskt_config *config = trusting_config();
            if (i / 2 != 2) {
                /* An empty password is an honest tunnel. */
                free(proxy);
                proxy = proxy_url(kinds[i / 2], new_id(), "");
            }
            OK(wskt_config_set_proxy(config, proxy));
            party_make(&party, (enum way)way, NULL, url, config);
            party.on_event = large;
            drive(&party, kinds[i / 2],
                  "open/1\nbinary/1 *\nclose/3 1000 \"\" clean peer=1000 "
                  "local \"\"\n");
            wskt_config_free(config);
            free(proxy);
            free(url);
        }
    }
}

struct answer {
    const char *kind;
    const char *password;
    const char *status;
    const char *message;
};

static const struct answer answers[] = {
    {"http", "http 407 Authenticate", "http=407 ",
     "the proxy answered HTTP 407 Authenticate (it asks for user and "
     "password)"},
    {"http", "http 403 No way drip", "http=403 ",
     "the proxy answered HTTP 403 No way"},
    {"http", "http 302 Found header=Location:http://a/", "http=302 ",
     "the proxy answered HTTP 302 Found"},
    {"http", "raw text:HTTP/1.0%20503%0d%0a%0d%0a", "http=503 ",
     "the proxy answered HTTP 503"},
    {"http", "raw text:SSH-2.0", "", "the proxy's answer is not HTTP"},
    {"http", "raw fill:00:10", "", "the proxy's answer is not HTTP"},
    {"http", "raw text:HTTP/1.1%20200%20OK%0d%0a%0d%0aHTTP/1.1%20101", "",
     "the proxy sent something behind its answer"},
    {"http", "raw text:HTTP/1.1%20200%20OK%0d%0aA:%20; raw fill:61:70000", "",
     "the proxy's answer is larger than 64 KiB"},
    {"http",
     "raw text:HTTP/1.1%20200%20OK%0d%0a; repeat 300 raw text:a:b%0d%0a; "
     "raw text:%0d%0a",
     "", "the proxy's answer has more than 256 headers"},
    {"http", "raw text:HTTP/1.1%20200%20OK%0d%0a; fin", "",
     "the proxy closed the connection"},
    {"http", "fin", "", "the proxy closed the connection"},
    {"https", "http 503 Busy", "http=503 ",
     "the proxy answered HTTP 503 Busy"},
    {"https", "fin", "", "the proxy closed the connection"},
    {"socks5h", "auth=0101", "", "the proxy refused user and password"},
    {"socks5h", "auth=4854", "", "the proxy's answer is not SOCKS 5"},
    {"socks5h", "reply=0501", "", "the proxy refused: general failure"},
    {"socks5h", "reply=0502", "", "the proxy refused: not allowed by its rules"},
    {"socks5h", "reply=0505000100000000", "",
     "the proxy refused: connection refused"},
    {"socks5h", "reply=485454502f", "", "the proxy's answer is not SOCKS 5"},
    {"socks5h", "reply=050000010000000000002a", "",
     "the proxy sent something behind its answer"},
};

static void refusals(void) {
    size_t i;
    int way;
    for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            const struct answer *answer = &answers[i];
            char *proxy = proxy_url(answer->kind, new_id(), answer->password);
            wskt_config *config = trusting_config();
            struct text want = {0};
            struct party party;
            OK(wskt_config_set_proxy(config, proxy));
            party_make(&party, (enum way)way, NULL,
                       i % 2 ? "ws://a.invalid/" : "wss://a.invalid/", config);
            text_add(&want,
                     "error/3 %sproxy \"%s\"\nclose/3 1006 \"\" unclean "
                     "peer=0 proxy \"%s\"\n",
                     answer->status, answer->message, answer->message);
            drive(&party, answer->message, text_of(&want));
            text_free(&want);
            wskt_config_free(config);
            free(proxy);
        }
    }
}

/* -- who resolves the server's name --------------------------------------- */

static int asked;

static void count_asked(wskt_log_level level, const char *line, size_t len,
                        void *user_data) {
    char text[256];
    (void)level;
    (void)user_data;
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, line, len);
    text[len] = '\0';
    asked += strstr(text, "asking the proxy for ") != NULL;
}

#define ENDS(cause, message)                       \
    "error/3 " cause " \"" message                  \
    "\"\nclose/3 1006 \"\" unclean peer=0 " cause " \"" message "\"\n"

struct resolution {
    const char *kind;
    const char *password;
    const char *host;
    /* What "here.test" has, in this program. */
    const char *addresses[2];
    const char *log;
    /* How often the proxy is asked. */
    int asked;
    /* What it was asked for, if once: there is one report. The port is left
       out. */
    const char *target;
};

static const struct resolution resolutions[] = {
    {"socks5", "x", "here.test", {"127.0.0.1", NULL}, echoed, 1, "127.0.0.1"},
    {"socks5", "x", "here.test", {"::1", NULL}, echoed, 1, "[::1]"},
    /* Nobody listens at the first one. */
    {"socks5", "x", "here.test", {"127.0.0.3", "127.0.0.1"}, echoed, 2, NULL},
    {"socks5", "x", "here.test", {"127.0.0.3", "127.0.0.4"},
     ENDS("proxy", "the proxy refused: connection refused"), 2, NULL},
    /* What is not about the address is not repeated. */
    {"socks5", "auth=0101", "here.test", {"127.0.0.1", "127.0.0.3"},
     ENDS("proxy", "the proxy refused user and password"), 1, NULL},
    {"socks5", "x", "nowhere.example", {"127.0.0.1", NULL},
     "error/3* dns \"cannot resolve nowhere.example: *\"\nclose/3 1006 \"\" "
     "unclean peer=0 dns \"*\"\n",
     0, NULL},
    {"socks5", "x", "127.0.0.1", {NULL, NULL}, echoed, 1, "127.0.0.1"},
    /* The proxy gets the name, which it does not know. */
    {"socks5h", "x", "here.test", {"127.0.0.1", NULL},
     ENDS("proxy", "the proxy refused: connection refused"), 1, "here.test"},
    {"http", "", "here.test", {"127.0.0.1", NULL},
     "error/3 http=502 proxy \"*\"\n*\n", 1, "here.test"},
};

static void run_resolution(enum way way, const struct resolution *row) {
    const char *id = new_id();
    const char *proxy_id = new_id();
    struct text proxy = {0};
    struct text url = {0};
    struct text target = {0};
    struct report report;
    struct party party;
    wskt_config *config = trusting_config();
    bool tls = way % 2 == 1;
    answer(row->addresses[0], row->addresses[1], NULL);
    asked = 0;
    text_add(&proxy, "%s://%s:%s@127.0.0.1:%d", row->kind, proxy_id,
             row->password, port("ws"));
    text_add(&url, "%s://%s:%d/s/echo-until-close?id=%s", tls ? "wss" : "ws",
             row->host, port(tls ? "wss" : "ws"), id);
    OK(wskt_config_set_proxy(config, text_of(&proxy)));
    OK(wskt_config_set_danger_any_host_name(config, true));
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = echo_once;
    drive(&party, text_of(&proxy), row->log);
    CHECK_INT(asked, row->asked);
    if (row->target != NULL) {
        get_report(&report, proxy_id);
        text_add(&target, "\"%s:%d\"", row->target, port(tls ? "wss" : "ws"));
        if (strstr(report.json, text_of(&target)) == NULL) {
            FAIL("%s is not in %s", text_of(&target), report.json);
        }
        free_report(&report);
    }
    wskt_config_free(config);
    text_free(&proxy);
    text_free(&url);
    text_free(&target);
}

static void names(void) {
    size_t i;
    int way;
    OK(wskt_log_set(WSKT_LOG_DEBUG, count_asked, NULL));
    for (i = 0; i < sizeof resolutions / sizeof resolutions[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            run_resolution((enum way)way, &resolutions[i]);
        }
    }
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

/* RST inside the talk: whichever error the kernel tells. */
static void lost(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        char *proxy = proxy_url("http", new_id(), "rst");
        wskt_config *config = trusting_config();
        struct party party;
        OK(wskt_config_set_proxy(config, proxy));
        party_make(&party, (enum way)way, NULL, "ws://a.invalid/", config);
        drive(&party, "rst",
              "error/3 * proxy \"the connection to the proxy was lost: "
              "*\"\nclose/3 1006 \"\" unclean peer=0 proxy \"*\"\n");
        wskt_config_free(config);
        free(proxy);
    }
}

/* The proxy's own TLS and TCP: cause proxy and 1006, or what TCP has. */
static void unreachable(void) {
    static const struct {
        const char *scheme;
        const char *port;
        const char *want;
    } rows[] = {
        {"https", "wss_untrusted",
         "error/3 proxy \"TLS with the proxy: *\"\nclose/3 1006 \"\" unclean "
         "peer=0 proxy \"TLS with the proxy: *\"\n"},
        {"https", "wss_expired",
         "error/3 proxy \"TLS with the proxy: *expired*\"\n*\n"},
        {"https", "tls_garbage", "error/3 proxy \"TLS with the proxy: *\n*\n"},
        {"http", "refused",
         "error/3 os=111 connect \"cannot connect to 127.0.0.1:*refused*(a "
         "proxy)\"\nclose/3 1006 \"\" unclean peer=0 connect \"*\"\n"},
    };
    size_t i;
    int way;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            struct text proxy = {0};
            wskt_config *config = trusting_config();
            struct party party;
            text_add(&proxy, "%s://127.0.0.1:%d", rows[i].scheme,
                     port(rows[i].port));
            OK(wskt_config_set_proxy(config, text_of(&proxy)));
            party_make(&party, (enum way)way, NULL, "wss://a.invalid/",
                       config);
            drive(&party, rows[i].port, rows[i].want);
            wskt_config_free(config);
            text_free(&proxy);
        }
    }
}

/* A certificate of the server's that is refused inside the tunnel is the
   server's fault, not the proxy's. */
static void tls_inside(void) {
    char *proxy = proxy_url("https", new_id(), "");
    wskt_config *config = trusting_config();
    struct text url = {0};
    struct party party;
    text_add(&url, "wss://localhost:%d/", port("wss_expired"));
    OK(wskt_config_set_proxy(config, proxy));
    party_make(&party, WAY_THREAD, NULL, text_of(&url), config);
    drive(&party, "expired",
          "error/3 tls \"*expired*\"\nclose/3 1015 \"\" unclean peer=0 tls "
          "\"*expired*\"\n");
    wskt_config_free(config);
    free(proxy);
    text_free(&url);
}

/* A proxy that says nothing, or too slowly. */
static void stalls(void) {
    static const struct {
        const char *kind;
        const char *password;
        const char *what;
    } rows[] = {
        {"http", "none; expect-fin", "the proxy did not answer in time"},
        {"http", "http 200 OK drip=20000 header=A:bbbbbbbbbbbbbbbbbbbbbbbb",
         "the proxy did not answer in time"},
        /* Reading the system's certificates may take the whole time. */
        {"https", "none; expect-fin", "the * in time"},
        {"socks5h", "stall", "the proxy did not answer in time"},
    };
    size_t i;
    int way;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            char *proxy = proxy_url(rows[i].kind, new_id(), rows[i].password);
            wskt_config *config = trusting_config();
            struct text want = {0};
            struct party party;
            double before = now_ms();
            OK(wskt_config_set_proxy(config, proxy));
            OK(wskt_config_set_proxy_timeout(config, 200));
            party_make(&party, (enum way)way, NULL, "ws://a.invalid/",
                       config);
            text_add(&want,
                     "error/3 timeout \"%s\"\nclose/3 1006 \"\" unclean "
                     "peer=0 timeout \"%s\"\n",
                     rows[i].what, rows[i].what);
            drive(&party, rows[i].kind, text_of(&want));
            CHECK(now_ms() - before >= 198);
            wskt_config_free(config);
            free(proxy);
            text_free(&want);
        }
    }
}

/* What no_proxy has is reached directly: the proxy here would refuse. */
static void exceptions(void) {
    static const char *const lists[] = {
        "127.0.0.1", "127.0.0.1", "*", "a.example 127.0.0.0/8",
    };
    size_t i;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char *url = path_url("ws", "/echo");
        wskt_config *config = trusting_config();
        struct text list = {0};
        struct party party;
        text_add(&list, "%s", lists[i]);
        if (i == 0) {
            text_add(&list, ":%d", port("ws"));
        }
        OK(wskt_config_set_proxy(config, "http://127.0.0.1:1"));
        OK(wskt_config_set_no_proxy(config, text_of(&list)));
        party_make(&party, WAY_EMBEDDED, NULL, url, config);
        party.on_event = echo_once;
        drive(&party, text_of(&list), echoed);
        wskt_config_free(config);
        text_free(&list);
        free(url);
    }
}

static void environment(void) {
    char *proxy = proxy_url("http", new_id(), "http 418 Tea");
    char *url = path_url("ws", "/echo");
    wskt_config *config = trusting_config();
    struct party party;
    /* Not asked for, the environment does not matter. */
    setenv("http_proxy", proxy, 1);
    party_make(&party, WAY_PULLED, NULL, url, config);
    party.on_event = echo_once;
    drive(&party, "not asked", echoed);
    /* Asked for, it counts as it was then. */
    OK(wskt_config_set_proxy_from_environment(config));
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    party_make(&party, WAY_PULLED, NULL, url, config);
    drive(&party, "asked", "error/3 http=418 proxy \"*HTTP 418 Tea\"\n*\n");
    setenv("no_proxy", "127.0.0.0/8", 1);
    OK(wskt_config_set_proxy_from_environment(config));
    party_make(&party, WAY_PULLED, NULL, url, config);
    party.on_event = echo_once;
    drive(&party, "no_proxy", echoed);
    setenv("no_proxy", "10.0.0.0/40", 1);
    RESULT(wskt_config_set_proxy_from_environment(config),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(wskt_config_error_text(config),
              "proxy_from_environment: no_proxy: \"10.0.0.0/40\" has no length "
              "of a prefix behind its slash");
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    wskt_config_free(config);
    free(proxy);
    free(url);
}

/* Each variable, in the order in which they count. A number stands for a proxy
   that answers with it; 0 stands for the server itself. */
struct variables {
    const char *set;
    const char *url;
    int status;
};

#define HERE "127.0.0.1"
#define NAME "a.deep.test"

static const struct variables variables[] = {
    {"http_proxy=431", "ws://" HERE, 431},
    {"http_proxy=431", "wss://" HERE, 0},
    /* A CGI script's client sets it. */
    {"HTTP_PROXY=431", "ws://" HERE, 0},
    {"https_proxy=431", "wss://" HERE, 431},
    {"https_proxy=431", "ws://" HERE, 0},
    {"HTTPS_PROXY=431", "wss://" HERE, 431},
    {"https_proxy=431 HTTPS_PROXY=432", "wss://" HERE, 431},
    {"https_proxy= HTTPS_PROXY=432", "wss://" HERE, 432},
    {"all_proxy=431", "ws://" HERE, 431},
    {"all_proxy=431", "wss://" HERE, 431},
    {"ALL_PROXY=431", "ws://" HERE, 431},
    {"ALL_PROXY=431", "wss://" HERE, 431},
    {"all_proxy=431 ALL_PROXY=432", "wss://" HERE, 431},
    {"all_proxy= ALL_PROXY=432", "ws://" HERE, 432},
    {"http_proxy=431 all_proxy=432", "ws://" HERE, 431},
    {"http_proxy=431 all_proxy=432", "wss://" HERE, 432},
    {"HTTPS_PROXY=431 all_proxy=432", "wss://" HERE, 431},
    {"HTTPS_PROXY=431 all_proxy=432", "ws://" HERE, 432},
    /* Names and what is below them, whole labels only. */
    {"all_proxy=431 no_proxy=test", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=.test", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=*.deep.test", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=DEEP.Test.", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=a.deep.test", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=eep.test", "ws://" NAME, 431},
    {"all_proxy=431 no_proxy=deep", "ws://" NAME, 431},
    {"all_proxy=431 no_proxy=b.a.deep.test", "ws://" NAME, 431},
    {"all_proxy=431 no_proxy=x.example,deep.test", "ws://" NAME, 0},
    {"all_proxy=431 no_proxy=*", "ws://" NAME, 0},
    /* Networks, for addresses in the URL; names are not resolved for it. */
    {"all_proxy=431 no_proxy=127.0.0.0/8", "ws://" HERE, 0},
    {"all_proxy=431 no_proxy=127.0.0.0/8", "wss://" HERE, 0},
    {"all_proxy=431 no_proxy=127.0.0.0/31", "ws://" HERE, 0},
    {"all_proxy=431 no_proxy=127.0.0.2/31", "ws://" HERE, 431},
    {"all_proxy=431 no_proxy=127.0.0.1/32", "ws://" HERE, 0},
    {"all_proxy=431 no_proxy=0.0.0.0/0", "wss://" HERE, 0},
    {"all_proxy=431 no_proxy=::/0", "ws://" HERE, 431},
    {"all_proxy=431 no_proxy=127.0.0.0/8", "ws://" NAME, 431},
    {"all_proxy=431 no_proxy=fd00::/8", "ws://[::1]", 431},
    {"all_proxy=431 no_proxy=::/127", "ws://[::1]", -1},
    /* Lower case first here, too; an empty one counts as not set. */
    {"all_proxy=431 no_proxy=x.example NO_PROXY=*", "ws://" HERE, 431},
    {"all_proxy=431 no_proxy= NO_PROXY=*", "ws://" HERE, 0},
    {"ALL_PROXY=431 NO_PROXY=127.0.0.0/8", "wss://" HERE, 0},
};

static void clear_variables(void) {
    static const char *const names[] = {
        "http_proxy",  "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
        "all_proxy",   "ALL_PROXY",  "no_proxy",    "NO_PROXY",
    };
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

static void set_variables(const char *set) {
    char *all = strdup(set);
    char *rest = NULL;
    char *pair = strtok_r(all, " ", &rest);
    clear_variables();
    for (; pair != NULL; pair = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(pair, '=');
        *value = '\0';
        value += 1;
        if (value[0] == '4') {
            struct text script = {0};
            char *proxy;
            text_add(&script, "http %s No", value);
            proxy = proxy_url("http", new_id(), text_of(&script));
            setenv(pair, proxy, 1);
            free(proxy);
            text_free(&script);
        } else {
            setenv(pair, value, 1);
        }
    }
    free(all);
}

static void each_variable(void) {
    size_t i;
    int way;
    answer("127.0.0.1", NULL, NULL);
    for (i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const struct variables *row = &variables[i];
        wskt_config *config = trusting_config();
        set_variables(row->set);
        OK(wskt_config_set_proxy_from_environment(config));
        clear_variables();
        for (way = 0; way < WAYS; way++) {
            const char *scheme = row->url[2] == 's' ? "wss" : "ws";
            struct text url = {0};
            struct text want = {0};
            struct party party;
            text_add(&url, "%s:%d/echo", row->url,
                     port(row->status < 0 ? "full" : scheme));
            if (row->status > 0) {
                text_add(&want, "error/3 http=%d proxy *\n*\n", row->status);
            } else if (row->status == 0) {
                text_add(&want, "%s", echoed);
            } else {
                /* Directly, where nobody listens. */
                text_add(&want, "error/3 os=* connect *\n*\n");
            }
            party_make(&party, (enum way)way, NULL, text_of(&url), config);
            party.on_event = echo_once;
            drive(&party, row->set, text_of(&want));
            text_free(&url);
            text_free(&want);
        }
        wskt_config_free(config);
    }
}

static void bad_input(void) {
    static const char *const bad[][2] = {
        {"", "proxy: the URL does not parse: empty host"},
        {"ftp://a", "proxy: the URL's scheme is none of http, https, socks5, socks5h"},
        {"http://a/path", "proxy: the URL has a path, a query or a fragment"},
        {"http://a:b:c@d:x", "proxy: the URL does not parse: invalid port "
                             "number"},
        {"http://u%0d%0aX:p@a",
         "proxy: user or password has a control character in it"},
        {"http://u:p%00@a",
         "proxy: user or password has a control character in it"},
        {"socks5h://u:@a",
         "proxy: user and password for SOCKS 5 have 1 to 255 bytes each"},
    };
    wskt_config *config;
    size_t i;
    OK(wskt_config_new(&config));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RESULT(wskt_config_set_proxy(config, bad[i][0]),
               WSKT_ERR_INVALID_ARGUMENT);
        CHECK_STR(wskt_config_error_text(config), bad[i][1]);
    }
    RESULT(wskt_config_set_proxy(config, "http://\xff"),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_config_set_no_proxy(config, NULL), WSKT_ERR_NULL);
    RESULT(wskt_config_set_no_proxy(config, "a,b\r\nc"),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(wskt_config_error_text(config),
              "no_proxy: \"b\\r\\nc\" has a control character in it");
    OK(wskt_config_set_unix_socket(config, "/tmp/x"));
    RESULT(wskt_config_set_proxy(config, "http://a"),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(wskt_config_error_text(config),
              "proxy: a Unix-domain socket and a proxy contradict each other");
    OK(wskt_config_set_unix_socket(config, NULL));
    OK(wskt_config_set_proxy(config, "http://a"));
    OK(wskt_config_set_proxy(config, NULL));
    wskt_config_free(config);
}

int main(void) {
    begin();
    RUN(bad_input);
    RUN(exceptions);
    RUN(names);
    RUN(environment);
    RUN(each_variable);
    RUN(tls_inside);
    RUN(unreachable);
    RUN(stalls);
    RUN(lost);
    RUN(refusals);
    RUN(tunnels);
    RUN(large_messages);
    return end();
}
