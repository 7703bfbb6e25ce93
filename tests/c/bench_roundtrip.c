/* Blocking round trips of 32 bytes: `bench_roundtrip ws|wss COUNT`.
   tests/syscalls.rs counts the system calls. */
#include "support/support.h"

int main(int argc, char **argv) {
    wskt_config *config = trusting_config();
    const wskt_message_event *message;
    const wskt_event *event;
    wskt_socket *socket;
    char data[32];
    char *url;
    long i, count;
    CHECK_INT(argc, 3);
    count = atol(argv[2]);
    url = path_url(argv[1], "/echo");
    memset(data, 'x', sizeof data);
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, -1));
    OK(wskt_socket_recv(socket, -1, &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    for (i = 0; i < count; i++) {
        OK(wskt_socket_send_binary(socket, data, sizeof data));
        OK(wskt_socket_recv(socket, -1, &event));
        CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
        message = (const wskt_message_event *)event;
        CHECK_INT(message->len, sizeof data);
        CHECK(memcmp(message->data, data, sizeof data) == 0);
    }
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
    CHECK_INT(wskt_handle_count(), 0);
    return 0;
}
