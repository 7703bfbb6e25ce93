/* Peers that end badly: each ends within its deadline, with the right event,
   and no descriptor, thread, handle or byte stays behind. */
#include "support/cases.h"
#include "support/heap.h"
#include "support/quarantine.h"

/* The deadlines that pass, and what may come on top on a busy machine. */
enum { DEADLINE_MS = 200, MARGIN_MS = 10000 };

struct ending {
    const char *script;
    /* close(3000, "x") in on_open. */
    bool closes;
    /* A deadline passes. */
    bool waits;
    /* The server goes on when the close event has come. */
    bool answers_late;
    const char *log;
};

struct run {
    const struct ending *ending;
    const char *id;
};

static void on_event(struct party *party, const wskt_event *event) {
    const struct run *run = party->data;
    if (event->type == WSKT_EVENT_OPEN && run->ending->closes) {
        OK(wskt_socket_close(party->socket, 3000, "x", 1));
    }
}

static void end_once(const struct ending *ending, enum way way,
                     const char *port_name, const wskt_config *config) {
    struct party party;
    struct run run;
    char *url;
    double begun;
    double took;
    run.ending = ending;
    run.id = new_id();
    url = script_url(port_name, ending->script, run.id);
    party_make(&party, way, NULL, url, config);
    party.on_event = on_event;
    party.data = &run;
    begun = now_ms();
    party_start(&party);
    party_drive(&party);
    took = now_ms() - begun;
    if (!text_like(text_of(&party.log), ending->log)) {
        FAIL("%s, %s: got\n%s\nwant\n%s", way_name(way), port_name,
             text_of(&party.log), ending->log);
    }
    if (took > patient_ms(DEADLINE_MS + MARGIN_MS) ||
        (ending->waits && took < patient_ms(DEADLINE_MS) - 2)) {
        FAIL("%s, %s: it took %.0f ms", way_name(way), port_name, took);
    }
    party_check_closed(&party);
    party_free(&party);
    if (ending->answers_late) {
        struct text name = {0};
        text_add(&name, "%s-late", run.id);
        signal_server(text_of(&name));
        text_free(&name);
    }
    free(url);
}

/* The same again until nothing grows: caches fill once. */
static void end_well(const struct ending *ending, enum way way,
                     const char *port_name, const wskt_config *config) {
    int threads = count_threads();
    int fds = count_fds();
    size_t handles = wskt_handle_count();
    int tries = 0;
    long bytes;
    end_once(ending, way, port_name, config);
    do {
        double until = now_ms() + limit_ms();
        bytes = heap_count();
        end_once(ending, way, port_name, config);
        while (count_threads() != threads && now_ms() < until) {
            pause_ms(1);
        }
        CHECK_INT(count_threads(), threads);
        CHECK_INT(count_fds(), fds);
        CHECK_INT(wskt_handle_count(), handles);
        tries += 1;
    } while (heap_count() > bytes && tries < 5);
    if (!is_slow() && heap_count() > bytes) {
        FAIL("%s, %s: %ld bytes more after each", way_name(way), port_name,
             heap_count() - bytes);
    }
}

static void everywhere(const struct ending *ending) {
    static const char *const ports[] = {"ws", "wss"};
    wskt_config *config = trusting_config();
    int i, way;
    OK(wskt_config_set_close_timeout(config, patient_ms(DEADLINE_MS)));
    OK(wskt_config_set_linger_timeout(config, patient_ms(DEADLINE_MS)));
    for (way = 0; way < WAYS; way++) {
        fill_quarantine((enum way)way);
        for (i = 0; i < 2; i++) {
            end_well(ending, (enum way)way, ports[i], config);
        }
    }
    wskt_config_free(config);
}

#define NOT_ANSWERED                                                          \
    "open/1\nerror/3 timeout \"the peer did not answer the Close frame in "   \
    "time\"\nclose/3 1006 \"\" unclean peer=0 timeout *\n"
#define LOST "open/1\nerror/3 *lost *\nclose/3 1006 \"\" unclean peer=0 lost *\n"
#define CLEAN "open/1\nclose/3 3001 \"a\" clean peer=3001 peer \"\"\n"

static void never_answers(void) {
    static const struct ending ending = {"drain", true, true, false,
                                         NOT_ANSWERED};
    everywhere(&ending);
}

static void answers_after_the_deadline(void) {
    static const struct ending ending = {
        "expect-close; wait $ID-late; close 3000 x", true, true, true,
        NOT_ANSWERED};
    everywhere(&ending);
}

static void sends_data_for_ever(void) {
    static const struct ending ending = {"expect-close; forever textn 100000",
                                         true, true, false, NOT_ANSWERED};
    everywhere(&ending);
}

static void closes_tcp_before_its_close(void) {
    static const struct ending fin = {"expect-close; fin", true, false, false,
                                      LOST};
    static const struct ending rst = {"expect-close; rst", true, false, false,
                                      LOST};
    everywhere(&fin);
    everywhere(&rst);
}

static void sends_close_twice(void) {
    static const struct ending ending = {
        "close 3001 a; close 3002 b; expect-close; half-close", false, false,
        false, CLEAN};
    everywhere(&ending);
}

static void keeps_tcp_open(void) {
    static const struct ending ending = {"close 3001 a; expect-close; drain",
                                         false, true, false, CLEAN};
    everywhere(&ending);
}

static void half_closes(void) {
    static const struct ending with = {
        "close 3001 a; half-close; expect-close", false, false, false, CLEAN};
    static const struct ending without = {"accept; half-close; drain", false,
                                          false, false, LOST};
    everywhere(&with);
    everywhere(&without);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(never_answers),
        CASE(answers_after_the_deadline),
        CASE(sends_data_for_ever),
        CASE(closes_tcp_before_its_close),
        CASE(sends_close_twice),
        CASE(keeps_tcp_open),
        CASE(half_closes),
    };
    return CASES(argc, argv, cases);
}
