/* libsoup 3 on GLib's main loop. */
#define _GNU_SOURCE
#include "../clients/bench.h"

#include <libsoup/soup.h>

static struct bench bench;
static GMainLoop *loop;
static SoupSession *session;
static SoupWebsocketConnection **all;
static size_t opened;
static uint64_t sent;
static uint64_t done;

static void connect_next(void);

static void send_one(SoupWebsocketConnection *connection) {
    SoupWebsocketDataType type = bench.kind[0] == 'b'
                                     ? SOUP_WEBSOCKET_DATA_BINARY
                                     : SOUP_WEBSOCKET_DATA_TEXT;
    GBytes *bytes = g_bytes_new_static(bench.payload, bench.size);
    soup_websocket_connection_send_message(connection, type, bytes);
    g_bytes_unref(bytes);
    sent++;
}

static void finish(void) {
    bench_end(&bench);
    g_main_loop_quit(loop);
}

static void on_message(SoupWebsocketConnection *connection, int type,
                       GBytes *message, gpointer data) {
    gsize len;
    const void *bytes = g_bytes_get_data(message, &len);
    (void)type;
    (void)data;
    if (bench_is(&bench, "send-joined")) {
        bench_check_sink(&bench, bytes, len);
        finish();
        return;
    }
    bench_check(&bench, bytes, len);
    if (++done == bench.count) {
        finish();
    } else if (bench_is(&bench, "fan") ||
               (!bench_is(&bench, "receive") && sent < bench.count)) {
        send_one(connection);
    }
}

static void start(SoupWebsocketConnection *connection) {
    bench_begin(&bench);
    if (bench_is(&bench, "receive")) {
        soup_websocket_connection_send_binary(connection, "go", 2);
    } else {
        uint64_t window = bench_is(&bench, "pipeline")      ? BENCH_WINDOW
                          : bench_is(&bench, "send-joined") ? bench.count
                                                            : 1;
        while (sent < window) {
            send_one(connection);
        }
    }
}

static void on_closed(SoupWebsocketConnection *connection, gpointer data) {
    (void)data;
    if (bench_is(&bench, "openclose")) {
        g_object_unref(connection);
        if (++done == bench.count) {
            finish();
        } else {
            connect_next();
        }
    }
}

static void on_open(GObject *source, GAsyncResult *result, gpointer data) {
    GError *error = NULL;
    SoupWebsocketConnection *connection = soup_session_websocket_connect_finish(
        SOUP_SESSION(source), result, &error);
    (void)data;
    if (connection == NULL) {
        bench_die("no connection: %s", error->message);
    }
    soup_websocket_connection_set_max_incoming_payload_size(connection,
                                                            64u << 20);
    g_signal_connect(connection, "message", G_CALLBACK(on_message), NULL);
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), NULL);
    if (bench_is(&bench, "openclose")) {
        soup_websocket_connection_close(connection,
                                        SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
        return;
    }
    all[opened++] = connection;
    if (opened < bench.connections) {
        connect_next();
    } else if (bench_is(&bench, "idle")) {
        finish();
    } else {
        start(connection);
    }
}

static void connect_next(void) {
    SoupMessage *message = soup_message_new("GET", bench.url);
    soup_message_disable_feature(message, SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
    soup_session_websocket_connect_async(session, message, NULL, NULL,
                                         G_PRIORITY_DEFAULT, NULL, on_open,
                                         NULL);
    g_object_unref(message);
}

int main(int argc, char **argv) {
    static const char *known[] = {"pingpong",    "pipeline",  "receive", "fan",
                                  "send-joined", "openclose", "idle"};
    bool found = false;
    bench_init(&bench, argc, argv);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        found |= bench_is(&bench, known[i]);
    }
    if (!found || bench.tls) {
        return BENCH_UNSUPPORTED;
    }
    if (bench_is(&bench, "idle")) {
        bench.connections = bench.count;
    }
    all = calloc(bench.connections, sizeof(SoupWebsocketConnection *));
    loop = g_main_loop_new(NULL, FALSE);
    session = soup_session_new_with_options(
        "max-conns", (int)(bench.connections + 8), "max-conns-per-host",
        (int)(bench.connections + 8), NULL);
    if (bench_is(&bench, "idle") || bench_is(&bench, "openclose")) {
        bench.rss_began = bench_rss();
        bench_begin(&bench);
    }
    connect_next();
    g_main_loop_run(loop);
    _exit(0);
}
