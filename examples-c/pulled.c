/*
 * pulled - events as values: no callback, no thread, many sockets.
 *
 *     pulled URL...
 *
 * Says hello on every connection, prints what each of them tells, and closes
 * it after its first message. This is the way for languages that cannot take
 * a call from C, and for main loops that ask "is there something?".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wskt.h>

static void check(wskt_result result, const char *what)
{
    if (result == WSKT_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, wskt_result_text(result));
    exit(1);
}

/* Prints the event; says whether it was the last one of its socket. */
static int handle(const wskt_event *event)
{
    wskt_socket *socket = event->target;
    const char *name = wskt_socket_user_data(socket);

    switch (event->type) {
    case WSKT_EVENT_OPEN:
        printf("%s: open\n", name);
        wskt_socket_send_text(socket, "hello", 5);
        return 0;
    case WSKT_EVENT_MESSAGE: {
        const wskt_message_event *message = (const wskt_message_event *)event;

        if (message->kind == WSKT_MESSAGE_TEXT)
            printf("%s: \"%.*s\"\n", name, (int)message->len, (const char *)message->data);
        else
            printf("%s: %zu bytes\n", name, message->len);
        wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
        return 0;
    }
    case WSKT_EVENT_ERROR: {
        const wskt_error_event *error = (const wskt_error_event *)event;

        printf("%s: error: %s\n", name, error->message);
        return 0;
    }
    case WSKT_EVENT_CLOSE: {
        const wskt_close_event *close = (const wskt_close_event *)event;

        printf("%s: closed: %u \"%s\", %s\n", name, close->code, close->reason,
               close->was_clean ? "clean" : "not clean");
        /* The event is lent by the socket: read it before this. */
        wskt_socket_free(socket);
        return 1;
    }
    default:
        /* Events of later versions, and WSKT_EVENT_DRAIN. */
        return 0;
    }
}

int main(int argc, char **argv)
{
    const wskt_event *event;
    wskt_result result = WSKT_OK;
    wskt_loop *loop;
    int left = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s URL...\n", argv[0]);
        return 2;
    }
    check(wskt_loop_new(&loop), "wskt_loop_new");
    for (int i = 1; i < argc; i++) {
        wskt_socket *socket;

        check(wskt_socket_new(loop, argv[i], NULL, &socket), argv[i]);
        wskt_socket_set_user_data(socket, argv[i], NULL);
        check(wskt_socket_open(socket), "wskt_socket_open");
        left++;
    }

    while (left > 0) {
        result = wskt_loop_next_event(loop, 60000, &event);
        if (result == WSKT_OK)
            left -= handle(event);
        else if (result != WSKT_ERR_INTERRUPTED)
            break;
    }
    check(result, "wskt_loop_next_event");
    wskt_loop_free(loop);
    return 0;
}
