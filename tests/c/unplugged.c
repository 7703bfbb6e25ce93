/* The network itself fails: unplugged for a while, unplugged for good, and losing
   packets. tests/unplugged.rs runs this in a network of its own. */
#define _DEFAULT_SOURCE /* struct ifreq */
#include "support/cases.h"
#include "support/lossy.h"
#include "support/ways.h"

#include <unistd.h>

/* How long the cable is out, and what a heartbeat grants. */
enum { OUT_MS = 400, INTERVAL_MS = 100, DEAD_MS = 1500 };

static void network(const char *command) {
    CHECK(system(command) == 0);
}

static void unplug(void) {
    network("ip link set lo down");
}

static void *plug_in(void *unused) {
    (void)unused;
    pause_ms(OUT_MS);
    network("ip link set lo up");
    return NULL;
}

struct cable {
    bool comes_back;
    pthread_t thread;
};

static void on_event(struct party *party, const wskt_event *event) {
    struct cable *cable = party->data;
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "one", 3));
    } else if (event->type == WSKT_EVENT_MESSAGE && party->messages == 1) {
        unplug();
        OK(wskt_socket_send_text(party->socket, "two", 3));
        if (cable->comes_back) {
            CHECK(pthread_create(&cable->thread, NULL, plug_in, NULL) == 0);
        }
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void pull_the_cable(const char *port_name, bool comes_back,
                           const wskt_config *config, const char *log) {
    int way;
    for (way = 0; way < WAYS; way++) {
        char *url = path_url(port_name, "/echo");
        struct cable cable = {comes_back, pthread_self()};
        struct party party;
        double begun = now_ms();
        party_make(&party, (enum way)way, NULL, url, config);
        party.on_event = on_event;
        party.data = &cable;
        party_start(&party);
        party_drive(&party);
        if (comes_back) {
            CHECK(pthread_join(cable.thread, NULL) == 0);
        } else {
            network("ip link set lo up");
        }
        if (!text_like(text_of(&party.log), log)) {
            FAIL("%s, %s:\n%s", port_name, way_name(party.way),
                 text_of(&party.log));
        }
        CHECK(now_ms() - begun < limit_ms());
        party_check_closed(&party);
        party_free(&party);
        free(url);
    }
}

static void for_a_while(void) {
    static const char log[] = "open/1\ntext/1 \"one\"\ntext/1 \"two\"\n"
                              "close/3 1000 \"\" clean peer=1000 *\n";
    wskt_config *config = trusting_config();
    pull_the_cable("ws", true, config, log);
    pull_the_cable("wss", true, config, log);
    wskt_config_free(config);
}

static void for_good(void) {
    static const char log[] =
        "open/1\ntext/1 \"one\"\n"
        "error/3 timeout \"the peer did not answer a ping in time\"\n"
        "close/3 1006 \"\" unclean peer=0 timeout *\n";
    wskt_config *config = trusting_config();
    OK(wskt_config_set_heartbeat(config, INTERVAL_MS, DEAD_MS));
    pull_the_cable("ws", false, config, log);
    pull_the_cable("wss", false, config, log);
    wskt_config_free(config);
}

/* Connecting while it is out: the deadline ends it. */
static void before_it_connects(void) {
    wskt_config *config = trusting_config();
    int way;
    OK(wskt_config_set_open_timeout(config, OUT_MS));
    for (way = 0; way < WAYS; way++) {
        char *url = path_url("ws", "/echo");
        struct party party;
        unplug();
        party_make(&party, (enum way)way, NULL, url, config);
        party_start(&party);
        party_drive(&party);
        network("ip link set lo up");
        if (!text_like(text_of(&party.log),
                       "error/3 *\nclose/3 1006 \"\" unclean peer=0 *\n")) {
            FAIL("%s:\n%s", way_name(party.way), text_of(&party.log));
        }
        party_check_closed(&party);
        party_free(&party);
        free(url);
    }
    wskt_config_free(config);
}

enum { ECHOES = 30, LARGEST = 12000 };

static size_t size_of(int number) {
    return (size_t)(number * 397 % LARGEST);
}

static void send_number(struct party *party, int number) {
    char text[LARGEST];
    memset(text, 'a' + number % 26, size_of(number));
    OK(wskt_socket_send_text(party->socket, text, size_of(number)));
}

/* Two are on their way at any time; each must be the one that is due. */
static void send_again(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        send_number(party, 0);
        send_number(party, 1);
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        const char *data = message->data;
        int number = party->messages - 1;
        size_t i;
        CHECK_INT(message->len, size_of(number));
        for (i = 0; i < message->len; i++) {
            CHECK_INT(data[i], 'a' + number % 26);
        }
        if (number + 2 < ECHOES) {
            send_number(party, number + 2);
        } else if (number + 1 == ECHOES) {
            OK(wskt_socket_close(party->socket, 3000, "all of them", 11));
        }
    }
}

static void echo_everything(const wskt_config *config) {
    static const enum way ways[] = {WAY_BLOCKING, WAY_THREAD, WAY_PULLED};
    static const char *const ports[] = {"ws", "wss"};
    int at;
    for (at = 0; at < 6; at++) {
        char *url = path_url(ports[at % 2], "/echo");
        struct party party;
        party_make(&party, ways[at / 2], NULL, url, config);
        party.on_event = send_again;
        party_start(&party);
        party_drive(&party);
        CHECK_INT(party.messages, ECHOES);
        CHECK_INT(party.errors, 0);
        if (strstr(text_of(&party.log), "close/3 3000 \"all of them\" clean "
                                        "peer=3000 ") == NULL) {
            FAIL("%s:\n%s", way_name(party.way), text_of(&party.log));
        }
        party_check_closed(&party);
        party_free(&party);
        free(url);
    }
}

static void over_a_lossy_road(void) {
    static struct road road;
    static const char *const ports[] = {"ws", "wss"};
    wskt_config *config = trusting_config();
    int at;
    /* The kernel's own way, where it has it. */
    bool netem = system("tc qdisc add dev lo root netem loss 10% duplicate 5% "
                        "delay 2ms 2ms 2>/dev/null") == 0;
    if (netem) {
        echo_everything(config);
        network("tc qdisc del dev lo root");
    }
    if (!road_open(&road)) {
        CHECK(netem);
        wskt_config_free(config);
        return;
    }
    for (at = 0; at < 2; at++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "127.0.0.1:%d", port(ports[at]));
        snprintf(to, sizeof to, ROAD_THERE ":%d", port(ports[at]));
        OK(wskt_config_add_connect_to(config, from, to));
    }
    echo_everything(config);
    road_close(&road);
    printf("%ld packets, %ld lost, %ld doubled, %ld overtaken\n", road.came,
           road.lost, road.doubled, road.overtaken);
    CHECK(road.came > 500);
    CHECK(road.lost * 100 > road.came * 10 && road.lost * 100 < road.came * 20);
    CHECK(road.doubled * 100 > road.came * 5);
    CHECK(road.overtaken * 100 > road.came * 5);
    wskt_config_free(config);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(for_a_while),
        CASE(for_good),
        CASE(before_it_connects),
        CASE(over_a_lossy_road),
    };
    return CASES(argc, argv, cases);
}
