/* Abort from another thread, in every phase of a connection: error and close
   come at once. */
#include "support/ways.h"

#include <netdb.h>
#include <unistd.h>

/* The longest time from abort to the close event, in milliseconds. */
#define AT_ONCE 50
/* A loaded machine may be late; a library that waits is so every time. */
#define TRIES 5

/* The library's lookups come here and last until the test ends. */
static int forever[2];
/* How many have ended. */
static int ended;

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
    char byte;
    (void)node;
    (void)service;
    (void)hints;
    (void)result;
    CHECK(read(forever[0], &byte, 1) == 0);
    __atomic_add_fetch(&ended, 1, __ATOMIC_RELEASE);
    return EAI_AGAIN;
}

struct phase {
    const char *name;
    /* The line of the log that tells that it has begun. */
    const char *line;
    /* A URL, or a port and a script or NULL. */
    const char *url;
    const char *port;
    const char *script;
    /* KIND of a proxy and the port it is on; its password. */
    const char *proxy;
    const char *proxy_port;
    const char *password;
    /* close() in on_open. */
    bool closes;
    const char *log;
};

#define ABORTED                                                     \
    "error/3 abort \"aborted by the program\"\n"                    \
    "close/3 1006 \"\" unclean peer=0 abort \"aborted by the program\"\n"

static const struct phase phases[] = {
    {"resolving", "resolving", "ws://slow.test/", NULL, NULL, NULL, NULL, NULL,
     false, ABORTED},
    {"dialing", "connecting to", NULL, "full", NULL, NULL, NULL, NULL, false,
     ABORTED},
    {"asking a proxy", "asking the proxy", NULL, "ws", NULL, "http", "ws",
     "none; expect-fin", false, ABORTED},
    {"asking SOCKS", "asking the proxy", NULL, "ws", NULL, "socks5", "ws",
     "stall", false, ABORTED},
    {"TLS with a proxy", "starting TLS with the proxy", NULL, "ws", NULL,
     "https", "blackhole", "", false, ABORTED},
    {"TLS", "starting TLS", "wss", "blackhole", NULL, NULL, NULL, NULL, false,
     ABORTED},
    {"upgrading", "upgrading", NULL, "ws", "none; expect-fin", NULL, NULL,
     NULL, false, ABORTED},
    {"upgrading over TLS", "upgrading", NULL, "wss", "none; expect-fin", NULL,
     NULL, NULL, false, ABORTED},
    {"open", ": open", NULL, "ws", "expect-rst", NULL, NULL, NULL, false,
     "open/1\n" ABORTED},
    {"open over TLS", ": open", NULL, "wss", "expect-rst", NULL, NULL, NULL,
     false, "open/1\n" ABORTED},
    {"closing", ": open", NULL, "ws", "expect-close; expect-rst", NULL, NULL,
     NULL, true, "open/1\n" ABORTED},
    {"lingering", "received Close", NULL, "ws",
     "close 1001 x; expect-close; expect-fin", NULL, NULL, NULL, false,
     "open/1\nclose/3 1001 \"x\" clean peer=1001 peer \"\"\n"},
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *line;
    bool seen;
} watch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "", false};

static void on_log(wskt_log_level level, const char *message, size_t len,
                   void *user_data) {
    char line[256];
    (void)level;
    (void)user_data;
    snprintf(line, sizeof line, "%.*s", (int)len, message);
    pthread_mutex_lock(&watch.mutex);
    watch.seen = watch.seen || strstr(line, watch.line) != NULL;
    pthread_cond_broadcast(&watch.changed);
    pthread_mutex_unlock(&watch.mutex);
}

struct aborter {
    wskt_socket *socket;
    double at;
};

static void *abort_it(void *argument) {
    struct aborter *aborter = argument;
    pthread_mutex_lock(&watch.mutex);
    while (!watch.seen) {
        pthread_cond_wait(&watch.changed, &watch.mutex);
    }
    pthread_mutex_unlock(&watch.mutex);
    /* The driver writes the line before it goes to wait. */
    pause_ms(5);
    aborter->at = now_ms();
    OK(wskt_socket_abort(aborter->socket));
    return NULL;
}

static void close_it(struct party *party, const wskt_event *event) {
    const struct phase *phase = party->data;
    if (event->type == WSKT_EVENT_OPEN && phase->closes) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* How long the close event took. */
static double run_once(enum way way, const struct phase *phase) {
    wskt_config *config = trusting_config();
    struct text url = {0};
    struct text proxy = {0};
    struct aborter aborter;
    struct party party;
    pthread_t thread;
    double took;
    if (phase->port == NULL) {
        text_add(&url, "%s", phase->url);
    } else if (phase->script != NULL) {
        char *made = script_url(phase->port, phase->script, new_id());
        text_add(&url, "%s", made);
        free(made);
    } else {
        text_add(&url, "%s://127.0.0.1:%d/",
                 phase->url == NULL ? "ws" : phase->url, port(phase->port));
    }
    if (phase->proxy != NULL) {
        const char *at = phase->password;
        text_add(&proxy, "%s://u:", phase->proxy);
        for (; *at != '\0'; at++) {
            text_add(&proxy, "%%%02X", (unsigned char)*at);
        }
        text_add(&proxy, "@127.0.0.1:%d", port(phase->proxy_port));
        OK(wskt_config_set_proxy(config, text_of(&proxy)));
    }
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = close_it;
    party.data = (void *)phase;
    aborter.socket = party.socket;
    pthread_mutex_lock(&watch.mutex);
    watch.line = phase->line;
    watch.seen = false;
    pthread_mutex_unlock(&watch.mutex);
    CHECK(pthread_create(&thread, NULL, abort_it, &aborter) == 0);
    party_start(&party);
    party_drive(&party);
    CHECK(pthread_join(thread, NULL) == 0);
    if (strcmp(text_of(&party.log), phase->log) != 0) {
        FAIL("%s, %s:\n%s", phase->name, way_name(way), text_of(&party.log));
    }
    took = wskt_socket_close_event(party.socket)->head.timestamp - aborter.at;
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    text_free(&url);
    text_free(&proxy);
    return took;
}

static void every_phase(void) {
    size_t i;
    int way;
    for (i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            double took = run_once((enum way)way, &phases[i]);
            int tries = 1;
            while (took > AT_ONCE && tries < TRIES) {
                took = run_once((enum way)way, &phases[i]);
                tries += 1;
            }
            if (took > patient_ms(AT_ONCE)) {
                FAIL("%s, %s: it took %.0f ms", phases[i].name,
                     way_name((enum way)way), took);
            }
        }
    }
}

int main(void) {
    /* Reading the system's certificates takes time, and none is needed. */
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    begin();
    CHECK(pipe(forever) == 0);
    OK(wskt_log_set(WSKT_LOG_DEBUG, on_log, NULL));
    RUN(every_phase);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    close(forever[1]);
    wait_for_threads();
    CHECK(__atomic_load_n(&ended, __ATOMIC_ACQUIRE) > 0);
    close(forever[0]);
    return end();
}
