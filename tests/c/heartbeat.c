/* Signs of life: the heartbeat, the idle deadline, pings and pongs of both
   sides, and the time between them. */
#include "support/ways.h"

static void check(struct party *party, const char *what, const char *want) {
    if (!text_like(text_of(&party->log), want)) {
        FAIL("%s, %s:\n%s", what, way_name(party->way), text_of(&party->log));
    }
    party_check_closed(party);
}

#define ENDS(message)                                      \
    "error/3 timeout \"" message                           \
    "\"\nclose/3 1006 \"\" unclean peer=0 timeout \"" message "\"\n"

struct row {
    const char *name;
    const char *port;
    const char *script;
    int64_t interval, timeout, idle;
    const char *log;
    /* It must take that long. */
    double least;
};

static const struct row rows[] = {
    {"answers", "ws",
     "expect-ping hex:00000001; pong hex:00000001; expect-ping hex:00000002; "
     "pong hex:00000002; close 1000 done; expect-close",
     40, 20000, 0,
     "open/1\npong/1 \"\\x00\\x00\\x00\\x01\"\n"
     "pong/1 \"\\x00\\x00\\x00\\x02\"\n"
     "close/3 1000 \"done\" clean peer=1000 peer \"\"\n",
     78},
    {"answers over TLS", "wss",
     "expect-ping; pong hex:00000001; close 1000 done; expect-close; "
     "half-close",
     40, 20000, 20000,
     "open/1\npong/1 \"\\x00\\x00\\x00\\x01\"\n"
     "close/3 1000 \"done\" clean peer=1000 peer \"\"\n",
     38},
    {"no answer", "ws", "expect-ping; expect-ping; expect-fin", 50, 200, 0,
     "open/1\n" ENDS("the peer did not answer a ping in time"), 248},
    {"no answer over TLS", "wss", "expect-ping; expect-ping; expect-fin", 50,
     200, 0, "open/1\n" ENDS("the peer did not answer a ping in time"), 248},
    {"nobody reads", "ws", "stop-reading; limit 1000", 50, 200, 0,
     "open/1\n" ENDS("the peer did not answer a ping in time"), 248},
    {"silence", "ws", "expect-fin", 0, 0, 200,
     "open/1\n" ENDS("nothing came from the peer in the idle timeout"), 198},
    {"silence over TLS", "wss", "expect-fin", 0, 0, 200,
     "open/1\n" ENDS("nothing came from the peer in the idle timeout"), 198},
    {"silence after a message", "ws", "sleep 100; text hi; expect-fin", 0, 0,
     200,
     "open/1\ntext/1 \"hi\"\n" ENDS(
         "nothing came from the peer in the idle timeout"),
     298},
};

static void run_row(enum way way, const struct row *row) {
    char *url = script_url(row->port, row->script, new_id());
    wskt_config *config = trusting_config();
    struct party party;
    double before = now_ms(), took;
    OK(wskt_config_set_heartbeat(config, row->interval, row->timeout));
    OK(wskt_config_set_idle_timeout(config, row->idle));
    OK(wskt_config_set_ping_events(config, true));
    party_make(&party, way, NULL, url, config);
    if (way_calls_back(way)) {
        party_hear_pings(&party);
    }
    CHECK(wskt_socket_round_trip_time(party.socket) == -1);
    party_start(&party);
    party_drive(&party);
    took = now_ms() - before;
    check(&party, row->name, row->log);
    if (took < row->least) {
        FAIL("%s, %s: it took %.0f ms", row->name, way_name(way), took);
    }
    CHECK((wskt_socket_round_trip_time(party.socket) >= 0) ==
          (strstr(row->log, "pong") != NULL));
    CHECK(wskt_socket_round_trip_time(party.socket) < limit_ms());
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

static void deadlines(void) {
    size_t i;
    int way;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            run_row((enum way)way, &rows[i]);
        }
    }
}

/* No answer comes, but something else does, again and again. */
static void only_a_pong_is_an_answer(void) {
    static const struct {
        const char *step;
        /* The log begins so. */
        const char *log;
    } rows[] = {
        {"text x; sleep 50; ", "open/1\ntext/1 \"x\"\n"},
        {"ping x; sleep 50; ", "open/1\nping/1 \"x\"\n"},
        /* One that nobody asked for. */
        {"pong x; sleep 50; ", "open/1\npong/1 \"x\"\n"},
    };
    wskt_config *config;
    size_t row;
    int way;
    config = trusting_config();
    OK(wskt_config_set_heartbeat(config, 50, 300));
    OK(wskt_config_set_ping_events(config, true));
    for (row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct text script = {0};
        static const char end[] =
            ENDS("the peer did not answer a ping in time");
        char *url;
        int i;
        for (i = 0; i < 30; i++) {
            text_add(&script, "%s", rows[row].step);
        }
        text_add(&script, "expect-fin");
        for (way = 0; way < WAYS; way++) {
            struct party party;
            double before = now_ms();
            url = script_url(way % 2 ? "wss" : "ws", text_of(&script),
                             new_id());
            party_make(&party, (enum way)way, NULL, url, config);
            if (way_calls_back((enum way)way)) {
                party_hear_pings(&party);
            }
            party_start(&party);
            party_drive(&party);
            CHECK(now_ms() - before >= 348);
            CHECK(strncmp(text_of(&party.log), rows[row].log,
                          strlen(rows[row].log)) == 0);
            CHECK(party.log.len > sizeof end);
            CHECK_STR(party.log.at + party.log.len + 1 - sizeof end, end);
            party_check_closed(&party);
            party_free(&party);
            free(url);
        }
        text_free(&script);
    }
    wskt_config_free(config);
}

/* No pong can come inside a frame, whatever that takes. */
static void a_frame_takes_its_time(void) {
    struct text script = {0};
    wskt_config *config;
    int i, way;
    text_add(&script, "expect-ping hex:00000001; raw hex:820f; ");
    for (i = 0; i < 15; i++) {
        text_add(&script, "sleep 100; raw text:a; ");
    }
    text_add(&script, "pong hex:00000001; close 1000; expect-close; half-close");
    config = trusting_config();
    OK(wskt_config_set_heartbeat(config, 100, patient_ms(1000)));
    OK(wskt_config_set_idle_timeout(config, patient_ms(1000)));
    for (way = 0; way < WAYS; way++) {
        char *url = script_url(way % 2 ? "wss" : "ws", text_of(&script),
                               new_id());
        struct party party;
        party_make(&party, (enum way)way, NULL, url, config);
        party_start(&party);
        party_drive(&party);
        check(&party, "a long frame",
              "open/1\nbinary/1 \"aaaaaaaaaaaaaaa\"\n"
              "close/3 1000 \"\" clean peer=1000 peer \"\"\n");
        party_free(&party);
        free(url);
    }
    wskt_config_free(config);
    text_free(&script);
}

/* -- a pause: nobody listens, so nobody is dead -------------------------- */

struct pause {
    wskt_socket *socket;
    char mark[32];
};

static void *resume(void *argument) {
    struct pause *pause = argument;
    wait_mark(pause->mark);
    OK(wskt_socket_resume(pause->socket));
    return NULL;
}

static void pause_it(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_pause(party->socket));
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void paused(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        const char *id = new_id();
        char *url = script_url(
            "ws", "sleep 500; text late; mark $ID; answer-close; half-close",
            id);
        wskt_config *config;
        struct party party;
        struct pause pause;
        pthread_t thread;
        OK(wskt_config_new(&config));
        OK(wskt_config_set_heartbeat(config, 20, 200));
        OK(wskt_config_set_idle_timeout(config, 200));
        party_make(&party, (enum way)way, NULL, url, config);
        party.on_event = pause_it;
        pause.socket = party.socket;
        snprintf(pause.mark, sizeof pause.mark, "%s", id);
        CHECK(pthread_create(&thread, NULL, resume, &pause) == 0);
        party_start(&party);
        party_drive(&party);
        CHECK(pthread_join(thread, NULL) == 0);
        check(&party, "paused",
              "open/1\ntext/1 \"late\"\nclose/3 1000 \"\" clean peer=1000 "
              "local \"\"\n");
        party_free(&party);
        wskt_config_free(config);
        free(url);
    }
}

/* Pauses that a dead peer must not hide behind. */
static void *pause_and_resume(void *argument) {
    wskt_socket *socket = argument;
    wskt_result done;
    do {
        done = wskt_socket_pause(socket);
        if (done == WSKT_OK) {
            done = wskt_socket_resume(socket);
        }
        pause_ms(2);
    } while (done == WSKT_OK);
    RESULT(done, WSKT_ERR_CLOSED);
    return NULL;
}

static void paused_over_and_over(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        char *url = script_url("ws", "expect-fin", new_id());
        wskt_config *config;
        struct party party;
        pthread_t thread;
        OK(wskt_config_new(&config));
        OK(wskt_config_set_heartbeat(config, 100, 200));
        party_make(&party, (enum way)way, NULL, url, config);
        CHECK(pthread_create(&thread, NULL, pause_and_resume, party.socket) ==
              0);
        party_start(&party);
        party_drive(&party);
        CHECK(pthread_join(thread, NULL) == 0);
        check(&party, "paused over and over",
              "open/1\n" ENDS("the peer did not answer a ping in time"));
        party_free(&party);
        wskt_config_free(config);
        free(url);
    }
}

/* -- the program's own ---------------------------------------------------- */

static void ping_and_pong(struct party *party, const wskt_event *event) {
    static const char long_text[126] = "";
    if (event->type == WSKT_EVENT_OPEN) {
        RESULT(wskt_socket_pong(party->socket, long_text, 126),
               WSKT_ERR_TOO_LARGE);
        RESULT(wskt_socket_pong(party->socket, NULL, 1), WSKT_ERR_NULL);
        OK(wskt_socket_pong(party->socket, "alive", 5));
        OK(wskt_socket_pong(party->socket, NULL, 0));
        OK(wskt_socket_ping(party->socket, "q", 1));
    }
}

static void both_sides(void) {
    static const char script[] =
        "expect-pong alive; expect-pong ''; expect-ping q; ping who; "
        "expect-pong who; pong stray; pong q; close 1000; expect-close; "
        "half-close";
    static const char told[] =
        "open/1\nping/1 \"who\"\npong/1 \"stray\"\npong/1 \"q\"\n"
        "close/3 1000 \"\" clean peer=1000 peer \"\"\n";
    static const char not_told[] =
        "open/1\nclose/3 1000 \"\" clean peer=1000 peer \"\"\n";
    int way, how;
    for (way = 0; way < WAYS; way++) {
        /* By the option, by handlers, not at all. */
        for (how = 0; how < 3; how++) {
            const char *id = new_id();
            char *url = script_url(way % 2 ? "wss" : "ws", script, id);
            wskt_config *config = trusting_config();
            struct report report;
            struct party party;
            OK(wskt_config_set_ping_events(config, how == 0));
            party_make(&party, (enum way)way, NULL, url, config);
            party.on_event = ping_and_pong;
            if (how == 1 || (how == 0 && way_calls_back((enum way)way))) {
                party_hear_pings(&party);
            }
            RESULT(wskt_socket_pong(party.socket, "x", 1),
                   WSKT_ERR_INVALID_STATE);
            party_start(&party);
            party_drive(&party);
            check(&party, "both sides", how == 2 ? not_told : told);
            CHECK(wskt_socket_round_trip_time(party.socket) >= 0);
            RESULT(wskt_socket_pong(party.socket, "x", 1), WSKT_ERR_CLOSED);
            party_free(&party);
            wskt_config_free(config);
            get_report(&report, id);
            CHECK_STR(report.errors, "[]");
            CHECK_STR(text_of(&report.frames),
                      "pong \"alive\"\npong \"\"\nping \"q\"\npong \"who\"\n"
                      "close 1000 \"\"\n");
            free_report(&report);
            free(url);
        }
    }
}

static void close_at_once(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* As with messages, none is told once close was called. */
static void none_after_close(void) {
    char *url = script_url(
        "ws", "expect-close; ping late; pong late; close 1000; half-close",
        new_id());
    wskt_config *config;
    int way;
    OK(wskt_config_new(&config));
    OK(wskt_config_set_ping_events(config, true));
    OK(wskt_config_set_heartbeat(config, 1, 1));
    for (way = 0; way < WAYS; way++) {
        struct party party;
        party_make(&party, (enum way)way, NULL, url, config);
        party.on_event = close_at_once;
        party_start(&party);
        party_drive(&party);
        check(&party, "none after close",
              "open/1\nclose/3 1000 \"\" clean peer=1000 local \"\"\n");
        party_free(&party);
    }
    wskt_config_free(config);
    free(url);
}

static void bad_input(void) {
    wskt_config *config;
    OK(wskt_config_new(&config));
#define SAYS(call, text)                                 \
    do {                                                 \
        RESULT(call, WSKT_ERR_INVALID_ARGUMENT);         \
        CHECK_STR(wskt_config_error_text(config), text); \
    } while (0)
    SAYS(wskt_config_set_heartbeat(config, 0, 1),
         "heartbeat: interval: 0 ms is not in 1 to 2147483647 ms");
    SAYS(wskt_config_set_heartbeat(config, 1, -1),
         "heartbeat: timeout: -1 ms is not in 1 to 2147483647 ms");
    SAYS(wskt_config_set_heartbeat(config, INT64_MAX, 1),
         "heartbeat: interval: 9223372036854775807 ms is not in 1 to "
         "2147483647 ms");
    SAYS(wskt_config_set_idle_timeout(config, -1),
         "idle_timeout: -1 ms is not in 0 to 2147483647 ms");
    wskt_config_free(config);
}

int main(void) {
    begin();
    RUN(bad_input);
    RUN(both_sides);
    RUN(none_after_close);
    RUN(paused);
    RUN(paused_over_and_over);
    RUN(only_a_pong_is_an_answer);
    RUN(a_frame_takes_its_time);
    RUN(deadlines);
    return end();
}
