/* wss:// through a proxy that asks for user and password, to a server whose
   certificate a private CA has signed.

       behind_a_proxy wss://chat.internal/ http://me:secret@proxy:3128 ca.pem */
#include <stdio.h>
#include <wskt.h>

int main(int argc, char **argv)
{
    wskt_config *config = NULL;
    wskt_socket *socket = NULL;
    const wskt_event *event;
    if (argc != 4 || wskt_config_new(&config) != WSKT_OK)
        return 2;
    if (wskt_config_set_proxy(config, argv[2]) != WSKT_OK ||
        wskt_config_add_ca_file(config, argv[3]) != WSKT_OK ||
        wskt_socket_new(NULL, argv[1], config, &socket) != WSKT_OK) {
        fprintf(stderr, "refused: %s\n", wskt_config_error_text(config));
        return 2;
    }
    wskt_config_free(config);
    if (wskt_socket_connect(socket, 10000) == WSKT_OK)
        wskt_socket_send_text(socket, "hello", 5);
    while (wskt_socket_recv(socket, -1, &event) == WSKT_OK) {
        if (event->type == WSKT_EVENT_MESSAGE) {
            const wskt_message_event *message = (const wskt_message_event *)event;
            printf("%.*s\n", (int)message->len, (const char *)message->data);
            wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
        } else if (event->type == WSKT_EVENT_CLOSE) {
            const wskt_close_event *end = (const wskt_close_event *)event;
            printf("%u %s\n", end->code, end->message);
        }
    }
    wskt_socket_free(socket);
    return 0;
}
