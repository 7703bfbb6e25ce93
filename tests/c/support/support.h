/* What every C test uses: checks, text, the scripted server, and the count of
   what a test must not leave behind. Include it before anything else. */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wskt.h"

/* -- checks ------------------------------------------------------------- */

/* Ends the program with a line that says where and what. */
void fail_at(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

void check_int(const char *file, int line, const char *what, long long got,
               long long want);
void check_str(const char *file, int line, const char *what, const char *got,
               const char *want);
void check_result(const char *file, int line, const char *what,
                  wskt_result got, wskt_result want);

#define FAIL(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) \
    ((condition) ? (void)0 : fail_at(__FILE__, __LINE__, "%s", #condition))
#define CHECK_INT(got, want) \
    check_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define CHECK_STR(got, want) check_str(__FILE__, __LINE__, #got, got, want)
#define RESULT(call, want) \
    check_result(__FILE__, __LINE__, #call, (call), (want))
#define OK(call) RESULT(call, WSKT_OK)

/* Runs one test of a program; a failure names it. */
#define RUN(test) (now_testing(#test), test())
void now_testing(const char *name);

/* -- the program -------------------------------------------------------- */

/* First and last call of main. `end` fails if a handle, a descriptor or a
   thread is left over since `begin`. */
void begin(void);
int end(void);

/* Threads and descriptors of this process. */
int count_threads(void);
/* Until there are as many threads as when the program began. */
void wait_for_threads(void);
int count_fds(void);
/* Sleeps between two looks at something that has no event of its own. */
void pause_ms(int ms);
double now_ms(void);
/* How long anything may take at most; longer under valgrind. */
int limit_ms(void);
/* A deadline that must be long enough not to pass by itself. */
int patient_ms(int ms);
bool is_slow(void);

/* -- text --------------------------------------------------------------- */

/* A string that grows; all zero is an empty one. */
struct text {
    char *at;
    size_t len;
    size_t room;
};

const char *text_of(const struct text *text);
void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const void *bytes, size_t len);
/* Printable, with everything else as \xNN; long ones by length and hash. */
void text_quote(struct text *text, const void *bytes, size_t len);
void text_free(struct text *text);
/* Whether `text` is `pattern`, in which `*` stands for anything. */
bool text_like(const char *text, const char *pattern);

/* Bytes 0, 1, ... 250, 0, ...: the server's pat:SIZE as binary, */
unsigned char *pattern_binary(size_t size);
/* and a to z over and over: as text. The caller frees both. */
char *pattern_text(size_t size);

/* -- the server --------------------------------------------------------- */

const char *env(const char *name);
/* The port of "ws", "wss", "refused" ... */
int port(const char *name);
/* A descriptor that is connected to this port of 127.0.0.1. */
int connected_to(int port);
/* The same with the port of a name. */
int connected_fd(const char *name);
/* A name no other connection has; valid until the program ends. */
const char *new_id(void);
/* SCHEME://127.0.0.1:PORT/s/SCRIPT?id=ID, with $ID in the script replaced.
   The caller frees it. */
char *script_url(const char *port_name, const char *script, const char *id);
char *path_url(const char *port_name, const char *path);
/* A control request that must succeed; the body, which the caller frees. */
char *control(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The status of one that need not succeed. */
int control_status(const char *path);
void signal_server(const char *name);
void wait_mark(const char *name);
/* One line to the proxy of tests/support/proxy.rs; its answer, as a number. */
int ask_proxy(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the server saw on a connection, once it is over. */
struct report {
    char *json;
    /* One line a frame: `text "x"`, `close 1000 "bye"`, `close empty`. */
    struct text frames;
    /* fin, rst, ... */
    char end[24];
    char tcp_end[24];
    /* All that came behind the request. */
    long bytes;
    /* The list of errors, and what is told of TLS, as JSON. */
    char *errors;
    char *tls;
    /* The request's headers, one `Name: value` a line. */
    struct text headers;
};

void get_report(struct report *report, const char *id);
void free_report(struct report *report);

/* The path of a file among the server's certificates, and what is in a file;
   NUL-terminated. `out_len` may be NULL. The caller frees both. */
char *server_file(const char *name);
char *read_whole(const char *path, size_t *out_len);

/* A configuration that trusts the server's CA. The caller frees it. */
wskt_config *trusting_config(void);

#endif
