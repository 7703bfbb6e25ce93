#include <stdio.h>
#include <wskt.h>

int main(int argc, char **argv)
{
    const wskt_event *event;
    wskt_socket *ws;

    if (argc != 2 || wskt_socket_new(NULL, argv[1], NULL, &ws) != WSKT_OK)
        return 1;
    if (wskt_socket_connect(ws, 10000) == WSKT_OK)
        wskt_socket_send_text(ws, "hello", 5);
    while (wskt_socket_recv(ws, -1, &event) == WSKT_OK) {
        const wskt_message_event *message = (const wskt_message_event *)event;
        const wskt_close_event *end = (const wskt_close_event *)event;
        if (event->type == WSKT_EVENT_MESSAGE) {
            printf("%.*s\n", (int)message->len, (const char *)message->data);
            wskt_socket_close(ws, WSKT_CLOSE_NORMAL, "thanks", 6);
        } else if (event->type == WSKT_EVENT_CLOSE)
            printf("closed: %u \"%s\" (%s)\n", end->code, end->reason,
                   wskt_cause_name(end->cause));
    }
    wskt_socket_free(ws);
    return 0;
}
