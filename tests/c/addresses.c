/* Which address a connection goes to, in which order, from where, and what
   else may stand in for one. */
#include "support/names.h"
#include "support/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* -- helpers -------------------------------------------------------------- */

static double drive(enum way way, const char *url, const wskt_config *config,
                    const char *want) {
    struct party party;
    double before = now_ms();
    party_make(&party, way, NULL, url, config);
    party.on_event = echo_once;
    party_start(&party);
    party_drive(&party);
    if (!text_like(text_of(&party.log), want)) {
        FAIL("%s, %s:\n%s", url, way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    return now_ms() - before;
}

static char *named_url(const char *port_name) {
    struct text url = {0};
    text_add(&url, "ws://many.test:%d/echo", port(port_name));
    return url.at;
}

static bool has_ipv6(void) {
    struct sockaddr_in6 to;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has;
    memset(&to, 0, sizeof to);
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    has = fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return has;
}

/* -- tests ---------------------------------------------------------------- */

/* Every address is tried: 127.0.0.2 and 127.0.0.3 refuse. */
static void all_are_tried(void) {
    char *url = named_url("ws");
    char *refused = named_url("refused");
    int way;
    for (way = 0; way < WAYS; way++) {
        answer("127.0.0.2", "127.0.0.3", "127.0.0.1");
        drive((enum way)way, url, NULL, echoed);
        answer("127.0.0.2", "127.0.0.3", NULL);
        drive((enum way)way, refused, NULL,
              "error/3 os=111 connect \"cannot connect to 127.0.0.3:*, the "
              "last of 2 addresses: Connection refused *\"\nclose/3 1006 *\n");
        answer(NULL, NULL, NULL);
        drive((enum way)way, url, NULL,
              "error/3 connect \"the host has no address\"\nclose/3 1006 "
              "*\n");
    }
    free(url);
    free(refused);
}

/* How long it takes until 127.0.0.2, which comes after `first`, has not
   answered the upgrade for 100 ms: the shortest of some times, as a loaded
   machine may be late. */
static double race(const char *url, const wskt_config *config,
                   const char *first, double least) {
    double best = 1e9;
    int i;
    answer(first, "127.0.0.2", NULL);
    for (i = 0; i < 8 && best >= least + 100; i++) {
        double took = drive(WAY_EMBEDDED, url, config,
                            "error/3 timeout \"the server did not answer the "
                            "upgrade in time\"\n*\n");
        CHECK(took >= least);
        best = took < best ? took : best;
    }
    return best;
}

/* An address that does not answer costs 250 ms, not the deadline; the
   families take turns. 127.0.0.1 on `full` does not answer; ::1 refuses
   there. */
static void the_next_starts_early(void) {
    char *url = named_url("full");
    wskt_config *config;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at;
    double took;
    OK(wskt_config_new(&config));
    /* The same port on another loopback address hangs up at once. */
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons((uint16_t)port("full"));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener, 64) == 0);
    OK(wskt_config_set_upgrade_timeout(config, 100));
    took = race(url, config, "127.0.0.1", 345);
    CHECK(is_slow() || took < 345 + 150);
    /* One that fails at once does not cost 250 ms. */
    took = race(url, config, "127.0.0.3", 98);
    CHECK(is_slow() || took < 98 + 150);
    close(listener);
    wskt_config_free(config);
    free(url);
}

/* -- the order ------------------------------------------------------------- */

struct order {
    /* What the name has, in the order getaddrinfo gives; 127.0.0.N each. */
    const char *given[6];
    /* The last parts of the addresses, in the order they are tried in. */
    const char *tried;
};

/* The families take turns, beginning with that of the first (RFC 8305,
   section 4). A mapped address is one of IPv6 that a loopback of IPv4 has. */
static const struct order orders[] = {
    {{"::ffff:127.0.0.11", "::ffff:127.0.0.12", "::ffff:127.0.0.13",
      "127.0.0.14", "127.0.0.15"},
     "11 14 12 15 13"},
    {{"127.0.0.11", "127.0.0.12", "::ffff:127.0.0.13", "::ffff:127.0.0.14"},
     "11 13 12 14"},
    {{"::ffff:127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"},
     "11 12 13 14"},
    {{"127.0.0.11", "127.0.0.12", "::ffff:127.0.0.13"}, "11 13 12"},
};

static int listen_on(int last) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons((uint16_t)port("full"));
    at.sin_addr.s_addr = htonl(0x7f000000 + (uint32_t)last);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(fd, 8) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

/* Only those from the `first` on that are tried listen: it must be the one. */
static void check_order(enum way way, const struct order *order, int first,
                        const char *url, const wskt_config *config) {
    int fds[6];
    int count = 0, i;
    const char *at = order->tried;
    for (i = 0; order->given[i] != NULL; i++) {
        known_addresses[i] = order->given[i];
    }
    known_addresses[i] = NULL;
    for (; *at != '\0'; at += at[2] == ' ' ? 3 : 2) {
        fds[count] = count < first ? -1 : listen_on(atoi(at));
        count += 1;
    }
    CHECK_INT(count, i);
    drive(way, url, config,
          "error/3 timeout \"the server did not answer the upgrade in "
          "time\"\n*\n");
    for (i = first; i < count; i++) {
        int connection = accept(fds[i], NULL, NULL);
        if ((connection >= 0) != (i == first)) {
            FAIL("%s: number %d was %stried with %d refusing", order->tried, i,
                 connection >= 0 ? "" : "not ", first);
        }
        if (connection >= 0) {
            close(connection);
        }
        close(fds[i]);
    }
}

static void families_take_turns(void) {
    char *url = named_url("full");
    wskt_config *config;
    size_t i;
    int way = 0;
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    /* Without IPv6 in the kernel there are no turns to take. */
    CHECK(six >= 0 || errno == EAFNOSUPPORT);
    OK(wskt_config_new(&config));
    OK(wskt_config_set_upgrade_timeout(config, 30));
    for (i = 0; six >= 0 && i < sizeof orders / sizeof orders[0]; i++) {
        int first;
        for (first = 0; orders[i].given[first] != NULL; first++) {
            check_order((enum way)(way++ % WAYS), &orders[i], first, url,
                        config);
        }
    }
    if (six >= 0) {
        close(six);
    }
    wskt_config_free(config);
    free(url);
}

static void connect_to(void) {
    struct text to = {0};
    int way;
    text_add(&to, "127.0.0.1:%d", port("ws"));
    for (way = 0; way < WAYS; way++) {
        const char *id = new_id();
        struct text url = {0};
        struct report report;
        wskt_config *config = trusting_config();
        OK(wskt_config_add_connect_to(config, "other.example:80",
                                      "127.0.0.1:1"));
        OK(wskt_config_add_connect_to(config, "SOME.example:80",
                                      text_of(&to)));
        text_add(&url, "ws://some.example/s/echo-until-close?id=%s", id);
        drive((enum way)way, text_of(&url), config, echoed);
        get_report(&report, id);
        CHECK(strstr(text_of(&report.headers), "Host: some.example\n") !=
              NULL);
        free_report(&report);
        wskt_config_free(config);
        text_free(&url);
    }
    text_free(&to);
}

/* The name that TLS verifies stays the URL's. */
static void connect_to_keeps_the_name(void) {
    struct text to = {0};
    int good;
    text_add(&to, "127.0.0.1:%d", port("wss"));
    for (good = 0; good < 2; good++) {
        wskt_config *config = trusting_config();
        OK(wskt_config_add_connect_to(
            config, good ? "localhost:443" : "wrong.example:443",
            text_of(&to)));
        if (good) {
            drive(WAY_BLOCKING, "wss://localhost/echo", config, echoed);
        } else {
            drive(WAY_BLOCKING, "wss://wrong.example/echo", config,
                  "error/3 tls *\nclose/3 1015 *\n");
        }
        wskt_config_free(config);
    }
    text_free(&to);
}

static void local_address(void) {
    char *url = path_url("ws", "/echo");
    int way;
    for (way = 0; way < WAYS; way++) {
        wskt_config *config = trusting_config();
        OK(wskt_config_set_local_address(config, "127.0.0.9"));
        drive((enum way)way, url, config, echoed);
        OK(wskt_config_set_local_address(config, "::1"));
        drive((enum way)way, url, config,
              "error/3 connect \"the host has no address that ::1 can "
              "reach\"\n*\n");
        OK(wskt_config_set_local_address(config, "192.0.2.77"));
        drive((enum way)way, url, config,
              "error/3 * connect \"*cannot bind to 192.0.2.77: *\"\n*\n");
        OK(wskt_config_set_local_address(config, NULL));
        OK(wskt_config_set_interface(config, "no-such-if"));
        drive((enum way)way, url, config,
              "error/3 * connect \"*cannot bind to no-such-if: *\"\n*\n");
        OK(wskt_config_set_interface(config, "lo"));
        drive((enum way)way, url, config, echoed);
        wskt_config_free(config);
    }
    free(url);
}

/* The server sees the address we bound to. */
static void local_address_is_used(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    struct text url = {0};
    wskt_config *config = trusting_config();
    wskt_loop *loop;
    wskt_socket *sock;
    int peer;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    text_add(&url, "ws://127.0.0.1:%d/", ntohs(at.sin_port));
    OK(wskt_config_set_local_address(config, "127.0.0.9"));
    OK(wskt_loop_new(&loop));
    OK(wskt_loop_start(loop));
    OK(wskt_socket_new(loop, text_of(&url), config, &sock));
    OK(wskt_socket_open(sock));
    len = sizeof at;
    peer = accept(listener, (struct sockaddr *)&at, &len);
    CHECK(peer >= 0);
    CHECK_INT(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK + 8);
    wskt_socket_free(sock);
    wskt_loop_free(loop);
    close(peer);
    close(listener);
    wskt_config_free(config);
    text_free(&url);
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &len) == 0);
    return value;
}

/* -- descriptors ---------------------------------------------------------- */

static void adopted(void) {
    static const char *const ports[] = {"ws", "wss"};
    int way, i;
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < 2; i++) {
            char *url = path_url(ports[i], "/echo");
            wskt_config *config = trusting_config();
            struct party party;
            int fd = connected_fd(ports[i]);
            /* Neither matters for a connection that is there. */
            OK(wskt_config_set_proxy(config, "http://127.0.0.1:1"));
            OK(wskt_config_set_tcp_keepalive(config, 7000, 1500, 3));
            party_make(&party, (enum way)way, NULL, url, config);
            party.on_event = echo_once;
            CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
            OK(wskt_socket_adopt_fd(party.socket, fd));
            CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
            party_start(&party);
            if (way == WAY_BLOCKING) {
                CHECK_INT(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
                CHECK_INT(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
                CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
                CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
                CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
            }
            party_drive(&party);
            CHECK_STR(text_of(&party.log), echoed);
            party_free(&party);
            wskt_config_free(config);
            free(url);
        }
    }
}

#define REFUSED(fd, word)                                                  \
    do {                                                                   \
        RESULT(wskt_socket_adopt_fd(sock, fd), WSKT_ERR_INVALID_ARGUMENT); \
        CHECK(strstr(wskt_socket_error_text(sock), word) != NULL);         \
    } while (0)

static void bad_descriptors(void) {
    int pipes[2], pair[2], lone, listener, datagram, good;
    wskt_socket *sock;
    OK(wskt_socket_new(NULL, "ws://a.test/", NULL, &sock));
    CHECK(pipe(pipes) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    lone = socket(AF_INET, SOCK_STREAM, 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listen(listener, 1) == 0);
    datagram = socket(AF_INET, SOCK_DGRAM, 0);
    REFUSED(-1, "not a connected stream socket");
    REFUSED(1 << 20, "not a connected stream socket");
    REFUSED(pipes[0], "not a connected stream socket");
    REFUSED(pair[0], "not a connected stream socket");
    REFUSED(lone, "not a connected stream socket");
    REFUSED(listener, "not a connected stream socket");
    REFUSED(datagram, "not a connected stream socket");
    /* They are still ours, and unchanged. */
    CHECK_INT(fcntl(lone, F_GETFD), 0);
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
    CHECK(close(lone) == 0 && close(listener) == 0 && close(datagram) == 0);
    good = connected_fd("ws");
    OK(wskt_socket_adopt_fd(sock, good));
    RESULT(wskt_socket_adopt_fd(sock, good), WSKT_ERR_INVALID_STATE);
    /* Freed without being opened, the socket closes what it adopted. */
    wskt_socket_free(sock);
    CHECK_INT(fcntl(good, F_GETFD), -1);
    OK(wskt_socket_new(NULL, "ws://a.test/", NULL, &sock));
    OK(wskt_socket_close(sock, 0, NULL, 0));
    good = connected_fd("ws");
    RESULT(wskt_socket_adopt_fd(sock, good), WSKT_ERR_INVALID_STATE);
    CHECK(close(good) == 0);
    wskt_socket_free(sock);
}

/* -- Unix-domain sockets -------------------------------------------------- */

static void unix_path(struct text *path, const char *name) {
    const char *ca = env("WSKT_CA");
    text_add(path, "%.*s/%s.sock", (int)(strrchr(ca, '/') - ca), ca, name);
}

static void unix_sockets(void) {
    static const char *const names[] = {"ws", "wss"};
    int way, i;
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < 2; i++) {
            wskt_config *config = trusting_config();
            struct text path = {0};
            struct text url = {0};
            struct report report;
            const char *id = new_id();
            unix_path(&path, names[i]);
            text_add(&url, "%s+unix:%s:/s/echo-until-close?id=%s", names[i],
                     text_of(&path), id);
            /* The URL says it all; a proxy is no way to it. */
            OK(wskt_config_set_proxy(config, "http://127.0.0.1:1"));
            drive((enum way)way, text_of(&url), config, echoed);
            get_report(&report, id);
            CHECK_STR(report.errors, "[]");
            CHECK(strstr(text_of(&report.headers), "Host: localhost\n") !=
                  NULL);
            free_report(&report);
            OK(wskt_config_set_proxy(config, NULL));
            OK(wskt_config_set_unix_socket(config, text_of(&path)));
            drive((enum way)way,
                  i ? "wss://localhost/echo" : "ws://a.invalid/echo", config,
                  echoed);
            OK(wskt_config_set_unix_socket(config, "/no/such.sock"));
            drive((enum way)way, "ws://localhost/", config,
                  "error/3 os=2 connect \"cannot connect to /no/such.sock: "
                  "*\"\nclose/3 1006 *\n");
            wskt_config_free(config);
            text_free(&path);
            text_free(&url);
        }
    }
}

static void bad_input(void) {
    static const char *const urls[] = {
        "ws+unix:", "ws+unix:relative", "ws+unix://host/path",
        "ws+unix:/path:resource", "ws+unix:/a%00b",
    };
    char longest[120];
    wskt_config *config;
    wskt_socket *sock = NULL;
    size_t i;
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[108] = '\0';
    OK(wskt_config_new(&config));
#define SAYS(call, text)                                      \
    do {                                                      \
        RESULT(call, WSKT_ERR_INVALID_ARGUMENT);              \
        CHECK_STR(wskt_config_error_text(config), text);      \
    } while (0)
    SAYS(wskt_config_set_unix_socket(config, ""),
         "unix_socket: the path is empty");
    SAYS(wskt_config_set_unix_socket(config, longest),
         "unix_socket: the path is longer than 107 bytes");
    SAYS(wskt_config_set_local_address(config, "localhost"),
         "local_address: \"localhost\" is not an IP address");
    SAYS(wskt_config_set_interface(config, ""),
         "interface: \"\" has not 1 to 15 bytes");
    SAYS(wskt_config_set_interface(config, "lo\n"),
         "interface: \"lo\\n\" has a blank or a control character in it");
    SAYS(wskt_config_set_interface(config, "l o"),
         "interface: \"l o\" has a blank or a control character in it");
    SAYS(wskt_config_set_local_address(config, "127.0.0.1\r\n"),
         "local_address: \"127.0.0.1\\r\\n\" is not an IP address");
    SAYS(wskt_config_add_connect_to(config, "a\r\nb:1", "b:1"),
         "connect_to: \"a\\r\\nb:1\" is not HOST:PORT");
    SAYS(wskt_config_add_connect_to(config, "a:1", "b%0D%0Ac:1"),
         "connect_to: \"b%0D%0Ac:1\" is not HOST:PORT");
    SAYS(wskt_config_add_connect_to(config, "a:1", "b:1\n"),
         "connect_to: \"b:1\\n\" is not HOST:PORT");
    SAYS(wskt_config_add_connect_to(config, "a:1", "b%00:1"),
         "connect_to: \"b%00:1\" is not HOST:PORT");
    SAYS(wskt_config_add_connect_to(config, "a", "b:1"),
         "connect_to: \"a\" is not HOST:PORT");
    SAYS(wskt_config_add_connect_to(config, "a:1", "b:0"),
         "connect_to: \"b:0\" is not HOST:PORT");
    SAYS(wskt_config_set_tcp_keepalive(config, -1, 1, 1),
         "tcp_keepalive: idle: -1 ms is not in 1 to 32767000 ms");
    SAYS(wskt_config_set_tcp_keepalive(config, 1, 0, 1),
         "tcp_keepalive: interval: 0 ms is not in 1 to 32767000 ms");
    SAYS(wskt_config_set_tcp_keepalive(config, 1, 1, 128),
         "tcp_keepalive: count: 128 is not in 1 to 127");
    OK(wskt_config_set_tcp_keepalive(config, 0, 0, 0));
    OK(wskt_config_set_interface(config, "lo"));
    SAYS(wskt_config_set_unix_socket(config, "/x"),
         "unix_socket: a Unix-domain socket and an interface contradict each "
         "other");
    OK(wskt_config_set_interface(config, NULL));
    OK(wskt_config_set_local_address(config, "127.0.0.1"));
    SAYS(wskt_config_set_unix_socket(config, "/x"),
         "unix_socket: a Unix-domain socket and a local address contradict "
         "each other");
    OK(wskt_config_set_local_address(config, NULL));
    OK(wskt_config_set_unix_socket(config, "/x"));
    SAYS(wskt_config_set_interface(config, "lo"),
         "interface: a Unix-domain socket and an interface contradict each "
         "other");
    SAYS(wskt_config_set_local_address(config, "::1"),
         "local_address: a Unix-domain socket and a local address contradict "
         "each other");
    SAYS(wskt_config_add_connect_to(config, "a:1", "b:1"),
         "connect_to: a Unix-domain socket and connect_to contradict each "
         "other");
    wskt_config_free(config);
    for (i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        wskt_result result = wskt_socket_new(NULL, urls[i], NULL, &sock);
        if (result != WSKT_ERR_INVALID_URL) {
            FAIL("%s: %s", urls[i], wskt_result_name(result));
        }
    }
    RESULT(wskt_socket_new(NULL, "ws+unix:/a#b", NULL, &sock),
           WSKT_ERR_INVALID_FRAGMENT);
}

/* A name server that does not answer: the deadline, or abort. */
static void lookups_end(void) {
    int way, tries;
    double took;
    CHECK(pipe(lookup_block) == 0);
    for (way = 0; way < WAYS; way++) {
        wskt_config *config;
        __atomic_store_n(&lookup_blocks, true, __ATOMIC_RELEASE);
        OK(wskt_config_new(&config));
        OK(wskt_config_set_dns_timeout(config, 100));
        /* A loaded machine may be late; a library that waits is so each time. */
        for (tries = 0, took = 1e9; tries < 5 && took > 100 + 50; tries++) {
            took = drive((enum way)way, "ws://slow.test/", config,
                         "error/3 timeout \"the name was not resolved in "
                         "time\"\nclose/3 1006 \"\" unclean peer=0 timeout "
                         "\"*\"\n");
            CHECK(took >= 98);
        }
        CHECK(is_slow() || took <= 100 + 50);
        wskt_config_free(config);
    }
    __atomic_store_n(&lookup_blocks, false, __ATOMIC_RELEASE);
    close(lookup_block[1]);
    wait_for_threads();
    CHECK(__atomic_load_n(&lookups_ended, __ATOMIC_ACQUIRE) > 0);
    close(lookup_block[0]);
}

/* IPv6 first, then IPv4: both are tried, whichever is there. */
static void families(void) {
    char *url = named_url("ws");
    answer("::1", "127.0.0.1", NULL);
    drive(WAY_THREAD, url, NULL, echoed);
    answer("127.0.0.2", "::1", NULL);
    drive(WAY_THREAD, url, NULL, has_ipv6() ? echoed : "error/3 *\n*\n");
    free(url);
}

int main(void) {
    begin();
    RUN(bad_input);
    RUN(bad_descriptors);
    RUN(adopted);
    RUN(all_are_tried);
    RUN(families_take_turns);
    RUN(the_next_starts_early);
    RUN(families);
    RUN(connect_to);
    RUN(connect_to_keeps_the_name);
    RUN(local_address);
    RUN(local_address_is_used);
    RUN(unix_sockets);
    RUN(lookups_end);
    return end();
}
