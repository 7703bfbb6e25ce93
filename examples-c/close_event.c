/*
 * close_event - how a WebSocket connection can end, and how wskt tells it.
 *
 * Makes real connections to the test server of this repository, one after the
 * other, and prints what the close event says about each: code, name, reason,
 * whether it was clean, and what a browser keeps to itself, the cause. It
 * knows what each row has to be and exits with 1 if one is not.
 *
 *     make demo
 *
 * builds everything, starts the server and runs this program. By hand:
 *
 *     close_event ws=PORT wss=PORT wss_untrusted=PORT wss_expired=PORT
 *                 wss_wrong_host=PORT refused=PORT blackhole=PORT ca=FILE
 *
 * with the values that the server prints when it starts, in any order.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wskt.h>

/* ---- what is tried, and what must come of it ---------------------------- */

enum action {
    LISTEN,          /* let the server act */
    CLOSE,           /* close when the connection is open */
    CLOSE_AT_ONCE    /* close right after open was called */
};

struct scenario {
    const char *what;
    const char *ports;            /* "ws", "wss", ... one run for each */
    const char *script;           /* what the server does; NULL: no server */
    bool distrust;                /* leave the test CA out */
    uint64_t max_message_size;    /* 0: the default */
    int64_t close_timeout;        /* milliseconds; 0: the default */
    enum action action;
    uint16_t send_code;
    const char *send_reason;
    struct {
        uint16_t code;
        const char *reason;       /* NULL: empty */
        bool clean;
        wskt_cause cause;
    } expected;
};

#define BOTH "ws wss"
#define CLEAN(code, reason, cause) {code, reason, true, cause}
#define UNCLEAN(code, cause) {code, NULL, false, cause}

/* "See you", in four scripts. */
#define GOODBYE "tschüß · до встречи · γειά · ✓"

static const struct scenario scenarios[] = {
    /* The server closes. */
    {.what = "server: done, reason in non-ASCII", .ports = BOTH,
     .script = "close 1000 '" GOODBYE "';expect-close;fin",
     .expected = CLEAN(WSKT_CLOSE_NORMAL, GOODBYE, WSKT_CAUSE_PEER)},
    {.what = "server: going away", .ports = BOTH,
     .script = "text hello;close 1001 restarting;expect-close;fin",
     .expected = CLEAN(WSKT_CLOSE_GOING_AWAY, "restarting", WSKT_CAUSE_PEER)},
    {.what = "server: no code", .ports = BOTH,
     .script = "close;expect-close empty;fin",
     .expected = CLEAN(WSKT_CLOSE_NO_STATUS, NULL, WSKT_CAUSE_PEER)},
    {.what = "server: internal error", .ports = "ws",
     .script = "close 1011 'out of luck';expect-close;fin",
     .expected = CLEAN(WSKT_CLOSE_INTERNAL_ERROR, "out of luck", WSKT_CAUSE_PEER)},
    {.what = "server: a library's code", .ports = BOTH,
     .script = "close 3008 'session expired';expect-close;fin",
     .expected = CLEAN(3008, "session expired", WSKT_CAUSE_PEER)},
    {.what = "server: an application's code", .ports = BOTH,
     .script = "close 4001 'game over';expect-close;fin",
     .expected = CLEAN(4001, "game over", WSKT_CAUSE_PEER)},

    /* We close. */
    {.what = "client: done", .ports = BOTH, .script = "answer-close;fin",
     .action = CLOSE, .send_code = WSKT_CLOSE_NORMAL, .send_reason = "that is all",
     .expected = CLEAN(WSKT_CLOSE_NORMAL, "that is all", WSKT_CAUSE_LOCAL)},
    {.what = "client: no code", .ports = "ws", .script = "answer-close;fin",
     .action = CLOSE,
     .expected = CLEAN(WSKT_CLOSE_NO_STATUS, NULL, WSKT_CAUSE_LOCAL)},
    {.what = "client: a library's code", .ports = BOTH, .script = "answer-close;fin",
     .action = CLOSE, .send_code = 3999, .send_reason = "framework says stop",
     .expected = CLEAN(3999, "framework says stop", WSKT_CAUSE_LOCAL)},
    {.what = "client: an application's code", .ports = BOTH, .script = "answer-close;fin",
     .action = CLOSE, .send_code = 4999, .send_reason = "player left",
     .expected = CLEAN(4999, "player left", WSKT_CAUSE_LOCAL)},
    {.what = "client: answered with another code", .ports = "ws",
     .script = "answer-close-as 4002 'me too';fin",
     .action = CLOSE, .send_code = WSKT_CLOSE_NORMAL, .send_reason = "bye",
     .expected = CLEAN(4002, "me too", WSKT_CAUSE_LOCAL)},
    {.what = "client: never answered", .ports = BOTH, .script = "expect-close;drain",
     .close_timeout = 250, .action = CLOSE, .send_code = WSKT_CLOSE_NORMAL,
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_TIMEOUT)},
    {.what = "client: close while connecting", .ports = "blackhole",
     .action = CLOSE_AT_ONCE, .send_code = WSKT_CLOSE_NORMAL,
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_LOCAL)},

    /* An open connection breaks. */
    {.what = "server drops TCP", .ports = BOTH, .script = "accept;text hello;fin",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_LOST)},
    {.what = "server resets TCP", .ports = "ws", .script = "accept;rst",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_LOST)},
    {.what = "server breaks the protocol", .ports = BOTH,
     .script = "frame opcode=text masked=1 text=masked;expect-close 1002;fin",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_PROTOCOL)},
    {.what = "server sends text that is not UTF-8", .ports = "ws",
     .script = "frame opcode=text payload=c0af;expect-close 1007;fin",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_PROTOCOL)},
    {.what = "server closes with a forbidden code", .ports = "ws",
     .script = "close 1006;expect-close 1002;fin",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_PROTOCOL)},
    {.what = "message too large for us", .ports = BOTH, .max_message_size = 65536,
     .script = "textn 70000;expect-close 1009;fin",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_MESSAGE_TOO_BIG)},
    {.what = "message too large for the server", .ports = "ws",
     .script = "close 1009 'at most 64 KiB';expect-close;fin",
     .expected = CLEAN(WSKT_CLOSE_TOO_LARGE, "at most 64 KiB", WSKT_CAUSE_PEER)},

    /* No connection comes about. */
    {.what = "nobody listens on the port", .ports = "refused",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_CONNECT)},
    {.what = "HTTP 403 instead of an upgrade", .ports = BOTH, .script = "http 403",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_HTTP)},
    {.what = "a redirect, which is not followed", .ports = "ws",
     .script = "http 302 header=Location:ws://localhost/",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_HTTP)},
    {.what = "the proof of the upgrade is wrong", .ports = "ws", .script = "accept bad-accept",
     .expected = UNCLEAN(WSKT_CLOSE_ABNORMAL, WSKT_CAUSE_HANDSHAKE)},
    {.what = "certificate by an unknown CA", .ports = "wss", .script = "accept", .distrust = true,
     .expected = UNCLEAN(WSKT_CLOSE_TLS_HANDSHAKE, WSKT_CAUSE_TLS)},
    {.what = "certificate by another CA", .ports = "wss_untrusted", .script = "accept",
     .expected = UNCLEAN(WSKT_CLOSE_TLS_HANDSHAKE, WSKT_CAUSE_TLS)},
    {.what = "certificate has expired", .ports = "wss_expired", .script = "accept",
     .expected = UNCLEAN(WSKT_CLOSE_TLS_HANDSHAKE, WSKT_CAUSE_TLS)},
    {.what = "certificate for another host", .ports = "wss_wrong_host", .script = "accept",
     .expected = UNCLEAN(WSKT_CLOSE_TLS_HANDSHAKE, WSKT_CAUSE_TLS)},
};

/* ---- one connection ------------------------------------------------------ */

/* What came of a connection. The callbacks fill it in. */
struct outcome {
    const struct scenario *scenario;
    int opens, errors, closes;
    uint16_t code;
    bool clean;
    wskt_cause cause;
    char reason[WSKT_CLOSE_REASON_MAX + 1];
    char message[256];
};

static void copy(char *to, size_t size, const char *from, size_t len)
{
    if (len > size - 1)
        len = size - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    struct outcome *outcome = user_data;
    const struct scenario *scenario = outcome->scenario;
    (void)event;

    outcome->opens++;
    if (scenario->action == CLOSE) {
        const char *reason = scenario->send_reason ? scenario->send_reason : "";
        wskt_socket_close(socket, scenario->send_code, reason, strlen(reason));
    }
}

static void on_error(wskt_socket *socket, const wskt_error_event *event, void *user_data)
{
    struct outcome *outcome = user_data;
    (void)socket;
    (void)event;

    outcome->errors++;
}

/* The close event: once, last, whatever happened. What it lends is copied. */
static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    struct outcome *outcome = user_data;
    (void)socket;

    outcome->closes++;
    outcome->code = event->code;
    outcome->clean = event->was_clean;
    outcome->cause = event->cause;
    copy(outcome->reason, sizeof outcome->reason, event->reason, event->reason_len);
    copy(outcome->message, sizeof outcome->message, event->message, event->message_len);
}

static void check(wskt_result result, const char *call)
{
    if (result == WSKT_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", call, wskt_result_text(result), wskt_result_name(result));
    exit(2);
}

static wskt_config *make_config(const struct scenario *scenario, const char *ca)
{
    wskt_config *config;

    check(wskt_config_new(&config), "wskt_config_new");
    if (!scenario->distrust)
        check(wskt_config_add_ca_file(config, ca), ca);
    if (scenario->max_message_size)
        check(wskt_config_set_max_message_size(config, scenario->max_message_size),
              "wskt_config_set_max_message_size");
    if (scenario->close_timeout)
        check(wskt_config_set_close_timeout(config, scenario->close_timeout),
              "wskt_config_set_close_timeout");
    return config;
}

/* Connects once and waits, in wskt_loop_run, until the connection is over. */
static void try_it(wskt_loop *loop, const char *url, const char *ca, struct outcome *outcome)
{
    const struct scenario *scenario = outcome->scenario;
    wskt_config *config = make_config(scenario, ca);
    wskt_socket *socket;
    wskt_result result;

    check(wskt_socket_new(loop, url, config, &socket), url);
    wskt_config_free(config);

    wskt_socket_set_user_data(socket, outcome, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_error(socket, on_error);
    wskt_socket_set_on_close(socket, on_close);

    check(wskt_socket_open(socket), "wskt_socket_open");
    if (scenario->action == CLOSE_AT_ONCE)
        check(wskt_socket_close(socket, scenario->send_code, NULL, 0), "wskt_socket_close");

    do
        result = wskt_loop_run(loop);
    while (result == WSKT_ERR_INTERRUPTED);
    check(result, "wskt_loop_run");

    wskt_socket_free(socket);
}

/* ---- the table ----------------------------------------------------------- */

/* Prints `text` in a column of so many characters; UTF-8 is counted right. */
static void column(const char *text, int width)
{
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c & 0xc0) != 0x80)
            width--;
    printf("%s%*s  ", text, width > 0 ? width : 0, "");
}

static void number(unsigned value, int width)
{
    char text[16];
    snprintf(text, sizeof text, "%u", value);
    column(text, width);
}

static void print_head(void)
{
    column("scenario", 36);
    column("over", 4);
    column("code", 4);
    column("name", 21);
    column("reason", 30);
    column("clean", 5);
    column("error", 5);
    column("cause", 15);
    puts("message");
}

/* Prints the row and says whether it is what it has to be. */
static bool print_row(const char *over, const struct outcome *got)
{
    const struct scenario *scenario = got->scenario;
    const char *reason = scenario->expected.reason ? scenario->expected.reason : "";
    bool right = got->closes == 1 && got->code == scenario->expected.code &&
                 got->clean == scenario->expected.clean &&
                 got->cause == scenario->expected.cause && strcmp(got->reason, reason) == 0 &&
                 got->errors == (scenario->expected.clean ? 0 : 1);

    column(scenario->what, 36);
    column(over, 4);
    number(got->code, 4);
    column(wskt_close_code_name(got->code), 21);
    column(got->reason, 30);
    column(got->clean ? "yes" : "no", 5);
    column(got->errors ? "yes" : "no", 5);
    column(wskt_cause_name(got->cause), 15);
    puts(got->message);
    if (!right)
        printf("  WRONG: %d close event(s), %d error event(s); expected %u, \"%s\", %s, %s\n",
               got->closes, got->errors, (unsigned)scenario->expected.code, reason,
               scenario->expected.clean ? "clean" : "not clean",
               wskt_cause_name(scenario->expected.cause));
    fflush(stdout);
    return right;
}

/* ---- arguments and addresses --------------------------------------------- */

/* The value of NAME=VALUE on the command line. */
static const char *argument(char **argv, const char *name, size_t len)
{
    for (; *argv; argv++)
        if (strncmp(*argv, name, len) == 0 && (*argv)[len] == '=')
            return *argv + len + 1;
    fprintf(stderr, "close_event: %.*s=... is missing; \"make demo\" passes it\n", (int)len, name);
    exit(2);
}

/* Writes the address at which the server carries out `script`. */
static void make_url(char *url, size_t size, bool tls, const char *port, const char *script)
{
    size_t len = (size_t)snprintf(url, size, "%s://%s:%s/", tls ? "wss" : "ws",
                                  script ? "localhost" : "127.0.0.1", port);

    if (script)
        len += (size_t)snprintf(url + len, size - len, "s/");
    for (; script && *script && len + 4 < size; script++)
        len += (size_t)snprintf(url + len, size - len, "%%%02X", (unsigned char)*script);
}

int main(int argc, char **argv)
{
    const size_t count = sizeof scenarios / sizeof scenarios[0];
    const char *ca;
    unsigned rows = 0, wrong = 0;
    wskt_loop *loop;

    (void)argc;
    ca = argument(argv + 1, "ca", 2);
    check(wskt_loop_new(&loop), "wskt_loop_new");
    print_head();

    for (size_t i = 0; i < count; i++) {
        const char *port = scenarios[i].ports;

        while (*port) {
            size_t len = strcspn(port, " ");
            bool tls = strncmp(port, "wss", 3) == 0;
            struct outcome outcome = {.scenario = &scenarios[i]};
            char url[1024];

            make_url(url, sizeof url, tls, argument(argv + 1, port, len), scenarios[i].script);
            try_it(loop, url, ca, &outcome);
            rows++;
            wrong += !print_row(tls ? "wss" : "ws", &outcome);
            port += len;
            port += strspn(port, " ");
        }
    }

    check(wskt_loop_free(loop), "wskt_loop_free");
    if (wrong == 0)
        printf("\n%u connections, every row as it has to be.\n", rows);
    else
        printf("\n%u connections, %u of them WRONG.\n", rows, wrong);
    return wrong == 0 ? 0 : 1;
}
