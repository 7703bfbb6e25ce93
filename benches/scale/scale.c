/* Many sockets on one loop, on one thread.

       scale PORT COUNT SECONDS

   Opens COUNT sockets, at most WAVE of them under way at a time; lets each
   send one message a second for SECONDS seconds, spread evenly, and checks
   that every one comes back; closes all. Prints a line of JSON for each step.
   Fails if anything is lost, if an end is not clean, if memory grows, or if
   there is a second thread. */
#define _GNU_SOURCE
#include "../clients/bench.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <wskt.h>

enum {
    WAVE = 256,
    ADDRESSES = 8, /* each has its own ephemeral ports */
    TICKS = 100,   /* a second */
    LONGEST_US = 5000000,
    GROWTH_KIB = 1024
};

struct peer {
    wskt_socket *socket;
    double sent_at; /* 0: no message under way */
};

static wskt_loop *loop;
static struct peer *peers;
static int port;
static size_t count;
static size_t started;
static size_t opened;
static size_t closed;
static uint64_t sent;
static uint64_t received;
static uint64_t late; /* the answer was not there a second later */
static uint32_t *latencies; /* by microsecond */

static void ok(wskt_result result, const char *what) {
    if (result != WSKT_OK) {
        bench_die("%s: %s", what, wskt_result_name(result));
    }
}

static long status(const char *field) {
    char line[128];
    char format[32];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    snprintf(format, sizeof format, "%s: %%ld", field);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, format, &value) == 1) {
            break;
        }
    }
    fclose(file);
    return value;
}

/* -- events ------------------------------------------------------------- */

static void start_next(void);

static void on_open(wskt_socket *socket, const wskt_open_event *event,
                    void *user_data) {
    (void)socket;
    (void)event;
    (void)user_data;
    opened++;
    if (started < count) {
        start_next();
    }
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *user_data) {
    struct peer *peer = user_data;
    double us = (bench_now() - peer->sent_at) * 1e6;
    (void)socket;
    if (event->len != sizeof(double) || peer->sent_at == 0 ||
        memcmp(event->data, &peer->sent_at, sizeof(double)) != 0) {
        bench_die("a wrong message");
    }
    peer->sent_at = 0;
    received++;
    latencies[us < LONGEST_US ? (size_t)us : LONGEST_US]++;
}

static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data) {
    (void)socket;
    (void)user_data;
    if (!event->was_clean) {
        bench_die("closed: %u %s", event->code, event->message);
    }
    closed++;
}

static void start_next(void) {
    struct peer *peer = &peers[started];
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.%d:%d/echo",
             (int)(started % ADDRESSES) + 1, port);
    started++;
    ok(wskt_socket_new(loop, url, NULL, &peer->socket), "wskt_socket_new");
    wskt_socket_set_user_data(peer->socket, peer, NULL);
    wskt_socket_set_on_open(peer->socket, on_open);
    wskt_socket_set_on_message(peer->socket, on_message);
    wskt_socket_set_on_close(peer->socket, on_close);
    ok(wskt_socket_open(peer->socket), "wskt_socket_open");
}

static void send_one(struct peer *peer) {
    if (peer->sent_at != 0) {
        late++;
        return;
    }
    peer->sent_at = bench_now();
    ok(wskt_socket_send_binary(peer->socket, &peer->sent_at, sizeof(double)),
       "send");
    sent++;
}

/* -- steps -------------------------------------------------------------- */

/* Waits for the loop, and dispatches. */
static void turn(int poller) {
    struct epoll_event event;
    int n = epoll_wait(poller, &event, 1, 1000);
    if (n > 0 && event.data.fd == wskt_loop_fd(loop)) {
        ok(wskt_loop_dispatch(loop), "wskt_loop_dispatch");
    }
}

static void open_all(int poller) {
    double begun = bench_now();
    double cpu = bench_cpu();
    long threads = 1;
    long rss = bench_rss();
    while (started < count && started < WAVE) {
        start_next();
    }
    while (opened < count) {
        long now;
        turn(poller);
        if (opened % 1000 == 0 && (now = status("Threads")) > threads) {
            threads = now;
        }
    }
    printf("{\"step\":\"open\",\"count\":%zu,\"seconds\":%.3f,\"cpu\":%.3f,"
           "\"threads\":%ld,\"kib_each\":%.3f}\n",
           count, bench_now() - begun, bench_cpu() - cpu, threads,
           (double)(bench_rss() - rss) / (double)count);
    fflush(stdout);
    if (threads != 1) {
        bench_die("%ld threads", threads);
    }
}

static uint64_t percentile(double part) {
    uint64_t all = 0;
    uint64_t below = 0;
    for (size_t us = 0; us <= LONGEST_US; us++) {
        all += latencies[us];
    }
    for (size_t us = 0; us <= LONGEST_US; us++) {
        below += latencies[us];
        if ((double)below >= part * (double)all) {
            return us;
        }
    }
    return LONGEST_US;
}

static void report(int minute) {
    printf("{\"step\":\"echo\",\"minute\":%d,\"sent\":%llu,\"received\":%llu,"
           "\"late\":%llu,\"p50_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu,"
           "\"cpu\":%.2f,\"rss_kib\":%ld}\n",
           minute, (unsigned long long)sent, (unsigned long long)received,
           (unsigned long long)late, (unsigned long long)percentile(0.5),
           (unsigned long long)percentile(0.99),
           (unsigned long long)percentile(1.0), bench_cpu(), bench_rss());
    fflush(stdout);
    memset(latencies, 0, (LONGEST_US + 1) * sizeof *latencies);
}

/* One message a second for each: COUNT / TICKS of them at each tick. */
static void echo(int poller, int timer, long seconds) {
    struct itimerspec each = {{0, 1000000000 / TICKS}, {0, 1000000000 / TICKS}};
    uint64_t ticks = 0;
    size_t next = 0;
    long first_rss = 0;
    timerfd_settime(timer, 0, &each, NULL);
    while (ticks < (uint64_t)seconds * TICKS) {
        uint64_t expired;
        turn(poller);
        if (read(timer, &expired, sizeof expired) != sizeof expired) {
            continue;
        }
        for (uint64_t i = 0; i < expired; i++) {
            ticks++;
            for (size_t k = 0; k < count / TICKS; k++) {
                send_one(&peers[next]);
                next = (next + 1) % count;
            }
            if (ticks % (60 * TICKS) == 0) {
                report((int)(ticks / (60 * TICKS)));
                first_rss = first_rss ? first_rss : bench_rss();
            }
        }
    }
    for (double limit = bench_now() + 10; received < sent;) {
        if (bench_now() > limit) {
            bench_die("%llu messages are lost",
                      (unsigned long long)(sent - received));
        }
        turn(poller);
    }
    if (first_rss != 0 && bench_rss() > first_rss + GROWTH_KIB) {
        bench_die("memory grew from %ld to %ld KiB", first_rss, bench_rss());
    }
}

static void close_all(int poller) {
    double begun = bench_now();
    for (size_t i = 0; i < count; i++) {
        ok(wskt_socket_close(peers[i].socket, WSKT_CLOSE_NORMAL, NULL, 0),
           "close");
    }
    while (closed < count) {
        turn(poller);
    }
    for (size_t i = 0; i < count; i++) {
        wskt_socket_free(peers[i].socket);
    }
    printf("{\"step\":\"close\",\"count\":%zu,\"seconds\":%.3f}\n", count,
           bench_now() - begun);
}

int main(int argc, char **argv) {
    int poller = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    struct rlimit limit;
    if (argc != 4) {
        bench_die("usage: scale PORT COUNT SECONDS");
    }
    port = atoi(argv[1]);
    count = (size_t)atol(argv[2]);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < count + 64) {
        bench_die("at most %lu descriptors: raise the hard limit (ulimit -Hn)",
                  (unsigned long)limit.rlim_cur);
    }
    peers = calloc(count, sizeof *peers);
    latencies = calloc(LONGEST_US + 1, sizeof *latencies);
    if (peers == NULL || latencies == NULL) {
        bench_die("no memory");
    }
    /* Resident from the start, so that it does not look like growth. */
    memset(latencies, 1, (LONGEST_US + 1) * sizeof *latencies);
    memset(latencies, 0, (LONGEST_US + 1) * sizeof *latencies);
    ok(wskt_loop_new(&loop), "wskt_loop_new");
    event.data.fd = wskt_loop_fd(loop);
    epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
    event.data.fd = timer;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    open_all(poller);
    if (atol(argv[3]) > 0) {
        echo(poller, timer, atol(argv[3]));
    }
    close_all(poller);
    ok(wskt_loop_free(loop), "wskt_loop_free");
    if (wskt_handle_count() != 0) {
        bench_die("%zu handles are left", wskt_handle_count());
    }
    return 0;
}
