/* What each socket of a reconnector has from the pattern besides the handlers
   of support/reconnecting.c: those of pings and chunks, and browser mode. And
   what a child that was forked has of its parent's reconnectors: no more than
   freeing them. */
#include "support/reconnecting.h"

#include <sys/wait.h>
#include <unistd.h>

static void on_ping(wskt_socket *socket, const wskt_ping_event *event,
                    void *data) {
    CHECK_INT(event->len, 2);
    run_hear(data, socket, &event->head);
}

static void on_pong(wskt_socket *socket, const wskt_pong_event *event,
                    void *data) {
    CHECK_INT(event->len, 5);
    run_hear(data, socket, &event->head);
}

static void on_chunk(wskt_socket *socket, const wskt_message_chunk_event *event,
                     void *data) {
    run_hear(data, socket, &event->head);
}

static void hear_more(wskt_socket *pattern) {
    OK(wskt_socket_set_on_ping(pattern, on_ping));
    OK(wskt_socket_set_on_pong(pattern, on_pong));
    OK(wskt_socket_set_on_message_chunk(pattern, on_chunk));
    OK(wskt_socket_set_message_chunks(pattern, true));
    OK(wskt_socket_add_protocol(pattern, "chat"));
}

static void has_protocol(struct run *run, wskt_socket *socket,
                         const wskt_event *event) {
    (void)run;
    if (event->type == WSKT_EVENT_OPEN) {
        CHECK_STR(wskt_socket_protocol(socket, NULL), "chat");
    }
}

#define HEARD "open\nping\npong\nmessagechunk\nclose 1001"

static void handlers(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t way, i;
    for (way = 0; way < ALL_WAYS; way++) {
        for (i = 0; i < 2; i++) {
            char *url = script_url(ports[i],
                                   "accept protocol=chat; ping hi; pong "
                                   "stray; text x; close 1001; "
                                   "expect-close; half-close",
                                   new_id());
            wskt_config *config = trusting_config();
            struct text want = {0};
            struct run run;
            begin_run_after(&run, all_ways[way], url, config, hear_more);
            wskt_config_free(config);
            run.on_event = has_protocol;
            drive(&run);
            text_add(&want, "attempt\n" HEARD "\nattempt after 1001\n" HEARD
                            "\nattempt after 1001\n" HEARD ", over\n%s",
                     run.way == WAY_BLOCKING ? "WSKT_ERR_CLOSED\n" : "");
            if (strcmp(text_of(&run.log), text_of(&want)) != 0) {
                FAIL("%s, %s:\n%s", ports[i], way_name(run.way),
                     text_of(&run.log));
            }
            text_free(&want);
            end_run(&run);
            free(url);
        }
    }
}

/* -- browser mode ----------------------------------------------------------- */

static void check_hidden(struct run *run, wskt_socket *socket,
                         const wskt_event *event) {
    const wskt_attempt_event *attempt = (const wskt_attempt_event *)event;
    (void)run;
    if (event->type == WSKT_EVENT_ATTEMPT && attempt->previous != NULL) {
        CHECK_STR(attempt->previous->message, "");
    } else if (event->type == WSKT_EVENT_ERROR) {
        CHECK_INT(((const wskt_error_event *)event)->http_status, 0);
        CHECK_STR(((const wskt_error_event *)event)->message, "");
    } else if (event->type == WSKT_EVENT_CLOSE) {
        CHECK_STR(((const wskt_close_event *)event)->message, "");
        CHECK_INT(wskt_socket_response_status(socket), 0);
    }
}

/* What is hidden from the program counts all the same: 503 is tried again,
   403 and a certificate that is not trusted are not. */
static void browser_mode(void) {
    static const struct {
        const char *port;
        const char *script;
        int attempts;
    } rows[] = {
        {"ws", "http 503", 3},
        {"wss", "http 403", 1},
        {"wss_untrusted", "", 1},
    };
    size_t i, way;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (way = 0; way < ALL_WAYS; way++) {
            char *url = script_url(rows[i].port, rows[i].script, new_id());
            wskt_config *config = trusting_config();
            const wskt_close_event *last;
            struct run run;
            OK(wskt_config_set_browser_mode(config, true));
            begin_run(&run, all_ways[way], url, config);
            wskt_config_free(config);
            run.on_event = check_hidden;
            drive(&run);
            if (run.attempts != rows[i].attempts) {
                FAIL("%s %s, %s:\n%s", rows[i].port, rows[i].script,
                     way_name(run.way), text_of(&run.log));
            }
            last = wskt_socket_close_event(
                wskt_reconnector_socket(run.reconnector));
            CHECK_INT(last->code, 1006);
            CHECK_STR(last->message, "");
            end_run(&run);
            free(url);
        }
    }
}

/* -- fork ------------------------------------------------------------------- */

#define FORKED(call) RESULT(call, WSKT_ERR_FORKED)

static void child(struct run *run, wskt_socket *pattern) {
    wskt_reconnector *made = NULL;
    wskt_socket *socket = NULL;
    FORKED(wskt_reconnector_set_delays(run->reconnector, 1, 2));
    FORKED(wskt_reconnector_set_max_tries(run->reconnector, 1));
    FORKED(wskt_reconnector_start(run->reconnector));
    FORKED(wskt_reconnector_connect(run->reconnector, 0, &socket));
    FORKED(wskt_reconnector_stop(run->reconnector));
    CHECK(!wskt_reconnector_is_over(run->reconnector));
    CHECK(wskt_reconnector_socket(run->reconnector) == NULL);
    FORKED(wskt_reconnector_new(pattern, &made));
    CHECK(socket == NULL && made == NULL);
    wskt_reconnector_free(run->reconnector);
    wskt_socket_free(pattern);
    /* A loop is never freed inside its callbacks, which the child is in. */
    if (run->loop != NULL && !way_calls_back(run->way)) {
        OK(wskt_loop_free(run->loop));
    }
    CHECK_INT(wskt_handle_count(), way_calls_back(run->way));
}

/* With its first socket open: the child frees everything, and the parent's
   connection does not notice. */
static void fork_and_go_on(struct run *run, wskt_socket *socket,
                           const wskt_event *event) {
    wskt_socket *pattern = run->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(socket, 1000, "bye", 3));
    } else if (event->type == WSKT_EVENT_OPEN) {
        int status = 0;
        pid_t pid;
        fflush(NULL);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm((unsigned)limit_ms() / 1000);
            child(run, pattern);
            /* As another program: no tool looks for leaks in it. */
            execlp("true", "true", (char *)NULL);
            _exit(1);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        OK(wskt_socket_send_text(socket, "after", 5));
    }
}

static void forked(void) {
    static const char *const ports[] = {"ws", "wss"};
    static const char told[] = "attempt\nopen\nmessage\nclose 1000, over\n";
    size_t way, i;
    for (way = 0; way < ALL_WAYS; way++) {
        for (i = 0; i < 2; i++) {
            const char *id = new_id();
            char *url = script_url(ports[i], "echo-until-close", id);
            wskt_config *config = trusting_config();
            wskt_socket *pattern;
            struct report report;
            struct run run;
            OK(wskt_socket_new(NULL, url, config, &pattern));
            begin_run(&run, all_ways[way], url, config);
            wskt_config_free(config);
            run.on_event = fork_and_go_on;
            run.data = pattern;
            drive(&run);
            if (strncmp(text_of(&run.log), told, sizeof told - 1) != 0 ||
                run.closes != 1) {
                FAIL("%s, %s:\n%s", ports[i], way_name(run.way),
                     text_of(&run.log));
            }
            end_run(&run);
            wskt_socket_free(pattern);
            get_report(&report, id);
            CHECK_STR(text_of(&report.frames),
                      "text \"after\"\nclose 1000 \"bye\"\n");
            CHECK_STR(report.errors, "[]");
            free_report(&report);
            free(url);
        }
    }
}

int main(void) {
    begin();
    RUN(handlers);
    RUN(browser_mode);
    RUN(forked);
    return end();
}
