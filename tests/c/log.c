/* The log: silent until it is set, lines of the levels asked for and of no
   other, and nothing in them that is the program's own business. */
#include "support/ways.h"

#include <unistd.h>

/* One line an entry, `LEVEL text`. */
static struct text lines;
static int counts[WSKT_LOG_TRACE + 1];
static bool elsewhere;
static pthread_t expected;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* One for all: the certificates are loaded once. */
static wskt_config *config;

/* What must never be in a line. */
#define SECRET "TopSecret"
#define SECRET_BASE64 "dXNlcjpUb3BTZWNyZXQ="

static void sink(wskt_log_level level, const char *message, size_t len,
                 void *user_data) {
    size_t i;
    CHECK(user_data == &lines);
    CHECK(level >= WSKT_LOG_ERROR && level <= WSKT_LOG_TRACE);
    CHECK(message != NULL && len > 0);
    for (i = 0; i < len; i++) {
        CHECK((unsigned char)message[i] >= ' ');
    }
    pthread_mutex_lock(&mutex);
    counts[level] += 1;
    elsewhere = elsewhere || !pthread_equal(pthread_self(), expected);
    text_add(&lines, "%d ", (int)level);
    text_add_bytes(&lines, message, len);
    text_add(&lines, "\n");
    pthread_mutex_unlock(&mutex);
}

static void forget_lines(void) {
    pthread_mutex_lock(&mutex);
    text_free(&lines);
    memset(counts, 0, sizeof counts);
    elsewhere = false;
    expected = pthread_self();
    pthread_mutex_unlock(&mutex);
}

static bool logged(const char *word) {
    return strstr(text_of(&lines), word) != NULL;
}

/* -- connections that have something to tell ---------------------------- */

static void talk(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_ping(party->socket, SECRET, strlen(SECRET)));
        OK(wskt_socket_send_text(party->socket, SECRET, strlen(SECRET)));
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(party->socket, 1000, SECRET, strlen(SECRET)));
    }
}

static void connection(enum way way, const char *port_name,
                       const char *script) {
    struct party party;
    struct text url = {0};
    char *plain = script_url(port_name, script, new_id());
    char *host = strstr(plain, "127.0.0.1");
    text_add_bytes(&url, plain, (size_t)(host - plain));
    text_add(&url, "user:" SECRET "@%s&token=" SECRET, host);
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = talk;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    party_free(&party);
    text_free(&url);
    free(plain);
}

static void connections(enum way way) {
    connection(way, "ws", "ping " SECRET "; echo-until-close");
    connection(way, "wss", "ping " SECRET "; echo-until-close");
    connection(way, "ws", "text a; frame rsv=7 text=" SECRET "; expect-fin");
    connection(way, "ws", "http 403 Forbidden body=" SECRET);
    connection(way, "ws", "accept; fin; expect-fin");
    connection(way, "refused", "accept");
    connection(way, "wss_expired", "accept");
}

/* -- tests -------------------------------------------------------------- */

/* Standard output and error go to a file for a while. */
static int redirect(int fd, FILE *file) {
    int kept;
    fflush(NULL);
    kept = dup(fd);
    CHECK(kept >= 0 && dup2(fileno(file), fd) >= 0);
    return kept;
}

static void restore(int fd, int kept) {
    fflush(NULL);
    CHECK(dup2(kept, fd) >= 0);
    close(kept);
}

static void nothing_is_printed(bool with_sink) {
    FILE *file = tmpfile();
    int out, error;
    CHECK(file != NULL);
    OK(wskt_log_set(WSKT_LOG_TRACE, with_sink ? sink : NULL, &lines));
    out = redirect(STDOUT_FILENO, file);
    error = redirect(STDERR_FILENO, file);
    connections(WAY_BLOCKING);
    connections(WAY_THREAD);
    restore(STDOUT_FILENO, out);
    restore(STDERR_FILENO, error);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    CHECK_INT(ftell(file), 0);
    fclose(file);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

static void silent_by_default(void) {
    nothing_is_printed(false);
    nothing_is_printed(true);
    forget_lines();
    /* A function of no level, and a level without a function. */
    OK(wskt_log_set(WSKT_LOG_OFF, sink, &lines));
    connections(WAY_BLOCKING);
    OK(wskt_log_set(WSKT_LOG_TRACE, NULL, &lines));
    connections(WAY_BLOCKING);
    CHECK_STR(text_of(&lines), "");
}

/* Each level from `level` on passes on its own lines and those before it. */
static void levels(enum way way, int level) {
    int have;
    for (; level <= WSKT_LOG_TRACE; level++) {
        forget_lines();
        OK(wskt_log_set(level, sink, &lines));
        connections(way);
        OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
        for (have = level + 1; have <= WSKT_LOG_TRACE; have++) {
            CHECK_INT(counts[have], 0);
        }
        /* No bug in wskt, nothing the system failed in. */
        CHECK_INT(counts[WSKT_LOG_ERROR], 0);
        for (have = WSKT_LOG_INFO; have <= level; have++) {
            if (counts[have] == 0) {
                FAIL("no line of level %d at level %d:\n%s", have, level,
                     text_of(&lines));
            }
        }
    }
    /* Everything there is, in words. */
    CHECK(logged("open") && logged("1000") && logged("1006"));
    CHECK(logged("403") && logged("1002") && logged("1015"));
    CHECK(logged("127.0.0.1"));
    if (logged(SECRET) || logged(SECRET_BASE64)) {
        FAIL("a secret is in the log:\n%s", text_of(&lines));
    }
}

/* The life of each connection: as many lines at INFO as there are. */
static void life_of_connections(void) {
    int once;
    forget_lines();
    OK(wskt_log_set(WSKT_LOG_INFO, sink, &lines));
    connection(WAY_BLOCKING, "ws", "echo-until-close");
    once = counts[WSKT_LOG_INFO];
    CHECK(once >= 2);
    connection(WAY_BLOCKING, "ws", "echo-until-close");
    CHECK_INT(counts[WSKT_LOG_INFO], 2 * once);
    /* One that never opens ends all the same. */
    connection(WAY_BLOCKING, "refused", "accept");
    CHECK(counts[WSKT_LOG_INFO] > 2 * once);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

/* Every message, ping and pong, in both directions: two of each here. */
static void frames(void) {
    forget_lines();
    OK(wskt_log_set(WSKT_LOG_TRACE, sink, &lines));
    connection(WAY_BLOCKING, "ws", "ping x; expect-pong x; echo-until-close");
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    if (counts[WSKT_LOG_TRACE] != 6) {
        FAIL("6 messages, pings and pongs, but the log has\n%s",
             text_of(&lines));
    }
}

/* Lines come on the thread they come from. */
static void threads(void) {
    forget_lines();
    OK(wskt_log_set(WSKT_LOG_TRACE, sink, &lines));
    connection(WAY_BLOCKING, "ws", "echo-until-close");
    connection(WAY_EMBEDDED, "ws", "echo-until-close");
    CHECK(!elsewhere && counts[WSKT_LOG_TRACE] > 0);
    connection(WAY_THREAD, "ws", "echo-until-close");
    CHECK(elsewhere);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

/* A level that is none changes nothing. */
static void bad_levels(void) {
    static const int32_t bad[] = {-1, 6, 100, INT32_MIN, INT32_MAX};
    size_t i;
    forget_lines();
    OK(wskt_log_set(WSKT_LOG_INFO, sink, &lines));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RESULT(wskt_log_set(bad[i], NULL, NULL), WSKT_ERR_INVALID_ARGUMENT);
    }
    connection(WAY_BLOCKING, "ws", "echo-until-close");
    CHECK(counts[WSKT_LOG_INFO] > 0);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

static void set_inside(struct party *party, const wskt_event *event) {
    OK(wskt_log_set(event->type == WSKT_EVENT_OPEN ? WSKT_LOG_TRACE
                                                   : WSKT_LOG_OFF,
                    sink, &lines));
    talk(party, event);
}

/* Legal in a callback, and while other threads write lines. */
static void set_at_any_time(enum way way) {
    struct party party;
    char *url = script_url("ws", "echo-until-close", new_id());
    forget_lines();
    party_make(&party, way, NULL, url, NULL);
    free(url);
    party.on_event = set_inside;
    party_start(&party);
    party_drive(&party);
    party_free(&party);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    CHECK(counts[WSKT_LOG_TRACE] > 0);
    CHECK(!logged("closed"));
}

static void set_while_lines_come(void) {
    struct party party;
    char *url = path_url("ws", "/flood?n=5000&size=10");
    int i;
    forget_lines();
    party_make(&party, WAY_THREAD, NULL, url, NULL);
    free(url);
    OK(wskt_log_set(WSKT_LOG_TRACE, sink, &lines));
    party_start(&party);
    for (i = 0; i < 1000; i++) {
        OK(wskt_log_set(i % 6, i % 5 == 0 ? NULL : sink, &lines));
    }
    OK(wskt_log_set(WSKT_LOG_TRACE, sink, &lines));
    party_drive(&party);
    CHECK_INT(party.messages, 5000);
    party_free(&party);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    CHECK(counts[WSKT_LOG_INFO] > 0);
}

int main(void) {
    int way;
    begin();
    config = trusting_config();
    OK(wskt_config_add_header(config, "Cookie", SECRET));
    RUN(silent_by_default);
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        levels((enum way)way,
               way == WAY_BLOCKING ? WSKT_LOG_ERROR : WSKT_LOG_TRACE);
        set_at_any_time((enum way)way);
    }
    RUN(life_of_connections);
    RUN(frames);
    RUN(threads);
    RUN(bad_levels);
    RUN(set_while_lines_come);
    wskt_config_free(config);
    forget_lines();
    return end();
}
