/* Reconnectors: the messages that come back unsent, each once and in order,
   and freeing the reconnector with the first; in every way of driving. */
#include "support/reconnecting.h"

#define SIZE 40000
/* Messages: more than the kernel takes. */
#define COUNT (is_slow() ? 200 : 600)

struct sending {
    char id[32];
    pthread_t thread;
    wskt_socket *socket;
    int accepted;
    /* Everything was accepted, or a call is blocked as soon as the kernel is
       full. */
    bool offered;
    /* The number of the first that came back, and of the next. */
    int first, next;
};

/* Once the kernel takes no more: ends it, and lets the server read. */
static void *end_when_full(void *data) {
    struct sending *sending = data;
    size_t before = 0, now;
    char mark[40];
    for (;;) {
        pause_ms(patient_ms(100));
        if (!__atomic_load_n(&sending->offered, __ATOMIC_SEQ_CST)) {
            continue;
        }
        now = wskt_socket_buffered_amount(sending->socket);
        if (now > 0 && now == before) {
            break;
        }
        before = now;
    }
    OK(wskt_socket_abort(sending->socket));
    snprintf(mark, sizeof mark, "%s-t", sending->id);
    signal_server(mark);
    return NULL;
}

static void send_much(struct run *run, wskt_socket *socket,
                      const wskt_event *event) {
    struct sending *sending = run->data;
    const wskt_unsent_event *unsent = (const wskt_unsent_event *)event;
    if (event->type == WSKT_EVENT_OPEN) {
        unsigned char *data = calloc(1, 2 * SIZE);
        wskt_result result = WSKT_OK;
        CHECK(data != NULL);
        sending->socket = socket;
        sending->first = -1;
        __atomic_store_n(&sending->offered, run->way == WAY_BLOCKING,
                         __ATOMIC_SEQ_CST);
        OK(wskt_reconnector_stop(run->reconnector));
        CHECK(pthread_create(&sending->thread, NULL, end_when_full, sending) ==
              0);
        while (sending->accepted < COUNT) {
            int i = sending->accepted;
            data[0] = 'a';
            if (i % 3 == 2) {
                result =
                    wskt_socket_send_begin(socket, WSKT_MESSAGE_BINARY, 0);
                if (result == WSKT_OK) {
                    result = wskt_socket_send_chunk(socket, data, 5);
                }
                if (result == WSKT_OK) {
                    result = wskt_socket_send_chunk(socket, data + 5,
                                                    (size_t)(SIZE + i - 5));
                }
                if (result == WSKT_OK) {
                    result = wskt_socket_send_end(socket);
                }
            } else {
                result = wskt_socket_send_binary(socket, data,
                                                 (size_t)(SIZE + i));
            }
            if (result != WSKT_OK) {
                CHECK(result == WSKT_ERR_CLOSED);
                break;
            }
            sending->accepted += 1;
        }
        __atomic_store_n(&sending->offered, true, __ATOMIC_SEQ_CST);
        free(data);
    } else if (event->type == WSKT_EVENT_UNSENT) {
        int i = (int)unsent->len - SIZE;
        if (sending->first < 0) {
            sending->first = sending->next = i;
        }
        CHECK_INT(i, sending->next);
        CHECK_INT(unsent->kind, WSKT_MESSAGE_BINARY);
        CHECK_INT(*(const char *)unsent->data, 'a');
        sending->next += 1;
    }
}

/* Drives a reconnector to a server that stops to read, with `on_event` given
   the sending; the sending thread has ended then. */
static void run_sending(struct run *run, struct sending *sending,
                        const char *port_name, enum way way,
                        void (*on_event)(struct run *, wskt_socket *,
                                         const wskt_event *)) {
    const char *id = new_id();
    char *url = script_url(port_name,
                           "rcvbuf 65536; stop-reading; limit 300000; "
                           "wait $ID-t; resume-reading; drain",
                           id);
    wskt_config *config = trusting_config();
    OK(wskt_config_set_water_marks(config, 1 << 26, 1 << 27));
    memset(sending, 0, sizeof *sending);
    sending->first = -1;
    snprintf(sending->id, sizeof sending->id, "%s", id);
    begin_run(run, way, url, config);
    wskt_config_free(config);
    run->on_event = on_event;
    run->data = sending;
    drive(run);
    CHECK(pthread_join(sending->thread, NULL) == 0);
    free(url);
}

/* What the server reads to its end, and what comes back, is all that was
   accepted, each message once: an abort leaves the kernel what it has. */
static void unsent_messages(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t which, way;
    for (which = 0; which < 2; which++) {
        for (way = 0; way < ALL_WAYS; way++) {
            struct sending sending;
            struct report report;
            struct run run;
            struct text want = {0};
            int i;
            run_sending(&run, &sending, ports[which], all_ways[way], send_much);
            get_report(&report, sending.id);
            if (run.way == WAY_BLOCKING && run.unsent == 0) {
                /* The call that was blocked was in the middle of a message in
                   chunks, or its message has gone. */
                sending.first = sending.next = sending.accepted;
            } else if (run.unsent == 0 || sending.first <= 0) {
                FAIL("%s, %s: %d of %d came back from %d on:\n%s", ports[which],
                     way_name(run.way), run.unsent, sending.accepted,
                     sending.first, text_of(&run.log));
            }
            CHECK_INT(sending.next, sending.accepted);
            for (i = 0; i < sending.first; i++) {
                if (i % 3 == 2) {
                    text_add(&want,
                             "binary fin=0 \"a\\x00\\x00\\x00\\x00\"\n"
                             "continuation fin=0 %d\ncontinuation \"\"\n",
                             SIZE + i - 5);
                } else {
                    text_add(&want, "binary %d\n", SIZE + i);
                }
            }
            /* What follows is no end of a message. */
            if (strncmp(text_of(&report.frames), text_of(&want), want.len) !=
                    0 ||
                strstr(text_of(&report.frames) + want.len, "binary 4") !=
                    NULL ||
                strstr(text_of(&report.frames) + want.len,
                       "continuation \"\"") != NULL) {
                FAIL("%s, %s: %d came back from %d on; the server has %s",
                     ports[which], way_name(run.way), run.unsent, sending.first,
                     text_of(&report.frames));
            }
            text_free(&want);
            free_report(&report);
            end_run(&run);
        }
    }
}

static void free_it_unsent(struct run *run, wskt_socket *socket,
                           const wskt_event *event) {
    send_much(run, socket, event);
    if (event->type == WSKT_EVENT_UNSENT) {
        CHECK_INT(run->unsent, 1);
        run->freed = true;
        wskt_reconnector_free(run->reconnector);
    }
}

/* With the first message that comes back: nothing is told after it. */
static void free_in_on_unsent(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t which, way;
    for (which = 0; which < 2; which++) {
        for (way = 0; way < ALL_WAYS; way++) {
            struct sending sending;
            struct run run;
            run_sending(&run, &sending, ports[which], all_ways[way],
                        free_it_unsent);
            /* A call that is blocked may have nothing to give back. */
            if (!run.freed && run.way != WAY_BLOCKING) {
                FAIL("%s, %s: nothing came back:\n%s", ports[which],
                     way_name(run.way), text_of(&run.log));
            }
            CHECK_INT(run.closes, !run.freed);
            end_run(&run);
        }
    }
}

int main(void) {
    begin();
    RUN(unsent_messages);
    RUN(free_in_on_unsent);
    return end();
}
