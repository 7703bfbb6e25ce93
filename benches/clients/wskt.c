/* wskt in its four ways: WSKT_WAY is blocking, loop, pulled or thread.

   "unchecked" is blocking, and vouches for the text it sends.
   "loop" calls wskt_loop_run; "thread" is a loop with its own thread, and the
   main thread only waits. Both run the same callbacks. WSKT_READ_BUFFER is the
   size of the read buffer, in bytes. */
#define _GNU_SOURCE
#include "wskt_client.h"

struct bench bench;
uint64_t sent;
uint64_t done;

static wskt_config *config;
static char json[BENCH_JSON];
static bool unchecked;
static bool joined;

void ok(wskt_result result, const char *what) {
    if (result != WSKT_OK) {
        bench_die("%s: %s", what, wskt_result_name(result));
    }
}

wskt_socket *make_socket(wskt_loop *loop) {
    wskt_socket *socket;
    ok(wskt_socket_new(loop, bench.url, config, &socket), "wskt_socket_new");
    return socket;
}

wskt_result send_message(wskt_socket *socket) {
    if (joined) {
        return wskt_socket_send(socket, WSKT_MESSAGE_BINARY, bench.payload,
                                bench.size, WSKT_SEND_MORE);
    }
    if (bench.kind[0] == 'b') {
        return wskt_socket_send_binary(socket, bench.payload, bench.size);
    }
    if (unchecked) {
        return wskt_socket_send(socket, WSKT_MESSAGE_TEXT, bench.payload,
                                bench.size, WSKT_SEND_VALID_UTF8);
    }
    return wskt_socket_send_text(socket, (const char *)bench.payload,
                                 bench.size);
}

void send_one(wskt_socket *socket) {
    ok(send_message(socket), "send");
    sent++;
}

void send_json(wskt_socket *socket) {
    bench_json(json, sent++);
    ok(wskt_socket_send_text(socket, json, sizeof json), "send");
}

void check_json(const wskt_message_event *message) {
    if (message->len != sizeof json ||
        memcmp(message->data, json, sizeof json) != 0) {
        bench_die("a wrong message");
    }
}

void need_deflate(const wskt_socket *socket) {
    size_t len;
    wskt_socket_extensions(socket, &len);
    if (len == 0) {
        exit(BENCH_UNSUPPORTED);
    }
}

int main(int argc, char **argv) {
    const char *way = getenv("WSKT_WAY");
    const char *read_buffer = getenv("WSKT_READ_BUFFER");
    bench_init(&bench, argc, argv);
    ok(wskt_config_new(&config), "wskt_config_new");
    if (read_buffer != NULL) {
        ok(wskt_config_set_read_buffer(config, strtoul(read_buffer, NULL, 10)),
           "the read buffer");
    }
    if (bench.tls) {
        ok(wskt_config_add_ca_file(config, bench.ca), "the CA");
    }
    /* What a callback sends is joined anyway. */
    joined = bench_is(&bench, "send-joined") && way != NULL &&
             strcmp(way, "loop") != 0;
    unchecked = way != NULL && strcmp(way, "unchecked") == 0;
    if (way == NULL || strcmp(way, "blocking") == 0 || unchecked) {
        return blocking();
    }
    return looped(way);
}
