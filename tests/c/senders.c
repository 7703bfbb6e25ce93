/* Four threads send on one socket and one receives: every message comes back
   whole, and those of one thread in their order. */
#include "support/ways.h"

enum { SENDERS = 4 };

struct sender {
    struct party *party;
    int number;
    int count;
    pthread_t thread;
};

static size_t size_of(int number, int i) {
    return (size_t)(16 + (number * 977 + i * 131) % 6000);
}

/* `number`, `i`, then bytes that follow from both. */
static void fill(unsigned char *bytes, int number, int i) {
    size_t at, size = size_of(number, i);
    memset(bytes, 0, 16);
    snprintf((char *)bytes, 16, "%d %d", number, i);
    for (at = 16; at < size; at++) {
        bytes[at] = (unsigned char)(number * 31 + i * 7 + (int)at);
    }
}

static void *send_all(void *argument) {
    struct sender *sender = argument;
    unsigned char bytes[6100];
    double until = now_ms() + limit_ms();
    int i;
    for (i = 0; i < sender->count; i++) {
        wskt_result result;
        fill(bytes, sender->number, i);
        for (;;) {
            result = wskt_socket_send_binary(sender->party->socket, bytes,
                                             size_of(sender->number, i));
            if (result != WSKT_ERR_BUFFER_FULL) {
                break;
            }
            CHECK(now_ms() < until);
            pause_ms(1);
        }
        OK(result);
    }
    return NULL;
}

struct reception {
    int next[SENDERS];
    int total;
    bool open;
};

static void on_event(struct party *party, const wskt_event *event) {
    struct reception *reception = party->data;
    unsigned char want[6100];
    int number, i;
    if (event->type == WSKT_EVENT_OPEN) {
        pthread_mutex_lock(&party->mutex);
        reception->open = true;
        pthread_mutex_unlock(&party->mutex);
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        CHECK(message->len >= 16);
        CHECK_INT(sscanf(message->data, "%d %d", &number, &i), 2);
        CHECK(number >= 0 && number < SENDERS);
        CHECK_INT(i, reception->next[number]);
        fill(want, number, i);
        CHECK_INT(message->len, size_of(number, i));
        CHECK(memcmp(message->data, want, message->len) == 0);
        reception->next[number] += 1;
        reception->total -= 1;
        if (reception->total == 0) {
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
    }
}

static void *send_when_open(void *argument) {
    struct sender *senders = argument;
    struct party *party = senders[0].party;
    struct reception *reception = party->data;
    double until = now_ms() + limit_ms();
    bool open = false;
    int i;
    while (!open) {
        CHECK(now_ms() < until);
        pause_ms(1);
        pthread_mutex_lock(&party->mutex);
        open = reception->open;
        pthread_mutex_unlock(&party->mutex);
    }
    for (i = 0; i < SENDERS; i++) {
        CHECK_INT(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    for (i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    return NULL;
}

static void messages_stay_whole(const char *port_name, enum way way,
                                const wskt_config *config) {
    int each = is_slow() ? 60 : 400;
    struct sender senders[SENDERS];
    struct reception reception = {{0}, 0, false};
    struct party party;
    char *url = path_url(port_name, "/echo");
    pthread_t thread;
    int i;
    reception.total = each * SENDERS;
    party_make(&party, way, NULL, url, config);
    party.on_event = on_event;
    party.data = &reception;
    for (i = 0; i < SENDERS; i++) {
        senders[i].party = &party;
        senders[i].number = i;
        senders[i].count = each;
    }
    CHECK_INT(pthread_create(&thread, NULL, send_when_open, senders), 0);
    party_start(&party);
    party_drive(&party);
    pthread_join(thread, NULL);
    CHECK_INT(party.messages, each * SENDERS);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_free(&party);
    free(url);
}

int main(void) {
    wskt_config *config;
    int way;
    begin();
    config = trusting_config();
    for (way = 0; way < WAYS; way++) {
        messages_stay_whole("ws", (enum way)way, config);
        messages_stay_whole("wss", (enum way)way, config);
    }
    wskt_config_free(config);
    return end();
}
