/* Messages received in chunks: in every way of driving the same as whole ones,
   whatever they are cut into; and what only chunks can do. */
#include "support/cases.h"
#include "support/scenario.h"

#define DEFLATE "accept extensions=permessage-deflate;"
#define END "close 1000; flush; expect-close; half-close"
#define CLOSED CLEAN("1000", "", "1000", "peer")
/* a, two, three and four bytes; cut after one, three, six */
#define CHARACTERS \
    "frame fin=0 payload=61c3; frame opcode=cont fin=0 payload=a4e2;" \
    "ping between; frame opcode=cont fin=0;"                          \
    "frame opcode=cont fin=0 payload=82acf0; frame opcode=cont fin=0 payload=9f;" \
    "frame opcode=cont payload=9880; expect-pong between;"

static const struct row rows[] = {
    {.name = "both kinds, empty ones, fragments",
     .script = "text one; bin; text ''; bin 00ff; frame fin=0 text=a;"
               "frame opcode=cont fin=0 text=b; frame opcode=cont;"
               "frame opcode=bin fin=0; frame opcode=cont fin=0;"
               "frame opcode=cont payload=07; textn 300;" END,
     .log = OPEN "text/1 \"one\"\nbinary/1 \"\"\ntext/1 \"\"\n"
                 "binary/1 \"\\x00\\xff\"\ntext/1 \"ab\"\nbinary/1 \"\\x07\"\n"
                 "text/1 <300 bytes, *>\n" CLOSED},
    {.name = "characters cut by frames, a ping among them",
     .script = CHARACTERS END,
     .log = OPEN "text/1 \"a\\xc3\\xa4\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\"\n"
                 CLOSED,
     .frames = "pong \"between\"\nclose 1000 \"\"\n"},
    {.name = "the limit is not the message's",
     .script = CHARACTERS "textn 500; binn 500;" END,
     .config = "max 1",
     .log = OPEN "text/1 \"a\\xc3\\xa4\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\"\n"
                 "text/1 <500 bytes, *>\nbinary/1 <500 bytes, *>\n" CLOSED},
    {.name = "large ones",
     .script = "textn 1000000; binn 3000000; text small; binn 65536;" END,
     .log = OPEN "text/1 <1000000 bytes, *>\nbinary/1 <3000000 bytes, *>\n"
                 "text/1 \"small\"\nbinary/1 <65536 bytes, *>\n" CLOSED,
     .flags = WHOLE_ONLY},
    {.name = "compressed, beyond the limit",
     .script = DEFLATE "zbin fill:07:3000000; ztext pat:200000; text plain;"
                       "ztext '';" END,
     .config = "max 1000",
     .log = OPEN "binary/1 <3000000 bytes, *>\ntext/1 <200000 bytes, *>\n"
                 "text/1 \"plain\"\ntext/1 \"\"\n" CLOSED},
    {.name = "too many fragments",
     .script = "frame fin=0; frame opcode=cont fin=0; frame opcode=cont fin=0;"
               "expect-close 1009 ''; expect-fin",
     .config = "fragments 1",
     .log = OPEN FAILED("message_too_big",
                        "message with more than 1 continuation frames")},
    /* What was told stays told, and the end of the message never comes. */
    {.name = "a Close inside a message",
     .script = "frame fin=0 text=begun; close 1000; expect-close; half-close",
     .log = OPEN CLOSED},
    {.name = "the connection lost inside a message",
     .script = "frame len=10 text=begun; fin",
     .log = OPEN FAILED("lost",
                        "the peer ended the connection without a Close frame"),
     .browser = OPEN LOST("the peer ended the connection without a Close frame"),
     .flags = PLAIN_ONLY},
    {.name = "bad text behind good text",
     .script = "frame len=100 text=good; frame opcode=cont payload=c328;"
               "expect-close 1007 ''; expect-fin",
     .log = OPEN FAILED("protocol", "invalid UTF-8 in a text message")},
    {.name = "a character that never ends",
     .script = "frame fin=0 payload=61e282; frame opcode=cont;"
               "expect-close 1007 ''; expect-fin",
     .log = OPEN FAILED("protocol", "invalid UTF-8 in a text message")},
    {.name = "aborted inside a message",
     .script = "frame fin=0 text=begun; drain",
     .client = "chunk1 abort",
     .log = OPEN FAILED("abort", "aborted by the program"),
     .flags = ANY_ERRORS},
    {.name = "an answer before the message is over",
     .script = "frame fin=0 text=question; expect-text answer;"
               "frame opcode=cont text=s;" END,
     .client = "chunk1 text answer",
     .log = OPEN "text/1 \"questions\"\n" CLOSED,
     .frames = "text \"answer\"\nclose 1000 \"\"\n"},
};

/* -- close inside a message --------------------------------------------- */

static void close_in_the_third(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK && party->chunks == 3) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* No chunk is told once close was called, though hundreds are buffered. */
static void no_chunk_after_close(enum way way, const char *port_name) {
    struct party party;
    wskt_config *config = trusting_config();
    char *url = script_url(
        port_name,
        "accept hold; frame fin=0 text=a; repeat 500 frame opcode=cont fin=0 "
        "text=b; flush; frame opcode=cont text=c; answer-close; half-close",
        new_id());
    party_make(&party, way, NULL, url, config);
    party_hear_chunks(&party);
    party.on_event = close_in_the_third;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.chunks, 3);
    CHECK_INT(party.part.len, 3);
    CHECK_INT(party.messages, 0);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- pause inside a message --------------------------------------------- */

struct pauser {
    struct party *party;
    pthread_t thread;
    const char *id;
};

/* The server has sent the rest when this goes on. */
static void *resume_later(void *argument) {
    struct pauser *pauser = argument;
    int now;
    wait_mark(pauser->id);
    pthread_mutex_lock(&pauser->party->mutex);
    now = pauser->party->chunks;
    pthread_mutex_unlock(&pauser->party->mutex);
    CHECK_INT(now, 1);
    OK(wskt_socket_resume(pauser->party->socket));
    return NULL;
}

static void pause_in_the_first(struct party *party, const wskt_event *event) {
    struct pauser *pauser = party->data;
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK && party->chunks == 1) {
        OK(wskt_socket_pause(party->socket));
        signal_server(pauser->id);
        CHECK_INT(
            pthread_create(&pauser->thread, NULL, resume_later, pauser), 0);
    } else if (party->messages == 1 && event->type != WSKT_EVENT_CLOSE) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void pause_and_resume(enum way way, const char *port_name) {
    struct pauser pauser = {0};
    struct party party;
    wskt_config *config = trusting_config();
    char *url;
    pauser.id = new_id();
    pauser.party = &party;
    /* The chunks behind the first lie in the buffer, or in the kernel. */
    url = script_url(port_name,
                     "hold; frame fin=0 text=one; frame opcode=cont fin=0 "
                     "text=two; flush; wait $ID; frame opcode=cont text=three;"
                     "mark $ID; answer-close; half-close",
                     pauser.id);
    party_make(&party, way, NULL, url, config);
    party_hear_chunks(&party);
    party.on_event = pause_in_the_first;
    party.data = &pauser;
    party_start(&party);
    party_drive(&party);
    pthread_join(pauser.thread, NULL);
    CHECK_STR(text_of(&party.log),
              OPEN "text/1 \"onetwothree\"\n"
                   CLEAN("1000", "", "1000", "local"));
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- free inside a message ---------------------------------------------- */

static void free_in_the_second(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK && party->chunks == 2) {
        wskt_socket_free(party->socket);
        party_freed(party);
    }
}

static void free_inside(enum way way) {
    struct party party;
    char *url = script_url("ws",
                           "hold; frame fin=0 text=a; repeat 9 frame "
                           "opcode=cont fin=0 text=b; flush; drain",
                           new_id());
    party_make(&party, way, NULL, url, NULL);
    party_hear_chunks(&party);
    party.on_event = free_in_the_second;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.chunks, 2);
    CHECK_INT(party.closes, 0);
    party_free(&party);
    free(url);
}

/* -- who asks ----------------------------------------------------------- */

static void turn(struct party *party, const wskt_event *event) {
    /* The event tells whether the message was asked for in chunks. */
    switch (event->type) {
        case WSKT_EVENT_MESSAGE_CHUNK:
            CHECK(party->chunks <= 4);
            if (as_chunk(event)->last) {
                OK(wskt_socket_set_on_message_chunk(party->socket, NULL));
            }
            break;
        case WSKT_EVENT_MESSAGE:
            party_hear_chunks(party);
            break;
        default:
            break;
    }
}

/* What is asked for in a handler holds from the next message on, also for
   those that are in the buffer. */
static void turned_on_and_off(enum way way) {
    struct party party;
    char *url = script_url(
        "ws",
        "accept hold; text 1; frame fin=0 text=2; frame opcode=cont text=3;"
        "frame fin=0 text=4; frame opcode=cont text=5; frame fin=0 text=6;"
        "frame opcode=cont text=7; text 8;" END,
        new_id());
    party_make(&party, way, NULL, url, NULL);
    party.on_event = turn;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.chunks, 4);
    CHECK_STR(text_of(&party.log),
              OPEN "text/1 \"1\"\ntext/1 \"23\"\ntext/1 \"45\"\ntext/1 \"67\"\n"
                   "text/1 \"8\"\n" CLOSED);
    party_free(&party);
    free(url);
}

static void never_whole(struct party *party, const wskt_event *event) {
    (void)party;
    CHECK(event->type != WSKT_EVENT_MESSAGE);
}

/* Without a handler, where events are pulled; one that is removed takes
   nothing back. */
static void asked_for_without_a_handler(enum way way) {
    struct party party;
    char *url = script_url("ws", "text one; bin 07;" END, new_id());
    party_make(&party, way, NULL, url, NULL);
    OK(wskt_socket_set_message_chunks(party.socket, true));
    OK(wskt_socket_set_on_message_chunk(party.socket, NULL));
    if (way_calls_back(way)) {
        party_hear_chunks(&party);
    }
    party.on_event = never_whole;
    party_start(&party);
    party_drive(&party);
    CHECK(party.chunks >= 2);
    CHECK_STR(text_of(&party.log),
              OPEN "text/1 \"one\"\nbinary/1 \"\\x07\"\n" CLOSED);
    party_free(&party);
    free(url);
}

/* -- memory ------------------------------------------------------------- */

struct stream {
    unsigned long long len;
    size_t longest;
    bool last;
};

static void measure(struct party *party, const wskt_event *event) {
    struct stream *stream = party->data;
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK) {
        const wskt_message_chunk_event *chunk = as_chunk(event);
        const unsigned char *bytes = chunk->data;
        size_t i;
        for (i = 0; i < chunk->len; i += 997) {
            CHECK_INT(bytes[i], 0x5a);
        }
        CHECK(!stream->last);
        stream->last = chunk->last;
        stream->len += chunk->len;
        if (chunk->len > stream->longest) {
            stream->longest = chunk->len;
        }
        /* The test keeps nothing either. */
        party->part.len = 0;
    }
}

/* A message of any size costs no more than the buffer it is read into. */
static void memory_of_a_stream(enum way way, const char *port_name,
                               const char *script, unsigned long long len) {
    struct stream stream = {0};
    struct party party;
    wskt_config *config = trusting_config();
    char *url = script_url(port_name, script, new_id());
    long before;
    OK(wskt_config_set_max_message_size(config, 65536));
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    party_hear_chunks(&party);
    party.on_event = measure;
    party.data = &stream;
    party_start(&party);
    before = peak_kib();
    party_drive(&party);
    check_peak(before, 1024);
    CHECK(stream.last && stream.len == len);
    CHECK(stream.longest <= 65536);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_free(&party);
    free(url);
}

static void memory(enum way way) {
    const unsigned long long large = is_slow() ? 4 << 20 : 64 << 20;
    struct text script = {0};
    /* One frame; many; compressed, where a few bytes make all of it. */
    text_add(&script, "frame opcode=bin len=%llu; repeat %llu raw "
                      "fill:5a:1048576;" END, large, large >> 20);
    memory_of_a_stream(way, "ws", text_of(&script), large);
    text_free(&script);
    text_add(&script, "frame opcode=bin fin=0; repeat %llu frame opcode=cont "
                      "fin=0 payload=fill:5a:1048576; frame opcode=cont;" END,
             large >> 22);
    memory_of_a_stream(way, "wss", text_of(&script), large >> 2);
    text_free(&script);
    text_add(&script, DEFLATE "zbin fill:5a:%llu;" END, large >> 3);
    memory_of_a_stream(way, "ws", text_of(&script), large >> 3);
    text_free(&script);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        no_chunk_after_close((enum way)way, "ws");
        no_chunk_after_close((enum way)way, "wss");
        pause_and_resume((enum way)way, "ws");
        pause_and_resume((enum way)way, "wss");
        free_inside((enum way)way);
        turned_on_and_off((enum way)way);
        asked_for_without_a_handler((enum way)way);
        memory((enum way)way);
    }
    rows_in_chunks = true;
    ROWS(rows);
    return rows_result();
}
