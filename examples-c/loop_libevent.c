/* loop_libevent - wskt inside an event base of libevent:  loop_libevent URL
   On Linux the descriptor tells of deadlines too; docs/guide/driving.md has what
   other systems want beside it. */
#include <event2/event.h>
#include <stdio.h>

#include <wskt.h>

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    (void)event;
    (void)user_data;
    wskt_socket_send_text(socket, "hello", 5);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    (void)user_data;
    printf("%.*s\n", (int)event->len, (const char *)event->data);
    wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    (void)socket;
    fprintf(stderr, "closed: %u %s\n", event->code, event->message);
    event_base_loopbreak(user_data);
}

static void on_readable(evutil_socket_t fd, short what, void *loop)
{
    (void)fd;
    (void)what;
    wskt_loop_dispatch(loop);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct event *readable;
    wskt_socket *socket;
    wskt_loop *loop;

    if (argc != 2 || wskt_loop_new(&loop) != WSKT_OK ||
        wskt_socket_new(loop, argv[1], NULL, &socket) != WSKT_OK)
        return 2;
    wskt_socket_set_user_data(socket, base, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    readable = event_new(base, wskt_loop_fd(loop), EV_READ | EV_PERSIST, on_readable, loop);
    event_add(readable, NULL);
    wskt_socket_open(socket);
    event_base_dispatch(base);
    event_free(readable);
    wskt_socket_free(socket);
    wskt_loop_free(loop);
    event_base_free(base);
    return 0;
}
