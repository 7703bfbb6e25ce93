/* Scenarios as data: a script for the server, a few commands for the client,
   and what both must have seen. Each row runs in every way of driving, in
   strict and in browser mode, over ws whole, over ws with the server's bytes
   one by one, and over wss. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "ways.h"

enum {
    /* The server's bytes are not split. */
    WHOLE_ONLY = 1,
    /* It does not run over wss; its log differs there. */
    PLAIN_ONLY = 2,
    /* The server's own complaints do not matter. */
    ANY_ERRORS = 4,
    /* Not in browser mode. */
    STRICT_ONLY = 8,
    /* No connection, or none with a report. */
    NO_REPORT = 16,
    /* Not over wss under valgrind, where 16 MiB take TLS longer than the
       server waits before it goes on. */
    MUCH_DATA = 32
};

struct row {
    const char *name;
    /* "ws" if NULL; then "wss" too. */
    const char *port;
    /* For the server; NULL connects to `/`. */
    const char *script;
    /* `WHEN COMMAND ARGUMENTS; ...`: see scenario.c. */
    const char *client;
    /* `SETTING VALUE; ...`: see scenario.c. */
    const char *config;
    /* The event log; `*` stands for anything in a line. */
    const char *log;
    /* The same in browser mode, if it differs. */
    const char *browser;
    /* What the server got, one frame a line; NULL: not looked at. */
    const char *frames;
    const char *browser_frames;
    /* How the server saw TCP end; NULL: not looked at. */
    const char *end;
    /* Replaces log over wss, if it differs. */
    const char *wss_log;
    unsigned flags;
};

/* The usual lines. */
#define OPEN "open/1\n"
#define CLEAN(code, reason, peer, cause) \
    "close/3 " code " \"" reason "\" clean peer=" peer " " cause " \"\"\n"
#define FAILURE(code, peer, cause, message)   \
    "error/3 " cause " \"" message "\"\n"     \
    "close/3 " code " \"\" unclean peer=" peer \
    " " cause " \"" message "\"\n"
#define FAILED(cause, message) FAILURE("1006", "0", cause, message)
/* A failure while opening in browser mode: nothing is told. */
#define HIDDEN                 \
    "error/3 unknown \"\"\n"   \
    "close/3 1006 \"\" unclean peer=0 unknown \"\"\n"
/* The connection lost in browser mode: no error event. */
#define LOST(message) \
    "close/3 1006 \"\" unclean peer=0 lost \"" message "\"\n"
#define BUFFERED(n) "buffered=" n "\n"

/* Whether the rows that follow get their messages in chunks; their logs are
   the same. */
extern bool rows_in_chunks;
/* Runs the rows; what goes wrong is printed and counted. */
void run_rows(const struct row *rows, size_t count);
/* As main's result, after `end`. */
int rows_result(void);

#define ROWS(rows) run_rows(rows, sizeof rows / sizeof rows[0])

#endif
