/*
 * callbacks - "just call me back": a loop with a thread of its own.
 *
 *     callbacks URL [LINE...]
 *
 * Sends the lines from the main thread, prints what comes back from the
 * loop's thread, and closes when as many messages have come as were sent.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wskt.h>

/* What both threads look at, under the lock. */
struct chat {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open, closed, clean;
    int to_come;
};

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    struct chat *chat = user_data;
    (void)socket;
    (void)event;

    pthread_mutex_lock(&chat->lock);
    chat->open = true;
    pthread_cond_signal(&chat->changed);
    pthread_mutex_unlock(&chat->lock);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    struct chat *chat = user_data;
    bool last;

    if (event->kind == WSKT_MESSAGE_TEXT)
        printf("%.*s\n", (int)event->len, (const char *)event->data);
    else
        printf("(%zu bytes)\n", event->len);

    pthread_mutex_lock(&chat->lock);
    last = --chat->to_come == 0;
    pthread_mutex_unlock(&chat->lock);
    if (last)
        wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    struct chat *chat = user_data;
    (void)socket;

    fprintf(stderr, "closed: %u \"%s\" %s\n", event->code, event->reason, event->message);

    pthread_mutex_lock(&chat->lock);
    chat->closed = true;
    chat->clean = event->was_clean;
    pthread_cond_signal(&chat->changed);
    pthread_mutex_unlock(&chat->lock);
}

static void check(wskt_result result, const char *what)
{
    if (result == WSKT_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, wskt_result_text(result));
    exit(1);
}

int main(int argc, char **argv)
{
    struct chat chat = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    char hello[] = "hello", *standard[] = {hello};
    char **lines = argc > 2 ? argv + 2 : standard;
    int count = argc > 2 ? argc - 2 : 1;
    wskt_loop *loop;
    wskt_socket *socket;
    bool open;

    if (argc < 2) {
        fprintf(stderr, "usage: %s URL [LINE...]\n", argv[0]);
        return 2;
    }
    chat.to_come = count;

    check(wskt_loop_new(&loop), "wskt_loop_new");
    check(wskt_loop_start(loop), "wskt_loop_start");
    check(wskt_socket_new(loop, argv[1], NULL, &socket), argv[1]);

    /* Nothing happens before open: every handler is there in time. */
    wskt_socket_set_user_data(socket, &chat, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    check(wskt_socket_open(socket), "wskt_socket_open");

    pthread_mutex_lock(&chat.lock);
    while (!chat.open && !chat.closed)
        pthread_cond_wait(&chat.changed, &chat.lock);
    open = chat.open;
    pthread_mutex_unlock(&chat.lock);

    /* A send is legal on any thread, also while the loop's thread reads. */
    for (int i = 0; open && i < count; i++) {
        wskt_result result = wskt_socket_send_text(socket, lines[i], strlen(lines[i]));

        if (result != WSKT_OK) {
            fprintf(stderr, "not sent: %s\n", wskt_result_text(result));
            wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
            break;
        }
    }

    pthread_mutex_lock(&chat.lock);
    while (!chat.closed)
        pthread_cond_wait(&chat.changed, &chat.lock);
    pthread_mutex_unlock(&chat.lock);

    /* Free waits for a callback that still runs: `chat` may go after it. */
    wskt_socket_free(socket);
    wskt_loop_free(loop);
    return chat.clean ? 0 : 1;
}
