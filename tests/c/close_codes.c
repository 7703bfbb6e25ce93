/* The table of close codes: a constant, a name, a meaning and a class for
   each row, what may be sent and what may appear on the wire. */
#include "support/support.h"

struct row {
    unsigned code;
    unsigned want;
    const char *name;
};

#define ROW(constant, number) {WSKT_##constant, number, #constant}

static const struct row rows[] = {
    ROW(CLOSE_NORMAL, 1000),
    ROW(CLOSE_GOING_AWAY, 1001),
    ROW(CLOSE_PROTOCOL_ERROR, 1002),
    ROW(CLOSE_UNSUPPORTED, 1003),
    ROW(CLOSE_RESERVED, 1004),
    ROW(CLOSE_NO_STATUS, 1005),
    ROW(CLOSE_ABNORMAL, 1006),
    ROW(CLOSE_INVALID_PAYLOAD, 1007),
    ROW(CLOSE_POLICY_VIOLATION, 1008),
    ROW(CLOSE_TOO_LARGE, 1009),
    ROW(CLOSE_MISSING_EXTENSION, 1010),
    ROW(CLOSE_INTERNAL_ERROR, 1011),
    ROW(CLOSE_SERVICE_RESTART, 1012),
    ROW(CLOSE_TRY_AGAIN_LATER, 1013),
    ROW(CLOSE_BAD_GATEWAY, 1014),
    ROW(CLOSE_TLS_HANDSHAKE, 1015),
};

#define COUNT (sizeof rows / sizeof rows[0])

static void constants(void) {
    size_t i, j;
    for (i = 0; i < COUNT; i++) {
        uint16_t code = (uint16_t)rows[i].code;
        CHECK_INT(rows[i].code, rows[i].want);
        CHECK_STR(wskt_close_code_name(code), rows[i].name);
        CHECK(strlen(wskt_close_code_text(code)) > 3);
        for (j = 0; j < i; j++) {
            CHECK(strcmp(wskt_close_code_text(code),
                         wskt_close_code_text((uint16_t)rows[j].code)) != 0);
        }
    }
    CHECK_INT(WSKT_CLOSE_REASON_MAX, 123);
}

static void ranges(void) {
    CHECK_INT(WSKT_CLOSE_UNUSED_FIRST, 0);
    CHECK_INT(WSKT_CLOSE_UNUSED_LAST, 999);
    CHECK_INT(WSKT_CLOSE_RESERVED_FIRST, 1016);
    CHECK_INT(WSKT_CLOSE_RESERVED_LAST, 2999);
    CHECK_INT(WSKT_CLOSE_LIBRARY_FIRST, 3000);
    CHECK_INT(WSKT_CLOSE_LIBRARY_LAST, 3999);
    CHECK_INT(WSKT_CLOSE_APPLICATION_FIRST, 4000);
    CHECK_INT(WSKT_CLOSE_APPLICATION_LAST, 4999);
    CHECK_INT(WSKT_CLOSE_CLASS_UNUSED, 0);
    CHECK_INT(WSKT_CLOSE_CLASS_PROTOCOL, 1);
    CHECK_INT(WSKT_CLOSE_CLASS_RESERVED, 2);
    CHECK_INT(WSKT_CLOSE_CLASS_LIBRARY, 3);
    CHECK_INT(WSKT_CLOSE_CLASS_APPLICATION, 4);
    CHECK_INT(WSKT_CLOSE_CLASS_INVALID, 5);
}

static wskt_close_class class_of(unsigned code) {
    return code < 1000   ? WSKT_CLOSE_CLASS_UNUSED
           : code < 1016 ? WSKT_CLOSE_CLASS_PROTOCOL
           : code < 3000 ? WSKT_CLOSE_CLASS_RESERVED
           : code < 4000 ? WSKT_CLOSE_CLASS_LIBRARY
           : code < 5000 ? WSKT_CLOSE_CLASS_APPLICATION
                         : WSKT_CLOSE_CLASS_INVALID;
}

static bool may_appear(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void every_code(void) {
    unsigned code;
    for (code = 0; code <= 65535; code++) {
        uint16_t it = (uint16_t)code;
        CHECK_INT(wskt_close_code_class(it), class_of(code));
        CHECK_INT(wskt_close_code_may_send(it),
                  code == 1000 || (code >= 3000 && code <= 4999));
        CHECK_INT(wskt_close_code_may_appear(it), may_appear(code));
        CHECK(*wskt_close_code_name(it) != '\0');
        CHECK(*wskt_close_code_text(it) != '\0');
    }
}

/* close takes what may be sent and nothing else, whatever the state. */
static void every_code_to_close(void) {
    wskt_socket *socket;
    unsigned code;
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    for (code = 1; code <= 65535; code++) {
        wskt_socket *closed;
        if (!wskt_close_code_may_send((uint16_t)code)) {
            RESULT(wskt_socket_close(socket, (uint16_t)code, NULL, 0),
                   WSKT_ERR_INVALID_ACCESS);
            CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
            continue;
        }
        OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &closed));
        OK(wskt_socket_close(closed, (uint16_t)code, NULL, 0));
        CHECK_INT(wskt_socket_ready_state(closed), WSKT_CLOSING);
        wskt_socket_free(closed);
    }
    wskt_socket_free(socket);
}

int main(void) {
    begin();
    RUN(constants);
    RUN(ranges);
    RUN(every_code);
    RUN(every_code_to_close);
    return end();
}
