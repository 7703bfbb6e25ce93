/* Sends a line, prints the answer, closes. No thread, no callback. */
#include <stdio.h>
#include <wskt.h>

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "wss://echo.websocket.org";
    const wskt_event *event;
    wskt_socket *socket;
    wskt_result result = wskt_socket_new(NULL, url, NULL, &socket);

    if (result != WSKT_OK) {
        fprintf(stderr, "%s: %s\n", url, wskt_result_text(result));
        return 1;
    }
    if (wskt_socket_connect(socket, 10000) == WSKT_OK)
        wskt_socket_send_text(socket, "hello", 5);
    while (wskt_socket_recv(socket, 30000, &event) == WSKT_OK)
        if (event->type == WSKT_EVENT_MESSAGE) {
            const wskt_message_event *message = (const wskt_message_event *)event;
            printf("%.*s\n", (int)message->len, (const char *)message->data);
            wskt_socket_close(socket, WSKT_CLOSE_NORMAL, "thanks", 6);
        }

    const wskt_close_event *end = wskt_socket_close_event(socket);
    int clean = end && end->was_clean;
    if (end)
        fprintf(stderr, "closed: %u \"%s\" %s\n", end->code, end->reason, end->message);
    wskt_socket_free(socket);
    return clean ? 0 : 1;
}
