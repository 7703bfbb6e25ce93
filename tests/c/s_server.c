/* A visit to the server at $WSKT_URL, driven in the way number $WSKT_WAY: says
   hello, prints the messages and the close event. $WSKT_CLIENT: with the
   client's certificate. $WSKT_ECHO: messages are sent back. $WSKT_SECOND:
   another thread sends a second message when a line comes on the standard
   input, and says so by connecting to that port. Run by tests/s_server.rs. */
#include "support/ways.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void on_event(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "hello", 5));
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        printf("%.*s\n", (int)message->len, (const char *)message->data);
        if (getenv("WSKT_ECHO") != NULL) {
            OK(wskt_socket_send_text(party->socket, message->data,
                                     message->len));
        }
    } else if (event->type == WSKT_EVENT_CLOSE) {
        const wskt_close_event *close = as_close(event);
        printf("%u %s %s %s\n", (unsigned)close->code,
               close->was_clean ? "clean" : "unclean",
               wskt_cause_name(close->cause), close->message);
    }
}

static void *send_second(void *argument) {
    struct party *party = argument;
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(getchar() == '\n');
    OK(wskt_socket_send_text(party->socket, "second", 6));
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)atoi(env("WSKT_SECOND")));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    close(fd);
    return NULL;
}

int main(void) {
    const char *way = getenv("WSKT_WAY");
    bool second = getenv("WSKT_SECOND") != NULL;
    struct party party;
    wskt_config *config;
    pthread_t sender;
    begin();
    config = configure();
    party_make(&party, (enum way)(way != NULL ? atoi(way) : WAY_BLOCKING), NULL,
               env("WSKT_URL"), config);
    wskt_config_free(config);
    party.on_event = on_event;
    if (second) {
        CHECK_INT(pthread_create(&sender, NULL, send_second, &party), 0);
    }
    party_start(&party);
    party_drive(&party);
    if (second) {
        pthread_join(sender, NULL);
    }
    party_check_closed(&party);
    party_free(&party);
    return end();
}
