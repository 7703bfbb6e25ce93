/* A program that loads the library, uses it with its threads, unloads it, and
   goes on: the library stays mapped, because threads of it may still run. It
   is not linked with the library, nor with the support of the other tests. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ends;

/* Called by a thread of the library. */
static void on_end(void *data) {
    (void)data;
    pthread_mutex_lock(&mutex);
    ends += 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void await_ends(int count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&mutex);
    while (ends < count) {
        CHECK(pthread_cond_timedwait(&changed, &mutex, &until) == 0);
    }
    pthread_mutex_unlock(&mutex);
}

int main(void) {
    wskt_result (*new_socket)(wskt_loop *, const char *, const wskt_config *,
                              wskt_socket **);
    wskt_result (*open_socket)(wskt_socket *);
    wskt_result (*connect_socket)(wskt_socket *, int32_t);
    wskt_result (*set_user_data)(wskt_socket *, void *, wskt_destroy_fn);
    void (*free_socket)(wskt_socket *);
    const char *(*version)(void);
    wskt_socket *socket, *driven;
    char url[64];
    int round;
    snprintf(url, sizeof url, "ws://127.0.0.1:%s/echo", getenv("WSKT_PORT_WS"));
    for (round = 0; round < 3; round++) {
        handle = dlopen(getenv("WSKT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
        CHECK(handle != NULL);
        find("wskt_socket_new", &new_socket);
        find("wskt_socket_open", &open_socket);
        find("wskt_socket_connect", &connect_socket);
        find("wskt_socket_set_user_data", &set_user_data);
        find("wskt_socket_free", &free_socket);
        find("wskt_version_string", &version);
        /* The default loop's thread lives as long as the process. */
        CHECK(new_socket(NULL, url, NULL, &driven) == WSKT_OK);
        CHECK(set_user_data(driven, &ends, on_end) == WSKT_OK);
        CHECK(open_socket(driven) == WSKT_OK);
        CHECK(new_socket(NULL, url, NULL, &socket) == WSKT_OK);
        CHECK(connect_socket(socket, 20000) == WSKT_OK);
        CHECK(dlclose(handle) == 0);
        /* Code and handles are still there. */
        CHECK(version()[0] != '\0');
        free_socket(socket);
        /* That thread lets go of this one. */
        free_socket(driven);
        await_ends(round + 1);
    }
    return 0;
}
