// A callback that throws through the C API: the process ends with a message,
// in every way of driving, instead of going on in an undefined state. The case
// is the argument.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "wskt.h"

static void on_open(wskt_socket *, const wskt_open_event *, void *) {
    throw std::runtime_error("thrown by a callback");
}

static void on_destroy(void *) {
    throw std::runtime_error("thrown by a destructor");
}

int main(int, char **argv) {
    std::string url = std::string("ws://127.0.0.1:") + getenv("WSKT_PORT_WS") + "/echo";
    std::string how = argv[1];
    wskt_loop *loop = nullptr;
    wskt_socket *socket = nullptr;
    if (how != "socket-run" && how != "destroy" && wskt_loop_new(&loop) != WSKT_OK) {
        return 1;
    }
    if (wskt_socket_new(loop, url.c_str(), nullptr, &socket) != WSKT_OK) {
        return 1;
    }
    if (how == "destroy") {
        static int data;
        wskt_socket_set_user_data(socket, &data, on_destroy);
        wskt_socket_free(socket);
        return 2;
    }
    wskt_socket_set_on_open(socket, on_open);
    // Nothing is caught: an exception must not come so far.
    if (how == "socket-run") {
        wskt_socket_connect(socket, 20000);
        wskt_socket_run(socket);
    } else {
        wskt_socket_open(socket);
        if (how == "loop-run") {
            wskt_loop_run(loop);
        } else if (how == "thread") {
            wskt_loop_start(loop);
            sleep(20);
        } else {
            pollfd ready = {wskt_loop_fd(loop), POLLIN, 0};
            while (poll(&ready, 1, 20000) > 0) {
                wskt_loop_dispatch(loop);
            }
        }
    }
    return 2;
}
