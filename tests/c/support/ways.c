#include "ways.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

const char *way_name(enum way way) {
    static const char *const names[WAYS] = {
        "blocking", "loop thread", "embedded",
        "pulled",   "loop run",    "socket run",
    };
    return names[way];
}

bool way_calls_back(enum way way) {
    return way != WAY_BLOCKING && way != WAY_PULLED;
}

bool way_connects(enum way way) {
    return way == WAY_BLOCKING || way == WAY_SOCKET_RUN;
}

const wskt_message_event *as_message(const wskt_event *event) {
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    return (const wskt_message_event *)event;
}

const wskt_message_chunk_event *as_chunk(const wskt_event *event) {
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE_CHUNK);
    return (const wskt_message_chunk_event *)event;
}

const wskt_close_event *as_close(const wskt_event *event) {
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    return (const wskt_close_event *)event;
}

const wskt_error_event *as_error(const wskt_event *event) {
    CHECK_INT(event->type, WSKT_EVENT_ERROR);
    return (const wskt_error_event *)event;
}

wskt_result party_note(struct party *party, const char *what,
                       wskt_result result) {
    if (result != WSKT_OK) {
        text_add(&party->log, "  %s = %s\n", what, wskt_result_name(result));
    }
    return result;
}

/* -- the log ------------------------------------------------------------ */

static void check_head(struct party *party, const wskt_event *event,
                       size_t size, const char *type_name) {
    CHECK_INT(event->struct_size, size);
    CHECK_STR(event->type_name, type_name);
    CHECK(event->target == party->socket);
    CHECK(event->is_trusted && !event->bubbles && !event->cancelable);
    CHECK(event->timestamp >= party->timestamp);
    CHECK(event->timestamp <= now_ms() + 1);
    party->timestamp = event->timestamp;
}

static void log_close(struct party *party, const wskt_close_event *event) {
    struct text *log = &party->log;
    CHECK_INT(event->reason[event->reason_len], 0);
    CHECK_INT(strlen(event->message), event->message_len);
    text_add(log, " %u ", (unsigned)event->code);
    text_quote(log, event->reason, event->reason_len);
    text_add(log, " %s", event->was_clean ? "clean" : "unclean");
    text_add(log, " peer=%u", (unsigned)event->peer_code);
    text_add(log, " %s ", wskt_cause_name(event->cause));
    text_quote(log, event->message, event->message_len);
}

static void log_payload(struct party *party, wskt_message_kind kind,
                        const void *data, size_t len) {
    struct text *log = &party->log;
    text_add(log, "%s/%d ", kind == WSKT_MESSAGE_TEXT ? "text" : "binary",
             (int)wskt_socket_ready_state(party->socket));
    text_quote(log, data, len);
    text_add(log, "\n");
    party->messages += 1;
}

/* Whether the text ends where a character does. */
static bool is_whole_text(const unsigned char *at, size_t len) {
    size_t back = 1;
    while (back < len && back < 4 && (at[len - back] & 0xc0) == 0x80) {
        back += 1;
    }
    return len == 0 || at[len - back] < 0x80 ||
           (at[len - back] >= 0xc0 &&
            back == (at[len - back] >= 0xf0   ? 4
                     : at[len - back] >= 0xe0 ? 3
                                              : 2));
}

static void take_chunk(struct party *party,
                       const wskt_message_chunk_event *chunk) {
    bool begun = party->part.at != NULL;
    CHECK(chunk->data != NULL);
    CHECK(chunk->first == !begun);
    CHECK(chunk->len > 0 || chunk->last);
    if (chunk->kind == WSKT_MESSAGE_TEXT) {
        CHECK(is_whole_text(chunk->data, chunk->len));
        CHECK(chunk->len == 0 || (*(const char *)chunk->data & 0xc0) != 0x80);
    }
    party->chunks += 1;
    text_add_bytes(&party->part, chunk->data, chunk->len);
    if (chunk->last) {
        log_payload(party, chunk->kind, party->part.at, party->part.len);
        text_free(&party->part);
    }
}

/* Adds one line for the event. */
static void log_event(struct party *party, const wskt_event *event) {
    struct text *log = &party->log;
    const char *names[] = {"", "open", "message", "error", "close",
                           "drain", "ping", "pong", "messagechunk"};
    size_t sizes[] = {
        0,
        sizeof(wskt_open_event),
        sizeof(wskt_message_event),
        sizeof(wskt_error_event),
        sizeof(wskt_close_event),
        sizeof(wskt_drain_event),
        sizeof(wskt_ping_event),
        sizeof(wskt_pong_event),
        sizeof(wskt_message_chunk_event),
    };
    CHECK(event->type >= WSKT_EVENT_OPEN);
    CHECK(event->type <= WSKT_EVENT_MESSAGE_CHUNK);
    check_head(party, event, sizes[event->type], names[event->type]);
    CHECK_INT(party->closes, 0);
    if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        log_payload(party, message->kind, message->data, message->len);
        return;
    }
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK) {
        take_chunk(party, as_chunk(event));
        return;
    }
    text_add(log, "%s/%d", names[event->type],
             (int)wskt_socket_ready_state(party->socket));
    if (event->type == WSKT_EVENT_OPEN) {
        party->opens += 1;
    } else if (event->type == WSKT_EVENT_DRAIN) {
        party->drains += 1;
    } else if (event->type == WSKT_EVENT_PING) {
        const wskt_ping_event *ping = (const wskt_ping_event *)event;
        text_add(log, " ");
        text_quote(log, ping->data, ping->len);
    } else if (event->type == WSKT_EVENT_PONG) {
        const wskt_pong_event *pong = (const wskt_pong_event *)event;
        text_add(log, " ");
        text_quote(log, pong->data, pong->len);
    } else if (event->type == WSKT_EVENT_ERROR) {
        const wskt_error_event *error = as_error(event);
        party->errors += 1;
        CHECK_INT(strlen(error->message), error->message_len);
        if (error->os_error != 0) {
            text_add(log, " os=%d", (int)error->os_error);
        }
        if (error->http_status != 0) {
            text_add(log, " http=%d", (int)error->http_status);
        }
        text_add(log, " %s ", wskt_cause_name(error->cause));
        text_quote(log, error->message, error->message_len);
    } else if (event->type == WSKT_EVENT_CLOSE) {
        log_close(party, as_close(event));
        party->closes += 1;
    }
    text_add(log, "\n");
}

static void handle(struct party *party, const wskt_event *event) {
    bool last;
    pthread_mutex_lock(&party->mutex);
    CHECK(!party->inside);
    party->inside = true;
    log_event(party, event);
    last = event->type == WSKT_EVENT_CLOSE;
    pthread_mutex_unlock(&party->mutex);
    if (party->on_event != NULL) {
        party->on_event(party, event);
    }
    pthread_mutex_lock(&party->mutex);
    party->inside = false;
    party->over = party->over || last || party->socket == NULL;
    pthread_cond_broadcast(&party->changed);
    pthread_mutex_unlock(&party->mutex);
}

/* -- callbacks ---------------------------------------------------------- */

static void on_open(wskt_socket *socket, const wskt_open_event *event,
                    void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_chunk(wskt_socket *socket,
                     const wskt_message_chunk_event *event, void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_error(wskt_socket *socket, const wskt_error_event *event,
                     void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_ping(wskt_socket *socket, const wskt_ping_event *event,
                    void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_pong(wskt_socket *socket, const wskt_pong_event *event,
                    void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

static void on_drain(wskt_socket *socket, const wskt_drain_event *event,
                     void *user_data) {
    CHECK(socket == event->head.target);
    handle(user_data, &event->head);
}

/* -- making and driving ------------------------------------------------- */

void party_make(struct party *party, enum way way, wskt_loop *loop,
                const char *url, const wskt_config *config) {
    pthread_condattr_t attributes;
    memset(party, 0, sizeof *party);
    party->way = way;
    snprintf(party->name, sizeof party->name, "%s", way_name(way));
    pthread_mutex_init(&party->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&party->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!way_connects(way) && loop == NULL) {
        OK(wskt_loop_new(&loop));
        party->owns_loop = true;
        if (way == WAY_THREAD) {
            OK(wskt_loop_start(loop));
        }
    }
    party->loop = loop;
    OK(wskt_socket_new(loop, url, config, &party->socket));
    OK(wskt_socket_set_user_data(party->socket, party, NULL));
    OK(wskt_socket_set_on_open(party->socket, on_open));
    OK(wskt_socket_set_on_message(party->socket, on_message));
    OK(wskt_socket_set_on_error(party->socket, on_error));
    OK(wskt_socket_set_on_close(party->socket, on_close));
    OK(wskt_socket_set_on_drain(party->socket, on_drain));
    CHECK_INT(wskt_socket_ready_state(party->socket), WSKT_CONNECTING);
    CHECK(wskt_socket_close_event(party->socket) == NULL);
}

void party_hear_pings(struct party *party) {
    OK(wskt_socket_set_on_ping(party->socket, on_ping));
    OK(wskt_socket_set_on_pong(party->socket, on_pong));
}

void echo_once(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "hello", 5));
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(party->socket, 1000, "bye", 3));
    }
}

const char echoed[] =
    "open/1\ntext/1 \"hello\"\n"
    "close/3 1000 \"bye\" clean peer=1000 local \"\"\n";

void party_hear_chunks(struct party *party) {
    OK(wskt_socket_set_on_message_chunk(party->socket, on_chunk));
}

void party_start(struct party *party) {
    if (way_connects(party->way)) {
        int told = party->opens + party->errors + party->closes;
        party->started = wskt_socket_connect(party->socket, limit_ms());
        /* Its events are left to the calls that hand out events. */
        CHECK_INT(party->opens + party->errors + party->closes, told);
    } else {
        party->started = wskt_socket_open(party->socket);
    }
}

static bool is_done(struct party *party, int messages) {
    bool done;
    pthread_mutex_lock(&party->mutex);
    done = party->over || (messages > 0 && party->messages >= messages);
    pthread_mutex_unlock(&party->mutex);
    return done;
}

static void wait_for_thread(struct party *party, int messages) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_ms() / 1000;
    pthread_mutex_lock(&party->mutex);
    while (!party->over && (messages == 0 || party->messages < messages)) {
        int error =
            pthread_cond_timedwait(&party->changed, &party->mutex, &until);
        if (error != 0) {
            FAIL("%s: nothing more came; so far:\n%s", party->name,
                 text_of(&party->log));
        }
    }
    pthread_mutex_unlock(&party->mutex);
}

static void dispatch_once(struct party *party) {
    struct pollfd poll_for;
    poll_for.fd = wskt_loop_fd(party->loop);
    poll_for.events = POLLIN;
    poll_for.revents = 0;
    CHECK(poll_for.fd >= 0);
    if (poll(&poll_for, 1, limit_ms()) == 0) {
        FAIL("%s: the descriptor stays silent; so far:\n%s", party->name,
             text_of(&party->log));
    }
    OK(wskt_loop_dispatch(party->loop));
}

static void pull_once(struct party *party) {
    const wskt_event *event = NULL;
    wskt_result result;
    struct party *whose;
    if (party->loop != NULL) {
        result = wskt_loop_next_event(party->loop, limit_ms(), &event);
    } else {
        result = wskt_socket_recv(party->socket, limit_ms(), &event);
    }
    if (result == WSKT_ERR_INTERRUPTED) {
        return;
    }
    if (result != WSKT_OK) {
        FAIL("%s: the pull gives %s; so far:\n%s", party->name,
             wskt_result_name(result), text_of(&party->log));
    }
    whose = wskt_socket_user_data(event->target);
    handle(whose, event);
}

void party_drive_messages(struct party *party, int messages) {
    wskt_result result;
    if (party->way == WAY_THREAD) {
        wait_for_thread(party, messages);
        return;
    }
    while (!is_done(party, messages)) {
        switch (party->way) {
            case WAY_BLOCKING:
            case WAY_PULLED:
                pull_once(party);
                break;
            case WAY_EMBEDDED:
                dispatch_once(party);
                break;
            case WAY_LOOP_RUN:
                result = wskt_loop_run(party->loop);
                if (result != WSKT_ERR_INTERRUPTED) {
                    OK(result);
                }
                break;
            default:
                result = wskt_socket_run(party->socket);
                /* The handler may have freed it meanwhile. */
                if (party->socket != NULL &&
                    result != WSKT_ERR_INTERRUPTED) {
                    OK(result);
                }
                break;
        }
    }
}

void party_drive(struct party *party) {
    party_drive_messages(party, 0);
}

void party_await_event(struct party *party) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 2000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec += 1;
    }
    pthread_mutex_lock(&party->mutex);
    if (!party->over) {
        pthread_cond_timedwait(&party->changed, &party->mutex, &until);
    }
    pthread_mutex_unlock(&party->mutex);
}

void party_await_open(struct party *party) {
    double until = now_ms() + limit_ms();
    pthread_mutex_lock(&party->mutex);
    while (!party->over && party->opens == 0) {
        pthread_mutex_unlock(&party->mutex);
        CHECK(now_ms() < until);
        party_await_event(party);
        pthread_mutex_lock(&party->mutex);
    }
    pthread_mutex_unlock(&party->mutex);
}

void party_freed(struct party *party) {
    pthread_mutex_lock(&party->mutex);
    party->socket = NULL;
    /* A callback that still runs says so itself: it needs the party. */
    party->over = party->over || !party->inside;
    pthread_cond_broadcast(&party->changed);
    pthread_mutex_unlock(&party->mutex);
}

/* -- afterwards --------------------------------------------------------- */

static void check_nothing_follows(struct party *party) {
    const wskt_event *event = NULL;
    switch (party->way) {
        case WAY_BLOCKING:
            RESULT(wskt_socket_recv(party->socket, 0, &event),
                   WSKT_ERR_CLOSED);
            RESULT(wskt_socket_recv(party->socket, -1, &event),
                   WSKT_ERR_CLOSED);
            break;
        case WAY_SOCKET_RUN:
            RESULT(wskt_socket_run(party->socket), WSKT_ERR_CLOSED);
            break;
        case WAY_PULLED:
            if (party->owns_loop) {
                RESULT(wskt_loop_next_event(party->loop, 0, &event),
                       WSKT_ERR_TIMEOUT);
            }
            break;
        case WAY_EMBEDDED:
        case WAY_LOOP_RUN:
            OK(wskt_loop_dispatch(party->loop));
            break;
        default:
            break;
    }
    CHECK(event == NULL);
    CHECK_INT(party->closes, 1);
}

void party_check_order(struct party *party) {
    const char *log = text_of(&party->log);
    const char *close = strstr(log, "close/3 ");
    const char *error = strstr(log, "error/3 ");
    bool freed = party->socket == NULL;
    bool good = party->opens <= 1 && party->errors <= 1;
    good = good && (freed ? party->closes <= 1 : party->closes == 1);
    good = good && (close == NULL || strchr(close, '\n')[1] == '\0');
    good = good && (error == NULL || freed || close != NULL);
    good = good && (party->opens == 0 || strncmp(log, "open/", 5) == 0);
    good = good && (party->opens == 1 || party->messages + party->drains == 0);
    if (good && error != NULL) {
        const char *behind = strchr(error, '\n') + 1;
        good = behind == close || (freed && *behind == '\0');
    }
    if (good && close != NULL) {
        bool failed = strstr(close, "/3 1006 ") != NULL ||
                      strstr(close, "/3 1015 ") != NULL;
        good = failed == (error != NULL) &&
               !(failed && strstr(close, " clean ") != NULL);
    }
    if (!good) {
        FAIL("%s:\n%s", party->name, log);
    }
}

void party_check_closed(struct party *party) {
    wskt_socket *socket = party->socket;
    const wskt_close_event *event = wskt_socket_close_event(socket);
    struct text before = {0};
    size_t len = 99;
    check_nothing_follows(party);
    CHECK(event != NULL && event == wskt_socket_close_event(socket));
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    CHECK_INT(event->head.struct_size, sizeof *event);
    CHECK(event->head.is_trusted && event->head.target == socket);
    /* It is the one that was handed out: the same line again. */
    text_add(&before, "%s", text_of(&party->log));
    text_free(&party->log);
    text_add(&party->log, "close/3");
    log_close(party, event);
    text_add(&party->log, "\n");
    if (strstr(text_of(&before), text_of(&party->log)) == NULL) {
        FAIL("wskt_socket_close_event differs: %s\nfrom:\n%s",
             text_of(&party->log), text_of(&before));
    }
    text_free(&party->log);
    party->log = before;
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    CHECK(strlen(wskt_socket_url(socket, &len)) == len);
    CHECK(strlen(wskt_socket_protocol(socket, &len)) == len);
    CHECK(strlen(wskt_socket_extensions(socket, &len)) == len);
    CHECK(wskt_socket_error_text(socket) != NULL);
    OK(wskt_socket_close(socket, 1000, "again", 5));
    OK(wskt_socket_abort(socket));
    RESULT(wskt_socket_pause(socket), WSKT_ERR_CLOSED);
    RESULT(wskt_socket_resume(socket), WSKT_ERR_CLOSED);
    RESULT(wskt_socket_ping(socket, "x", 1), WSKT_ERR_CLOSED);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    check_nothing_follows(party);
}

void party_free(struct party *party) {
    wskt_socket_free(party->socket);
    if (party->owns_loop) {
        OK(wskt_loop_free(party->loop));
    }
    text_free(&party->log);
    text_free(&party->part);
    pthread_mutex_destroy(&party->mutex);
    pthread_cond_destroy(&party->changed);
}
