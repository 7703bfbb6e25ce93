/* Every phase of a connection and everything that can go wrong with it on the
   way: the right close event in time, and nothing left behind. The proxy of
   tests/support/proxy.rs breaks the connections. */
#include "support/cases.h"
#include "support/heap.h"
#include "support/quarantine.h"

/* Deadlines of a connection that waits for nothing, and what a cell may take. */
enum { DEADLINE_MS = 400, MOST_MS = 15000, LARGE = 100000 };

enum phase { TLS, UPGRADE, IDLE, MESSAGE, CLOSING, PHASES };

static const char *const phase_names[PHASES] = {
    "TLS handshake", "upgrade", "open", "inside a message", "closing"};

/* -- one cell ----------------------------------------------------------- */

struct cell {
    /* What a failure names. */
    char name[80];
    enum phase phase;
    int proxy;
    bool waits;
};

/* What the program does: it asks for the fault once it is open, or closes. */
static void on_event(struct party *party, const wskt_event *event) {
    struct cell *cell = party->data;
    if (event->type == WSKT_EVENT_OPEN && cell->phase == IDLE) {
        ask_proxy("now %d\n", cell->proxy);
        OK(wskt_socket_send_text(party->socket, "go", 2));
        if (cell->waits) {
            /* Nothing comes any more; only the program can end this. */
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
    } else if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "go", 2));
        if (cell->phase == MESSAGE && cell->waits) {
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
    } else if (event->type == WSKT_EVENT_MESSAGE && cell->phase == CLOSING) {
        ask_proxy("now %d\n", cell->proxy);
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        wskt_result closed = wskt_socket_close(party->socket, 1000, NULL, 0);
        CHECK(closed == WSKT_OK);
    }
}

/* Where in the server's bytes the fault is; -1: when the program says so. */
static int place(enum phase phase, bool tls) {
    switch (phase) {
    case TLS:
        return 100;
    case UPGRADE:
        /* The TLS handshake has over 1000 bytes and the head comes after it;
           in the clear it is the middle of the head. */
        return tls ? -2 : 40;
    case MESSAGE:
        return LARGE / 2;
    default:
        return -1;
    }
}

static void connect_once(enum way way, bool tls, enum phase phase,
                         const char *fault, const wskt_config *config,
                         const char *log) {
    struct party party;
    struct cell cell;
    struct text url = {0};
    char script[128];
    double begun = now_ms();
    int at = place(phase, tls);
    int upstream = port(tls ? "wss" : "ws");
    const char *rest;
    const char *id = new_id();
    char *direct;
    snprintf(cell.name, sizeof cell.name, "%s in phase %s, %s", fault,
             phase_names[phase], tls ? "wss" : "ws");
    now_testing(cell.name);
    snprintf(script, sizeof script,
             "recv; binn %d; echo-until-close", LARGE);
    cell.phase = phase;
    cell.waits = strcmp(fault, "black-hole") == 0;
    cell.proxy = at >= 0
                     ? ask_proxy("make %d %s %d\n", upstream, fault, at)
                     : ask_proxy("make %d %s\n", upstream, fault);
    direct = script_url(tls ? "wss" : "ws", script, id);
    rest = strstr(direct + strlen("wss://"), "/");
    CHECK(rest != NULL);
    text_add(&url, "%s://127.0.0.1:%d%s", tls ? "wss" : "ws", cell.proxy, rest);
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = on_event;
    party.data = &cell;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    if (!text_like(text_of(&party.log), log)) {
        FAIL("%s: the log is\n%swanted is\n%s", way_name(way),
             text_of(&party.log), log);
    }
    party_free(&party);
    if (now_ms() - begun > patient_ms(MOST_MS)) {
        FAIL("%s: it took %.0f ms", way_name(way), now_ms() - begun);
    }
    now_testing("");
    text_free(&url);
    free(direct);
}

static wskt_config *hurried_config(void) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_open_timeout(config, DEADLINE_MS * 20));
    OK(wskt_config_set_tls_timeout(config, patient_ms(DEADLINE_MS)));
    OK(wskt_config_set_upgrade_timeout(config, patient_ms(DEADLINE_MS)));
    OK(wskt_config_set_close_timeout(config, patient_ms(DEADLINE_MS)));
    OK(wskt_config_set_linger_timeout(config, patient_ms(DEADLINE_MS)));
    return config;
}

/* The same cell over and over until nothing grows: caches fill once. */
static void settle(enum way way, bool tls, enum phase phase,
                   const char *fault, const wskt_config *config,
                   const char *log) {
    int threads = count_threads();
    int fds = count_fds();
    size_t handles = wskt_handle_count();
    long bytes;
    int tries = 0;
    connect_once(way, tls, phase, fault, config, log);
    do {
        double until = now_ms() + limit_ms();
        bytes = heap_count();
        connect_once(way, tls, phase, fault, config, log);
        while (count_threads() != threads && now_ms() < until) {
            pause_ms(1);
        }
        CHECK_INT(count_threads(), threads);
        CHECK_INT(count_fds(), fds);
        CHECK_INT(wskt_handle_count(), handles);
        tries += 1;
    } while (heap_count() > bytes && tries < 5);
    if (!is_slow() && heap_count() > bytes) {
        FAIL("%s in phase %s, %s: %ld bytes more after each", fault,
             phase_names[phase], way_name(way), heap_count() - bytes);
    }
}

/* -- the matrix --------------------------------------------------------- */

#define LOG_OPEN "open/1\n"
#define LOG_BIG LOG_OPEN "binary/1 <100000 bytes, *>\n"
#define LOG_END(code, cause) \
    "error/3 *" cause " *\nclose/3 " code " \"\" unclean peer=0 " cause " *\n"
#define LOG_FINE LOG_BIG "close/3 1000 \"\" clean peer=1000 *\n"

#define LOG_FORGED                                                     \
    "error/3 lost \"*: decryption failed or bad record mac\"\n"           \
    "close/3 1006 \"\" unclean peer=0 lost \"*: decryption failed or bad " \
    "record mac\"\n"

struct row {
    const char *fault;
    /* For each phase; NULL: it makes no difference there. */
    const char *ws[PHASES];
    /* Where wss differs; NULL: as ws. */
    const char *wss[PHASES];
};

static const struct row matrix[] = {
    {"none", {NULL, LOG_FINE, LOG_FINE, LOG_FINE, LOG_FINE}, {LOG_FINE}},
    {"delay", {NULL, LOG_FINE, LOG_FINE, LOG_FINE, LOG_FINE}, {LOG_FINE}},
    {"throttle", {NULL, LOG_FINE, LOG_FINE, LOG_FINE, LOG_FINE}, {LOG_FINE}},
    {"cut", {NULL, LOG_FINE, LOG_FINE, LOG_FINE, LOG_FINE}, {LOG_FINE}},
    {"reset",
     {NULL, LOG_END("1006", "handshake"), LOG_OPEN LOG_END("1006", "lost"),
      LOG_OPEN LOG_END("1006", "lost"), LOG_BIG LOG_END("1006", "lost")},
     {LOG_END("1015", "tls")}},
    {"half-close",
     {NULL, LOG_END("1006", "handshake"), LOG_OPEN LOG_END("1006", "lost"),
      LOG_OPEN LOG_END("1006", "lost"), LOG_BIG LOG_END("1006", "lost")},
     {LOG_END("1015", "tls")}},
    {"black-hole",
     {NULL, LOG_END("1006", "timeout"), LOG_OPEN LOG_END("1006", "timeout"),
      LOG_OPEN LOG_END("1006", "timeout"), LOG_BIG LOG_END("1006", "timeout")},
     {LOG_END("1006", "timeout")}},
    /* A frame twice is a message twice; a TLS record twice is an attack. */
    {"duplicate",
     {NULL, LOG_OPEN LOG_END("1006", "protocol"), NULL, NULL, NULL},
     {LOG_END("1015", "tls"), NULL, NULL, LOG_OPEN LOG_END("1006", "*"),
      NULL}},
    /* TLS counts its records: one that is not in its place is an attack. Behind
       the peer's Close frame nothing matters any more. */
    {"swap-records",
     {NULL},
     {LOG_END("1015", "tls"), NULL, LOG_OPEN LOG_FORGED, LOG_OPEN LOG_FORGED,
      LOG_BIG LOG_FORGED}},
    {"double-record",
     {NULL},
     {LOG_END("1015", "tls"), NULL, LOG_OPEN LOG_FORGED, LOG_OPEN LOG_FORGED,
      LOG_FINE}},
};

static void run_matrix(enum way way, bool tls) {
    /* Deadlines are for what only they can end: elsewhere a machine that
       stands still for a moment must change nothing. */
    wskt_config *hurried = hurried_config();
    wskt_config *config = trusting_config();
    size_t i;
    int phase;
    fill_quarantine(way);
    for (i = 0; i < sizeof matrix / sizeof matrix[0]; i++) {
        for (phase = 0; phase < PHASES; phase++) {
            const char *log = matrix[i].ws[phase];
            if (tls && matrix[i].wss[phase] != NULL) {
                log = matrix[i].wss[phase];
            }
            if ((!tls && phase == TLS) || (tls && phase == UPGRADE)) {
                /* In the clear there is no TLS; where the upgrade begins in
                   TLS the proxy cannot tell. */
                continue;
            }
            if (tls && strcmp(matrix[i].fault, "duplicate") == 0 &&
                matrix[i].wss[phase] == NULL) {
                continue;
            }
            if (log != NULL) {
                const char *fault = matrix[i].fault;
                settle(way, tls, (enum phase)phase, fault,
                       strcmp(fault, "black-hole") == 0 ? hurried : config,
                       log);
            }
        }
    }
    wskt_config_free(hurried);
    wskt_config_free(config);
}

static void blocking_ws(void) {
    run_matrix(WAY_BLOCKING, false);
}

static void blocking_wss(void) {
    run_matrix(WAY_BLOCKING, true);
}

static void thread_ws(void) {
    run_matrix(WAY_THREAD, false);
}

static void thread_wss(void) {
    run_matrix(WAY_THREAD, true);
}

/* Once it is open, the program waits until half a TLS record and the FIN
   behind it are there, and nothing else: the poller tells of both at once,
   and only once. */
static void wait_for_the_end(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        ask_proxy("now %d\n", *(int *)party->data);
    }
}

static void fin_behind_half_a_record(void) {
    wskt_config *config = trusting_config();
    int way;
    for (way = 0; way < WAYS; way++) {
        struct party party;
        struct text url = {0};
        int proxy = ask_proxy("make %d half-close %d\n", port("wss"), 10000);
        text_add(&url, "wss://127.0.0.1:%d/s/binn%%20%d;echo-until-close", proxy,
                 LARGE);
        party_make(&party, (enum way)way, NULL, text_of(&url), config);
        party.on_event = wait_for_the_end;
        party.data = &proxy;
        party_start(&party);
        party_drive(&party);
        party_check_closed(&party);
        if (!text_like(text_of(&party.log), LOG_OPEN LOG_END("1006", "lost"))) {
            FAIL("%s: the log is\n%s", party.name, text_of(&party.log));
        }
        party_free(&party);
        text_free(&url);
    }
    wskt_config_free(config);
}

/* Nobody listens; the backlog is full; the peer never says a word. */
static void connecting(void) {
    wskt_config *config = hurried_config();
    OK(wskt_config_set_connect_timeout(config, patient_ms(DEADLINE_MS)));
    expect_log("refused", "none", config, LOG_END("1006", "connect"));
    expect_log("full", "none", config, LOG_END("1006", "timeout"));
    expect_log("blackhole", "none", config, LOG_END("1006", "timeout"));
    wskt_config_free(config);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(blocking_ws), CASE(blocking_wss), CASE(thread_ws),
        CASE(thread_wss),  CASE(fin_behind_half_a_record),
        CASE(connecting),
    };
    /* Reading the system's certificates takes time, and none is needed. */
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    return CASES(argc, argv, cases);
}
