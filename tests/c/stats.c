/* The counters of a socket, in every way of driving. */
#include "support/ways.h"

static wskt_stats look(const wskt_socket *socket) {
    wskt_stats stats;
    memset(&stats, 0xee, sizeof stats);
    stats.struct_size = sizeof stats;
    OK(wskt_socket_stats(socket, &stats));
    CHECK_INT(stats.struct_size, sizeof stats);
    return stats;
}

/* Before anything was sent; in the handler of each message what came counts. */
static void on_event(struct party *party, const wskt_event *event) {
    wskt_stats stats = look(party->socket);
    CHECK_INT(stats.messages_received, party->messages);
    if (event->type == WSKT_EVENT_OPEN) {
        CHECK_INT(stats.frames_sent + stats.bytes_sent + stats.payload_sent, 0);
        CHECK_INT(stats.frames_received, 0);
        CHECK(stats.connect_us < 60u * 1000 * 1000);
        CHECK(stats.upgrade_us > 0);
        OK(wskt_socket_send_text(party->socket, "hello", 5));
        OK(wskt_socket_send_binary(party->socket, NULL, 0));
        OK(wskt_socket_ping(party->socket, "xyz", 3));
        stats = look(party->socket);
        CHECK_INT(stats.messages_sent, 2);
        CHECK_INT(stats.payload_sent, 5);
        CHECK_INT(stats.frames_sent, 3);
    } else if (party->messages == 3 && party->closes == 0) {
        CHECK_INT(stats.payload_received, 5 + 6 + 70000);
        CHECK_INT(stats.frames_received, 1 + 1 + 1 + 2 + 1 + 1 + 1);
        OK(wskt_socket_close(party->socket, 1000, "bye", 3));
    }
}

/* Frames: the answer to our ping, "hello", a ping, "foobar" in three (one of them empty) with a ping
   between, 70000 bytes; the answer to our Close. */
static const char script[] =
    "recvn 2; expect-ping xyz; pong xyz; text hello; ping ab; frame fin=0 text=foo; "
    "frame opcode=continuation fin=0; ping c; "
    "frame opcode=continuation text=bar; binn 70000; answer-close; half-close";

static void counts(enum way way, const char *port_name, const char *prefix) {
    struct party party;
    struct text whole = {0};
    struct report report;
    wskt_stats stats;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *url;
    text_add(&whole, "%s%s", prefix, script);
    url = script_url(port_name, text_of(&whole), id);
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    stats = look(party.socket);
    CHECK_INT(stats.bytes_sent + stats.bytes_received + stats.connect_us +
                  stats.round_trip_us,
              0);
    party.on_event = on_event;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.messages, 3);
    get_report(&report, id);
    CHECK_STR(report.errors, "[]");
    stats = look(party.socket);
    /* "hello", empty, ping, two pongs unless one was overtaken, Close. */
    CHECK(stats.frames_sent == 6 || stats.frames_sent == 5);
    CHECK_INT(stats.bytes_sent, report.bytes);
    CHECK_INT(stats.messages_sent, 2);
    CHECK_INT(stats.payload_sent, 5);
    CHECK_INT(stats.messages_received, 3);
    CHECK_INT(stats.payload_received, 70011);
    CHECK_INT(stats.wire_payload_sent, 5);
    CHECK_INT(stats.wire_payload_received, 70011);
    CHECK_INT(stats.frames_received, 9);
    CHECK_INT(stats.bytes_received,
              (2 + 3) + (2 + 5) + (2 + 2) + (2 + 3) + 2 + (2 + 1) + (2 + 3) +
                  (10 + 70000) + (2 + 5));
    CHECK((stats.tls_us > 0) == (strcmp(port_name, "wss") == 0));
    CHECK_INT(stats.dns_us + stats.proxy_us, 0);
    CHECK(stats.round_trip_us > 0);
    CHECK((double)stats.round_trip_us / 1e3 <=
          wskt_socket_round_trip_time(party.socket) + 0.001);
    free_report(&report);
    party_check_closed(&party);
    party_free(&party);
    text_free(&whole);
    free(url);
}

static void send_compressible(struct party *party, const wskt_event *event) {
    char text[1000];
    memset(text, 'a', sizeof text);
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, text, sizeof text));
    }
}

/* Before and after compression; the server echoes the frame as it is. */
static void compression(enum way way) {
    struct party party;
    struct report report;
    wskt_stats stats;
    const char *id = new_id();
    char *url = script_url("ws",
                           "accept extensions=permessage-deflate; echo 1; "
                           "close 1000; expect-close; half-close",
                           id);
    party_make(&party, way, NULL, url, NULL);
    party.on_event = send_compressible;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.messages, 1);
    stats = look(party.socket);
    CHECK_INT(stats.payload_sent, 1000);
    CHECK_INT(stats.payload_received, 1000);
    CHECK(stats.wire_payload_sent > 0 && stats.wire_payload_sent < 100);
    CHECK_INT(stats.wire_payload_received, stats.wire_payload_sent);
    /* Our Close, masked with two bytes, and the server's. */
    CHECK_INT(stats.bytes_sent, 2 + 4 + stats.wire_payload_sent + 2 + 4 + 2);
    CHECK_INT(stats.bytes_received, 2 + stats.wire_payload_received + 2 + 2);
    get_report(&report, id);
    CHECK_INT(report.bytes, stats.bytes_sent);
    free_report(&report);
    party_check_closed(&party);
    party_free(&party);
    free(url);
}

/* A name is resolved, and that takes time; a refused upgrade takes time too. */
static void durations(enum way way) {
    struct party party;
    wskt_stats stats;
    struct text url = {0};
    text_add(&url, "ws://localhost:%d/s/none;sleep%%2030;http%%20403?id=%s",
             port("ws"), new_id());
    party_make(&party, way, NULL, text_of(&url), NULL);
    party_start(&party);
    party_drive(&party);
    stats = look(party.socket);
    CHECK(stats.dns_us > 0);
    CHECK(stats.upgrade_us >= 25000);
    CHECK_INT(stats.tls_us, 0);
    CHECK_INT(stats.bytes_sent + stats.bytes_received, 0);
    party_free(&party);
    text_free(&url);
}

/* What a proxy takes, TLS with it included, is neither TLS nor upgrade. */
static void through_a_proxy(enum way way) {
    static const struct {
        const char *kind;
        /* The script of its answer; none is a tunnel. */
        const char *password;
        const char *scheme;
    } rows[] = {
        {"http", "sleep%2030;http%20403", "wss"},
        {"https", "sleep%2030;http%20403", "ws"},
        {"https", "", "wss"},
        {"http", "", "ws"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool tunnel = rows[i].password[0] == '\0';
        char *url = script_url(rows[i].scheme, "close 1000; expect-close",
                               new_id());
        wskt_config *config = trusting_config();
        struct text proxy = {0};
        struct party party;
        wskt_stats stats;
        text_add(&proxy, "%s://%s:%s@127.0.0.1:%d", rows[i].kind, new_id(),
                 rows[i].password,
                 port(strcmp(rows[i].kind, "https") == 0 ? "wss" : "ws"));
        OK(wskt_config_set_proxy(config, text_of(&proxy)));
        party_make(&party, way, NULL, url, config);
        party_start(&party);
        party_drive(&party);
        CHECK_INT(party.opens, tunnel);
        stats = look(party.socket);
        CHECK(stats.proxy_us >= (tunnel ? 1 : 25000));
        CHECK((stats.tls_us > 0) ==
              (tunnel && strcmp(rows[i].scheme, "wss") == 0));
        CHECK((stats.upgrade_us > 0) == tunnel);
        party_free(&party);
        wskt_config_free(config);
        text_free(&proxy);
        free(url);
    }
}

/* A struct of another version: only what fits is touched. */
static void sizes(void) {
    wskt_socket *socket;
    union {
        wskt_stats stats;
        unsigned char bytes[2 * sizeof(wskt_stats)];
    } room;
    size_t i;
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    memset(&room, 0xee, sizeof room);
    room.stats.struct_size = offsetof(wskt_stats, frames_sent);
    OK(wskt_socket_stats(socket, &room.stats));
    CHECK_INT(room.stats.struct_size, offsetof(wskt_stats, frames_sent));
    CHECK_INT(room.stats.bytes_received, 0);
    CHECK_INT(room.bytes[offsetof(wskt_stats, frames_sent)], 0xee);
    room.stats.struct_size = sizeof room;
    OK(wskt_socket_stats(socket, &room.stats));
    CHECK_INT(room.stats.struct_size, sizeof(wskt_stats));
    for (i = sizeof(wskt_stats); i < sizeof room; i++) {
        CHECK_INT(room.bytes[i], 0xee);
    }
    for (i = 0; i <= sizeof(size_t); i += sizeof(size_t)) {
        room.stats.struct_size = i;
        RESULT(wskt_socket_stats(socket, &room.stats),
               WSKT_ERR_INVALID_ARGUMENT);
    }
    RESULT(wskt_socket_stats(socket, NULL), WSKT_ERR_NULL);
    RESULT(wskt_socket_stats(NULL, &room.stats), WSKT_ERR_NULL);
    wskt_socket_free(socket);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        enum way in = (enum way)way;
        now_testing(way_name(in));
        counts(in, "ws", "");
        counts(in, "ws", "split 1; ");
        counts(in, "wss", "");
        compression(in);
        durations(in);
        through_a_proxy(in);
    }
    RUN(sizes);
    return end();
}
