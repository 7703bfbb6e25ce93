/* A visit to the server at $WSKT_URL: prints the messages and the close event.
   $WSKT_CLIENT: with the client's certificate. Run by tests/s_server.rs. */
#include "support/support.h"

static wskt_config *configure(void) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_system_roots(config, false));
    if (getenv("WSKT_CLIENT") != NULL) {
        char *certificate = server_file("client.pem");
        char *key = server_file("client.key");
        OK(wskt_config_set_client_certificate_file(config, certificate, key));
        free(certificate);
        free(key);
    }
    return config;
}

int main(void) {
    wskt_config *config;
    wskt_socket *socket;
    const wskt_event *event;
    const wskt_close_event *close;
    begin();
    config = configure();
    OK(wskt_socket_new(NULL, env("WSKT_URL"), config, &socket));
    wskt_config_free(config);
    if (wskt_socket_connect(socket, limit_ms()) == WSKT_OK) {
        OK(wskt_socket_send_text(socket, "hello", 5));
    }
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
        if (event->type == WSKT_EVENT_MESSAGE) {
            const wskt_message_event *message =
                (const wskt_message_event *)event;
            printf("%.*s\n", (int)message->len, (const char *)message->data);
        }
    }
    close = wskt_socket_close_event(socket);
    CHECK(close != NULL);
    printf("%u %s %s %s\n", (unsigned)close->code,
           close->was_clean ? "clean" : "unclean", wskt_cause_name(close->cause),
           close->message);
    wskt_socket_free(socket);
    return end();
}
