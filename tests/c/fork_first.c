/* fork() on one thread while another makes the first handle of the process: the
   child can use the library. */
#define _GNU_SOURCE
#include "support/support.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int register_fn(void (*)(void), void (*)(void), void (*)(void), void *);

static register_fn *find_real(void) {
    register_fn *found;
    *(void **)&found = dlsym(RTLD_NEXT, "__register_atfork");
    CHECK(found != NULL);
    return found;
}

/* Ends a child that a tool may watch: what its parent's threads had is lost. */
static void vanish(void) {
    execlp("true", "true", (char *)NULL);
    _exit(1);
}

static void *fork_here(void *argument) {
    pid_t *child = argument;
    *child = fork();
    CHECK(*child >= 0);
    if (*child == 0) {
        wskt_loop *loop;
        wskt_socket *socket;
        pid_t grandchild;
        int status;
        /* It would hang. */
        alarm((unsigned)limit_ms() / 1000);
        OK(wskt_socket_new(NULL, "ws://127.0.0.1/", NULL, &socket));
        OK(wskt_loop_new(&loop));
        OK(wskt_loop_start(loop));
        OK(wskt_loop_stop(loop));
        grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) {
            /* The child's handlers are there. */
            RESULT(wskt_loop_start(loop), WSKT_ERR_FORKED);
            OK(wskt_loop_free(loop));
            vanish();
        }
        CHECK(waitpid(grandchild, &status, 0) == grandchild);
        CHECK_INT(status, 0);
        OK(wskt_loop_start(loop));
        OK(wskt_loop_free(loop));
        wskt_socket_free(socket);
        vanish();
    }
    return NULL;
}

static int forks;

static void check_child(void) {
    pthread_t thread;
    pid_t child = -1;
    int status;
    CHECK_INT(pthread_create(&thread, NULL, fork_here, &child), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    forks += 1;
}

static bool inside;

/* What pthread_atfork calls: another thread forks before and behind. */
int __register_atfork(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void), void *dso);
int __register_atfork(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void), void *dso) {
    register_fn *real = find_real();
    int result;
    /* What the child registers. */
    if (inside) {
        return real(prepare, parent, child, dso);
    }
    inside = true;
    check_child();
    result = real(prepare, parent, child, dso);
    check_child();
    inside = false;
    return result;
}

int main(void) {
    wskt_socket *socket;
    pid_t child;
    int status;
    OK(wskt_socket_new(NULL, "ws://127.0.0.1/", NULL, &socket));
    CHECK_INT(forks, 2);
    begin();
    /* A fork still finds its handlers. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        RESULT(wskt_socket_connect(socket, 0), WSKT_ERR_FORKED);
        vanish();
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    wskt_socket_free(socket);
    return end();
}
