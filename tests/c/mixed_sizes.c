/* Messages of random sizes in random order, whole and in fragments, with pings
   between, cut and gathered at random: every way of driving tells what was
   sent, and answers each. In every other round pauses and chunks come and go:
   in the others nothing keeps a connection from its short ways. Two rounds have
   the usual read buffer, two a wide one, two a small one. */
#include "support/ways.h"

enum { ITEMS = 40, MOST = 3 << 20, ROUNDS = 8 };

static const size_t read_buffers[] = {65536, 1 << 20, 4096, 0};

/* The same numbers in every run. */
static uint32_t state;

static uint32_t random_below(uint32_t limit) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

static bool one_in(uint32_t n) { return random_below(n) == 0; }

/* Sizes around the ends of headers and buffers, and far from them. */
static size_t random_size(size_t *left) {
    static const size_t edges[] = {0,     125,   126,   4096,  32767, 32768,
                                   65525, 65535, 65536, 66038, 66048, 262144};
    size_t size;
    switch (random_below(8)) {
        case 0:
            size = edges[random_below(sizeof edges / sizeof edges[0])];
            break;
        case 1:
            size = 32000 + random_below(36000);
            break;
        case 2:
            size = 66000 + random_below(600000);
            break;
        case 3:
            size = 1 << 20;
            size += one_in(2) ? random_below(2 << 20) : 0;
            break;
        case 4:
            size = random_below(20000);
            break;
        default:
            size = random_below(300);
            break;
    }
    size = size < *left ? size : random_below(300);
    *left -= size < *left ? size : *left;
    return size;
}

/* What the server is told to do, and what is to come of it. */
struct plan {
    struct text script;
    struct text log;
    int messages;
    size_t read_buffer;
    bool calm;
};

static unsigned char *binary;
static char *letters;

static void add_payload(struct text *to, bool text, size_t size) {
    text_add_bytes(to, text ? (void *)letters : (void *)binary, size);
}

static void add_message(struct plan *plan, const struct text *payload,
                        bool text) {
    text_add(&plan->log, "%s/1 ", text ? "text" : "binary");
    text_quote(&plan->log, payload->at, payload->len);
    text_add(&plan->log, "\n");
    plan->messages += 1;
}

static void add_ping(struct plan *plan) {
    unsigned number = random_below(1000);
    text_add(&plan->script, "ping p%u;", number);
    if (!plan->calm) {
        text_add(&plan->log, "ping/1 \"p%u\"\n", number);
    }
}

static void add_fragments(struct plan *plan, bool text, size_t *left) {
    struct text payload = {0};
    int count = 2 + (int)random_below(3), i;
    for (i = 0; i < count; i++) {
        size_t size = random_size(left);
        text_add(&plan->script, "frame opcode=%s fin=%d %s=pat:%zu;",
                 i > 0  ? "cont"
                 : text ? "text"
                        : "binary",
                 i == count - 1, text ? "text" : "payload", size);
        add_payload(&payload, text, size);
        if (i < count - 1 && one_in(3)) {
            add_ping(plan);
        }
    }
    add_message(plan, &payload, text);
    text_free(&payload);
}

static void make_plan(struct plan *plan, uint32_t seed, bool calm) {
    size_t left = MOST;
    bool held = false;
    int i;
    state = seed * 2654435761u;
    memset(plan, 0, sizeof *plan);
    plan->calm = calm;
    text_add(&plan->log, "open/1\n");
    for (i = 0; i < ITEMS; i++) {
        struct text payload = {0};
        bool text = one_in(4);
        size_t size;
        if (one_in(8)) {
            static const int pieces[] = {0, 1460, 4096, 30000, 65536, 70000};
            text_add(&plan->script, "split %d;", pieces[random_below(6)]);
        }
        if (one_in(6)) {
            text_add(&plan->script, held ? "flush;" : "hold;");
            held = !held;
        }
        if (one_in(12)) {
            text_add(&plan->script, "sleep 2;");
        }
        if (one_in(8)) {
            add_ping(plan);
        }
        if (one_in(6)) {
            add_fragments(plan, text, &left);
            continue;
        }
        size = random_size(&left);
        text_add(&plan->script, "%s %zu;", text ? "textn" : "binn", size);
        add_payload(&payload, text, size);
        add_message(plan, &payload, text);
        text_free(&payload);
    }
    text_add(&plan->script, "flush; recvn %d; close 1000; expect-close;"
                            "half-close", plan->messages);
    text_add(&plan->log, "close/3 1000 \"\" clean peer=1000 peer \"\"\n");
}

/* The messages the server got; of pings that wait, only the newest is answered. */
static void check_answers(const struct report *report, int messages) {
    const char *line = text_of(&report->frames);
    struct text wanted = {0}, got = {0};
    int i;
    for (i = 1; i <= messages; i++) {
        text_add(&wanted, "text \"%d\"\n", i);
    }
    text_add(&wanted, "close 1000 \"\"\n");
    while (*line != 0) {
        size_t len = strcspn(line, "\n") + 1;
        if (strncmp(line, "pong ", 5) != 0) {
            text_add_bytes(&got, line, len);
        }
        line += len;
    }
    CHECK_STR(text_of(&got), text_of(&wanted));
    CHECK_STR(report->errors, "[]");
    text_free(&wanted);
    text_free(&got);
}

/* A thread that resumes the socket whenever the handler has paused it. */
struct resumer {
    const struct plan *plan;
    wskt_socket *socket;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool paused;
    bool over;
};

static void *resume(void *argument) {
    struct resumer *resumer = argument;
    pthread_mutex_lock(&resumer->mutex);
    while (!resumer->over || resumer->paused) {
        if (resumer->paused) {
            resumer->paused = false;
            OK(wskt_socket_resume(resumer->socket));
        } else {
            pthread_cond_wait(&resumer->changed, &resumer->mutex);
        }
    }
    pthread_mutex_unlock(&resumer->mutex);
    return NULL;
}

static void tell(struct resumer *resumer, bool *what) {
    pthread_mutex_lock(&resumer->mutex);
    *what = true;
    pthread_cond_signal(&resumer->changed);
    pthread_mutex_unlock(&resumer->mutex);
}

static void answer(struct party *party, const wskt_event *event) {
    struct resumer *resumer = party->data;
    char text[16];
    bool whole = event->type == WSKT_EVENT_MESSAGE ||
                 (event->type == WSKT_EVENT_MESSAGE_CHUNK &&
                  as_chunk(event)->last);
    if (!whole) {
        return;
    }
    snprintf(text, sizeof text, "%d", party->messages);
    OK(wskt_socket_send_text(party->socket, text, strlen(text)));
    if (resumer->plan->calm) {
        return;
    }
    if (party->messages % 11 == 3) {
        party_hear_chunks(party);
    } else if (party->messages % 11 == 5) {
        OK(wskt_socket_set_on_message_chunk(party->socket, NULL));
    }
    if (party->messages % 7 == 2) {
        OK(wskt_socket_pause(party->socket));
        tell(resumer, &resumer->paused);
    }
}

static void run_plan(const struct plan *plan, enum way way,
                     const char *port_name) {
    struct resumer resumer;
    struct report report;
    struct party party;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *url = script_url(port_name, text_of(&plan->script), id);
    pthread_t thread;
    OK(wskt_config_set_read_buffer(config, plan->read_buffer));
    memset(&resumer, 0, sizeof resumer);
    pthread_mutex_init(&resumer.mutex, NULL);
    pthread_cond_init(&resumer.changed, NULL);
    party_make(&party, way, NULL, url, config);
    if (!plan->calm) {
        party_hear_pings(&party);
    }
    party.on_event = answer;
    party.data = &resumer;
    resumer.plan = plan;
    resumer.socket = party.socket;
    CHECK_INT(pthread_create(&thread, NULL, resume, &resumer), 0);
    party_start(&party);
    party_drive(&party);
    tell(&resumer, &resumer.over);
    pthread_join(thread, NULL);
    if (strcmp(text_of(&party.log), text_of(&plan->log)) != 0) {
        FAIL("%s %s: %s\ntold:\n%s\nwanted:\n%s", way_name(way), port_name,
             text_of(&plan->script), text_of(&party.log), text_of(&plan->log));
    }
    party_free(&party);
    get_report(&report, id);
    check_answers(&report, plan->messages);
    free_report(&report);
    pthread_mutex_destroy(&resumer.mutex);
    pthread_cond_destroy(&resumer.changed);
    wskt_config_free(config);
    free(url);
}

/* A pull with a limit ends by then, if the front of a large message comes
   meanwhile and nothing after it. The quickest of three, as others want the
   processor too. */
static void a_pull_ends_in_time(void) {
    double quickest = 1e9;
    int i;
    for (i = 0; i < 3; i++) {
        const char *id = new_id();
        char *url = script_url("ws",
                               "binn 1000000; wait $ID-go; sleep 90;"
                               "raw 827f00000000000f4240ffff;"
                               "wait $ID-end; close-tcp",
                               id);
        struct text go = {0}, end_name = {0};
        const wskt_event *event;
        wskt_socket *socket;
        double begun;
        text_add(&go, "%s-go", id);
        text_add(&end_name, "%s-end", id);
        OK(wskt_socket_new(NULL, url, NULL, &socket));
        OK(wskt_socket_connect(socket, limit_ms()));
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(as_message(event)->len, 1000000);
        signal_server(text_of(&go));
        begun = now_ms();
        RESULT(wskt_socket_recv(socket, 150, &event), WSKT_ERR_TIMEOUT);
        begun = now_ms() - begun;
        quickest = begun < quickest ? begun : quickest;
        signal_server(text_of(&end_name));
        wskt_socket_free(socket);
        text_free(&go);
        text_free(&end_name);
        free(url);
    }
    CHECK(quickest >= 149);
    if (!is_slow() && quickest > 175) {
        FAIL("a pull of 150 ms took %.0f ms", quickest);
    }
}

int main(void) {
    const char *seed_given = getenv("WSKT_SEED");
    uint32_t seed = seed_given != NULL ? (uint32_t)atoi(seed_given) : 1;
    const char *rounds_given = getenv("WSKT_ROUNDS");
    int rounds = rounds_given != NULL ? atoi(rounds_given) : ROUNDS;
    int way, round;
    begin();
    RUN(a_pull_ends_in_time);
    binary = pattern_binary((size_t)MOST);
    letters = pattern_text((size_t)MOST);
    for (round = 0; round < rounds; round++) {
        struct plan plan;
        make_plan(&plan, seed + (uint32_t)round, round % 2 == 0);
        plan.read_buffer = read_buffers[round / 2 % 4];
        for (way = 0; way < WAYS; way++) {
            now_testing(way_name((enum way)way));
            run_plan(&plan, (enum way)way, "ws");
            run_plan(&plan, (enum way)way, "wss");
        }
        text_free(&plan.script);
        text_free(&plan.log);
    }
    free(binary);
    free(letters);
    return end();
}
