/* Reconnectors: how long they wait before another try, and stopping and
   freeing one at any time; in every way of driving. */
#include "support/reconnecting.h"

/* -- delays, and stopping while one passes --------------------------------- */

struct stopper {
    struct run *run;
    pthread_t thread;
    /* When stop was called. */
    double at;
};

static void *stop_soon(void *data) {
    struct stopper *stopper = data;
    pause_ms(30);
    stopper->at = now_ms();
    OK(wskt_reconnector_stop(stopper->run->reconnector));
    return NULL;
}

static void stop_second(struct run *run, wskt_socket *socket,
                        const wskt_event *event) {
    struct stopper *stopper = run->data;
    (void)socket;
    if (event->type == WSKT_EVENT_ATTEMPT && run->attempts == 2) {
        stopper->run = run;
        CHECK(pthread_create(&stopper->thread, NULL, stop_soon, stopper) == 0);
    }
}

/* From stop to the end, of a wait of MIN to MAX milliseconds. */
static double stop_waiting(enum way way, const char *script, double min,
                           double max) {
    char *url = script_url("ws", script, new_id());
    struct stopper stopper;
    struct run run;
    double took;
    begin_run(&run, way, url, NULL);
    OK(wskt_reconnector_set_delays(run.reconnector, 1000, 60000));
    run.on_event = stop_second;
    run.data = &stopper;
    drive(&run);
    took = now_ms() - stopper.at;
    CHECK(pthread_join(stopper.thread, NULL) == 0);
    CHECK_INT(run.attempts, 2);
    CHECK(run.delay >= min && run.delay <= max);
    if (way != WAY_BLOCKING) {
        CHECK_INT(run.closes, 2);
    }
    end_run(&run);
    free(url);
    return took;
}

static void stops_while_waiting(void) {
    size_t way;
    int try;
    for (way = 0; way < ALL_WAYS; way++) {
        double took = 1000;
        /* A loaded machine may be late; a library that waits is every time. */
        for (try = 0; try < 10 && took > 50; try++) {
            took = stop_waiting(all_ways[way],
                                "close 1013; expect-close; half-close", 30000,
                                60000);
        }
        if (took > 50 && !is_slow()) {
            FAIL("%s: %.0f ms from stop to the end", way_name(all_ways[way]),
                 took);
        }
    }
    stop_waiting(WAY_THREAD, "close 1012; expect-close; half-close", 5000,
                 30000);
}

static void stopped_before_it_began(void) {
    size_t way;
    for (way = 0; way < ALL_WAYS; way++) {
        wskt_socket *socket;
        struct run run;
        begin_run(&run, all_ways[way], "ws://127.0.0.1:1/", NULL);
        CHECK(!wskt_reconnector_is_over(run.reconnector));
        OK(wskt_reconnector_stop(run.reconnector));
        CHECK(wskt_reconnector_is_over(run.reconnector));
        if (run.way == WAY_BLOCKING) {
            RESULT(wskt_reconnector_connect(run.reconnector, 0, &socket),
                   WSKT_ERR_CLOSED);
        } else {
            RESULT(wskt_reconnector_start(run.reconnector), WSKT_ERR_CLOSED);
        }
        end_run(&run);
    }
}

/* A connection that lasts begins a new row of tries. */
static void stop_fourth(struct run *run, wskt_socket *socket,
                        const wskt_event *event) {
    (void)socket;
    if (event->type == WSKT_EVENT_ATTEMPT && run->attempts > 1) {
        /* After 1013: half of the longest at least. */
        CHECK(run->delay >= 20 && run->delay <= 40);
    }
    if (event->type == WSKT_EVENT_OPEN && run->attempts == 4) {
        OK(wskt_reconnector_stop(run->reconnector));
    }
}

static void lasting_connections(void) {
    size_t way;
    for (way = 0; way < ALL_WAYS; way++) {
        char *url = script_url(
            "ws", "sleep 200; close 1013; expect-close; half-close", new_id());
        struct run run;
        double before = now_ms();
        begin_run(&run, all_ways[way], url, NULL);
        OK(wskt_reconnector_set_delays(run.reconnector, 1, 40));
        OK(wskt_reconnector_set_max_tries(run.reconnector, 1));
        run.on_event = stop_fourth;
        drive(&run);
        CHECK_INT(run.attempts, 4);
        CHECK(now_ms() - before >= 4 * 199 + 3 * 20);
        end_run(&run);
        free(url);
    }
}

/* -- the delays of many tries ----------------------------------------------- */

#define FIRST 2
#define CAP 16
#define MANY 60

struct delays {
    int count;
    double told[MANY + 1];
    /* When the attempt before failed, behind which the delay begins. */
    double at;
};

static void note_delay(struct run *run, wskt_socket *socket,
                       const wskt_event *event) {
    struct delays *delays = run->data;
    (void)socket;
    if (event->type == WSKT_EVENT_ATTEMPT) {
        delays->told[delays->count++] = run->delay;
    } else if (event->type == WSKT_EVENT_ERROR) {
        /* Not before. Both times are rounded. */
        CHECK(event->timestamp - delays->at >= run->delay - 1);
        delays->at = event->timestamp;
    }
}

/* Nobody listens: each delay is anything from 0 to the longest, which doubles
   up to the cap. */
static void backoff(void) {
    size_t way;
    for (way = 0; way < ALL_WAYS; way++) {
        char *url = path_url("refused", "/");
        double least = CAP, most = 0, sum = 0;
        struct delays delays = {0};
        struct run run;
        int i;
        begin_run(&run, all_ways[way], url, NULL);
        OK(wskt_reconnector_set_delays(run.reconnector, FIRST, CAP));
        OK(wskt_reconnector_set_max_tries(run.reconnector, MANY));
        run.on_event = note_delay;
        run.data = &delays;
        drive(&run);
        CHECK_INT(delays.count, MANY + 1);
        CHECK(delays.told[0] == 0);
        for (i = 1; i <= MANY; i++) {
            double longest = i > 3 ? CAP : FIRST << (i - 1);
            CHECK(delays.told[i] >= 0 && delays.told[i] <= longest);
            if (i > 3) {
                least = delays.told[i] < least ? delays.told[i] : least;
                most = delays.told[i] > most ? delays.told[i] : most;
                sum += delays.told[i];
            }
        }
        /* Full jitter: one run in half a million is not like that. */
        CHECK(least < CAP / 4.0 && most > CAP * 3 / 4.0);
        CHECK(sum / (MANY - 3) > CAP * 0.3 && sum / (MANY - 3) < CAP * 0.7);
        end_run(&run);
        free(url);
    }
}

/* -- freeing in callbacks -------------------------------------------------- */

static void free_it(struct run *run, wskt_socket *socket,
                    const wskt_event *event) {
    wskt_event_type when = *(wskt_event_type *)run->data;
    if (event->type == when && run->attempts == 2) {
        /* It is not the program's to free. */
        wskt_socket_free(socket);
        CHECK(wskt_socket_url(socket, NULL) != NULL);
        run->freed = true;
        wskt_reconnector_free(run->reconnector);
    }
}

static void free_in_callbacks(void) {
    static const wskt_event_type whens[] = {
        WSKT_EVENT_ATTEMPT, WSKT_EVENT_OPEN, WSKT_EVENT_CLOSE};
    size_t i, way;
    for (i = 0; i < 3; i++) {
        for (way = 0; way < ALL_WAYS; way++) {
            wskt_event_type when = whens[i];
            char *url = script_url(
                "ws", "close 1001; expect-close; half-close", new_id());
            struct run run;
            begin_run(&run, all_ways[way], url, NULL);
            run.on_event = free_it;
            run.data = &when;
            drive(&run);
            end_run(&run);
            free(url);
        }
    }
}

int main(void) {
    begin();
    RUN(stopped_before_it_began);
    RUN(backoff);
    RUN(lasting_connections);
    RUN(stops_while_waiting);
    RUN(free_in_callbacks);
    return end();
}
