/* One configuration and many sockets: what they share, and what changing or
   freeing it later does to them. */
#include "support/ways.h"

static wskt_socket *ended(const char *url, wskt_config *config) {
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    wskt_socket_connect(socket, limit_ms());
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    return socket;
}

/* One configuration serves many sockets and may go before them. */
static void one_config_for_many(void) {
    wskt_config *config = trusting_config();
    wskt_socket *sockets[8];
    char *url = path_url("wss", "/flood?n=2&size=3");
    const wskt_event *event;
    int i, messages;
    OK(wskt_config_add_header(config, "X-Shared", "yes"));
    for (i = 0; i < 8; i++) {
        OK(wskt_socket_new(NULL, url, config, &sockets[i]));
    }
    wskt_config_free(config);
    for (i = 0; i < 8; i++) {
        OK(wskt_socket_connect(sockets[i], limit_ms()));
        messages = 0;
        while (wskt_socket_recv(sockets[i], limit_ms(), &event) == WSKT_OK) {
            messages += event->type == WSKT_EVENT_MESSAGE;
        }
        CHECK_INT(messages, 2);
        wskt_socket_free(sockets[i]);
    }
    free(url);
}

/* The CA as a buffer instead of a file. */
static void ca_from_memory(void) {
    char pem[20000];
    wskt_config *config;
    wskt_socket *socket;
    char *url = path_url("wss", "/flood?n=1&size=3");
    FILE *file = fopen(env("WSKT_CA"), "r");
    size_t len;
    CHECK(file != NULL);
    len = fread(pem, 1, sizeof pem, file);
    fclose(file);
    OK(wskt_config_new(&config));
    socket = ended(url, config);
    CHECK_INT(wskt_socket_close_event(socket)->code, 1015);
    wskt_socket_free(socket);
    OK(wskt_config_add_ca_pem(config, pem, len));
    socket = ended(url, config);
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
}

int main(void) {
    begin();
    RUN(one_config_for_many);
    RUN(ca_from_memory);
    return end();
}
