/* The descriptors of a dial: the loser of a race is closed, the winner has the
   options that were asked for, and one that is reset at once says so. */
/* For struct tcp_info, and syscall. */
#define _DEFAULT_SOURCE

#include "support/names.h"
#include "support/ways.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Connections of this process to a port, by the state TCP has them in; the
   last of them in `out_fd`. */
static int count_connections(int peer_port, int state, int *out_fd) {
    DIR *all = opendir("/proc/self/fd");
    struct dirent *entry;
    int found = 0;
    CHECK(all != NULL);
    while ((entry = readdir(all)) != NULL) {
        struct sockaddr_in peer;
        struct tcp_info info;
        int fd = atoi(entry->d_name);
        socklen_t len = sizeof info;
        if (entry->d_name[0] == '.' ||
            getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
            info.tcpi_state != state) {
            continue;
        }
        /* One that is still connecting has no peer. */
        len = sizeof peer;
        if (state == TCP_ESTABLISHED &&
            (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
             ntohs(peer.sin_port) != peer_port)) {
            continue;
        }
        *out_fd = fd;
        found += 1;
    }
    closedir(all);
    return found;
}

/* 127.0.0.1 on `full` never answers; 127.0.0.2 does, 250 ms later. When the
   request arrives there, nothing tries to reach the first any more. */
static void the_loser_is_closed(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at;
    struct text url = {0};
    struct pollfd fds[2];
    wskt_loop *loop;
    wskt_socket *sock;
    double until = now_ms() + limit_ms();
    int peer = -1, fd = -1;
    bool raced = false;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons((uint16_t)port("full"));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener, 8) == 0);
    answer("127.0.0.1", "127.0.0.2", NULL);
    text_add(&url, "ws://many.test:%d/", port("full"));
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, text_of(&url), NULL, &sock));
    OK(wskt_socket_open(sock));
    fds[0].fd = wskt_loop_fd(loop);
    fds[1].fd = listener;
    fds[0].events = fds[1].events = POLLIN;
    for (;;) {
        CHECK(now_ms() < until);
        CHECK(poll(fds, 2, 10) >= 0);
        if ((fds[1].revents & POLLIN) != 0) {
            if (peer >= 0) {
                break;
            }
            peer = accept(listener, NULL, NULL);
            CHECK(peer >= 0);
            /* Now for the request. */
            fds[1].fd = peer;
        }
        OK(wskt_loop_dispatch(loop));
        raced |= count_connections(port("full"), TCP_SYN_SENT, &fd) == 1;
    }
    CHECK(raced);
    CHECK_INT(count_connections(port("full"), TCP_SYN_SENT, &fd), 0);
    CHECK_INT(count_connections(port("full"), TCP_ESTABLISHED, &fd), 1);
    wskt_socket_free(sock);
    OK(wskt_loop_free(loop));
    close(peer);
    close(listener);
    text_free(&url);
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &len) == 0);
    return value;
}

struct wanted {
    const char *port;
    bool keepalive;
};

static void look(struct party *party, const wskt_event *event) {
    const struct wanted *wanted = party->data;
    int fd = -1;
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "x", 1));
    }
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    CHECK_INT(count_connections(port(wanted->port), TCP_ESTABLISHED, &fd), 1);
    /* Of what a message is sent by, nothing waits for acknowledgements. */
    CHECK_INT(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_INT(option(fd, SOL_SOCKET, SO_KEEPALIVE), wanted->keepalive);
    if (wanted->keepalive) {
        CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
        CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
        CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    }
    OK(wskt_socket_close(party->socket, 1000, NULL, 0));
}

static void options(void) {
    static const char *const ports[] = {"ws", "wss"};
    int way, i, keepalive;
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < 2; i++) {
            for (keepalive = 0; keepalive < 2; keepalive++) {
                struct wanted wanted;
                struct party party;
                char *url = path_url(ports[i], "/echo");
                wskt_config *config = trusting_config();
                wanted.port = ports[i];
                wanted.keepalive = keepalive == 1;
                if (wanted.keepalive) {
                    OK(wskt_config_set_tcp_keepalive(config, 7000, 1500, 3));
                }
                party_make(&party, (enum way)way, NULL, url, config);
                wskt_config_free(config);
                party.on_event = look;
                party.data = &wanted;
                party_start(&party);
                party_drive(&party);
                CHECK_INT(party.opens, 1);
                party_check_closed(&party);
                party_free(&party);
                free(url);
            }
        }
    }
}

/* -- reset at once --------------------------------------------------------- */

/* Where `connect` goes to a server that says this and resets the connection
   before the call is back. */
static int resetting = -1;
static const char *last_words;

/* In the place of libc's. */
int connect(int fd, const struct sockaddr *to, socklen_t len) {
    static const struct linger at_once = {1, 0};
    int result = (int)syscall(SYS_connect, fd, to, len), error = errno;
    if (resetting >= 0) {
        int peer = accept(resetting, NULL, NULL);
        size_t said = strlen(last_words);
        CHECK(peer >= 0);
        CHECK_INT(write(peer, last_words, said), said);
        CHECK(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once) == 0);
        close(peer);
    }
    errno = error;
    return result;
}

static void expect_reset(const char *words, const char *log) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    struct text url = {0};
    int way;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    text_add(&url, "ws://127.0.0.1:%d/", (int)ntohs(at.sin_port));
    for (way = 0; way < WAYS; way++) {
        struct party party;
        last_words = words;
        resetting = listener;
        party_make(&party, (enum way)way, NULL, text_of(&url), NULL);
        party_start(&party);
        party_drive(&party);
        resetting = -1;
        CHECK_STR(text_of(&party.log), log);
        party_free(&party);
    }
    close(listener);
    text_free(&url);
}

#define RESET \
    "handshake \"the connection was lost during the upgrade: Connection reset" \
    " by peer (os error 104)\"\n"

/* It may have said why before. */
static void a_server_that_resets_at_once(void) {
    expect_reset("", "error/3 os=104 " RESET
                     "close/3 1006 \"\" unclean peer=0 " RESET);
    expect_reset("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nhi",
                 "error/3 http=503 http \"HTTP 503 Busy\"\n"
                 "close/3 1006 \"\" unclean peer=0 http \"HTTP 503 Busy\"\n");
}

int main(void) {
    begin();
    RUN(a_server_that_resets_at_once);
    RUN(the_loser_is_closed);
    RUN(options);
    return end();
}
