/* After fork() the child may free what it has, and nothing else: every call
   says FORKED, and the parent's connections live on. */
#include "support/ways.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct all {
    wskt_config *config;
    wskt_loop *loop;
    wskt_socket *on_loop;
    wskt_socket *blocking;
};

#define FORKED(call) RESULT(call, WSKT_ERR_FORKED)

static void socket_calls(wskt_socket *socket) {
    const wskt_event *event = NULL;
    wskt_close_event *own;
    FORKED(wskt_socket_add_protocol(socket, "x"));
    FORKED(wskt_socket_set_on_open(socket, NULL));
    FORKED(wskt_socket_set_on_message(socket, NULL));
    FORKED(wskt_socket_set_on_error(socket, NULL));
    FORKED(wskt_socket_set_on_close(socket, NULL));
    FORKED(wskt_socket_set_on_drain(socket, NULL));
    FORKED(wskt_socket_set_user_data(socket, NULL, NULL));
    FORKED(wskt_socket_open(socket));
    FORKED(wskt_socket_connect(socket, 0));
    FORKED(wskt_socket_recv(socket, 0, &event));
    FORKED(wskt_socket_run(socket));
    FORKED(wskt_socket_interrupt(socket));
    FORKED(wskt_socket_send_text(socket, "x", 1));
    FORKED(wskt_socket_send_binary(socket, "x", 1));
    FORKED(wskt_socket_ping(socket, "x", 1));
    FORKED(wskt_socket_close(socket, 1000, NULL, 0));
    FORKED(wskt_socket_abort(socket));
    FORKED(wskt_socket_pause(socket));
    FORKED(wskt_socket_resume(socket));
    OK(wskt_close_event_new("close", true, 1, NULL, 0, &own));
    FORKED(wskt_socket_dispatch_close_event(socket, own));
    wskt_close_event_free(own);
    /* Getters answer. */
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    CHECK(strstr(wskt_socket_url(socket, NULL), "ws") != NULL);
    CHECK_INT(wskt_socket_response_status(socket), 101);
    CHECK(wskt_socket_close_event(socket) == NULL);
}

static void child(struct all *all, const char *fresh) {
    const wskt_event *event = NULL;
    wskt_socket *socket;
    wskt_loop *loop;
    FORKED(wskt_config_set_close_timeout(all->config, 1));
    FORKED(wskt_config_add_header(all->config, "X-A", "b"));
    FORKED(wskt_loop_start(all->loop));
    FORKED(wskt_loop_stop(all->loop));
    FORKED(wskt_loop_run(all->loop));
    FORKED(wskt_loop_dispatch(all->loop));
    FORKED(wskt_loop_wake(all->loop));
    FORKED(wskt_loop_next_event(all->loop, 0, &event));
    CHECK_INT(wskt_loop_fd(all->loop), -1);
    CHECK_INT(wskt_loop_timeout_ms(all->loop), -1);
    RESULT(wskt_socket_new(all->loop, fresh, NULL, &socket), WSKT_ERR_FORKED);
    socket_calls(all->on_loop);
    socket_calls(all->blocking);
    wskt_socket_free(all->on_loop);
    wskt_socket_free(all->blocking);
    OK(wskt_loop_free(all->loop));
    wskt_config_free(all->config);
    CHECK_INT(wskt_handle_count(), 0);
    /* The child's own objects work, a thread's too. */
    OK(wskt_socket_new(NULL, fresh, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, fresh, NULL, &socket));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_run(loop));
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
}

/* The parent's loop has a thread (it must not survive in the child), or is
   driven by hand. */
static void with(enum way way, const char *port_name) {
    struct party on_loop;
    const wskt_event *event;
    struct report report;
    struct all all;
    const char *ids[2] = {new_id(), new_id()};
    const char *script = "recv; text back; answer-close; half-close";
    char *urls[2] = {script_url(port_name, script, ids[0]),
                     script_url(port_name, script, ids[1])};
    char *fresh = path_url("ws", "/flood?n=2&size=3");
    double until = now_ms() + limit_ms();
    int status, i;
    pid_t pid;
    all.config = trusting_config();
    party_make(&on_loop, way, NULL, urls[0], all.config);
    party_start(&on_loop);
    while (on_loop.opens == 0) {
        CHECK(now_ms() < until);
        if (way == WAY_EMBEDDED) {
            OK(wskt_loop_dispatch(on_loop.loop));
        }
        pause_ms(1);
    }
    OK(wskt_socket_new(NULL, urls[1], all.config, &all.blocking));
    OK(wskt_socket_connect(all.blocking, limit_ms()));
    OK(wskt_socket_recv(all.blocking, limit_ms(), &event));
    all.loop = on_loop.loop;
    all.on_loop = on_loop.socket;
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        now_testing("in the child");
        child(&all, fresh);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    /* Nothing of that was noticed by the servers. */
    OK(wskt_socket_send_text(all.blocking, "hello", 5));
    OK(wskt_socket_recv(all.blocking, limit_ms(), &event));
    CHECK_INT(as_message(event)->len, 4);
    OK(wskt_socket_close(all.blocking, 1000, NULL, 0));
    OK(wskt_socket_recv(all.blocking, limit_ms(), &event));
    CHECK_INT(as_close(event)->code, 1000);
    OK(wskt_socket_send_text(on_loop.socket, "hello", 5));
    party_drive_messages(&on_loop, 1);
    OK(wskt_socket_close(on_loop.socket, 1000, NULL, 0));
    party_drive(&on_loop);
    CHECK(wskt_socket_close_event(on_loop.socket)->was_clean);
    wskt_socket_free(all.blocking);
    party_free(&on_loop);
    wskt_config_free(all.config);
    for (i = 0; i < 2; i++) {
        get_report(&report, ids[i]);
        CHECK_STR(text_of(&report.frames),
                  "text \"hello\"\nclose 1000 \"\"\n");
        CHECK_STR(report.errors, "[]");
        free_report(&report);
        free(urls[i]);
    }
    free(fresh);
}

static void embedded_ws(void) {
    with(WAY_EMBEDDED, "ws");
}

static void embedded_wss(void) {
    with(WAY_EMBEDDED, "wss");
}

static void thread_ws(void) {
    with(WAY_THREAD, "ws");
}

static void thread_wss(void) {
    with(WAY_THREAD, "wss");
}

int main(void) {
    begin();
    RUN(embedded_ws);
    RUN(embedded_wss);
    RUN(thread_ws);
    RUN(thread_wss);
    return end();
}
