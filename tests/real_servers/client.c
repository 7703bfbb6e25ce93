/* Echoes messages of every size off a server that somebody else wrote.

     client URL NAME LARGEST [SETTING]...

   SETTING: off, fresh (no context takeover, both ways), small (windows of 10
   bits), fast, best, all (however short). Prints what was agreed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wskt.h"

#define WAIT 30000

static const size_t sizes[] = {0,     1,     125,     126,     1000,
                               65535, 65536, 1 << 20, 16 << 20};

static const char *url;

static void check(wskt_result result, const char *what) {
    if (result != WSKT_OK) {
        fprintf(stderr, "%s: %s: %s\n", url, what, wskt_result_text(result));
        exit(1);
    }
}

static void set(wskt_config *config, const char *setting) {
    if (strcmp(setting, "off") == 0) {
        check(wskt_config_set_deflate(config, false), setting);
    } else if (strcmp(setting, "fresh") == 0) {
        check(wskt_config_set_deflate_no_context_takeover(config, true, true),
              setting);
    } else if (strcmp(setting, "small") == 0) {
        check(wskt_config_set_deflate_max_window_bits(config, 10, 10), setting);
    } else if (strcmp(setting, "fast") == 0) {
        check(wskt_config_set_deflate_level(config, 1), setting);
    } else if (strcmp(setting, "best") == 0) {
        check(wskt_config_set_deflate_level(config, 9), setting);
    } else if (strcmp(setting, "all") == 0) {
        check(wskt_config_set_deflate_min_size(config, 0), setting);
    } else {
        fprintf(stderr, "no setting %s\n", setting);
        exit(1);
    }
}

/* Text that compresses, or every second byte of it noise; both are UTF-8. */
static void fill(char *bytes, size_t size, bool text) {
    static const char words[] = "{\"price\":100.25,\"name\":\"wskt\",\"n\":[1,2,3]}";
    unsigned long noise = 1;
    size_t i;
    for (i = 0; i < size; i++) {
        noise = (noise * 1103515245ul + 12345ul) & 0x7ffffffful;
        bytes[i] = words[i % (sizeof words - 1)];
        if (!text && i % 2 != 0) {
            bytes[i] = (char)(noise >> 16);
        }
    }
}

static void echo(wskt_socket *socket, const char *bytes, size_t size,
                 int32_t kind) {
    const wskt_event *event;
    const wskt_message_event *message;
    check(wskt_socket_send(socket, kind, bytes, size, 0), "send");
    do {
        check(wskt_socket_recv(socket, WAIT, &event), "recv");
    } while (event->type == WSKT_EVENT_DRAIN);
    message = (const wskt_message_event *)(const void *)event;
    if (event->type != WSKT_EVENT_MESSAGE || (int32_t)message->kind != kind ||
        message->len != size ||
        (size > 0 && memcmp(message->data, bytes, size) != 0)) {
        fprintf(stderr, "%s: another echo than the %zu bytes sent: %s\n", url,
                size, event->type_name);
        exit(1);
    }
}

int main(int argc, char **argv) {
    wskt_config *config;
    wskt_socket *socket;
    const wskt_event *event;
    const wskt_close_event *end;
    size_t largest, i;
    char *bytes;
    int at;
    if (argc < 4) {
        return 2;
    }
    url = argv[1];
    largest = (size_t)atol(argv[3]);
    bytes = malloc(largest + 1);
    check(wskt_config_new(&config), "config");
    for (at = 4; at < argc; at++) {
        set(config, argv[at]);
    }
    check(wskt_socket_new(NULL, url, config, &socket), "new");
    if (wskt_socket_connect(socket, WAIT) != WSKT_OK) {
        end = wskt_socket_close_event(socket);
        printf("%s: %s\n", argv[2], end != NULL ? end->message : "no event");
        return 3;
    }
    check(wskt_socket_recv(socket, WAIT, &event), "the open event");
    printf("%s: %s\n", argv[2], wskt_socket_extensions(socket, NULL));
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i] <= largest) {
            fill(bytes, sizes[i], true);
            echo(socket, bytes, sizes[i], WSKT_MESSAGE_TEXT);
            fill(bytes, sizes[i], false);
            echo(socket, bytes, sizes[i], WSKT_MESSAGE_BINARY);
        }
    }
    check(wskt_socket_close(socket, 1000, "done", 4), "close");
    check(wskt_socket_recv(socket, WAIT, &event), "the close event");
    end = wskt_socket_close_event(socket);
    if (end == NULL || !end->was_clean || end->code != 1000) {
        fprintf(stderr, "%s: closed %d: %s\n", url, end == NULL ? 0 : end->code,
                end == NULL ? "" : end->message);
        return 1;
    }
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(bytes);
    return 0;
}
