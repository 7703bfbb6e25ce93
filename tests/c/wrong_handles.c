/* What a debug build tells of handles that are not what they are passed as, or
   not any more: a result and a line in the log instead of undefined behaviour.
   Release builds tell types apart and trust the program not to use what it has
   freed, as libcurl does. */
#include "support/cases.h"

static char last_line[256];

static void on_log(wskt_log_level level, const char *message, size_t len,
                   void *user_data) {
    (void)user_data;
    if (level == WSKT_LOG_ERROR && len < sizeof last_line) {
        memcpy(last_line, message, len);
        last_line[len] = '\0';
    }
}

static void told(const char *what) {
    CHECK_STR(last_line, what);
    last_line[0] = '\0';
}

#define WRONG(call) RESULT(call, WSKT_ERR_INVALID_ARGUMENT)

static void freed_handles(void) {
    wskt_config *config;
    wskt_loop *loop;
    wskt_socket *socket;
    const wskt_event *event;
    OK(wskt_log_set(WSKT_LOG_ERROR, on_log, NULL));
    OK(wskt_config_new(&config));
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", config, &socket));
    wskt_config_free(config);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    CHECK_INT(wskt_handle_count(), 0);
    WRONG(wskt_config_add_header(config, "A", "b"));
    told("a wskt_config was used after it was freed");
    WRONG(wskt_socket_send_text(socket, "x", 1));
    told("a wskt_socket was used after it was freed");
    WRONG(wskt_socket_recv(socket, 0, &event));
    CHECK(wskt_socket_url(socket, NULL) == NULL);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    WRONG(wskt_loop_dispatch(loop));
    told("a wskt_loop was used after it was freed");
    CHECK_INT(wskt_loop_fd(loop), -1);
    /* Twice is no more than once. */
    wskt_config_free(config);
    wskt_socket_free(socket);
    WRONG(wskt_loop_free(loop));
    told("a wskt_loop was used after it was freed");
    CHECK_INT(wskt_handle_count(), 0);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

static void handles_of_another_type(void) {
    wskt_config *config;
    wskt_loop *loop;
    wskt_socket *socket;
    wskt_socket *made = NULL;
    OK(wskt_log_set(WSKT_LOG_ERROR, on_log, NULL));
    OK(wskt_config_new(&config));
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    WRONG(wskt_loop_start((wskt_loop *)(void *)socket));
    told("a wskt_socket was passed as a wskt_loop");
    WRONG(wskt_socket_open((wskt_socket *)(void *)config));
    told("a wskt_config was passed as a wskt_socket");
    WRONG(wskt_config_add_header((wskt_config *)(void *)loop, "A", "b"));
    told("a wskt_loop was passed as a wskt_config");
    WRONG(wskt_socket_new((wskt_loop *)(void *)config, "ws://127.0.0.1:1/",
                          NULL, &made));
    WRONG(wskt_socket_new(loop, "ws://127.0.0.1:1/",
                          (wskt_config *)(void *)socket, &made));
    CHECK(made == NULL);
    /* Not freed as something else. */
    wskt_socket_free((wskt_socket *)(void *)config);
    wskt_config_free((wskt_config *)(void *)loop);
    CHECK_INT(wskt_handle_count(), 3);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    wskt_config_free(config);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(freed_handles),
        CASE(handles_of_another_type),
    };
    return CASES(argc, argv, cases);
}
