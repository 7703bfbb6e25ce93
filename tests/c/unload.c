/* A program that loads the library, uses it with its threads, unloads it, and
   goes on: the library stays mapped, because threads of it may still run. It
   is not linked with the library, nor with the support of the other tests. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wskt.h"

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            fprintf(stderr, "unload.c:%d: %s\n", __LINE__, #condition); \
            exit(1);                                                 \
        }                                                            \
    } while (0)

/* POSIX lets an object pointer be a function; C has no word for it. */
static void *handle;

static void find(const char *name, void *to) {
    void *symbol = dlsym(handle, name);
    CHECK(symbol != NULL);
    *(void **)to = symbol;
}

int main(void) {
    wskt_result (*new_socket)(wskt_loop *, const char *, const wskt_config *,
                              wskt_socket **);
    wskt_result (*open_socket)(wskt_socket *);
    wskt_result (*connect_socket)(wskt_socket *, int32_t);
    void (*free_socket)(wskt_socket *);
    const char *(*version)(void);
    wskt_socket *socket;
    char url[64];
    int round;
    snprintf(url, sizeof url, "ws://127.0.0.1:%s/echo", getenv("WSKT_PORT_WS"));
    for (round = 0; round < 3; round++) {
        handle = dlopen(getenv("WSKT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
        CHECK(handle != NULL);
        find("wskt_socket_new", &new_socket);
        find("wskt_socket_open", &open_socket);
        find("wskt_socket_connect", &connect_socket);
        find("wskt_socket_free", &free_socket);
        find("wskt_version_string", &version);
        /* The default loop's thread lives as long as the process. */
        CHECK(new_socket(NULL, url, NULL, &socket) == WSKT_OK);
        CHECK(open_socket(socket) == WSKT_OK);
        free_socket(socket);
        CHECK(new_socket(NULL, url, NULL, &socket) == WSKT_OK);
        CHECK(connect_socket(socket, 20000) == WSKT_OK);
        CHECK(dlclose(handle) == 0);
        /* Code and handles are still there. */
        CHECK(version()[0] != '\0');
        free_socket(socket);
        usleep(20000);
    }
    return 0;
}
