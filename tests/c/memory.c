/* Sizes that the peer or the program chooses are reserved fallibly: memory that
   is not to be had is a result or code 1009, and the process lives. */
#include "support/cases.h"
#include "support/heap.h"

enum { LARGE = 8 << 20 };

static void fail_from(size_t size) {
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

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(send_without_memory),
        CASE(receive_without_memory),
    };
    return CASES(argc, argv, cases);
}
