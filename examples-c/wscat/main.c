/*
 * wscat - a WebSocket client for the command line.
 *
 * Lines of standard input go to the server as messages, messages of the server
 * go to standard output; the close code and reason are told on standard error at
 * the end. "wscat --help" says the rest.
 *
 * One thread, one poll(2): on standard input, on the loop's descriptor, and on a
 * pipe that Ctrl-C writes to. Input is read only while it can be sent, so a slow
 * server makes the program before the pipe wait, not memory grow.
 */
#define _POSIX_C_SOURCE 200809L
#include "wscat.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int signal_pipe[2];

static void on_signal(int number)
{
    int saved = errno;
    ssize_t ignored = write(signal_pipe[1], "", 1);

    (void)ignored;
    (void)number;
    errno = saved;
}

void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "wscat: %s: %s\n", what, why);
    exit(status);
}

double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    struct wscat *cat = user_data;
    (void)socket;
    (void)event;

    cat->opened = true;
    output_opened(cat);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    (void)socket;
    output_message(user_data, event);
}

static void on_drain(wskt_socket *socket, const wskt_drain_event *event, void *user_data)
{
    struct wscat *cat = user_data;
    (void)socket;
    (void)event;

    cat->full = false;
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    (void)socket;
    output_closed(user_data, event);
}

/* Once all input is sent, closes: at once, after a while, or never. */
static void close_after_input(struct wscat *cat)
{
    if (!cat->input_ended || cat->used > 0 || cat->options.wait < 0)
        return;
    if (cat->close_at == 0)
        cat->close_at = now_ms() + (double)cat->options.wait * 1000;
    if (now_ms() >= cat->close_at)
        wskt_socket_close(cat->socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

static void ping_in_time(struct wscat *cat)
{
    if (cat->options.ping == 0 || now_ms() < cat->ping_at)
        return;
    if (cat->ping_at != 0)
        wskt_socket_ping(cat->socket, NULL, 0);
    cat->ping_at = now_ms() + (double)cat->options.ping * 1000;
}

/* What is due while the socket is open. */
static void work(struct wscat *cat)
{
    if (cat->opened && cat->options.file != NULL) {
        input_send_file(cat);
        cat->options.file = NULL;
    }
    input_send(cat);
    ping_in_time(cat);
    close_after_input(cat);
}

static bool is_open(const struct wscat *cat)
{
    return wskt_socket_ready_state(cat->socket) == WSKT_OPEN;
}

static int timeout_ms(const wskt_loop *loop, const struct wscat *cat)
{
    int timeout = wskt_loop_timeout_ms(loop);
    const double times[] = {cat->close_at, cat->ping_at,
                            output_is_busy(cat) ? cat->shown_at + 100 : 0};

    for (size_t i = 0; i < sizeof times / sizeof times[0] && is_open(cat); i++) {
        double left = times[i] - now_ms();

        if (times[i] != 0 && (timeout < 0 || left < timeout))
            timeout = left < 0 ? 0 : (int)left + 1;
    }
    return timeout;
}

static void run(wskt_loop *loop, struct wscat *cat)
{
    struct pollfd fds[3] = {
        {.fd = wskt_loop_fd(loop), .events = POLLIN},
        {.events = POLLIN},
        {.fd = signal_pipe[0], .events = POLLIN},
    };

    while (!cat->closed) {
        bool reads;
        wskt_result result;

        if (is_open(cat))
            work(cat);
        output_progress(cat);
        reads = is_open(cat) && !cat->input_ended && !cat->full;
        fds[1].fd = reads ? STDIN_FILENO : -1;    /* poll passes over -1 */
        if (poll(fds, 3, timeout_ms(loop, cat)) < 0) {
            if (errno != EINTR)
                fail(EXIT_UNCLEAN, "poll", strerror(errno));
            continue;    /* nothing in fds counts; the next poll tells */
        }
        if (fds[2].revents) {
            char byte;

            cat->input_ended = true;
            cat->used = 0;
            input_end(cat);    /* a second Ctrl-C finds the terminal as it was */
            if (read(signal_pipe[0], &byte, 1) == 1)
                wskt_socket_close(cat->socket, WSKT_CLOSE_NORMAL, NULL, 0);
        }
        if (reads && fds[1].revents)
            input_read(cat);
        result = wskt_loop_dispatch(loop);
        if (result != WSKT_OK)
            fail(EXIT_UNCLEAN, "wskt_loop_dispatch", wskt_result_text(result));
    }
}

static void catch_signals(void)
{
    /* The first one closes politely; the second one is the system's. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    if (pipe(signal_pipe) != 0)
        fail(EXIT_UNCLEAN, "pipe", strerror(errno));
    fcntl(signal_pipe[0], F_SETFD, FD_CLOEXEC);
    fcntl(signal_pipe[1], F_SETFD, FD_CLOEXEC);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void check(wskt_result result, const char *what)
{
    if (result != WSKT_OK)
        fail(EXIT_USAGE, what, wskt_result_text(result));
}

static void make_socket(struct wscat *cat, wskt_loop *loop)
{
    struct options *options = &cat->options;

    check(wskt_socket_new(loop, options->url, options->config, &cat->socket), options->url);
    wskt_config_free(options->config);
    for (size_t i = 0; i < options->protocol_count; i++)
        check(wskt_socket_add_protocol(cat->socket, options->protocols[i]), options->protocols[i]);
    free(options->protocols);
    wskt_socket_set_user_data(cat->socket, cat, NULL);
    wskt_socket_set_on_open(cat->socket, on_open);
    wskt_socket_set_on_message(cat->socket, on_message);
    wskt_socket_set_on_drain(cat->socket, on_drain);
    wskt_socket_set_on_close(cat->socket, on_close);
}

int main(int argc, char **argv)
{
    struct wscat cat = {0};
    wskt_loop *loop;

    setlocale(LC_CTYPE, "");
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    options_parse(argc, argv, &cat.options);
    cat.out_terminal = isatty(STDOUT_FILENO) == 1;
    cat.err_terminal = isatty(STDERR_FILENO) == 1;
    cat.began = now_ms();

    check(wskt_loop_new(&loop), "wskt_loop_new");
    make_socket(&cat, loop);
    catch_signals();
    check(wskt_socket_open(cat.socket), "wskt_socket_open");
    input_begin(&cat);
    run(loop, &cat);
    input_end(&cat);

    wskt_socket_free(cat.socket);
    wskt_loop_free(loop);
    free(cat.buffer);
    return cat.status;
}
