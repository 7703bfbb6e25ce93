/*
 * poll_loop - wskt inside a program's own poll(2) loop.
 *
 *     poll_loop URL
 *
 * Two descriptors: the loop's, and standard input, whose lines (of up to 4096
 * bytes) are sent. The callbacks run on the one thread there is, inside
 * wskt_loop_dispatch. The same calls fit libuv, GLib, epoll or a game's loop.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wskt.h>

struct state {
    bool closed, clean;
};

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    (void)socket;
    (void)user_data;
    printf("%.*s\n", (int)event->len, (const char *)event->data);
    fflush(stdout);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    struct state *state = user_data;
    (void)socket;

    fprintf(stderr, "closed: %u \"%s\" %s\n", event->code, event->reason, event->message);
    state->closed = true;
    state->clean = event->was_clean;
}

static void check(wskt_result result, const char *what)
{
    if (result == WSKT_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, wskt_result_text(result));
    exit(1);
}

/* Sends what can be read now; at the end of input, starts to close. */
static bool forward(wskt_socket *socket)
{
    static char line[4096];
    static size_t used;
    ssize_t got = read(STDIN_FILENO, line + used, sizeof line - used);
    char *start = line, *end;

    if (got < 0)
        return errno == EINTR;
    if (got == 0) {
        wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
        return false;
    }
    used += (size_t)got;
    while ((end = memchr(start, '\n', used)) != NULL || used == sizeof line) {
        size_t len = end ? (size_t)(end - start) : used;
        wskt_result result = wskt_socket_send_text(socket, start, len);

        if (result != WSKT_OK)
            fprintf(stderr, "not sent: %s\n", wskt_result_text(result));
        len += end != NULL;
        start += len;
        used -= len;
    }
    memmove(line, start, used);
    return true;
}

int main(int argc, char **argv)
{
    struct state state = {false, false};
    bool input = true;
    wskt_loop *loop;
    wskt_socket *socket;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    check(wskt_loop_new(&loop), "wskt_loop_new");
    check(wskt_socket_new(loop, argv[1], NULL, &socket), argv[1]);
    wskt_socket_set_user_data(socket, &state, NULL);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    check(wskt_socket_open(socket), "wskt_socket_open");

    while (!state.closed) {
        bool can_send = input && wskt_socket_ready_state(socket) == WSKT_OPEN;
        struct pollfd fds[2] = {
            {.fd = wskt_loop_fd(loop), .events = POLLIN},      /* for reading only, always */
            {.fd = can_send ? STDIN_FILENO : -1, .events = POLLIN},
        };

        /* On Linux the descriptor tells of deadlines too; elsewhere this does. */
        if (poll(fds, 2, wskt_loop_timeout_ms(loop)) < 0) {
            if (errno == EINTR)
                continue;
            perror("poll");
            return 1;
        }
        if (can_send && fds[1].revents)
            input = forward(socket);
        check(wskt_loop_dispatch(loop), "wskt_loop_dispatch");
    }

    wskt_socket_free(socket);
    wskt_loop_free(loop);
    return state.clean ? 0 : 1;
}
