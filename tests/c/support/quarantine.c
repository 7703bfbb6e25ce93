#include "quarantine.h"

void fill_quarantine(enum way way) {
    int i;
    for (i = 0; i < 100; i++) {
        wskt_loop *loop = NULL;
        wskt_socket *socket;
        if (!way_connects(way)) {
            OK(wskt_loop_new(&loop));
        }
        OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &socket));
        wskt_socket_free(socket);
        OK(wskt_loop_free(loop));
    }
}
