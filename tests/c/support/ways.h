/* One socket driven in any of the ways there are, with the same handler and
   the same log of events. */
#ifndef WAYS_H
#define WAYS_H

#include "support.h"

enum way {
    /* connect, then recv until the close event */
    WAY_BLOCKING,
    /* callbacks on the thread of a loop */
    WAY_THREAD,
    /* callbacks out of poll(2) on the loop's descriptor and dispatch */
    WAY_EMBEDDED,
    /* wskt_loop_next_event */
    WAY_PULLED,
    /* callbacks inside wskt_loop_run */
    WAY_LOOP_RUN,
    /* connect, then callbacks inside wskt_socket_run */
    WAY_SOCKET_RUN,
    WAYS
};

const char *way_name(enum way way);
/* Whether events come as callbacks, and whether connect starts it. */
bool way_calls_back(enum way way);
bool way_connects(enum way way);

struct party {
    enum way way;
    wskt_loop *loop;
    bool owns_loop;
    /* NULL once the handler has freed it and said so. */
    wskt_socket *socket;
    /* Runs after each event was logged; may be NULL. */
    void (*on_event)(struct party *party, const wskt_event *event);
    void *data;
    /* For messages of what goes wrong. */
    char name[128];
    /* One line an event, `type/ready state` first; see ways.c. */
    struct text log;
    int opens, messages, errors, closes, drains;
    /* Chunks of messages, and the payload of those whose message is not over:
       it is in the log when it is, as one that came whole. */
    int chunks;
    struct text part;
    /* What start returned. */
    wskt_result started;
    /* The handler runs: no event may come inside its calls. */
    bool inside;
    /* The close event was handled, or the handler said so. */
    bool over;
    double timestamp;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* Makes the loop, if `loop` is NULL and the way wants one, and the socket. */
void party_make(struct party *party, enum way way, wskt_loop *loop,
                const char *url, const wskt_config *config);
/* Pings and pongs are in the log too. */
void party_hear_pings(struct party *party);
/* An `on_event` that sends a greeting, and closes when that comes back; the log
   it leaves. */
void echo_once(struct party *party, const wskt_event *event);
extern const char echoed[];
/* Messages come in chunks. */
void party_hear_chunks(struct party *party);
/* Opens or connects. */
void party_start(struct party *party);
/* Drives until the party is over. */
void party_drive(struct party *party);
/* Drives until `messages` messages have come, or the party is over. */
void party_drive_messages(struct party *party, int messages);
/* On another thread: waits until the socket has opened, or is over. */
void party_await_open(struct party *party);
/* The same until the next event, but for 2 ms at most: perhaps none comes. */
void party_await_event(struct party *party);
/* What must hold after the close event. */
void party_check_closed(struct party *party);
/* What holds over every log, also one that a free has cut short: open first,
   close last and once, error right before it, and only with the codes that
   stand for one. */
void party_check_order(struct party *party);
/* From a handler that has freed the socket: there is nothing more to drive.
   From outside: waits for callbacks to notice. */
void party_freed(struct party *party);
void party_free(struct party *party);

/* Results that are not OK are logged below the event: `  close = NAME`. */
wskt_result party_note(struct party *party, const char *what,
                       wskt_result result);

const wskt_message_event *as_message(const wskt_event *event);
const wskt_message_chunk_event *as_chunk(const wskt_event *event);
const wskt_close_event *as_close(const wskt_event *event);
const wskt_error_event *as_error(const wskt_event *event);

#endif
