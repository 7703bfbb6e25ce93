/* Carries out rows.

   Client: WHEN is `before` (the socket is opened), `open`, `message`,
   `messageN` (the Nth), `error`, `close`, `drain`, `chunk`, `chunkN`, or `beside` (one after the
   other in a thread of its own, started before the socket is opened).
   COMMAND is close [CODE [REASON]], text STR, plain STR (never compressed), binary SIZE, ping STR, abort,
   pause, resume, buffered (logs the amount), signal NAME, mark NAME (waits
   for it), wait-buffered N (until at least so much is buffered), wait-state N
   (until the ready state is at least N). A STR may be rep:CHARACTER:COUNT or
   hex:HEX. */
#include "scenario.h"

struct variant {
    bool browser;
    bool split;
    bool tls;
};

struct job {
    const struct row *row;
    struct variant variant;
    enum way way;
    const char *id;
    /* What the commands before the start were refused with. A loop's thread
       may be at work by then, and the log is its own. */
    struct text before;
    struct party party;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int failures;
bool rows_in_chunks;
/* For rows without settings, strict and browser mode: one loaded set of
   certificates serves them all. */
static wskt_config *shared[2];

/* Replaces $ID in a word. */
static char *with_id(const char *word, const char *id) {
    struct text out = {0};
    const char *at;
    while ((at = strstr(word, "$ID")) != NULL) {
        text_add_bytes(&out, word, (size_t)(at - word));
        text_add(&out, "%s", id);
        word = at + 3;
    }
    text_add(&out, "%s", word);
    return out.at;
}

/* A STR argument. */
static void add_made(struct text *out, const char *word) {
    unsigned value;
    int count;
    char letter;
    if (sscanf(word, "rep:%c:%d", &letter, &count) == 2) {
        while (count-- > 0) {
            text_add(out, "%c", letter);
        }
    } else if (strncmp(word, "hex:", 4) == 0) {
        for (word += 4; sscanf(word, "%2x", &value) == 1; word += 2) {
            unsigned char byte = (unsigned char)value;
            text_add_bytes(out, &byte, 1);
        }
    } else {
        text_add(out, "%s", word);
    }
}

static void wait_buffered(wskt_socket *socket, size_t amount) {
    double until = now_ms() + limit_ms();
    while (wskt_socket_buffered_amount(socket) < amount) {
        if (now_ms() > until) {
            FAIL("never %zu bytes buffered", amount);
        }
        pause_ms(1);
    }
}

static void wait_state(wskt_socket *socket, int state) {
    double until = now_ms() + limit_ms();
    while ((int)wskt_socket_ready_state(socket) < state) {
        if (now_ms() > until) {
            FAIL("the ready state stays below %d", state);
        }
        pause_ms(1);
    }
}

/* One command; `rest` is behind its name. */
static wskt_result perform(struct job *job, const char *verb, char *rest) {
    wskt_socket *socket = job->party.socket;
    struct text made = {0};
    wskt_result result = WSKT_OK;
    if (strcmp(verb, "close") == 0) {
        int code = 0;
        int used = 0;
        sscanf(rest, "%d %n", &code, &used);
        add_made(&made, rest + used);
        result = wskt_socket_close(socket, (uint16_t)code, made.at, made.len);
    } else if (strcmp(verb, "text") == 0) {
        add_made(&made, rest);
        result = wskt_socket_send_text(socket, made.at, made.len);
    } else if (strcmp(verb, "plain") == 0) {
        add_made(&made, rest);
        result = wskt_socket_send(socket, WSKT_MESSAGE_TEXT, made.at, made.len,
                                  WSKT_SEND_UNCOMPRESSED);
    } else if (strcmp(verb, "binary") == 0) {
        size_t size = (size_t)atol(rest);
        unsigned char *bytes = pattern_binary(size);
        result = wskt_socket_send_binary(socket, bytes, size);
        free(bytes);
    } else if (strcmp(verb, "ping") == 0) {
        add_made(&made, rest);
        result = wskt_socket_ping(socket, made.at, made.len);
    } else if (strcmp(verb, "abort") == 0) {
        result = wskt_socket_abort(socket);
    } else if (strcmp(verb, "pause") == 0) {
        result = wskt_socket_pause(socket);
    } else if (strcmp(verb, "resume") == 0) {
        result = wskt_socket_resume(socket);
    } else if (strcmp(verb, "buffered") == 0) {
        text_add(&job->party.log, "  buffered %zu\n",
                 wskt_socket_buffered_amount(socket));
    } else if (strcmp(verb, "signal") == 0 || strcmp(verb, "mark") == 0) {
        char *name = with_id(rest, job->id);
        (*verb == 's' ? signal_server : wait_mark)(name);
        free(name);
    } else if (strcmp(verb, "wait-buffered") == 0) {
        wait_buffered(socket, (size_t)atol(rest));
    } else if (strcmp(verb, "wait-state") == 0) {
        wait_state(socket, atoi(rest));
    } else {
        FAIL("%s: no command %s", job->row->name, verb);
    }
    text_free(&made);
    return result;
}

/* Runs the commands whose WHEN is one of the two names. */
static void run_commands(struct job *job, const char *when, const char *or_when) {
    char *all = strdup(job->row->client == NULL ? "" : job->row->client);
    char *keep = NULL;
    char *command;
    for (command = strtok_r(all, ";", &keep); command != NULL;
         command = strtok_r(NULL, ";", &keep)) {
        char at[32] = "";
        char verb[32] = "";
        int used = 0;
        wskt_result result;
        if (sscanf(command, " %31s %31s %n", at, verb, &used) < 2) {
            FAIL("%s: %s", job->row->name, command);
        }
        if (strcmp(at, when) != 0 && strcmp(at, or_when) != 0) {
            continue;
        }
        result = perform(job, verb, command + used);
        if (strcmp(when, "beside") == 0) {
            OK(result);
        } else if (strcmp(when, "before") == 0) {
            if (result != WSKT_OK) {
                text_add(&job->before, "  %s = %s\n", verb,
                         wskt_result_name(result));
            }
        } else {
            party_note(&job->party, verb, result);
        }
    }
    free(all);
}

static void on_event(struct party *party, const wskt_event *event) {
    static const char *const names[] = {"", "open", "message", "error", "close",
                                        "drain", "ping", "pong", "chunk"};
    char numbered[32] = "";
    if (event->type == WSKT_EVENT_MESSAGE_CHUNK) {
        snprintf(numbered, sizeof numbered, "chunk%d", party->chunks);
    }
    if (event->type == WSKT_EVENT_MESSAGE) {
        snprintf(numbered, sizeof numbered, "message%d", party->messages);
    }
    run_commands(party->data, names[event->type], numbered);
}

static void *beside(void *argument) {
    run_commands(argument, "beside", "");
    return NULL;
}

/* -- configuration ------------------------------------------------------ */

static void set(struct job *job, wskt_config *config, const char *name,
                const char *value) {
    int64_t number = atoll(value);
    long low = 0, high = 0;
    if (strcmp(name, "linger") == 0) {
        OK(wskt_config_set_linger_timeout(config, number));
    } else if (strcmp(name, "close-timeout") == 0) {
        OK(wskt_config_set_close_timeout(config, number));
    } else if (strcmp(name, "send-timeout") == 0) {
        OK(wskt_config_set_send_timeout(config, number));
    } else if (strcmp(name, "open-timeout") == 0) {
        OK(wskt_config_set_open_timeout(config, number));
    } else if (strcmp(name, "connect-timeout") == 0) {
        OK(wskt_config_set_connect_timeout(config, number));
    } else if (strcmp(name, "tls-timeout") == 0) {
        OK(wskt_config_set_tls_timeout(config, number));
    } else if (strcmp(name, "upgrade-timeout") == 0) {
        OK(wskt_config_set_upgrade_timeout(config, number));
    } else if (strcmp(name, "max") == 0) {
        OK(wskt_config_set_max_message_size(config, (uint64_t)number));
    } else if (strcmp(name, "fragments") == 0) {
        OK(wskt_config_set_max_fragments(config, (uint32_t)number));
    } else if (strcmp(name, "read-buffer") == 0) {
        OK(wskt_config_set_read_buffer(config, (size_t)number));
    } else if (strcmp(name, "marks") == 0) {
        CHECK_INT(sscanf(value, "%ld %ld", &low, &high), 2);
        OK(wskt_config_set_water_marks(config, (size_t)low, (size_t)high));
    } else if (strcmp(name, "deflate") == 0) {
        OK(wskt_config_set_deflate(config, number != 0));
    } else if (strcmp(name, "deflate-min") == 0) {
        OK(wskt_config_set_deflate_min_size(config, (size_t)number));
    } else if (strcmp(name, "no-takeover") == 0) {
        CHECK_INT(sscanf(value, "%ld %ld", &low, &high), 2);
        OK(wskt_config_set_deflate_no_context_takeover(config, low, high));
    } else if (strcmp(name, "window-bits") == 0) {
        CHECK_INT(sscanf(value, "%ld %ld", &low, &high), 2);
        OK(wskt_config_set_deflate_max_window_bits(config, (int32_t)low,
                                                   (int32_t)high));
    } else if (strcmp(name, "missing") == 0) {
        OK(wskt_config_set_allow_missing_protocol(config, true));
    } else if (strcmp(name, "protocol") != 0) {
        FAIL("%s: no setting %s", job->row->name, name);
    }
}

/* Calls back for each `NAME VALUE` of the row's settings. */
static void configure(struct job *job, wskt_config *config,
                      wskt_socket *socket) {
    char *all = strdup(job->row->config == NULL ? "" : job->row->config);
    char *keep = NULL;
    char *item;
    for (item = strtok_r(all, ";", &keep); item != NULL;
         item = strtok_r(NULL, ";", &keep)) {
        char name[32] = "";
        int used = 0;
        CHECK(sscanf(item, " %31s %n", name, &used) >= 1);
        if (config != NULL) {
            set(job, config, name, item + used);
        } else if (strcmp(name, "protocol") == 0) {
            OK(wskt_socket_add_protocol(socket, item + used));
        }
    }
    free(all);
}

static wskt_config *make_config(bool browser) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_browser_mode(config, browser));
    /* Longer than anything takes: what has to pass is set by the row. */
    OK(wskt_config_set_linger_timeout(config, limit_ms()));
    OK(wskt_config_set_close_timeout(config, limit_ms()));
    return config;
}

static char *make_url(struct job *job) {
    const struct row *row = job->row;
    const char *port_name = job->variant.tls ? "wss" : "ws";
    struct text script = {0};
    char *url;
    if (row->port != NULL) {
        port_name = row->port;
    }
    if (row->script == NULL) {
        return path_url(port_name, "/");
    }
    text_add(&script, "%s%s", job->variant.split ? "split 1; " : "",
             row->script);
    url = script_url(port_name, text_of(&script), job->id);
    text_free(&script);
    return url;
}

/* -- judging ------------------------------------------------------------ */

static void describe(const struct job *job, char *out, size_t room) {
    snprintf(out, room, "%s (%s, %s mode, %s%s)", job->row->name,
             way_name(job->way), job->variant.browser ? "browser" : "strict",
             job->variant.tls ? "wss" : "ws",
             job->variant.split ? ", split" : "");
    if (rows_in_chunks) {
        strncat(out, ", in chunks", room - strlen(out) - 1);
    }
}

static void judge(struct job *job, const char *what, const char *got,
                  const char *want) {
    if (want == NULL || text_like(got, want)) {
        return;
    }
    pthread_mutex_lock(&mutex);
    failures += 1;
    fprintf(stderr, "FAILED %s: %s\n--- got\n%s\n--- want\n%s\n",
            job->party.name, what, got, want);
    pthread_mutex_unlock(&mutex);
}

static void judge_report(struct job *job) {
    const struct row *row = job->row;
    const char *frames = row->frames;
    struct report report;
    get_report(&report, job->id);
    if (job->variant.browser && row->browser_frames != NULL) {
        frames = row->browser_frames;
    }
    judge(job, "frames", text_of(&report.frames), frames);
    judge(job, "end", report.end,
          job->variant.tls && row->end != NULL && strcmp(row->end, "fin") == 0
              ? "tls_*"
              : row->end);
    if (job->variant.tls && row->end != NULL && strcmp(row->end, "fin") == 0) {
        judge(job, "end of TCP", report.tcp_end, "fin");
    }
    if (job->party.opens == 0 && report.bytes != 0) {
        judge(job, "bytes behind the request", "some", "none");
    }
    if ((row->flags & ANY_ERRORS) == 0) {
        judge(job, "the server's errors", report.errors, "[]");
    }
    free_report(&report);
}

/* connect tells how opening ended, in every mode; `open` that it began. */
static void judge_start(struct job *job) {
    struct party *party = &job->party;
    wskt_result want = WSKT_OK;
    if (way_connects(party->way) && party->opens == 0) {
        want = strstr(job->row->log, "error/3 timeout") != NULL
                   ? WSKT_ERR_TIMEOUT
                   : WSKT_ERR_CONNECT_FAILED;
    }
    /* Noted last: a loop's thread may be at work since before the start. */
    if (party->started == WSKT_ERR_INVALID_STATE) {
        party_note(party, "start", party->started);
    } else {
        judge(job, "result of the start", wskt_result_name(party->started),
              wskt_result_name(want));
    }
}

/* The log that is expected, with the last line if the row has none. */
static void judge_log(struct job *job) {
    const struct row *row = job->row;
    const char *want = row->log;
    struct text whole = {0};
    struct text got = {0};
    if (job->variant.tls && row->wss_log != NULL) {
        want = row->wss_log;
    }
    if (job->variant.browser && row->browser != NULL) {
        want = row->browser;
    }
    text_add(&whole, "%s", want);
    if (strstr(want, "\nbuffered=") == NULL) {
        text_add(&whole, "buffered=0\n");
    }
    text_add(&got, "%s%s", text_of(&job->before), text_of(&job->party.log));
    judge(job, "events", text_of(&got), text_of(&whole));
    text_free(&got);
    text_free(&job->before);
    text_free(&whole);
}

static void run_job(struct job *job) {
    struct party *party = &job->party;
    wskt_config *config;
    pthread_t thread;
    bool helped = job->row->client != NULL &&
                  strstr(job->row->client, "beside ") != NULL;
    char *url;
    job->id = new_id();
    url = make_url(job);
    if (job->row->config == NULL) {
        config = shared[job->variant.browser];
        party_make(party, job->way, NULL, url, config);
    } else {
        config = make_config(job->variant.browser);
        configure(job, config, NULL);
        party_make(party, job->way, NULL, url, config);
        wskt_config_free(config);
    }
    free(url);
    party->on_event = on_event;
    party->data = job;
    describe(job, party->name, sizeof party->name);
    if (rows_in_chunks) {
        party_hear_chunks(party);
    }
    configure(job, NULL, party->socket);
    run_commands(job, "before", "");
    if (helped) {
        CHECK_INT(pthread_create(&thread, NULL, beside, job), 0);
    }
    party_start(party);
    party_drive(party);
    if (helped) {
        pthread_join(thread, NULL);
    }
    judge_start(job);
    text_add(&party->log, "buffered=%zu\n",
             wskt_socket_buffered_amount(party->socket));
    party_check_closed(party);
    judge_log(job);
    if ((job->row->flags & NO_REPORT) == 0) {
        judge_report(job);
    }
    party_free(party);
}

/* -- every way, every variant ------------------------------------------- */

struct batch {
    const struct row *rows;
    size_t count;
    enum way way;
};

static bool applies(const struct row *row, struct variant variant) {
    /* Under valgrind once where nothing else is expected. */
    if (is_slow() && variant.browser &&
        (variant.split || variant.tls || row->browser == NULL)) {
        return false;
    }
    if (is_slow() && variant.tls && (row->flags & MUCH_DATA) != 0) {
        return false;
    }
    if (variant.browser && (row->flags & STRICT_ONLY) != 0) {
        return false;
    }
    if (variant.split &&
        ((row->flags & WHOLE_ONLY) != 0 || row->script == NULL)) {
        return false;
    }
    if (variant.tls && ((row->flags & PLAIN_ONLY) != 0 || row->port != NULL ||
                        row->script == NULL)) {
        return false;
    }
    return true;
}

static void *run_batch(void *argument) {
    static const struct variant variants[] = {
        {false, false, false}, {false, true, false}, {false, false, true},
        {true, false, false},  {true, true, false}, {true, false, true},
    };
    const struct batch *batch = argument;
    size_t i, v;
    for (i = 0; i < batch->count; i++) {
        for (v = 0; v < sizeof variants / sizeof variants[0]; v++) {
            if (applies(&batch->rows[i], variants[v])) {
                struct job job = {0};
                job.row = &batch->rows[i];
                job.variant = variants[v];
                job.way = batch->way;
                run_job(&job);
            }
        }
    }
    return NULL;
}

void run_rows(const struct row *rows, size_t count) {
    struct batch batches[WAYS];
    pthread_t threads[WAYS];
    int way;
    shared[0] = make_config(false);
    shared[1] = make_config(true);
    for (way = 0; way < WAYS; way++) {
        batches[way].rows = rows;
        batches[way].count = count;
        batches[way].way = (enum way)way;
        CHECK_INT(pthread_create(&threads[way], NULL, run_batch, &batches[way]), 0);
    }
    for (way = 0; way < WAYS; way++) {
        pthread_join(threads[way], NULL);
    }
    wskt_config_free(shared[0]);
    wskt_config_free(shared[1]);
}

int rows_result(void) {
    int result = end();
    if (failures > 0) {
        fprintf(stderr, "%d failures\n", failures);
        return 1;
    }
    return result;
}
