/* Sizes that the peer or the program chooses are reserved fallibly: memory that
   is not to be had is a result or code 1009, and the process lives. */
#include "support/cases.h"
#include "support/heap.h"

enum { LARGE = 8 << 20 };

static void fail_from(size_t size) {
    __atomic_store_n(&heap_lets_through, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&heap_failures, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&heap_fails_from, size, __ATOMIC_RELAXED);
}

/* A send that finds no memory: nothing queued, and the socket goes on. The
   server reads nothing, so the message has to be queued. */
static void send_without_memory(void) {
    static unsigned char data[LARGE];
    const char *id = new_id();
    char *url = script_url("ws", "rcvbuf 16384; stop-reading; wait $ID; "
                                 "resume-reading; answer-close; half-close",
                           id);
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    fail_from(1 << 20);
    RESULT(wskt_socket_send_binary(socket, data, sizeof data),
           WSKT_ERR_NO_MEMORY);
    RESULT(wskt_socket_send_text(socket, (const char *)data, sizeof data),
           WSKT_ERR_NO_MEMORY);
    CHECK(heap_failures > 0);
    fail_from(0);
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    OK(wskt_socket_send_text(socket, "hello", 5));
    signal_server(id);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(socket);
    free(url);
}

/* A message for which there is no memory: 1009, as if it were over the limit,
   for one large frame and for the sum of many. */
static void receive_without_memory(void) {
    char script[128];
    int i;
    for (i = 0; i < 2; i++) {
        snprintf(script, sizeof script,
                 i == 0 ? "wait $ID; binn %d; expect-close 1009"
                        : "wait $ID; frame opcode=binary fin=0; repeat 200 "
                          "frame opcode=continuation fin=0 payload=pat:%d; "
                          "expect-close 1009",
                 i == 0 ? LARGE : LARGE / 200);
        {
            const char *id = new_id();
            char *url = script_url("ws", script, id);
            const wskt_event *event;
            wskt_socket *socket;
            OK(wskt_socket_new(NULL, url, NULL, &socket));
            OK(wskt_socket_connect(socket, limit_ms()));
            OK(wskt_socket_recv(socket, limit_ms(), &event));
            signal_server(id);
            fail_from(1 << 20);
            OK(wskt_socket_recv(socket, limit_ms(), &event));
            CHECK_INT(event->type, WSKT_EVENT_ERROR);
            CHECK_INT(as_error(event)->cause, WSKT_CAUSE_MESSAGE_TOO_BIG);
            OK(wskt_socket_recv(socket, limit_ms(), &event));
            CHECK_INT(as_close(event)->code, 1006);
            CHECK(heap_failures > 0);
            fail_from(0);
            wskt_socket_free(socket);
            free(url);
        }
    }
}

/* -- compression --------------------------------------------------------- */

#define AGREED "accept extensions=permessage-deflate"
/* "Hello" compressed, and as a final block. */
#define HELLO "frame rsv=4 payload=f248cdc9c90700; "
#define FINAL "frame rsv=4 payload=f348cdc9c9070000; "

static wskt_socket *opened(const char *script, const wskt_config *config) {
    const wskt_event *event;
    wskt_socket *socket;
    const char *id = new_id();
    char *url = script_url("ws", script, id);
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    /* From here on the buffer is there that it reads into. */
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(as_message(event)->len, 2);
    free(url);
    return socket;
}

static void closed(wskt_socket *socket, bool clean) {
    const wskt_event *event;
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    do {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    } while (event->type != WSKT_EVENT_CLOSE);
    CHECK(as_close(event)->was_clean == clean);
    wskt_socket_free(socket);
}

/* No memory for a compressor: nothing is sent, and the socket goes on, also
   where it is refused so late that only a panic of the crate tells. */
static void compress_without_memory(void) {
    const int bits[] = {15, 10};
    char text[1000];
    int late;
    size_t i;
    memset(text, 'x', sizeof text);
    for (i = 0; i < 2; i++) {
        for (late = 0; late < 2; late++) {
            wskt_config *config;
            wskt_socket *socket;
            OK(wskt_config_new(&config));
            OK(wskt_config_set_deflate_max_window_bits(config, bits[i], 15));
            socket = opened(AGREED "; text hi; recv; answer-close; half-close",
                            config);
            fail_from(16 << 10);
            heap_lets_through = late;
            RESULT(wskt_socket_send_text(socket, text, sizeof text),
                   WSKT_ERR_NO_MEMORY);
            CHECK(heap_failures > 0);
            fail_from(0);
            OK(wskt_socket_send_text(socket, text, sizeof text));
            closed(socket, true);
            wskt_config_free(config);
        }
    }
}

/* No memory to inflate with: 1009, as for a message without memory; also
   where a final block, or the next message, has the state made anew. */
static void inflate_without_memory(void) {
    static const struct {
        const char *parameters;
        const char *messages;
        int before;
    } rows[] = {
        {"", HELLO, 0},
        {"%3B server_max_window_bits=10", HELLO, 0},
        {"%3B server_max_window_bits=10", HELLO "recv; " FINAL, 1},
        {"%3B server_max_window_bits=10%3B server_no_context_takeover",
         HELLO "recv; " HELLO, 1},
    };
    size_t i;
    int late, told;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (late = 0; late < 2; late++) {
            const wskt_event *event;
            wskt_socket *socket;
            char script[256];
            snprintf(script, sizeof script,
                     "accept 'extensions=permessage-deflate%s'; text hi; recv; %s"
                     "expect-close 1009; expect-fin",
                     rows[i].parameters, rows[i].messages);
            socket = opened(script, NULL);
            for (told = 0; told <= rows[i].before; told++) {
                if (told > 0) {
                    OK(wskt_socket_recv(socket, limit_ms(), &event));
                    CHECK_INT(as_message(event)->len, 5);
                }
                /* The server sends the next one for it. */
                OK(wskt_socket_send(socket, WSKT_MESSAGE_TEXT, "go", 2,
                                    WSKT_SEND_UNCOMPRESSED));
            }
            fail_from(10 << 10);
            heap_lets_through = late;
            OK(wskt_socket_recv(socket, limit_ms(), &event));
            CHECK_INT(as_error(event)->cause, WSKT_CAUSE_MESSAGE_TOO_BIG);
            OK(wskt_socket_recv(socket, limit_ms(), &event));
            CHECK_INT(as_close(event)->code, 1006);
            CHECK(heap_failures > 0);
            fail_from(0);
            wskt_socket_free(socket);
        }
    }
}

/* What the manual of wskt_config_set_deflate says that a connection takes, and
   that it takes it for its first message and not before. */
static void a_compressed_connection(void) {
    char text[1000];
    bool fresh;
    memset(text, 'x', sizeof text);
    for (fresh = false;; fresh = true) {
        wskt_socket *sockets[8];
        const wskt_event *event;
        wskt_config *config;
        long idle, sent, received;
        int i;
        OK(wskt_config_new(&config));
        OK(wskt_config_set_deflate_no_context_takeover(config, fresh, fresh));
        for (i = 0; i < 8; i++) {
            long before = heap_count();
            sockets[i] = opened(
                fresh ? "accept 'extensions=permessage-deflate%3B "
                        "server_no_context_takeover%3B "
                        "client_no_context_takeover'; text hi; recv; " HELLO
                        "answer-close; half-close"
                      : AGREED "; text hi; recv; " HELLO
                               "answer-close; half-close",
                config);
            idle = heap_count() - before;
            before = heap_count();
            OK(wskt_socket_send_text(sockets[i], text, sizeof text));
            sent = heap_count() - before;
            before = heap_count();
            OK(wskt_socket_recv(sockets[i], limit_ms(), &event));
            CHECK_INT(as_message(event)->len, 5);
            received = heap_count() - before;
            /* The first one fills buffers of its thread. */
            if (i > 0) {
                printf("%s: idle %ld, sent %ld, received %ld bytes\n",
                       fresh ? "fresh" : "takeover", idle, sent, received);
                CHECK(idle < 80 << 10);
                CHECK(sent < (fresh ? 4 : 380) << 10);
                CHECK(received < (fresh ? 8 : 60) << 10);
            }
        }
        for (i = 0; i < 8; i++) {
            closed(sockets[i], true);
        }
        wskt_config_free(config);
        if (fresh) {
            return;
        }
    }
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(send_without_memory),
        CASE(receive_without_memory),
        CASE(compress_without_memory),
        CASE(inflate_without_memory),
        CASE(a_compressed_connection),
    };
    return CASES(argc, argv, cases);
}
