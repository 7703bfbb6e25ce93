/* The network itself fails: unplugged for a while, unplugged for good, and losing
   packets. tests/unplugged.rs runs this in a network of its own. */
#include "support/cases.h"
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

static void send_again(struct party *party, const wskt_event *event) {
    static char text[20000];
    size_t len = (size_t)(party->messages * 397 % 20000);
    memset(text, 'x', sizeof text);
    if (event->type == WSKT_EVENT_MESSAGE && party->messages > 1) {
        CHECK_INT(as_message(event)->len, (party->messages - 1) * 397 % 20000);
    }
    if (party->messages == 60) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    } else if (event->type == WSKT_EVENT_OPEN ||
               event->type == WSKT_EVENT_MESSAGE) {
        OK(wskt_socket_send_text(party->socket, text, len));
    }
}

/* A tenth of all packets is lost, some come late. */
static void losing_packets(void) {
    static const char *const ports[] = {"ws", "wss"};
    wskt_config *config = trusting_config();
    network("tc qdisc add dev lo root netem loss 10% delay 2ms 2ms");
    for (int at = 0; at < 2; at++) {
        char *url = path_url(ports[at], "/echo");
        struct party party;
        party_make(&party, WAY_THREAD, NULL, url, config);
        party.on_event = send_again;
        party_start(&party);
        party_drive(&party);
        CHECK_INT(party.messages, 60);
        CHECK(strstr(text_of(&party.log), "close/3 1000 \"\" clean") != NULL);
        party_check_closed(&party);
        party_free(&party);
        free(url);
    }
    network("tc qdisc del dev lo root");
    wskt_config_free(config);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(for_a_while),
        CASE(for_good),
        CASE(before_it_connects),
        CASE(losing_packets),
    };
    return CASES(argc, argv, cases);
}
