/* No message event once close() was called: not for messages that are
   buffered already, not for those on their way, whoever called it. */
#include "support/ways.h"

static void close_after_three(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE && party->messages == 3) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        CHECK_INT(wskt_socket_ready_state(party->socket), WSKT_CLOSING);
    }
}

/* A thousand are in the buffers when the third is handled. */
static void in_the_third_message(enum way way, const char *port_name) {
    static const char *const scripts[] = {
        "accept hold; repeat 1000 text x; flush; answer-close; half-close",
        "repeat 200 binn 3000; answer-close; half-close",
        "repeat 3 textn 100000; repeat 20 textn 100000; answer-close;"
        "half-close",
    };
    size_t i;
    for (i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct party party;
        wskt_config *config = trusting_config();
        char *url = script_url(port_name, scripts[i], new_id());
        party_make(&party, way, NULL, url, config);
        party.on_event = close_after_three;
        party_start(&party);
        party_drive(&party);
        CHECK_INT(party.messages, 3);
        CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
        CHECK(wskt_socket_close_event(party.socket)->was_clean);
        party_check_closed(&party);
        party_free(&party);
        wskt_config_free(config);
        free(url);
    }
}

/* In OPEN, before anything was read. */
static void close_at_once(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void in_open(enum way way) {
    struct party party;
    char *url = script_url(
        "ws", "accept hold; repeat 50 text x; flush; answer-close; half-close",
        new_id());
    party_make(&party, way, NULL, url, NULL);
    party.on_event = close_at_once;
    party_start(&party);
    party_drive(&party);
    CHECK_STR(text_of(&party.log),
              "open/1\nclose/3 1000 \"\" clean peer=1000 local \"\"\n");
    party_free(&party);
    free(url);
}

/* From another thread, while messages pour in. */
struct closer {
    struct party *party;
    int seen_after;
    bool closed;
};

static void *close_soon(void *argument) {
    struct closer *closer = argument;
    struct party *party = closer->party;
    double until = now_ms() + limit_ms();
    int seen = 0;
    while (seen < 20) {
        CHECK(now_ms() < until);
        pthread_mutex_lock(&party->mutex);
        seen = party->messages;
        pthread_mutex_unlock(&party->mutex);
    }
    OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    pthread_mutex_lock(&party->mutex);
    closer->closed = true;
    closer->seen_after = party->messages;
    pthread_mutex_unlock(&party->mutex);
    return NULL;
}

static void from_another_thread(enum way way) {
    struct closer closer = {0};
    struct party party;
    pthread_t thread;
    char *url = script_url("ws",
                           is_slow()
                               ? "repeat 2000 text x; answer-close; half-close"
                               : "repeat 20000 text x; answer-close;"
                                 "half-close",
                           new_id());
    closer.party = &party;
    party_make(&party, way, NULL, url, NULL);
    CHECK_INT(pthread_create(&thread, NULL, close_soon, &closer), 0);
    party_start(&party);
    party_drive(&party);
    pthread_join(thread, NULL);
    CHECK(closer.closed);
    /* One that was being handed out when close() ran may be counted late. */
    CHECK(party.messages <= closer.seen_after + 1);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    party_free(&party);
    free(url);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        in_the_third_message((enum way)way, "ws");
        in_the_third_message((enum way)way, "wss");
        in_open((enum way)way);
        from_another_thread((enum way)way);
    }
    return end();
}
