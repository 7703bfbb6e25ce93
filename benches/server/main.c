/* bench-server CA_FILE [CPU]: prints its ports as one line of JSON, serves
   until its standard input ends. It listens on 127.0.0.1 to 127.0.0.8. */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 8, READ_LEN = 256 * 1024, READY = 256 };

/* Listeners and standard input stand in the poller beside connections. */
struct listener {
    int fd;
    bool tls;
};

static struct listener listeners[2 * ADDRESSES];
static SSL_CTX *tls;
static int poller;
static unsigned char input[READ_LEN];

/* Between large messages to a sink this thread waits awake: to wake one that
   sleeps takes several microseconds, and it is the client that would pay them. */
static int64_t awake_until;

/* What the connection at work has queued; only its rest is copied. */
static unsigned char *batch;
static size_t batch_len;
static size_t batch_room;
static struct conn *batch_of;

/* Closed in this turn: freed after it, for events may still name them. */
static struct conn *closed[READY * 2];
static size_t closed_len;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static bool append(unsigned char **bytes, size_t *len, size_t *room,
                   const void *more, size_t more_len) {
    if (*len + more_len > *room) {
        size_t wanted = (*len + more_len) * 2;
        unsigned char *longer = realloc(*bytes, wanted);
        if (longer == NULL) {
            return false;
        }
        *bytes = longer;
        *room = wanted;
    }
    memcpy(*bytes + *len, more, more_len);
    *len += more_len;
    return true;
}

/* -- writing ------------------------------------------------------------ */

/* How much left; -1: nothing ever will again. */
ssize_t conn_put(struct conn *conn, const unsigned char *bytes, size_t len) {
    size_t at = 0;
    while (at < len) {
        ssize_t n;
        if (conn->ssl != NULL) {
            int part = len - at > (1 << 20) ? 1 << 20 : (int)(len - at);
            n = SSL_write(conn->ssl, bytes + at, part);
            if (n <= 0) {
                int error = SSL_get_error(conn->ssl, (int)n);
                ERR_clear_error();
                if (error == SSL_ERROR_WANT_WRITE) {
                    break;
                }
                return -1;
            }
        } else {
            /* The FIN leaves with the Close frame, however late the close is:
               else a client's counts depend on when this process runs. */
            int more = conn->role == ROLE_OVER ? MSG_MORE : 0;
            n = send(conn->fd, bytes + at, len - at, MSG_NOSIGNAL | more);
            if (n < 0) {
                if (errno == EAGAIN) {
                    break;
                }
                return -1;
            }
        }
        at += (size_t)n;
        if (conn->ssl == NULL && at < len) {
            break; /* a short write: the kernel has no more room */
        }
    }
    return (ssize_t)at;
}

static void keep_rest(struct conn *conn, const unsigned char *bytes,
                      size_t len) {
    size_t room = conn->rest_len;
    if (!append(&conn->rest, &conn->rest_len, &room, bytes, len)) {
        abort();
    }
}

void conn_queue(struct conn *conn, const void *bytes, size_t len) {
    if (conn == batch_of) {
        if (!append(&batch, &batch_len, &batch_room, bytes, len)) {
            abort();
        }
    } else if (conn->rest_len > 0) {
        keep_rest(conn, bytes, len);
    } else {
        ssize_t n = conn_put(conn, bytes, len);
        if (n >= 0 && (size_t)n < len) {
            keep_rest(conn, (const unsigned char *)bytes + n, len - (size_t)n);
        }
    }
}

/* Sends what is queued and what the flood owes. False: the line is dead. */
static bool flush(struct conn *conn) {
    ssize_t n;
    if (conn->rest_len > 0) {
        n = conn_put(conn, conn->rest + conn->rest_at,
                conn->rest_len - conn->rest_at);
        if (n < 0) {
            return false;
        }
        conn->rest_at += (size_t)n;
        if (conn->rest_at < conn->rest_len) {
            return true;
        }
        free(conn->rest);
        conn->rest = NULL;
        conn->rest_len = conn->rest_at = 0;
    }
    return flood_on(conn);
}

static bool has_rest(const struct conn *conn) {
    return conn->rest_len > 0 || conn->flood_at < conn->flood_len;
}

/* -- reading ------------------------------------------------------------ */

static bool take(struct conn *conn, unsigned char *bytes, size_t len) {
    size_t used = 0;
    if (conn->role == ROLE_NONE && !http_take(conn, bytes, len, &used)) {
        return false;
    }
    return used == len || frames_take(conn, bytes + used, len - used);
}

/* Reads once, or what TLS holds. False: it is over. */
static bool fill(struct conn *conn) {
    size_t len = 0;
    bool end = false;
    if (conn->ssl == NULL) {
        ssize_t n = recv(conn->fd, input, sizeof input, 0);
        if (n < 0) {
            return errno == EAGAIN;
        }
        len = (size_t)n;
        end = n == 0;
    }
    while (conn->ssl != NULL && len < sizeof input) {
        int n = SSL_read(conn->ssl, input + len, (int)(sizeof input - len));
        if (n <= 0) {
            int error = SSL_get_error(conn->ssl, n);
            ERR_clear_error();
            end = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
            break;
        }
        len += (size_t)n;
        if (!SSL_has_pending(conn->ssl)) {
            break;
        }
    }
    if (conn->role == ROLE_SINK && conn->size >= LARGE) {
        awake_until = now_us() + PATIENCE_US;
    }
    if (len > 0) {
        bool good;
        batch_of = conn;
        batch_len = 0;
        good = take(conn, input, len);
        batch_of = NULL;
        if (batch_len > 0) {
            conn_queue(conn, batch, batch_len);
        }
        end |= !good;
    }
    return !end;
}

/* -- life --------------------------------------------------------------- */

static void drop(struct conn *conn) {
    if (conn->fd < 0) {
        return;
    }
    group_leave(conn);
    SSL_free(conn->ssl);
    close(conn->fd);
    conn->fd = -1;
    free(conn->request);
    free(conn->rest);
    closed[closed_len++] = conn;
}

static void watch(struct conn *conn, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (conn->interest != events) {
        conn->interest = events;
        if (epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &event) != 0) {
            die("epoll_ctl");
        }
    }
}

static bool shake(struct conn *conn) {
    int n = SSL_do_handshake(conn->ssl);
    conn->shaken = n == 1;
    if (n == 1) {
        return true;
    }
    n = SSL_get_error(conn->ssl, n);
    ERR_clear_error();
    return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

static void serve(struct conn *conn, uint32_t ready) {
    bool alive = conn->fd >= 0;
    if (!alive) {
        return;
    }
    if (conn->ssl != NULL && !conn->shaken) {
        alive = shake(conn);
        ready = conn->shaken ? EPOLLIN : 0;
    }
    if (alive && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !has_rest(conn)) {
        alive = fill(conn);
    }
    if (alive && has_rest(conn)) {
        alive = flush(conn);
    }
    if (!alive || (conn->role == ROLE_OVER && !has_rest(conn))) {
        if (alive && conn->ssl != NULL) {
            SSL_shutdown(conn->ssl);
        }
        drop(conn);
    } else {
        watch(conn, has_rest(conn) ? EPOLLOUT : EPOLLIN);
    }
}

static void take_in(const struct listener *listener) {
    for (int i = 0; i < 64; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        struct conn *conn;
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        socket_tune(fd);
        if ((conn = calloc(1, sizeof *conn)) == NULL) {
            close(fd);
            return;
        }
        conn->fd = fd;
        conn->interest = EPOLLIN;
        if (listener->tls) {
            conn->ssl = SSL_new(tls);
            SSL_set_fd(conn->ssl, fd);
            SSL_set_accept_state(conn->ssl);
        }
        event.data.ptr = conn;
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
            die("epoll_ctl");
        }
    }
}

/* -- start -------------------------------------------------------------- */

/* One port, the same on all addresses. */
static unsigned listen_all(struct listener *list, bool with_tls) {
    unsigned port = 0;
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &list[i]};
        list[i].fd = socket_listen(i, &port);
        list[i].tls = with_tls;
        if (list[i].fd < 0 ||
            epoll_ctl(poller, EPOLL_CTL_ADD, list[i].fd, &event) != 0) {
            die("listen");
        }
    }
    return port;
}

int main(int argc, char **argv) {
    struct epoll_event ready[READY];
    struct epoll_event lifeline = {.events = EPOLLIN, .data.ptr = NULL};
    unsigned ws;
    unsigned wss;
    if (argc < 2) {
        fprintf(stderr, "usage: bench-server CA_FILE [CPU]\n");
        return 2;
    }
    if (!process_ready(argc > 2 ? atoi(argv[2]) : -1)) {
        die("bench-server");
    }
    signal(SIGPIPE, SIG_IGN);
    if ((tls = tls_context(argv[1])) == NULL) {
        fprintf(stderr, "bench-server: no certificate could be made\n");
        return 1;
    }
    if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &lifeline) != 0) {
        die("epoll");
    }
    ws = listen_all(listeners, false);
    wss = listen_all(listeners + ADDRESSES, true);
    printf("{\"ws\":%u,\"wss\":%u}\n", ws, wss);
    fflush(stdout);
    for (;;) {
        bool awake = awake_until != 0 && now_us() < awake_until;
        int n = epoll_wait(poller, ready, READY, awake ? 0 : -1);
        if (n < 0 && errno != EINTR) {
            die("epoll_wait");
        }
        for (int i = 0; i < n; i++) {
            void *what = ready[i].data.ptr;
            if (what == NULL) {
                return 0;
            }
            if (what >= (void *)listeners &&
                what < (void *)(listeners + 2 * ADDRESSES)) {
                take_in(what);
            } else {
                serve(what, ready[i].events);
            }
        }
        while (closed_len > 0) {
            free(closed[--closed_len]);
        }
    }
}
