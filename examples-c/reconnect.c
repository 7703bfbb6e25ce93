/* Stays connected: prints every attempt, sends lines of a queue, and takes back
   what a lost connection did not send.

       reconnect ws://127.0.0.1:8080/ one two three */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wskt.h>

/* What is to be sent, oldest first. */
struct queue {
    char *lines[64];
    size_t len;
    wskt_reconnector *reconnector;
};

static void put(struct queue *queue, const char *line, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy || queue->len == sizeof queue->lines / sizeof queue->lines[0])
        abort();
    memcpy(copy, line, len);
    copy[len] = '\0';
    queue->lines[queue->len++] = copy;
}

static void on_attempt(wskt_socket *socket, const wskt_attempt_event *event, void *user_data)
{
    (void)socket;
    (void)user_data;
    printf("attempt %u", event->number);
    if (event->previous)
        printf(" after %u", event->previous->code);
    printf("\n");
}

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    struct queue *queue = user_data;

    (void)event;
    for (size_t i = 0; i < queue->len; i++) {
        wskt_socket_send_text(socket, queue->lines[i], strlen(queue->lines[i]));
        free(queue->lines[i]);
    }
    queue->len = 0;
}

/* The next socket sends it: on_open comes again. */
static void on_unsent(wskt_socket *socket, const wskt_unsent_event *event, void *user_data)
{
    (void)socket;
    printf("not sent: %.*s\n", (int)event->len, (const char *)event->data);
    put(user_data, event->data, event->len);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    (void)user_data;
    printf("%.*s\n", (int)event->len, (const char *)event->data);
    wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    struct queue *queue = user_data;

    (void)socket;
    printf("closed: %u %s%s\n", event->code, event->message,
           wskt_reconnector_is_over(queue->reconnector) ? ", for good" : "");
}

int main(int argc, char **argv)
{
    struct queue queue = {0};
    wskt_socket *pattern;
    wskt_loop *loop;

    if (argc < 2 || wskt_loop_new(&loop) != WSKT_OK ||
        wskt_socket_new(loop, argv[1], NULL, &pattern) != WSKT_OK)
        return 2;
    for (int i = 2; i < argc; i++)
        put(&queue, argv[i], strlen(argv[i]));
    wskt_socket_set_user_data(pattern, &queue, NULL);
    wskt_socket_set_on_attempt(pattern, on_attempt);
    wskt_socket_set_on_open(pattern, on_open);
    wskt_socket_set_on_message(pattern, on_message);
    wskt_socket_set_on_unsent(pattern, on_unsent);
    wskt_socket_set_on_close(pattern, on_close);
    if (wskt_reconnector_new(pattern, &queue.reconnector) != WSKT_OK)
        return 2;
    wskt_reconnector_set_delays(queue.reconnector, 10, 60000);
    wskt_reconnector_set_max_tries(queue.reconnector, 2);
    wskt_reconnector_start(queue.reconnector);
    while (wskt_loop_run(loop) == WSKT_ERR_INTERRUPTED)
        ;    /* a signal */
    wskt_reconnector_free(queue.reconnector);
    wskt_loop_free(loop);
    while (queue.len > 0)
        free(queue.lines[--queue.len]);
    return 0;
}
