/* What arrived in time counts, however late the program lets the library look:
   between two blocking calls, and while a handler takes its time. */
#include "support/ways.h"

static wskt_config *patient_config(void) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_linger_timeout(config, limit_ms()));
    OK(wskt_config_set_close_timeout(config, limit_ms()));
    return config;
}

static void await_mark(const char *id, const char *mark) {
    struct text name = {0};
    text_add(&name, "%s-%s", id, mark);
    wait_mark(text_of(&name));
    text_free(&name);
}

static void signal_script(const char *id, const char *name) {
    struct text signal = {0};
    text_add(&signal, "%s-%s", id, name);
    signal_server(text_of(&signal));
    text_free(&signal);
}

static wskt_socket *open_blocking(const char *url, const wskt_config *config) {
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    return socket;
}

/* A message for the idle deadline, and the answer to our Close. */
static void what_arrived_between_two_calls(const char *port_name) {
    int deadline = patient_ms(1000);
    wskt_config *config = patient_config();
    const char *id = new_id();
    char *url = script_url(port_name,
                           "text one; wait $ID-go; text two; mark $ID-sent;"
                           "answer-close; mark $ID-answered; fin",
                           id);
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_config_set_idle_timeout(config, deadline));
    OK(wskt_config_set_close_timeout(config, deadline));
    socket = open_blocking(url, config);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(as_message(event)->len, 3);
    signal_script(id, "go");
    await_mark(id, "sent");
    pause_ms(deadline + 100);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_close(socket, 3000, "x", 1));
    await_mark(id, "answered");
    pause_ms(deadline + 100);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    CHECK_INT(as_close(event)->code, 3000);
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
}

/* The kernel would have taken bytes before the deadline. */
static void room_between_two_calls(void) {
    int deadline = patient_ms(1000);
    size_t size = (size_t)8 << 20;
    unsigned char *bytes = pattern_binary(size);
    wskt_config *config = patient_config();
    const char *id = new_id();
    char *url = script_url("ws",
                           "rcvbuf 32768; stop-reading; wait $ID-go;"
                           "resume-reading; mark $ID-reads; recv; text got;"
                           "answer-close; fin",
                           id);
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_config_set_send_timeout(config, deadline));
    socket = open_blocking(url, config);
    OK(wskt_socket_interrupt(socket)); /* the send must not wait it out */
    OK(wskt_socket_send_binary(socket, bytes, size));
    CHECK(wskt_socket_buffered_amount(socket) > 0);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_INTERRUPTED);
    RESULT(wskt_socket_recv(socket, 1, &event), WSKT_ERR_TIMEOUT);
    signal_script(id, "go");
    await_mark(id, "reads");
    pause_ms(deadline + 100);
    do {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    } while (event->type == WSKT_EVENT_DRAIN);
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(bytes);
    free(url);
}

/* The handler of another socket of the loop that takes its time. */
struct busy {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool inside, released;
};

static void take_time(struct party *party, const wskt_event *event) {
    struct busy *busy = party->data;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    pthread_mutex_lock(&busy->mutex);
    busy->inside = true;
    pthread_cond_broadcast(&busy->changed);
    while (!busy->released) {
        pthread_cond_wait(&busy->changed, &busy->mutex);
    }
    pthread_mutex_unlock(&busy->mutex);
    OK(wskt_socket_close(party->socket, 1000, NULL, 0));
}

static void what_arrived_during_a_callback(void) {
    int deadline = patient_ms(400);
    struct busy busy = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    struct party party, other;
    wskt_config *config = patient_config(), *plain = patient_config();
    const char *id = new_id(), *other_id = new_id();
    char *url = script_url("ws", "answer-close; mark $ID-answered; fin", id);
    char *other_url = script_url(
        "ws", "wait $ID-go; text busy; answer-close; fin", other_id);
    wskt_loop *loop;
    OK(wskt_config_set_close_timeout(config, deadline));
    OK(wskt_loop_new(&loop));
    OK(wskt_loop_start(loop));
    party_make(&party, WAY_THREAD, loop, url, config);
    party_make(&other, WAY_THREAD, loop, other_url, plain);
    other.on_event = take_time;
    other.data = &busy;
    party_start(&party);
    party_start(&other);
    party_await_open(&party);
    party_await_open(&other);
    signal_script(other_id, "go");
    pthread_mutex_lock(&busy.mutex);
    while (!busy.inside) {
        pthread_cond_wait(&busy.changed, &busy.mutex);
    }
    pthread_mutex_unlock(&busy.mutex);
    OK(wskt_socket_close(party.socket, 3000, "x", 1));
    await_mark(id, "answered");
    pause_ms(deadline + 100);
    pthread_mutex_lock(&busy.mutex);
    busy.released = true;
    pthread_cond_broadcast(&busy.changed);
    pthread_mutex_unlock(&busy.mutex);
    party_drive(&party);
    party_drive(&other);
    CHECK_STR(text_of(&party.log),
              "open/1\nclose/3 3000 \"x\" clean peer=3000 local \"\"\n");
    party_free(&party);
    party_free(&other);
    OK(wskt_loop_free(loop));
    wskt_config_free(config);
    wskt_config_free(plain);
    free(url);
    free(other_url);
}

int main(void) {
    begin();
    now_testing("what_arrived_between_two_calls");
    what_arrived_between_two_calls("ws");
    what_arrived_between_two_calls("wss");
    RUN(room_between_two_calls);
    RUN(what_arrived_during_a_callback);
    return end();
}
