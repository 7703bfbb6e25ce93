/* raw_open PORT COUNT: the floor of opening: non-blocking connects and upgrades
   in one epoll loop, at most WAVE under way at a time, as in scale.c. */
#define _GNU_SOURCE
#include "../clients/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { WAVE = 256, ADDRESSES = 8 };

static int poller;
static size_t started;

static void start_next(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLOUT};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr =
        htonl(INADDR_LOOPBACK + (unsigned)(started++ % ADDRESSES));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    event.data.fd = fd;
    if (fd < 0 ||
        (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        bench_die("connect");
    }
}

int main(int argc, char **argv) {
    static const char request[] =
        "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct epoll_event ready[WAVE];
    struct rlimit limit;
    char answer[1024];
    size_t opened = 0;
    size_t count;
    double begun;
    if (argc != 3) {
        bench_die("usage: raw_open PORT COUNT");
    }
    count = (size_t)atol(argv[2]);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poller = epoll_create1(0);
    begun = bench_now();
    while (started < count && started < WAVE) {
        start_next(atoi(argv[1]));
    }
    while (opened < count) {
        int n = epoll_wait(poller, ready, WAVE, 10000);
        if (n <= 0) {
            bench_die("epoll_wait");
        }
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (ready[i].events & EPOLLOUT) {
                ready[i].events = EPOLLIN;
                if (send(fd, request, sizeof request - 1, 0) < 0) {
                    bench_die("send");
                }
                epoll_ctl(poller, EPOLL_CTL_MOD, fd, &ready[i]);
            } else {
                if (recv(fd, answer, sizeof answer, 0) < 12 ||
                    memcmp(answer, "HTTP/1.1 101", 12) != 0) {
                    bench_die("no upgrade");
                }
                opened++;
                if (started < count) {
                    start_next(atoi(argv[1]));
                }
            }
        }
    }
    printf("{\"step\":\"open\",\"count\":%zu,\"seconds\":%.3f,\"cpu\":%.3f}\n",
           count, bench_now() - begun, bench_cpu());
    return 0;
}
