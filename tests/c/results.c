/* Result numbers are fixed for ever, each with a name and a sentence; causes
   and the version likewise. */
#include "support/support.h"

struct numbered {
    int32_t number;
    int32_t want;
    const char *name;
};

#define ROW(name, number) {name, number, #name}

static const struct numbered results[] = {
    ROW(WSKT_OK, 0),
    ROW(WSKT_ERR_NULL, -1),
    ROW(WSKT_ERR_INVALID_ARGUMENT, -2),
    ROW(WSKT_ERR_INVALID_STATE, -3),
    ROW(WSKT_ERR_INVALID_URL, -4),
    ROW(WSKT_ERR_INVALID_SCHEME, -5),
    ROW(WSKT_ERR_INVALID_FRAGMENT, -6),
    ROW(WSKT_ERR_INVALID_PROTOCOL, -7),
    ROW(WSKT_ERR_DUPLICATE_PROTOCOL, -8),
    ROW(WSKT_ERR_INVALID_HEADER, -9),
    ROW(WSKT_ERR_FORBIDDEN_HEADER, -10),
    ROW(WSKT_ERR_INVALID_UTF8, -11),
    ROW(WSKT_ERR_INVALID_ACCESS, -12),
    ROW(WSKT_ERR_SYNTAX, -13),
    ROW(WSKT_ERR_INVALID_CERTIFICATE, -14),
    ROW(WSKT_ERR_TOO_LARGE, -15),
    ROW(WSKT_ERR_BUFFER_FULL, -16),
    ROW(WSKT_ERR_CLOSED, -17),
    ROW(WSKT_ERR_TIMEOUT, -18),
    ROW(WSKT_ERR_INTERRUPTED, -19),
    ROW(WSKT_ERR_REENTRANT, -20),
    ROW(WSKT_ERR_WRONG_THREAD, -21),
    ROW(WSKT_ERR_LOOP_GONE, -22),
    ROW(WSKT_ERR_FORKED, -23),
    ROW(WSKT_ERR_NO_MEMORY, -24),
    ROW(WSKT_ERR_IO, -25),
    ROW(WSKT_ERR_PANIC, -26),
    ROW(WSKT_ERR_CONNECT_FAILED, -27),
    ROW(WSKT_ERR_IN_USE, -28),
    ROW(WSKT_ERR_INVALID_KEY, -29),
    ROW(WSKT_ERR_WRONG_PASSWORD, -30),
    ROW(WSKT_ERR_INVALID_DELAYS, -31),
};

static const struct numbered causes[] = {
    {WSKT_CAUSE_UNKNOWN, 0, "unknown"},
    {WSKT_CAUSE_PEER, 1, "peer"},
    {WSKT_CAUSE_LOCAL, 2, "local"},
    {WSKT_CAUSE_TIMEOUT, 3, "timeout"},
    {WSKT_CAUSE_DNS, 4, "dns"},
    {WSKT_CAUSE_CONNECT, 5, "connect"},
    {WSKT_CAUSE_PROXY, 6, "proxy"},
    {WSKT_CAUSE_TLS, 7, "tls"},
    {WSKT_CAUSE_HTTP, 8, "http"},
    {WSKT_CAUSE_HANDSHAKE, 9, "handshake"},
    {WSKT_CAUSE_PROTOCOL, 10, "protocol"},
    {WSKT_CAUSE_MESSAGE_TOO_BIG, 11, "message_too_big"},
    {WSKT_CAUSE_LOST, 12, "lost"},
    {WSKT_CAUSE_ABORT, 13, "abort"},
    {WSKT_CAUSE_INTERNAL, 14, "internal"},
};

static const struct numbered others[] = {
    ROW(WSKT_CONNECTING, 0),
    ROW(WSKT_OPEN, 1),
    ROW(WSKT_CLOSING, 2),
    ROW(WSKT_CLOSED, 3),
    ROW(WSKT_EVENT_OPEN, 1),
    ROW(WSKT_EVENT_MESSAGE, 2),
    ROW(WSKT_EVENT_ERROR, 3),
    ROW(WSKT_EVENT_CLOSE, 4),
    ROW(WSKT_EVENT_DRAIN, 5),
    ROW(WSKT_MESSAGE_TEXT, 1),
    ROW(WSKT_MESSAGE_BINARY, 2),
    ROW(WSKT_LOG_OFF, 0),
    ROW(WSKT_LOG_ERROR, 1),
    ROW(WSKT_LOG_WARN, 2),
    ROW(WSKT_LOG_INFO, 3),
    ROW(WSKT_LOG_DEBUG, 4),
    ROW(WSKT_LOG_TRACE, 5),
};

#define COUNT(array) (sizeof array / sizeof array[0])

static void result_numbers(void) {
    size_t i, j;
    for (i = 0; i < COUNT(results); i++) {
        const char *text = wskt_result_text(results[i].number);
        CHECK_INT(results[i].number, results[i].want);
        CHECK_STR(wskt_result_name(results[i].number), results[i].name);
        CHECK(text != NULL && strlen(text) > 5 && strchr(text, '\n') == NULL);
        if (i == 0) {
            continue;
        }
        for (j = 1; j < i; j++) {
            CHECK(strcmp(text, wskt_result_text(results[j].number)) != 0);
        }
    }
    CHECK_STR(wskt_result_name(1), wskt_result_name(-1000));
    CHECK(wskt_result_text(INT32_MIN) != NULL);
    CHECK(wskt_result_name(INT32_MAX) != NULL);
}

static void cause_numbers(void) {
    size_t i;
    for (i = 0; i < COUNT(causes); i++) {
        CHECK_INT(causes[i].number, causes[i].want);
        CHECK_STR(wskt_cause_name(causes[i].number), causes[i].name);
    }
    CHECK(wskt_cause_name(-1) != NULL && wskt_cause_name(15) != NULL);
}

static void other_numbers(void) {
    size_t i;
    for (i = 0; i < COUNT(others); i++) {
        CHECK_INT(others[i].number, others[i].want);
    }
    CHECK_INT(sizeof(wskt_result), 4);
    CHECK_INT(sizeof(wskt_event_type), 4);
    CHECK_INT(sizeof(wskt_cause), 4);
}

static void version(void) {
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", WSKT_VERSION_MAJOR,
             WSKT_VERSION_MINOR, WSKT_VERSION_PATCH);
    CHECK_STR(WSKT_VERSION_STRING, text);
    CHECK_STR(wskt_version_string(), text);
    CHECK_INT(wskt_version_number(), WSKT_VERSION_NUMBER);
    CHECK_INT(WSKT_VERSION_NUMBER, (WSKT_VERSION_MAJOR << 16) |
                                       (WSKT_VERSION_MINOR << 8) |
                                       WSKT_VERSION_PATCH);
}

int main(void) {
    begin();
    RUN(result_numbers);
    RUN(cause_numbers);
    RUN(other_numbers);
    RUN(version);
    return end();
}
