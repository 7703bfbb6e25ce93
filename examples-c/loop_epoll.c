/* loop_epoll - wskt inside a loop of epoll(7):  loop_epoll URL
   On Linux the descriptor tells of deadlines too; docs/guide/driving.md has what
   other systems want beside it. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

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
    *(bool *)user_data = true;
}

int main(int argc, char **argv)
{
    bool closed = false;
    wskt_loop *loop;
    wskt_socket *socket;
    struct epoll_event watch = {.events = EPOLLIN}, ready;    /* level-triggered */
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (argc != 2 || epoll < 0 || wskt_loop_new(&loop) != WSKT_OK ||
        wskt_socket_new(loop, argv[1], NULL, &socket) != WSKT_OK)
        return 2;
    wskt_socket_set_user_data(socket, &closed, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    epoll_ctl(epoll, EPOLL_CTL_ADD, wskt_loop_fd(loop), &watch);
    wskt_socket_open(socket);
    while (!closed)
        if (epoll_wait(epoll, &ready, 1, -1) == 1)
            wskt_loop_dispatch(loop);
    wskt_socket_free(socket);
    wskt_loop_free(loop);
    return close(epoll);
}
