/* The floor: what the kernel, and OpenSSL and zlib, cost without a library.
   Frames are prepared before the clock runs, and what comes is counted more
   than parsed. No real client can do less. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <zlib.h>

enum { READ_LEN = 128 * 1024, READ_MAX = 4 * 1024 * 1024 };

struct line {
    int fd;
    SSL *ssl;
};

static struct bench bench;
static SSL_CTX *tls;
static unsigned char input[READ_MAX];
/* How much it asks for at a time. */
static size_t read_len = READ_LEN;

static size_t get(const struct line *line) {
    ssize_t n = line->ssl != NULL ? SSL_read(line->ssl, input, (int)read_len)
                                  : recv(line->fd, input, read_len, 0);
    if (n < 0) {
        bench_die("recv");
    }
    return (size_t)n;
}

static void put(const struct line *line, const void *bytes, size_t len) {
    const char *rest = bytes;
    while (len > 0) {
        ssize_t n = line->ssl != NULL ? SSL_write(line->ssl, rest, (int)len)
                                      : send(line->fd, rest, len, 0);
        if (n <= 0) {
            bench_die("send");
        }
        rest += n;
        len -= (size_t)n;
    }
}

static void dial(struct line *line) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)bench.port)};
    int on = 1;
    line->ssl = NULL;
    line->fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, bench.host, &address.sin_addr);
    if (line->fd < 0 ||
        connect(line->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_die("connect");
    }
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bench.tls) {
        line->ssl = SSL_new(tls);
        SSL_set_fd(line->ssl, line->fd);
        if (SSL_connect(line->ssl) != 1) {
            bench_die("TLS");
        }
    }
}

static void upgrade(const struct line *line) {
    char request[1024];
    size_t have = 0;
    int len = snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n%s"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        bench.path, bench.host, bench.port,
        bench_is(&bench, "deflate")
            ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            : "");
    put(line, request, (size_t)len);
    while (have < 4 || memcmp(input + have - 4, "\r\n\r\n", 4) != 0) {
        size_t n = get(line);
        if (n == 0) {
            bench_die("no upgrade");
        }
        have = n; /* the server answers in one piece */
    }
}

static void open_line(struct line *line) {
    dial(line);
    upgrade(line);
}

/* A masked frame; the mask is a constant. */
static size_t frame(unsigned char *out, unsigned char first, const void *data,
                    size_t len) {
    static const unsigned char mask[4] = {1, 2, 3, 4};
    const unsigned char *bytes = data;
    size_t at = 2;
    out[0] = first;
    if (len < 126) {
        out[1] = (unsigned char)(0x80 | len);
    } else if (len < 65536) {
        out[1] = 0x80 | 126;
        out[at++] = (unsigned char)(len >> 8);
        out[at++] = (unsigned char)len;
    } else {
        out[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) {
            out[at++] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        }
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++) {
        out[at + i] = (unsigned char)(bytes[i] ^ mask[i % 4]);
    }
    return at + len;
}

static unsigned char *payload_frame(size_t *len) {
    unsigned char *out = malloc(bench.size + 14);
    if (out == NULL) {
        bench_die("no memory");
    }
    *len = frame(out, bench.kind[0] == 'b' ? 0x82 : 0x81, bench.payload,
                 bench.size);
    return out;
}

/* -- workloads ---------------------------------------------------------- */

/* Up to `window` echoes are under way at any time. */
static void echoes(struct line *line, uint64_t window) {
    size_t len;
    unsigned char *one = payload_frame(&len);
    unsigned char *many = malloc(len * window);
    size_t reply = len - 4;
    uint64_t sent = window < bench.count ? window : bench.count;
    uint64_t done = 0;
    size_t have = 0;
    if (many == NULL) {
        bench_die("no memory");
    }
    for (uint64_t i = 0; i < window; i++) {
        memcpy(many + i * len, one, len);
    }
    bench_begin(&bench);
    put(line, many, sent * len);
    while (done < bench.count) {
        size_t n = get(line);
        uint64_t whole = (have + n) / reply;
        if (n == 0) {
            bench_die("the end");
        }
        have = (have + n) % reply;
        if (have == 0) {
            bench_check(&bench, input + n - bench.size, bench.size);
        }
        done += whole;
        if (whole > bench.count - sent) {
            whole = bench.count - sent;
        }
        if (whole > 0) {
            put(line, many, whole * len);
        }
        sent += whole;
    }
    bench_end(&bench);
    free(one);
    free(many);
}

static void receive(struct line *line) {
    size_t len;
    unsigned char *one = payload_frame(&len);
    uint64_t left = bench.count * (len - 4);
    unsigned char go[16];
    size_t n = 0;
    bench_begin(&bench);
    put(line, go, frame(go, 0x82, "go", 2));
    while (left > 0) {
        if ((n = get(line)) == 0) {
            bench_die("the end");
        }
        left -= n;
    }
    if (input[n - 1] != bench.payload[bench.size - 1]) {
        bench_die("a wrong byte");
    }
    bench_end(&bench);
    free(one);
}

/* `batch` messages in each call. With RAW_COPY each is copied first: a client
   has to leave the program's bytes as they are and mask its own. */
static void send_all(struct line *line, uint64_t batch) {
    size_t len;
    unsigned char *one = payload_frame(&len);
    unsigned char *many = malloc(len * batch);
    unsigned char *copy = getenv("RAW_COPY") != NULL ? malloc(len * batch) : NULL;
    size_t n;
    if (many == NULL || (copy == NULL && getenv("RAW_COPY") != NULL)) {
        bench_die("no memory");
    }
    for (uint64_t i = 0; i < batch; i++) {
        memcpy(many + i * len, one, len);
    }
    bench_begin(&bench);
    for (uint64_t left = bench.count; left > 0;) {
        uint64_t now = left < batch ? left : batch;
        if (copy != NULL) {
            memcpy(copy, many, len * now);
        }
        put(line, copy != NULL ? copy : many, len * now);
        left -= now;
    }
    n = get(line);
    bench_end(&bench);
    bench_check_sink(&bench, input + 2, n - 2);
    free(one);
    free(many);
    free(copy);
}

static void fan(struct line *first) {
    size_t len;
    unsigned char *one = payload_frame(&len);
    int poller = epoll_create1(0);
    for (size_t i = 0; i < bench.connections; i++) {
        struct line line = *first;
        struct epoll_event event = {.events = EPOLLIN};
        if (i > 0) {
            open_line(&line);
        }
        event.data.fd = line.fd;
        epoll_ctl(poller, EPOLL_CTL_ADD, line.fd, &event);
    }
    bench_begin(&bench);
    put(first, one, len);
    for (uint64_t i = 0; i < bench.count; i++) {
        struct epoll_event event;
        struct line line = {0};
        if (epoll_wait(poller, &event, 1, -1) != 1) {
            bench_die("epoll_wait");
        }
        line.fd = event.data.fd;
        if (get(&line) != len - 4) {
            bench_die("a wrong length");
        }
        bench_check(&bench, input + 2, bench.size);
        put(&line, one, len);
    }
    bench_end(&bench);
    free(one);
}

static void open_close(struct line *line) {
    unsigned char bye[16];
    size_t len = frame(bye, 0x88, "\x03\xe8", 2);
    bench_begin(&bench);
    for (uint64_t i = 0; i < bench.count; i++) {
        if (i > 0) {
            open_line(line);
        }
        put(line, bye, len);
        if (get(line) != 4 || input[0] != 0x88) {
            bench_die("no Close frame");
        }
        if (line->ssl == NULL && get(line) != 0) {
            bench_die("no end");
        }
        SSL_free(line->ssl);
        close(line->fd);
    }
    bench_end(&bench);
}

static void idle(struct line *line) {
    bench.rss_began = bench_rss();
    bench_begin(&bench);
    for (uint64_t i = 0; i < bench.count; i++) {
        open_line(line);
    }
    bench_end(&bench);
}

static void deflated(struct line *line) {
    z_stream out = {0};
    z_stream in = {0};
    char json[BENCH_JSON];
    unsigned char small[BENCH_JSON + 64];
    unsigned char wire[BENCH_JSON + 128];
    unsigned char back[BENCH_JSON + 64];
    deflateInit2(&out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8,
                 Z_DEFAULT_STRATEGY);
    inflateInit2(&in, -15);
    bench_begin(&bench);
    for (uint64_t i = 0; i < bench.count; i++) {
        size_t len;
        size_t n;
        size_t head;
        bench_json(json, i);
        out.next_in = (unsigned char *)json;
        out.avail_in = sizeof json;
        out.next_out = small;
        out.avail_out = sizeof small;
        deflate(&out, Z_SYNC_FLUSH);
        len = sizeof small - out.avail_out - 4;
        put(line, wire, frame(wire, 0xc1, small, len));
        n = get(line);
        head = len < 126 ? 2 : 4;
        if (n != head + len) {
            bench_die("a wrong length");
        }
        memcpy(input + n, "\0\0\xff\xff", 4);
        in.next_in = input + head;
        in.avail_in = (unsigned)(len + 4);
        in.next_out = back;
        in.avail_out = sizeof back;
        inflate(&in, Z_SYNC_FLUSH);
        if (sizeof back - in.avail_out != sizeof json ||
            memcmp(back, json, sizeof json) != 0) {
            bench_die("a wrong message");
        }
    }
    bench_end(&bench);
    deflateEnd(&out);
    inflateEnd(&in);
}

/* RAW_READ_KIB, for benches/read_sizes.py. */
static void choose_read_len(void) {
    const char *kib = getenv("RAW_READ_KIB");
    if (kib != NULL) {
        read_len = (size_t)atol(kib) * 1024;
    }
    if (read_len == 0 || read_len > sizeof input) {
        bench_die("RAW_READ_KIB is out of range");
    }
}

int main(int argc, char **argv) {
    struct line line;
    bench_init(&bench, argc, argv);
    choose_read_len();
    if (bench.tls) {
        tls = SSL_CTX_new(TLS_client_method());
        if (SSL_CTX_load_verify_locations(tls, bench.ca, NULL) != 1) {
            bench_die("no CA");
        }
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    }
    open_line(&line);
    if (bench_is(&bench, "pingpong")) {
        echoes(&line, 1);
    } else if (bench_is(&bench, "pipeline")) {
        echoes(&line, BENCH_WINDOW);
    } else if (bench_is(&bench, "receive")) {
        receive(&line);
    } else if (bench_is(&bench, "send")) {
        send_all(&line, 1);
    } else if (bench_is(&bench, "send-joined")) {
        send_all(&line, 1024);
    } else if (bench_is(&bench, "fan") && !bench.tls) {
        fan(&line);
    } else if (bench_is(&bench, "openclose")) {
        open_close(&line);
    } else if (bench_is(&bench, "idle")) {
        idle(&line);
    } else if (bench_is(&bench, "deflate")) {
        deflated(&line);
    } else {
        return BENCH_UNSUPPORTED;
    }
    return 0;
}
