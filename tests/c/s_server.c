/* A visit to the server at $WSKT_URL, driven in the way number $WSKT_WAY: says
   hello, prints the messages and the close event. $WSKT_CLIENT: with the
   client's certificate. $WSKT_ECHO: messages are sent back. $WSKT_SECOND:
   another thread sends a second message when a line comes on the standard
   input, and says so by connecting to that port. $WSKT_FILL: with the next line
   it fills the kernel's buffer of a Unix-domain socket and says that, as it then
   does of every message. Run by tests/s_server.rs. */
/* For ioctl. */
#define _DEFAULT_SOURCE

#include "support/ways.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
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

static void tell_test(void) {
    close(connected_to(atoi(env("WSKT_SECOND"))));
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
        if (getenv("WSKT_FILL") != NULL) {
            tell_test();
        }
    } else if (event->type == WSKT_EVENT_CLOSE) {
        const wskt_close_event *close = as_close(event);
        printf("%u %s %s %s\n", (unsigned)close->code,
               close->was_clean ? "clean" : "unclean",
               wskt_cause_name(close->cause), close->message);
    }
}

/* The connection to a Unix-domain socket. */
static int find_connection(void) {
    int fd;
    for (fd = 3; fd < 256; fd++) {
        struct sockaddr_un peer;
        socklen_t len = sizeof peer;
        memset(&peer, 0, sizeof peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
            peer.sun_family == AF_UNIX && peer.sun_path[0] == '/') {
            return fd;
        }
    }
    FAIL("there is no connection");
}

/* Sends until the kernel, which takes every message whole, has no room for one
   byte more. */
static void fill(wskt_socket *socket) {
    int fd = find_connection();
    int room = 0, queued = 0;
    socklen_t len = sizeof room;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) == 0);
    while (queued < room) {
        OK(wskt_socket_send_text(socket, "fill", 4));
        CHECK_INT(wskt_socket_buffered_amount(socket), 0);
        CHECK(ioctl(fd, SIOCOUTQ, &queued) == 0);
    }
}

static void *send_second(void *argument) {
    struct party *party = argument;
    CHECK(getchar() == '\n');
    OK(wskt_socket_send_text(party->socket, "second", 6));
    tell_test();
    if (getenv("WSKT_FILL") != NULL) {
        CHECK(getchar() == '\n');
        fill(party->socket);
        tell_test();
    }
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
