/* A road of packets that loses some, doubles some and lets some overtake others:
   the network device `lossy`, whose other end is this program. What is sent to
   ROAD_THERE arrives at ROAD_HERE, from ROAD_THERE. Include it in one file of a
   program only, which has a network of its own. */
#ifndef LOSSY_H
#define LOSSY_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <unistd.h>

#define ROAD_HERE "10.9.0.1"
#define ROAD_THERE "10.9.0.2"

/* Of a hundred packets; the longest delay; the room for those that wait. */
enum { ROAD_LOSES = 15, ROAD_DOUBLES = 10, ROAD_MS = 6, ROAD_ROOM = 1024 };

struct packet {
    double due;
    long number;
    size_t len;
    unsigned char bytes[2048];
};

struct road {
    int device;
    /* Its second end is closed: the thread ends. */
    int stop[2];
    pthread_t thread;
    uint32_t random;
    struct packet waiting[ROAD_ROOM];
    size_t count;
    long came, lost, doubled, overtaken, latest;
};

static uint32_t road_random(struct road *road, uint32_t below) {
    road->random = road->random * 1664525u + 1013904223u;
    return (road->random >> 8) % below;
}

static void road_keep(struct road *road, const unsigned char *bytes,
                      size_t len) {
    struct packet *packet = &road->waiting[road->count];
    if (road->count == ROAD_ROOM) {
        road->lost += 1;
        return;
    }
    packet->due = now_ms() + (double)road_random(road, ROAD_MS * 1000) / 1e3;
    packet->number = road->came;
    packet->len = len;
    memcpy(packet->bytes, bytes, len);
    road->count += 1;
}

/* Takes what the kernel has sent. Both addresses change places, which leaves
   the checksums as they are. */
static void road_take(struct road *road) {
    unsigned char bytes[2048], address[4];
    ssize_t len = read(road->device, bytes, sizeof bytes);
    if (len < 0) {
        CHECK(errno == EAGAIN);
        return;
    }
    if (len < 20 || bytes[0] >> 4 != 4) {
        return;
    }
    memcpy(address, bytes + 12, 4);
    memcpy(bytes + 12, bytes + 16, 4);
    memcpy(bytes + 16, address, 4);
    road->came += 1;
    if (road_random(road, 100) < ROAD_LOSES) {
        road->lost += 1;
        return;
    }
    road_keep(road, bytes, (size_t)len);
    if (road_random(road, 100) < ROAD_DOUBLES) {
        road->doubled += 1;
        road_keep(road, bytes, (size_t)len);
    }
}

/* Gives back what is due, the earliest first. */
static void road_give(struct road *road) {
    double now = now_ms();
    for (;;) {
        struct packet *first = NULL;
        size_t i;
        for (i = 0; i < road->count; i++) {
            struct packet *packet = &road->waiting[i];
            if (packet->due <= now &&
                (first == NULL || packet->due < first->due)) {
                first = packet;
            }
        }
        if (first == NULL) {
            return;
        }
        road->overtaken += first->number < road->latest;
        road->latest = first->number > road->latest ? first->number
                                                    : road->latest;
        CHECK(write(road->device, first->bytes, first->len) ==
              (ssize_t)first->len);
        road->count -= 1;
        *first = road->waiting[road->count];
    }
}

static void *road_run(void *argument) {
    struct road *road = argument;
    struct pollfd fds[2];
    fds[0].fd = road->device;
    fds[1].fd = road->stop[0];
    fds[0].events = fds[1].events = POLLIN;
    do {
        fds[0].revents = fds[1].revents = 0;
        CHECK(poll(fds, 2, road->count > 0 ? 1 : -1) >= 0 || errno == EINTR);
        if (fds[0].revents != 0) {
            road_take(road);
        }
        road_give(road);
    } while (fds[1].revents == 0);
    return NULL;
}

/* False if the machine does not permit such a device. */
static bool road_open(struct road *road) {
    struct ifreq request;
    memset(road, 0, sizeof *road);
    road->random = 7;
    road->device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (road->device < 0) {
        return false;
    }
    memset(&request, 0, sizeof request);
    snprintf(request.ifr_name, sizeof request.ifr_name, "lossy");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(road->device, TUNSETIFF, &request) != 0) {
        close(road->device);
        return false;
    }
    CHECK(system("ip addr add " ROAD_HERE "/24 dev lossy &&"
                 " ip link set lossy up &&"
                 " ip route add " ROAD_THERE " dev lossy rto_min 30ms") == 0);
    CHECK(pipe(road->stop) == 0);
    CHECK(pthread_create(&road->thread, NULL, road_run, road) == 0);
    return true;
}

static void road_close(struct road *road) {
    close(road->stop[1]);
    CHECK(pthread_join(road->thread, NULL) == 0);
    close(road->stop[0]);
    close(road->device);
}

#endif
