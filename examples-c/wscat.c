/*
 * wscat - a WebSocket client for the command line.
 *
 * Lines of standard input go to the server as text messages, messages of the
 * server go to standard output; the close code and reason are told on
 * standard error at the end. "wscat --help" says the rest.
 *
 * One thread, one poll(2): on standard input, on the loop's descriptor, and
 * on a pipe that Ctrl-C writes to. Input is read only while it can be sent,
 * so a slow server makes the program before the pipe wait, not memory grow.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <wskt.h>

enum { EXIT_CLEAN = 0, EXIT_UNCLEAN = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: wscat [OPTION...] URL\n"
    "\n"
    "Sends lines of standard input to the WebSocket server at URL (ws: or wss:) and\n"
    "prints its messages. End of input (Ctrl-D) and Ctrl-C close the connection with\n"
    "code 1000.\n"
    "\n"
    "  -H, --header NAME:VALUE   add a header to the request; may be repeated\n"
    "  -s, --subprotocol NAME    offer a subprotocol; may be repeated, best first\n"
    "      --ca FILE             trust the certificates in this PEM file, too\n"
    "  -w, --wait SECONDS        after the end of input, go on receiving for so long\n"
    "                            before closing; -1: until the server closes\n"
    "  -h, --help                print this and exit\n"
    "      --version             print the version and exit\n"
    "\n"
    "Binary messages are written as they are if standard output is a file or pipe,\n"
    "and described if it is a terminal.\n"
    "\n"
    "The exit status is 0 after a clean close, 1 if the connection failed or broke,\n"
    "2 if the command line is wrong.\n";

struct wscat {
    wskt_socket *socket;
    bool terminal;          /* standard output is one */
    bool input_ended;       /* standard input is at its end */
    bool full;              /* the send queue is full; wait for the drain event */
    bool closed, clean;
    char *buffer;           /* input that is not sent yet */
    size_t used, size;
    long wait;              /* seconds; -1: no limit */
    time_t close_at;        /* 0: not yet */
};

static int signal_pipe[2];

static void on_signal(int number)
{
    int saved = errno;
    ssize_t ignored = write(signal_pipe[1], "", 1);

    (void)ignored;
    (void)number;
    errno = saved;
}

static void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "wscat: %s: %s\n", what, why);
    exit(status);
}

/* For what the command line asks for. */
static void check(wskt_result result, const char *what)
{
    if (result != WSKT_OK)
        fail(EXIT_USAGE, what, wskt_result_text(result));
}

/* ---- what the server sends ------------------------------------------------ */

/* Control characters of a stranger do not reach the terminal. */
static void print_safely(const unsigned char *text, size_t len, FILE *to)
{
    for (size_t i = 0; i < len; i++) {
        bool c1 = text[i] == 0xc2 && i + 1 < len && text[i + 1] < 0xa0;

        if ((text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f)
            fprintf(to, "\\x%02x", (unsigned)text[i]);
        else if (c1)
            fprintf(to, "\\u%04x", (unsigned)text[++i]);
        else
            putc(text[i], to);
    }
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    const struct wscat *cat = user_data;
    const unsigned char *data = event->data;
    (void)socket;

    if (event->kind == WSKT_MESSAGE_TEXT) {
        if (cat->terminal)
            print_safely(data, event->len, stdout);
        else
            fwrite(data, 1, event->len, stdout);
        putchar('\n');
    } else if (!cat->terminal) {
        fwrite(data, 1, event->len, stdout);
    } else {
        printf("[binary, %zu bytes:", event->len);
        for (size_t i = 0; i < event->len && i < 16; i++)
            printf(" %02x", (unsigned)data[i]);
        puts(event->len > 16 ? " ...]" : "]");
    }
    if (fflush(stdout) != 0) {
        perror("wscat: standard output");
        exit(EXIT_UNCLEAN);
    }
}

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    const struct wscat *cat = user_data;
    const char *protocol = wskt_socket_protocol(socket, NULL);
    (void)event;

    if (cat->terminal)
        fprintf(stderr, "connected%s%s\n", *protocol ? ", subprotocol " : "", protocol);
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
    struct wscat *cat = user_data;
    (void)socket;

    fprintf(stderr, "closed: %u %s", event->code, wskt_close_code_name(event->code));
    if (event->reason_len > 0) {
        fputs(" \"", stderr);
        print_safely((const unsigned char *)event->reason, event->reason_len, stderr);
        putc('"', stderr);
    }
    if (event->message_len > 0) {
        fprintf(stderr, " (%s: ", wskt_cause_name(event->cause));
        print_safely((const unsigned char *)event->message, event->message_len, stderr);
        putc(')', stderr);
    }
    putc('\n', stderr);
    cat->closed = true;
    cat->clean = event->was_clean;
}

/* ---- what standard input gives ------------------------------------------- */

/* Reads once. */
static void read_input(struct wscat *cat)
{
    ssize_t got;

    if (cat->size - cat->used < 4096) {
        size_t size = cat->size * 2 + 8192;
        char *buffer = realloc(cat->buffer, size);

        if (buffer == NULL)
            fail(EXIT_UNCLEAN, "standard input", "memory ran out");
        cat->buffer = buffer;
        cat->size = size;
    }
    got = read(STDIN_FILENO, cat->buffer + cat->used, cat->size - cat->used);
    if (got > 0)
        cat->used += (size_t)got;
    else if (got == 0 || errno != EINTR)
        cat->input_ended = true;
}

/* Sends the lines that are complete, as long as the queue takes them. */
static void send_lines(struct wscat *cat)
{
    char *start = cat->buffer;
    size_t left = cat->used;

    while (left > 0 && !cat->full) {
        const char *end = memchr(start, '\n', left);
        size_t len = end ? (size_t)(end - start) : left;
        wskt_result result;

        if (end == NULL && !cat->input_ended)
            break;
        result = wskt_socket_send_text(cat->socket, start, len);
        if (result == WSKT_ERR_BUFFER_FULL)
            cat->full = true;
        if (result == WSKT_ERR_BUFFER_FULL || result == WSKT_ERR_CLOSED)
            break;
        if (result != WSKT_OK)
            fprintf(stderr, "wscat: a line was not sent: %s\n", wskt_result_text(result));
        len += end != NULL;
        start += len;
        left -= len;
    }
    if (cat->used > 0)
        memmove(cat->buffer, start, left);
    cat->used = left;
}

static time_t seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Once all input is sent, closes: at once, after a while, or never. */
static void close_after_input(struct wscat *cat)
{
    if (!cat->input_ended || cat->used > 0 || cat->wait < 0)
        return;
    if (cat->close_at == 0)
        cat->close_at = seconds_now() + cat->wait;
    if (seconds_now() >= cat->close_at)
        wskt_socket_close(cat->socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

/* ---- the loop ------------------------------------------------------------- */

static int timeout_ms(const wskt_loop *loop, const struct wscat *cat)
{
    int timeout = wskt_loop_timeout_ms(loop);
    bool waits = cat->close_at != 0 && wskt_socket_ready_state(cat->socket) == WSKT_OPEN;

    return waits && (timeout < 0 || timeout > 1000) ? 1000 : timeout;
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

        if (wskt_socket_ready_state(cat->socket) == WSKT_OPEN) {
            send_lines(cat);
            close_after_input(cat);
        }
        reads = wskt_socket_ready_state(cat->socket) == WSKT_OPEN && !cat->input_ended && !cat->full;
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
            if (read(signal_pipe[0], &byte, 1) == 1)
                wskt_socket_close(cat->socket, WSKT_CLOSE_NORMAL, NULL, 0);
        }
        if (reads && fds[1].revents)
            read_input(cat);
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

/* ---- the command line ------------------------------------------------------ */

struct options {
    wskt_config *config;
    const char *url;
    const char **protocols;
    size_t protocol_count;
    long wait;
};

static void add_header(wskt_config *config, char *line)
{
    char *colon = strchr(line, ':');
    const char *value;

    if (colon == NULL)
        fail(EXIT_USAGE, line, "a header is NAME:VALUE");
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    check(wskt_config_add_header(config, line, value), line);
}

/*
 * The value of an option in any of its forms (-x VALUE, -xVALUE, --long VALUE,
 * --long=VALUE), or NULL if `*at` is another option. Moves `*at` past it.
 */
static char *value_of(char ***at, char letter, const char *name)
{
    char *arg = **at, *value;
    size_t len = strlen(name);

    if (letter && arg[0] == '-' && arg[1] == letter)
        value = arg + 2;
    else if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, len) == 0 &&
             (arg[2 + len] == '\0' || arg[2 + len] == '='))
        value = arg + 2 + len;
    else
        return NULL;
    if (*value == '=' && arg[1] == '-') {
        value++;
    } else if (*value == '\0') {
        value = *++*at;
        if (value == NULL)
            fail(EXIT_USAGE, arg, "a value is missing");
    }
    ++*at;
    return value;
}

static bool is(const char *arg, const char *letter, const char *name)
{
    return strcmp(arg, letter) == 0 || strcmp(arg, name) == 0;
}

static void parse(int argc, char **argv, struct options *options)
{
    char **at = argv + 1, *value, *end;
    bool words_only = false;

    check(wskt_config_new(&options->config), "wskt_config_new");
    options->protocols = malloc((size_t)argc * sizeof *options->protocols);
    if (options->protocols == NULL)
        fail(EXIT_USAGE, "wscat", "memory ran out");
    while (*at) {
        if (words_only || **at != '-' || strcmp(*at, "-") == 0) {
            if (options->url)
                fail(EXIT_USAGE, *at, "there is a URL already; see wscat --help");
            options->url = *at++;
        } else if (strcmp(*at, "--") == 0) {
            words_only = true;
            at++;
        } else if (is(*at, "-h", "--help")) {
            fputs(usage, stdout);
            exit(EXIT_CLEAN);
        } else if (is(*at, "--version", "--version")) {
            printf("wscat (wskt %s)\n", wskt_version_string());
            exit(EXIT_CLEAN);
        } else if ((value = value_of(&at, 'H', "header")) != NULL) {
            add_header(options->config, value);
        } else if ((value = value_of(&at, 's', "subprotocol")) != NULL) {
            options->protocols[options->protocol_count++] = value;
        } else if ((value = value_of(&at, 0, "ca")) != NULL) {
            check(wskt_config_add_ca_file(options->config, value), value);
        } else if ((value = value_of(&at, 'w', "wait")) != NULL) {
            options->wait = strtol(value, &end, 10);
            if (*value == '\0' || *end != '\0' || options->wait < -1 || options->wait > 1000000)
                fail(EXIT_USAGE, value, "not a number of seconds");
        } else {
            fail(EXIT_USAGE, *at, "no such option; see wscat --help");
        }
    }
    if (options->url == NULL) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct wscat cat = {0};
    wskt_loop *loop;

    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    parse(argc, argv, &options);
    cat.terminal = isatty(STDOUT_FILENO) == 1;
    cat.wait = options.wait;

    check(wskt_loop_new(&loop), "wskt_loop_new");
    check(wskt_socket_new(loop, options.url, options.config, &cat.socket), options.url);
    wskt_config_free(options.config);
    for (size_t i = 0; i < options.protocol_count; i++)
        check(wskt_socket_add_protocol(cat.socket, options.protocols[i]), options.protocols[i]);
    free(options.protocols);

    wskt_socket_set_user_data(cat.socket, &cat, NULL);
    wskt_socket_set_on_open(cat.socket, on_open);
    wskt_socket_set_on_message(cat.socket, on_message);
    wskt_socket_set_on_drain(cat.socket, on_drain);
    wskt_socket_set_on_close(cat.socket, on_close);
    catch_signals();
    check(wskt_socket_open(cat.socket), "wskt_socket_open");
    run(loop, &cat);

    wskt_socket_free(cat.socket);
    wskt_loop_free(loop);
    free(cat.buffer);
    return cat.clean ? EXIT_CLEAN : EXIT_UNCLEAN;
}
