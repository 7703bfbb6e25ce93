/* loop_libuv - wskt inside a loop of libuv:  loop_libuv URL
   On Linux the descriptor tells of deadlines too; docs/guide/driving.md has what
   other systems want beside it. */
#include <stdio.h>
#include <uv.h>

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
    uv_close(user_data, NULL);    /* nothing is left to watch, and uv_run returns */
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    wskt_loop_dispatch(poll->data);
}

int main(int argc, char **argv)
{
    uv_loop_t *uv = uv_default_loop();
    uv_poll_t poll;
    wskt_socket *socket;
    wskt_loop *loop;

    if (argc != 2 || wskt_loop_new(&loop) != WSKT_OK ||
        wskt_socket_new(loop, argv[1], NULL, &socket) != WSKT_OK)
        return 2;
    wskt_socket_set_user_data(socket, &poll, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    uv_poll_init(uv, &poll, wskt_loop_fd(loop));
    poll.data = loop;
    uv_poll_start(&poll, UV_READABLE, on_readable);
    wskt_socket_open(socket);
    uv_run(uv, UV_RUN_DEFAULT);
    wskt_socket_free(socket);
    wskt_loop_free(loop);
    return uv_loop_close(uv);
}
