/* What wscat shows: messages on standard output, all else on standard error. */
#include "wscat.h"

#include <stdlib.h>
#include <string.h>

#define IN "\033[36m"
#define DIM "\033[2m"
#define GOOD "\033[32m"
#define BAD "\033[31;1m"
#define PLAIN "\033[0m"

/* What is worth a progress line, and how often, in milliseconds. */
enum { LARGE = 1 << 20, OFTEN = 100 };

static void paint(bool on, const char *colour, FILE *to)
{
    if (on)
        fputs(colour, to);
}

void print_safely(const char *text, size_t len, FILE *to)
{
    const unsigned char *bytes = (const unsigned char *)text;

    for (size_t i = 0; i < len; i++) {
        bool c1 = bytes[i] == 0xc2 && i + 1 < len && bytes[i + 1] < 0xa0;

        if ((bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f)
            fprintf(to, "\\x%02x", (unsigned)bytes[i]);
        else if (c1)
            fprintf(to, "\\u%04x", (unsigned)bytes[++i]);
        else
            putc(bytes[i], to);
    }
}

/* The line of output_progress is not left behind. */
static void clear_progress(struct wscat *cat)
{
    if (cat->progress_shown)
        fputs("\r\033[K", stderr);
    cat->progress_shown = false;
}

void output_opened(struct wscat *cat)
{
    const char *protocol = wskt_socket_protocol(cat->socket, NULL);

    if (!cat->out_terminal)
        return;
    input_hide(cat);
    paint(cat->options.colour_err, DIM, stderr);
    fprintf(stderr, "connected%s%s", *protocol ? ", subprotocol " : "", protocol);
    paint(cat->options.colour_err, PLAIN, stderr);
    putc('\n', stderr);
    input_show(cat);
}

static void print_binary(const struct wscat *cat, const unsigned char *data, size_t len)
{
    if (!cat->out_terminal) {
        fwrite(data, 1, len, stdout);
        return;
    }
    paint(cat->options.colour_out, DIM, stdout);
    printf("[binary, %zu bytes:", len);
    for (size_t i = 0; i < len && i < 16; i++)
        printf(" %02x", (unsigned)data[i]);
    fputs(len > 16 ? " ...]" : "]", stdout);
    paint(cat->options.colour_out, PLAIN, stdout);
    putchar('\n');
}

static void print_text(const struct wscat *cat, const char *text, size_t len)
{
    if (!cat->options.json || !json_print(text, len, cat->options.colour_out, stdout)) {
        paint(cat->options.colour_out, IN, stdout);
        if (cat->out_terminal)
            print_safely(text, len, stdout);
        else
            fwrite(text, 1, len, stdout);
        paint(cat->options.colour_out, PLAIN, stdout);
    }
    putchar('\n');
}

void output_message(struct wscat *cat, const wskt_message_event *event)
{
    cat->received++;
    cat->received_bytes += event->len;
    clear_progress(cat);
    input_hide(cat);
    if (event->kind == WSKT_MESSAGE_TEXT)
        print_text(cat, event->data, event->len);
    else
        print_binary(cat, event->data, event->len);
    if (fflush(stdout) != 0) {
        perror("wscat: standard output");
        exit(EXIT_UNCLEAN);
    }
    input_show(cat);
}

static int status_of(const wskt_close_event *event)
{
    if (!event->was_clean)
        return EXIT_UNCLEAN;
    if (event->code == WSKT_CLOSE_NORMAL || event->code == WSKT_CLOSE_NO_STATUS)
        return EXIT_CLEAN;
    switch (wskt_close_code_class(event->code)) {
    case WSKT_CLOSE_CLASS_LIBRARY: return EXIT_LIBRARY;
    case WSKT_CLOSE_CLASS_APPLICATION: return EXIT_APPLICATION;
    default: return EXIT_PROTOCOL;
    }
}

static void print_amount(unsigned long long count, unsigned long long bytes, const char *verb)
{
    fprintf(stderr, "%s %llu message%s, %llu bytes", verb, count, count == 1 ? "" : "s", bytes);
}

/* The phases that took place, in their order. */
static void print_timing(const struct wscat *cat)
{
    wskt_stats stats = {.struct_size = sizeof stats};
    double all = now_ms() - cat->began;

    if (wskt_socket_stats(cat->socket, &stats) != WSKT_OK)
        return;
    const struct { const char *name; unsigned long long us; } phases[] = {
        {"DNS", stats.dns_us}, {"connect", stats.connect_us},
        {"proxy", stats.proxy_us}, {"TLS", stats.tls_us}, {"upgrade", stats.upgrade_us},
    };

    fputs("timing: ", stderr);
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (phases[i].us > 0)
            fprintf(stderr, "%s %.1f ms, ", phases[i].name, (double)phases[i].us / 1e3);
    }
    fprintf(stderr, "in all %.1f ms\n", all);
}

void output_closed(struct wscat *cat, const wskt_close_event *event)
{
    cat->status = status_of(event);
    clear_progress(cat);
    input_hide(cat);
    paint(cat->options.colour_err, cat->status == EXIT_CLEAN ? GOOD : BAD, stderr);
    fprintf(stderr, "closed: %u %s", event->code, wskt_close_code_name(event->code));
    if (event->reason_len > 0) {
        fputs(" \"", stderr);
        print_safely(event->reason, event->reason_len, stderr);
        putc('"', stderr);
    }
    if (event->message_len > 0) {
        fprintf(stderr, " (%s: ", wskt_cause_name(event->cause));
        print_safely(event->message, event->message_len, stderr);
        putc(')', stderr);
    }
    paint(cat->options.colour_err, PLAIN, stderr);
    putc('\n', stderr);
    if (cat->options.progress) {
        print_amount(cat->sent, cat->sent_bytes, "sent");
        print_amount(cat->received, cat->received_bytes, "; received");
        fprintf(stderr, "; %.1f s\n", (now_ms() - cat->began) / 1000);
    }
    if (cat->options.timing)
        print_timing(cat);
    cat->closed = true;
}

/* What has come of messages so far, the one that is not whole yet included. */
static unsigned long long bytes_received(const struct wscat *cat)
{
    wskt_stats stats = {.struct_size = sizeof stats};

    return wskt_socket_stats(cat->socket, &stats) == WSKT_OK ? stats.bytes_received : 0;
}

bool output_is_busy(const struct wscat *cat)
{
    return cat->err_terminal && !cat->editing &&
           (wskt_socket_buffered_amount(cat->socket) >= LARGE ||
            (!cat->out_terminal && bytes_received(cat) >= LARGE));
}

void output_progress(struct wscat *cat)
{
    double now = now_ms();
    unsigned long long left = wskt_socket_buffered_amount(cat->socket);
    unsigned long long received;
    double sent;

    if (!output_is_busy(cat) || now < cat->shown_at + OFTEN)
        return;
    cat->shown_at = now;
    left = left < cat->sent_bytes ? left : cat->sent_bytes;
    sent = (double)(cat->sent_bytes - left);
    received = bytes_received(cat);
    fputs("\r\033[K", stderr);
    if (left > 0)
        fprintf(stderr, "sending: %.1f of %.1f MB, %.0f %%  ", sent / 1e6,
                (double)cat->sent_bytes / 1e6, 100 * sent / (double)cat->sent_bytes);
    if (received > 0)
        fprintf(stderr, "received: %.1f MB", (double)received / 1e6);
    fflush(stderr);
    cat->progress_shown = true;
}
