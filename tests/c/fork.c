/* fork(): in the child, what the parent made is refused and can be freed,
   which leaves the parent's connections alone; what the child makes works. */
#include "support/names.h"
#include "support/ways.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

/* A configuration of the parent, for the child. */
static wskt_config *parents_config;

static void hear(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "before", 6));
    } else if (party->messages == 2 && event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(party->socket, 1000, "bye", 3));
    } else if (party->way == WAY_LOOP_RUN) {
        OK(wskt_loop_wake(party->loop));
    } else if (party->way == WAY_SOCKET_RUN && party->closes == 0) {
        OK(wskt_socket_interrupt(party->socket));
    }
}

/* -- the child ---------------------------------------------------------- */

#define FORKED(call) RESULT(call, WSKT_ERR_FORKED)

static void parents_socket(struct party *party) {
    wskt_socket *socket = party->socket;
    const wskt_event *event = NULL;
    const char *name = NULL;
    const char *value = NULL;
    wskt_close_event *own;
    FORKED(wskt_socket_add_protocol(socket, "a"));
    FORKED(wskt_socket_set_user_data(socket, NULL, NULL));
    FORKED(wskt_socket_set_on_open(socket, NULL));
    FORKED(wskt_socket_set_on_message(socket, NULL));
    FORKED(wskt_socket_set_on_error(socket, NULL));
    FORKED(wskt_socket_set_on_close(socket, NULL));
    FORKED(wskt_socket_set_on_drain(socket, NULL));
    FORKED(wskt_socket_open(socket));
    FORKED(wskt_socket_connect(socket, -1));
    FORKED(wskt_socket_recv(socket, -1, &event));
    FORKED(wskt_socket_run(socket));
    FORKED(wskt_socket_interrupt(socket));
    FORKED(wskt_socket_send_text(socket, "child", 5));
    FORKED(wskt_socket_send_binary(socket, "child", 5));
    FORKED(wskt_socket_ping(socket, "child", 5));
    FORKED(wskt_socket_close(socket, 1000, NULL, 0));
    FORKED(wskt_socket_abort(socket));
    FORKED(wskt_socket_pause(socket));
    FORKED(wskt_socket_resume(socket));
    FORKED(wskt_socket_response_header_at(socket, 0, &name, &value));
    OK(wskt_close_event_new("close", false, 0, NULL, 0, &own));
    FORKED(wskt_socket_dispatch_close_event(socket, own));
    wskt_close_event_free(own);
    CHECK(event == NULL && name == NULL);
    /* Reading hurts nobody. */
    CHECK(strstr(wskt_socket_url(socket, NULL), "127.0.0.1") != NULL);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
}

static void parents_loop(wskt_loop *loop) {
    const wskt_event *event = NULL;
    wskt_socket *socket = NULL;
    FORKED(wskt_loop_start(loop));
    FORKED(wskt_loop_stop(loop));
    FORKED(wskt_loop_run(loop));
    FORKED(wskt_loop_dispatch(loop));
    FORKED(wskt_loop_next_event(loop, -1, &event));
    FORKED(wskt_loop_wake(loop));
    CHECK_INT(wskt_loop_fd(loop), -1);
    CHECK_INT(wskt_loop_timeout_ms(loop), -1);
    FORKED(wskt_socket_new(loop, "ws://localhost/", NULL, &socket));
    CHECK(event == NULL && socket == NULL);
}

static void parents_configuration(void) {
    wskt_socket *socket = NULL;
    FORKED(wskt_config_set_open_timeout(parents_config, 1));
    FORKED(wskt_config_set_connect_timeout(parents_config, 1));
    FORKED(wskt_config_set_tls_timeout(parents_config, 1));
    FORKED(wskt_config_set_upgrade_timeout(parents_config, 1));
    FORKED(wskt_config_set_close_timeout(parents_config, 1));
    FORKED(wskt_config_set_linger_timeout(parents_config, 1));
    FORKED(wskt_config_set_send_timeout(parents_config, 1));
    FORKED(wskt_config_set_max_message_size(parents_config, 1));
    FORKED(wskt_config_set_max_fragments(parents_config, 1));
    FORKED(wskt_config_set_read_buffer(parents_config, 4096));
    FORKED(wskt_config_set_water_marks(parents_config, 1, 1));
    FORKED(wskt_config_add_ca_file(parents_config, "/dev/null"));
    FORKED(wskt_config_add_ca_pem(parents_config, "x", 1));
    FORKED(wskt_config_add_header(parents_config, "A", "b"));
    FORKED(wskt_config_set_allow_missing_protocol(parents_config, true));
    FORKED(wskt_config_set_browser_mode(parents_config, true));
    FORKED(wskt_socket_new(NULL, "ws://localhost/", parents_config, &socket));
    CHECK(socket == NULL);
    wskt_config_free(parents_config);
}

/* A whole life with what the child makes itself. */
static void childs_own(enum way way, const char *port_name) {
    struct party party;
    char *url = path_url(port_name, "/echo");
    wskt_config *config = trusting_config();
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    free(url);
    party.on_event = hear;
    party_start(&party);
    OK(party.started);
    party_drive_messages(&party, 1);
    OK(wskt_socket_send_text(party.socket, "child", 5));
    party_drive(&party);
    party_check_closed(&party);
    CHECK_STR(text_of(&party.log),
              "open/1\ntext/1 \"before\"\ntext/1 \"child\"\n"
              "close/3 1000 \"bye\" clean peer=1000 local \"\"\n");
    party_free(&party);
}

/* The parent had its default loop; the child gets its own. */
static void on_the_default_loop(void) {
    struct party party;
    char *url = path_url("ws", "/flood?n=3&size=1");
    party_make(&party, WAY_BLOCKING, NULL, url, NULL);
    party.way = WAY_THREAD;
    OK(wskt_socket_open(party.socket));
    party_drive(&party);
    CHECK_INT(party.messages, 3);
    party_free(&party);
    free(url);
}

static void child(struct party *first, struct party *second) {
    enum way way = first->way;
    parents_socket(first);
    parents_socket(second);
    parents_configuration();
    wskt_socket_free(first->socket);
    if (first->loop != NULL) {
        parents_loop(first->loop);
        OK(wskt_loop_free(first->loop));
    }
    /* Also after its loop. */
    wskt_socket_free(second->socket);
    CHECK_INT(wskt_handle_count(), 0);
    childs_own(way, "ws");
    childs_own(way, "wss");
    on_the_default_loop();
    CHECK_INT(wskt_handle_count(), 0);
}

/* -- the parent --------------------------------------------------------- */

/* Forks, and waits until the child has said that all is well, or is gone. It
   ends as another program, so that no tool looks for leaks in it: what the
   parent's threads hold is lost there by nature. */
static void run_child(struct party *first, struct party *second) {
    struct pollfd poll_for;
    int ends[2];
    int status = 0;
    char well = 0;
    pid_t pid;
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(first, second);
        CHECK(write(ends[1], "y", 1) == 1);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    poll_for.fd = ends[0];
    poll_for.events = POLLIN;
    if (poll(&poll_for, 1, limit_ms() * 2) == 0) {
        FAIL("the child does not come to its end");
    }
    CHECK(read(ends[0], &well, 1) == 1 && well == 'y');
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ends[0]);
}

static void go_on(struct party *party, const char *id) {
    struct report report;
    CHECK_INT(wskt_socket_ready_state(party->socket), WSKT_OPEN);
    CHECK_INT(party->messages, 1);
    OK(wskt_socket_send_text(party->socket, "after", 5));
    party_drive(party);
    CHECK_STR(text_of(&party->log),
              "open/1\ntext/1 \"before\"\ntext/1 \"after\"\n"
              "close/3 1000 \"bye\" clean peer=1000 local \"\"\n");
    party_check_closed(party);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames),
              "text \"before\"\ntext \"after\"\nclose 1000 \"bye\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
}

/* Two sockets, one over ws and one over wss, on one loop if there is one. */
static void in_every_way(enum way way) {
    struct party first;
    struct party second;
    const char *ids[2];
    char *url;
    ids[0] = new_id();
    ids[1] = new_id();
    parents_config = trusting_config();
    url = script_url("ws", "limit 120000; echo-until-close", ids[0]);
    party_make(&first, way, NULL, url, parents_config);
    free(url);
    url = script_url("wss", "limit 120000; echo-until-close", ids[1]);
    party_make(&second, way, first.loop, url, parents_config);
    free(url);
    first.on_event = hear;
    second.on_event = hear;
    party_start(&first);
    party_start(&second);
    party_drive_messages(&first, 1);
    party_drive_messages(&second, 1);
    run_child(&first, &second);
    go_on(&first, ids[0]);
    go_on(&second, ids[1]);
    wskt_config_free(parents_config);
    party_free(&second);
    party_free(&first);
}

/* -- the child lets go --------------------------------------------------- */

/* Once both have freed it the connection is over, however long the child
   lives. */
static void the_child_lets_go(enum way way, const char *port_name) {
    const char *id = new_id();
    char *url = script_url(port_name, "limit 120000; echo-until-close", id);
    wskt_config *config = trusting_config();
    struct party party;
    struct report report;
    int told[2];
    int ended[2];
    int status = 0;
    char well = 0;
    pid_t pid;
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    free(url);
    party.on_event = hear;
    party_start(&party);
    party_drive_messages(&party, 1);
    CHECK(pipe(told) == 0 && pipe(ended) == 0);
    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ended[1]);
        wskt_socket_free(party.socket);
        CHECK(write(told[1], "y", 1) == 1);
        CHECK(read(ended[0], &well, 1) == 0);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    close(told[1]);
    CHECK(read(told[0], &well, 1) == 1);
    wskt_socket_free(party.socket);
    party_freed(&party);
    get_report(&report, id);
    CHECK_STR(report.tcp_end, "fin");
    free_report(&report);
    close(ended[1]);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ended[0]);
    close(told[0]);
    party_free(&party);
}

/* -- while other threads look names up ---------------------------------- */

enum { LOOKERS = 3 };
static pthread_mutex_t looking_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool looking;

static bool still_looking(void) {
    bool still;
    pthread_mutex_lock(&looking_mutex);
    still = looking;
    pthread_mutex_unlock(&looking_mutex);
    return still;
}

/* Not one that libc looks up: its own locks are no affair of wskt's, and a
   child may find them taken. */
static char *url_by_name(void) {
    char *url = malloc(64);
    CHECK(url != NULL);
    snprintf(url, 64, "ws://forked.test:%d/echo", port("ws"));
    return url;
}

/* A lock that the program itself keeps away from forks: it was registered
   before wskt's, so that a fork has wskt's already when it asks for this. */
static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER;

static void lock_own(void) {
    pthread_mutex_lock(&own_mutex);
}

static void unlock_own(void) {
    pthread_mutex_unlock(&own_mutex);
}

/* Starts lookups, waits for none; with an argument the program's lock is held
   meanwhile. */
static void *look_up(void *argument) {
    while (still_looking()) {
        wskt_socket *socket;
        char *url = url_by_name();
        if (argument != NULL) {
            lock_own();
        }
        OK(wskt_socket_new(NULL, url, NULL, &socket));
        (void)wskt_socket_connect(socket, 0);
        wskt_socket_free(socket);
        if (argument != NULL) {
            unlock_own();
            /* A mutex is not fair: the fork must come to it. */
            pause_ms(1);
        }
        free(url);
    }
    return NULL;
}

/* A child that is forked in the middle of that can look names up as well. */
static void look_up_in_the_child(void) {
    wskt_socket *socket;
    char *url = url_by_name();
    alarm((unsigned)limit_ms() / 1000);
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    wskt_socket_free(socket);
    free(url);
    execlp("true", "true", (char *)NULL);
    _exit(1);
}

static void ignore_line(wskt_log_level level, const char *text, size_t len,
                        void *user_data) {
    (void)level;
    (void)text;
    (void)len;
    (void)user_data;
}

static void fork_beside_lookups(int forks, void *with_lock) {
    pthread_t threads[LOOKERS];
    int i;
    looking = true;
    OK(wskt_log_set(WSKT_LOG_TRACE, ignore_line, NULL));
    for (i = 0; i < LOOKERS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, look_up, with_lock),
                  0);
    }
    for (i = 0; i < (is_slow() ? 3 : forks); i++) {
        int status = 0;
        pid_t pid;
        fflush(NULL);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            look_up_in_the_child();
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            FAIL("the child %d of a fork ends with status %d", i, status);
        }
    }
    pthread_mutex_lock(&looking_mutex);
    looking = false;
    pthread_mutex_unlock(&looking_mutex);
    for (i = 0; i < LOOKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
}

static void while_others_look_up(void) {
    fork_beside_lookups(100, NULL);
}

static void while_others_look_up_with_a_lock_held(void) {
    fork_beside_lookups(10, &own_mutex);
}

int main(void) {
    int way;
    answer("127.0.0.1", NULL, NULL);
    pthread_atfork(lock_own, unlock_own, unlock_own);
    /* Its thread stays: once before anything is counted. */
    on_the_default_loop();
    begin();
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        in_every_way((enum way)way);
        the_child_lets_go((enum way)way, "ws");
        the_child_lets_go((enum way)way, "wss");
    }
    RUN(while_others_look_up);
    RUN(while_others_look_up_with_a_lock_held);
    return end();
}
