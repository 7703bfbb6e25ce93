#include "reconnecting.h"

#include <poll.h>

const enum way all_ways[5] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED,
                              WAY_LOOP_RUN, WAY_BLOCKING};

static void log_event(struct run *run, const wskt_event *event) {
    const wskt_attempt_event *attempt = (const wskt_attempt_event *)event;
    const wskt_unsent_event *unsent = (const wskt_unsent_event *)event;
    switch (event->type) {
    case WSKT_EVENT_ATTEMPT:
        CHECK_INT(event->struct_size, sizeof *attempt);
        CHECK_STR(event->type_name, "attempt");
        run->attempts += 1;
        CHECK_INT(attempt->number, run->attempts);
        CHECK((attempt->previous == NULL) == (run->attempts == 1));
        CHECK(run->attempts != 1 || attempt->delay_ms == 0);
        CHECK(wskt_reconnector_socket(run->reconnector) == event->target);
        CHECK_INT(wskt_socket_ready_state(event->target), WSKT_CONNECTING);
        run->delay = attempt->delay_ms;
        text_add(&run->log, "attempt");
        if (attempt->previous != NULL) {
            CHECK(attempt->previous->head.target != event->target);
            CHECK(attempt->previous ==
                  wskt_socket_close_event(attempt->previous->head.target));
            text_add(&run->log, " after %d", attempt->previous->code);
        }
        text_add(&run->log, "\n");
        break;
    case WSKT_EVENT_UNSENT:
        CHECK_INT(event->struct_size, sizeof *unsent);
        CHECK_STR(event->type_name, "unsent");
        CHECK_INT(wskt_socket_ready_state(event->target), WSKT_CLOSED);
        run->unsent += 1;
        break;
    case WSKT_EVENT_CLOSE:
        run->closes += 1;
        text_add(&run->log, "close %d%s\n", as_close(event)->code,
                 wskt_reconnector_is_over(run->reconnector) ? ", over" : "");
        break;
    default:
        text_add(&run->log, "%s\n", event->type_name);
    }
}

void run_hear(struct run *run, wskt_socket *socket,
              const wskt_event *event) {
    bool last;
    CHECK(event->target == socket);
    CHECK(!run->freed);
    /* A blocking socket is told of by connect itself. */
    log_event(run, event);
    last = event->type == WSKT_EVENT_CLOSE &&
           wskt_reconnector_is_over(run->reconnector);
    if (run->on_event != NULL) {
        run->on_event(run, socket, event);
    }
    last |= run->freed || (event->type == WSKT_EVENT_CLOSE &&
                           wskt_reconnector_is_over(run->reconnector));
    if (last) {
        pthread_mutex_lock(&run->mutex);
        run->over = true;
        pthread_cond_broadcast(&run->changed);
        pthread_mutex_unlock(&run->mutex);
    }
}

#define HANDLER(name, type)                                             \
    static void name(wskt_socket *socket, const type *event, void *data) { \
        run_hear(data, socket, &event->head);                             \
    }
HANDLER(on_open, wskt_open_event)
HANDLER(on_message, wskt_message_event)
HANDLER(on_error, wskt_error_event)
HANDLER(on_close, wskt_close_event)
HANDLER(on_attempt, wskt_attempt_event)
HANDLER(on_unsent, wskt_unsent_event)

static void destroy(void *data) {
    struct run *run = data;
    run->destroyed += 1;
}

static wskt_socket *make_pattern(struct run *run, const char *url,
                                 const wskt_config *config) {
    wskt_socket *pattern;
    OK(wskt_socket_new(run->loop, url, config, &pattern));
    OK(wskt_socket_set_on_open(pattern, on_open));
    OK(wskt_socket_set_on_message(pattern, on_message));
    OK(wskt_socket_set_on_error(pattern, on_error));
    OK(wskt_socket_set_on_close(pattern, on_close));
    OK(wskt_socket_set_on_attempt(pattern, on_attempt));
    OK(wskt_socket_set_on_unsent(pattern, on_unsent));
    OK(wskt_socket_set_user_data(pattern, run, destroy));
    return pattern;
}

void begin_run(struct run *run, enum way way, const char *url,
               const wskt_config *config) {
    begin_run_after(run, way, url, config, NULL);
}

void begin_run_after(struct run *run, enum way way, const char *url,
                     const wskt_config *config,
                     void (*prepare)(wskt_socket *pattern)) {
    wskt_socket *pattern;
    memset(run, 0, sizeof *run);
    run->way = way;
    CHECK(pthread_mutex_init(&run->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&run->changed, NULL) == 0);
    if (way != WAY_BLOCKING) {
        OK(wskt_loop_new(&run->loop));
    }
    pattern = make_pattern(run, url, config);
    if (prepare != NULL) {
        prepare(pattern);
    }
    OK(wskt_reconnector_new(pattern, &run->reconnector));
    OK(wskt_reconnector_set_delays(run->reconnector, 1, 60000));
    OK(wskt_reconnector_set_max_tries(run->reconnector, 2));
}

/* Every socket in turn, until none opens any more. */
static void drive_blocking(struct run *run) {
    wskt_socket *socket;
    const wskt_event *event;
    wskt_result result;
    for (;;) {
        result = wskt_reconnector_connect(run->reconnector, limit_ms(), &socket);
        if (run->freed) {
            return;
        }
        if (result != WSKT_OK) {
            CHECK(result == WSKT_ERR_CONNECT_FAILED ||
                  result == WSKT_ERR_CLOSED);
            CHECK(wskt_reconnector_is_over(run->reconnector));
            text_add(&run->log, "%s\n", wskt_result_name(result));
            run->over = true;
            return;
        }
        CHECK(socket == wskt_reconnector_socket(run->reconnector));
        RESULT(wskt_reconnector_connect(run->reconnector, 0, &socket),
               WSKT_ERR_INVALID_STATE);
        while (!run->freed &&
               wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
            run_hear(run, socket, event);
        }
        if (run->freed) {
            return;
        }
    }
}

void drive(struct run *run) {
    const wskt_event *event;
    double by = now_ms() + limit_ms();
    struct timespec until;
    if (run->way == WAY_BLOCKING) {
        drive_blocking(run);
        return;
    }
    OK(wskt_reconnector_start(run->reconnector));
    switch (run->way) {
    case WAY_THREAD:
        OK(wskt_loop_start(run->loop));
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += limit_ms() / 1000;
        pthread_mutex_lock(&run->mutex);
        while (!run->over &&
               pthread_cond_timedwait(&run->changed, &run->mutex, &until) == 0) {
        }
        pthread_mutex_unlock(&run->mutex);
        break;
    case WAY_EMBEDDED: {
        struct pollfd fd = {.fd = wskt_loop_fd(run->loop), .events = POLLIN};
        while (!run->over && now_ms() < by) {
            poll(&fd, 1, limit_ms());
            OK(wskt_loop_dispatch(run->loop));
        }
        break;
    }
    case WAY_PULLED:
        while (!run->over &&
               wskt_loop_next_event(run->loop, limit_ms(), &event) == WSKT_OK) {
            run_hear(run, event->target, event);
        }
        break;
    default:
        OK(wskt_loop_run(run->loop));
    }
    if (!run->over) {
        FAIL("%s: not over: %s", way_name(run->way), text_of(&run->log));
    }
}

void end_run(struct run *run) {
    if (run->loop != NULL && run->way == WAY_THREAD) {
        OK(wskt_loop_stop(run->loop));
    }
    if (!run->freed) {
        wskt_reconnector_free(run->reconnector);
    }
    if (run->loop != NULL) {
        OK(wskt_loop_free(run->loop));
    }
    CHECK_INT(run->destroyed, 1);
    pthread_mutex_destroy(&run->mutex);
    pthread_cond_destroy(&run->changed);
    text_free(&run->log);
}
