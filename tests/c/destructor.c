/* The destructor of user data runs on a thread that freed or drove the socket,
   also when a name was being looked up for it on another. */
#include "support/ways.h"

#include <poll.h>

enum { ROUNDS = 4000, SLOW_ROUNDS = 100 };

static pthread_t mine;
static int destroyed;

static void destroy(void *user_data) {
    CHECK(pthread_equal(pthread_self(), mine));
    CHECK(user_data == &destroyed);
    destroyed += 1;
}

static wskt_socket *make(wskt_loop *loop, const char *url) {
    wskt_socket *socket;
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_set_user_data(socket, &destroyed, destroy));
    return socket;
}

/* Freed beside the lookup, sooner or later. */
static void on_a_loop(const char *url) {
    int rounds = is_slow() ? SLOW_ROUNDS : ROUNDS;
    wskt_loop *loop;
    int i;
    destroyed = 0;
    OK(wskt_loop_new(&loop));
    for (i = 0; i < rounds; i++) {
        struct pollfd poll_for = {wskt_loop_fd(loop), POLLIN, 0};
        wskt_socket *socket = make(loop, url);
        OK(wskt_socket_open(socket));
        OK(wskt_loop_dispatch(loop));
        if (i % 2 == 0) {
            CHECK(poll(&poll_for, 1, limit_ms()) == 1);
        }
        wskt_socket_free(socket);
        OK(wskt_loop_dispatch(loop));
    }
    OK(wskt_loop_free(loop));
    CHECK_INT(destroyed, rounds);
}

static void blocking(const char *url) {
    int rounds = is_slow() ? SLOW_ROUNDS : ROUNDS;
    int i;
    destroyed = 0;
    for (i = 0; i < rounds; i++) {
        wskt_socket *socket = make(NULL, url);
        (void)wskt_socket_connect(socket, i % 2);
        wskt_socket_free(socket);
    }
    CHECK_INT(destroyed, rounds);
}

int main(void) {
    char url[64];
    snprintf(url, sizeof url, "ws://localhost:%d/", port("refused"));
    mine = pthread_self();
    begin();
    now_testing("on_a_loop");
    on_a_loop(url);
    now_testing("blocking");
    blocking(url);
    return end();
}
