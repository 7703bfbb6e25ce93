/* What the parts of wscat share. main.c drives, options.c reads the command
   line, input.c takes lines and sends them, output.c shows messages and how it
   ends, json.c makes JSON readable. */
#ifndef WSCAT_H
#define WSCAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <wskt.h>

/* The exit status tells how the connection ended. */
enum {
    EXIT_CLEAN = 0,          /* cleanly, with 1000 or no code */
    EXIT_UNCLEAN = 1,        /* it failed or broke: 1006, 1015 */
    EXIT_USAGE = 2,          /* the command line is wrong */
    EXIT_PROTOCOL = 3,       /* cleanly, with another code up to 2999 */
    EXIT_LIBRARY = 4,        /* cleanly, with 3000 to 3999 */
    EXIT_APPLICATION = 5     /* cleanly, with 4000 to 4999 */
};

struct options {
    wskt_config *config;
    const char *url;
    const char **protocols;
    size_t protocol_count;
    const char *file;        /* sent first, as one message; NULL: none */
    long wait;               /* seconds after the end of input; -1: no limit */
    long ping;               /* seconds between pings; 0: none */
    bool binary, json, progress, timing;
    bool colour_out, colour_err;
};

struct wscat {
    struct options options;
    wskt_socket *socket;
    bool out_terminal, err_terminal;
    bool editing;            /* lines are edited, with a history */
    bool input_ended;        /* standard input is at its end */
    bool full;               /* the send queue is full; wait for the drain event */
    bool opened, closed;
    int status;
    char *buffer;            /* input that is not sent yet */
    size_t used, size;
    double close_at, ping_at, shown_at;    /* milliseconds; 0: not yet */
    double began;
    bool progress_shown;
    unsigned long long sent, sent_bytes, received, received_bytes;
};

void fail(int status, const char *what, const char *why);
double now_ms(void);

/* options.c: fills the options, or ends the program. */
void options_parse(int argc, char **argv, struct options *options);

/* input.c */
void input_begin(struct wscat *cat);
void input_end(struct wscat *cat);
/* Sends the file of --file. */
void input_send_file(struct wscat *cat);
/* Standard input is readable. */
void input_read(struct wscat *cat);
/* Sends the lines that are complete, as long as the queue takes them. */
void input_send(struct wscat *cat);
/* Takes the line that is being edited off the terminal, and puts it back. */
void input_hide(const struct wscat *cat);
void input_show(const struct wscat *cat);

/* output.c */
void output_opened(struct wscat *cat);
void output_message(struct wscat *cat, const wskt_message_event *event);
void output_closed(struct wscat *cat, const wskt_close_event *event);
/* How much is sent and received, if there is much of it. */
void output_progress(struct wscat *cat);
/* Whether output_progress has something to show soon. */
bool output_is_busy(const struct wscat *cat);
/* Text of a stranger: its control characters do not reach the terminal. */
void print_safely(const char *text, size_t len, FILE *to);

/* json.c: prints JSON with a line for each value; false, and nothing printed,
   if it is not JSON. */
bool json_print(const char *text, size_t len, bool colour, FILE *to);

#endif
