/* A reconnector and its sockets in any of the ways there are, with the same
   handlers and a log of what they are told. */
#ifndef RECONNECTING_H
#define RECONNECTING_H

#include "ways.h"

struct run {
    enum way way;
    wskt_loop *loop;
    wskt_reconnector *reconnector;
    /* One line an event. */
    struct text log;
    void (*on_event)(struct run *run, wskt_socket *socket,
                     const wskt_event *event);
    void *data;
    int attempts, unsent, closes, destroyed;
    /* Of the last attempt. */
    double delay;
    bool freed, over;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

extern const enum way all_ways[5];
#define ALL_WAYS (sizeof all_ways / sizeof all_ways[0])

/* A reconnector that tries twice again and waits for 1 ms. */
void begin_run(struct run *run, enum way way, const char *url,
               const wskt_config *config);
/* The same of a pattern that `prepare` has seen, if it is not NULL. */
void begin_run_after(struct run *run, enum way way, const char *url,
                     const wskt_config *config,
                     void (*prepare)(wskt_socket *pattern));
/* For handlers of the test's own, whose user data is the run: logs the event
   and goes on as with any other. */
void run_hear(struct run *run, wskt_socket *socket, const wskt_event *event);
/* Makes sockets and drives them until there will be no more. */
void drive(struct run *run);
void end_run(struct run *run);

#endif
