#include "driven.h"

void wait_driven(wskt_socket *socket) {
    double until = now_ms() + limit_ms();
    wskt_close_event *event;
    OK(wskt_close_event_new("probe", false, 0, NULL, 0, &event));
    while (wskt_socket_dispatch_close_event(socket, event) !=
           WSKT_ERR_WRONG_THREAD) {
        CHECK(now_ms() < until);
        pause_ms(1);
    }
    wskt_close_event_free(event);
}

wskt_result recv_watched(wskt_socket *socket, int32_t timeout_ms,
                         const wskt_event **out_event) {
    wskt_result result;
    do {
        result = wskt_socket_recv(socket, timeout_ms, out_event);
    } while (result == WSKT_ERR_IN_USE);
    return result;
}

wskt_result run_watched(wskt_socket *socket) {
    wskt_result result;
    do {
        result = wskt_socket_run(socket);
    } while (result == WSKT_ERR_IN_USE);
    return result;
}
