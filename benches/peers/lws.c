/* libwebsockets: its own event loop, one message for each writeable callback,
   as its documentation asks for; no extensions; a large receive buffer. */
#define _GNU_SOURCE
#include "../clients/bench.h"

#include <libwebsockets.h>

enum { RX_BUFFER = 128 * 1024 };

struct session {
    struct lws *wsi;
    unsigned char *message; /* what came of it so far */
    size_t len;
    size_t room;
    uint64_t waiting; /* messages to be sent */
};

static struct bench bench;
static struct lws_context *context;
static struct session *sessions;
static unsigned char *frame; /* LWS_PRE bytes, then the payload */
static size_t opened;
static uint64_t begun; /* messages sent or waiting */
static uint64_t done;
static bool finished;
static bool go_is_due;

static void connect_next(size_t index) {
    static char host[96];
    struct lws_client_connect_info info = {0};
    snprintf(host, sizeof host, "%s:%d", bench.host, bench.port);
    info.context = context;
    info.address = bench.host;
    info.port = bench.port;
    info.path = bench.path;
    info.host = host;
    info.origin = NULL;
    info.ssl_connection = bench.tls ? LCCSCF_USE_SSL : 0;
    info.local_protocol_name = "bench";
    info.pwsi = &sessions[index].wsi;
    info.opaque_user_data = &sessions[index];
    if (lws_client_connect_via_info(&info) == NULL) {
        bench_die("lws_client_connect_via_info");
    }
}

static void ask(struct session *session, uint64_t messages) {
    session->waiting += messages;
    begun += messages;
    lws_callback_on_writable(session->wsi);
}

static void finish(void) {
    bench_end(&bench);
    finished = true;
    lws_cancel_service(context);
}

static void start(struct session *session) {
    opened++;
    if (bench_is(&bench, "openclose")) {
        lws_callback_on_writable(session->wsi);
        return;
    }
    if (opened < bench.connections) {
        connect_next(opened);
        return;
    }
    if (bench_is(&bench, "idle")) {
        finish();
        return;
    }
    bench_begin(&bench);
    if (bench_is(&bench, "receive")) {
        go_is_due = true;
        lws_callback_on_writable(session->wsi);
    } else if (bench_is(&bench, "send")) {
        ask(session, bench.count);
    } else {
        ask(session, bench_is(&bench, "pipeline") ? BENCH_WINDOW : 1);
    }
}

static void write_one(struct session *session) {
    enum lws_write_protocol kind =
        bench.kind[0] == 'b' ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (go_is_due) {
        unsigned char go[LWS_PRE + 2] = {0};
        memcpy(go + LWS_PRE, "go", 2);
        go_is_due = false;
        if (lws_write(session->wsi, go + LWS_PRE, 2, LWS_WRITE_BINARY) < 2) {
            bench_die("lws_write");
        }
        return;
    }
    if (session->waiting == 0) {
        return;
    }
    session->waiting--;
    /* lws masks in place: the payload is laid anew each time. */
    memcpy(frame + LWS_PRE, bench.payload, bench.size);
    if (lws_write(session->wsi, frame + LWS_PRE, bench.size, kind) < 0) {
        bench_die("lws_write");
    }
    if (session->waiting > 0) {
        lws_callback_on_writable(session->wsi);
    }
}

static void take(struct session *session, const void *bytes, size_t len) {
    if (bench_is(&bench, "send")) {
        bench_check_sink(&bench, bytes, len);
        finish();
        return;
    }
    bench_check(&bench, bytes, len);
    done++;
    if (done == bench.count) {
        finish();
    } else if (bench_is(&bench, "fan") ||
               (!bench_is(&bench, "receive") && begun < bench.count)) {
        ask(session, 1);
    }
}

/* A message may come in parts: lws hands on what it has read. */
static void gather(struct session *session, struct lws *wsi, const void *bytes,
                   size_t len) {
    bool whole = lws_is_final_fragment(wsi);
    if (session->len == 0 && whole) {
        take(session, bytes, len);
        return;
    }
    if (session->len + len > session->room) {
        session->room = 2 * (session->len + len);
        session->message = realloc(session->message, session->room);
        if (session->message == NULL) {
            bench_die("no memory");
        }
    }
    memcpy(session->message + session->len, bytes, len);
    session->len += len;
    if (whole) {
        size_t all = session->len;
        session->len = 0;
        take(session, session->message, all);
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
                    void *user, void *in, size_t len) {
    struct session *session =
        wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        start(session);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (bench_is(&bench, "openclose")) {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
            return -1;
        }
        write_one(session);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        gather(session, wsi, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        bench_die("no connection: %s", in != NULL ? (char *)in : "?");
        return -1;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (bench_is(&bench, "openclose")) {
            if (++done == bench.count) {
                finish();
            } else {
                connect_next(0);
            }
        }
        return 0;
    default:
        return 0;
    }
}

int main(int argc, char **argv) {
    static const struct lws_protocols protocols[] = {
        {"bench", on_event, 0, RX_BUFFER, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
    static const char *known[] = {"pingpong", "pipeline",  "receive", "send",
                                  "fan",      "openclose", "idle"};
    struct lws_context_creation_info info = {0};
    bool found = false;
    bench_init(&bench, argc, argv);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        found |= bench_is(&bench, known[i]);
    }
    if (!found) {
        return BENCH_UNSUPPORTED;
    }
    if (bench_is(&bench, "idle")) {
        bench.connections = bench.count;
    }
    sessions = calloc(bench.connections, sizeof *sessions);
    frame = calloc(1, LWS_PRE + bench.size);
    lws_set_log_level(LLL_ERR, NULL);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.client_ssl_ca_filepath = bench.ca;
    info.pt_serv_buf_size = RX_BUFFER;
    if ((context = lws_create_context(&info)) == NULL) {
        bench_die("lws_create_context");
    }
    if (bench_is(&bench, "idle") || bench_is(&bench, "openclose")) {
        bench.rss_began = bench_rss();
        bench_begin(&bench);
    }
    connect_next(0);
    while (!finished && lws_service(context, 0) >= 0) {
    }
    _exit(finished ? 0 : 1);
}
