/* wslay: frames and messages only; sockets, TLS and upgrade are the program's.
   A blocking socket, as wslay's own examples have it. */
#define _GNU_SOURCE
#include "../clients/bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

static struct bench bench;
static int fd;
static uint64_t sent;
static uint64_t done;
/* The next read may wait: there is nothing else to do. */
static bool may_wait;

static ssize_t on_recv(wslay_event_context_ptr context, uint8_t *data,
                       size_t len, int flags, void *user_data) {
    ssize_t n = recv(fd, data, len, may_wait ? 0 : MSG_DONTWAIT);
    (void)flags;
    (void)user_data;
    if (n < 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n == 0) {
        wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    may_wait = false;
    return n;
}

static ssize_t on_send(wslay_event_context_ptr context, const uint8_t *data,
                       size_t len, int flags, void *user_data) {
    ssize_t n = send(fd, data, len, flags & WSLAY_MSG_MORE ? MSG_MORE : 0);
    (void)user_data;
    if (n < 0) {
        wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
    }
    return n;
}

/* A pool of unpredictable bytes: one call of the generator for many masks. */
static int on_mask(wslay_event_context_ptr context, uint8_t *out, size_t len,
                   void *user_data) {
    static unsigned char pool[4096];
    static size_t left;
    (void)context;
    (void)user_data;
    if (left < len) {
        RAND_bytes(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= len;
    memcpy(out, pool + left, len);
    return 0;
}

static void send_one(wslay_event_context_ptr context) {
    struct wslay_event_msg message = {
        bench.kind[0] == 'b' ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME,
        bench.payload, bench.size};
    wslay_event_queue_msg(context, &message);
    sent++;
}

static void on_message(wslay_event_context_ptr context,
                       const struct wslay_event_on_msg_recv_arg *arg,
                       void *user_data) {
    (void)user_data;
    if (wslay_is_ctrl_frame(arg->opcode)) {
        return;
    }
    done++;
    if (bench_is(&bench, "send")) {
        bench_check_sink(&bench, arg->msg, arg->msg_length);
        done = bench.count;
        return;
    }
    bench_check(&bench, arg->msg, arg->msg_length);
    if (!bench_is(&bench, "receive") && sent < bench.count) {
        send_one(context);
    }
}

static void flush(wslay_event_context_ptr context) {
    if (wslay_event_want_write(context) && wslay_event_send(context) != 0) {
        bench_die("wslay_event_send");
    }
}

static void upgrade(void) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)bench.port)};
    char request[1024];
    int on = 1;
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       bench.path, bench.host, bench.port);
    inet_pton(AF_INET, bench.host, &address.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        send(fd, request, (size_t)len, 0) != len ||
        recv(fd, request, sizeof request, 0) < 12 ||
        memcmp(request, "HTTP/1.1 101", 12) != 0) {
        bench_die("no upgrade");
    }
}

static wslay_event_context_ptr make(void) {
    struct wslay_event_callbacks callbacks = {
        on_recv, on_send, on_mask, NULL, NULL, NULL, on_message};
    wslay_event_context_ptr context;
    if (wslay_event_context_client_init(&context, &callbacks, NULL) != 0) {
        bench_die("wslay_event_context_client_init");
    }
    wslay_event_config_set_max_recv_msg_length(context, 64u << 20);
    return context;
}

int main(int argc, char **argv) {
    wslay_event_context_ptr context;
    uint64_t window;
    bool echo;
    bench_init(&bench, argc, argv);
    if (bench.tls) {
        return BENCH_UNSUPPORTED;
    }
    if (bench_is(&bench, "idle")) {
        bench_begin(&bench);
        for (uint64_t i = 0; i < bench.count; i++) {
            upgrade();
            make();
        }
        bench_end(&bench);
        return 0;
    }
    window = bench_is(&bench, "pipeline") ? BENCH_WINDOW : 1;
    echo = bench_is(&bench, "pingpong") || bench_is(&bench, "pipeline");
    if (!echo && !bench_is(&bench, "receive") && !bench_is(&bench, "send")) {
        return BENCH_UNSUPPORTED;
    }
    upgrade();
    context = make();
    bench_begin(&bench);
    if (bench_is(&bench, "receive")) {
        struct wslay_event_msg go = {WSLAY_BINARY_FRAME,
                                     (const uint8_t *)"go", 2};
        wslay_event_queue_msg(context, &go);
    } else if (bench_is(&bench, "send")) {
        while (sent < bench.count) {
            send_one(context);
            flush(context);
        }
    } else {
        while (sent < window) {
            send_one(context);
        }
    }
    while (done < bench.count) {
        flush(context);
        may_wait = true;
        if (wslay_event_recv(context) != 0) {
            bench_die("wslay_event_recv");
        }
    }
    bench_end(&bench);
    return 0;
}
