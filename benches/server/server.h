/* The server of the benchmarks: one thread, epoll, ws and wss. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a connection is for; the path says it. */
enum role {
    ROLE_NONE,  /* the request has not come yet */
    ROLE_ECHO,  /* /echo, /deflate: every frame goes back as it came */
    ROLE_FLOOD, /* /flood?n=&size=&kind=: n messages after the first received */
    ROLE_SINK,  /* /sink?n=&size=&kind=: reads n messages, answers one */
    ROLE_FAN,   /* /fan?n=&g=: one message at a time, to one of many sockets */
    ROLE_OVER   /* a Close frame was answered */
};

/* The frame that is being read. It is never held whole. */
struct frame {
    unsigned char head[14];
    unsigned head_len;
    uint64_t len;
    uint64_t at; /* payload bytes seen */
    unsigned char mask[4];
    bool in_payload;
};

/* Frames laid end to end, to be sent again and again. */
struct block {
    int file;
    const unsigned char *bytes; /* the same, for TLS */
    size_t frame_len;
    size_t len;
};

struct group;

enum {
    PATIENCE_US = 500, /* how long the server stays awake for large messages */
    LARGE = 16 * 1024
};

struct conn {
    int fd;
    uint32_t interest;
    SSL *ssl;
    bool shaken; /* TLS is through */
    enum role role;
    char *request;
    size_t request_len;
    struct frame frame;
    uint64_t message_at; /* payload bytes of earlier fragments */
    /* what the path asked for */
    uint64_t count;
    size_t size;
    const char *kind;
    /* what was counted */
    uint64_t messages;
    uint64_t bytes;
    uint64_t bad;
    /* what is still to be sent */
    unsigned char *rest;
    size_t rest_len;
    size_t rest_at;
    const struct block *block;
    uint64_t flood_len;
    uint64_t flood_at;
    struct group *group;
};

/* main.c: the loop and its connections. */
void conn_queue(struct conn *conn, const void *bytes, size_t len);
ssize_t conn_put(struct conn *conn, const unsigned char *bytes, size_t len);

/* http.c: the request. False: the connection is to be dropped. */
bool http_take(struct conn *conn, const unsigned char *bytes, size_t len,
               size_t *used);

/* frames.c: what follows it. Bytes are changed in place. */
bool frames_take(struct conn *conn, unsigned char *bytes, size_t len);
size_t write_head(unsigned char *out, unsigned char first, uint64_t len);
void group_join(struct conn *conn, uint64_t id);
void group_leave(struct conn *conn);

/* flood.c: what a flood sends. False: the connection is to be dropped. */
bool flood_begins(struct conn *conn);
bool flood_on(struct conn *conn);

/* system.c: the process, on one CPU unless it is -1, and its sockets. */
bool process_ready(int cpu);
int socket_listen(unsigned index, unsigned *port);
void socket_tune(int fd);
int64_t now_us(void);

/* tls.c: a context with a certificate made on the spot, written to a file. */
SSL_CTX *tls_context(const char *ca_file);

#endif
