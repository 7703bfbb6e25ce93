/* The scripted server: URLs, control requests, reports. */
#include "support.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

const char *env(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        FAIL("the environment has no %s: run this by `cargo test`", name);
    }
    return value;
}

int port(const char *name) {
    char key[64] = "WSKT_PORT_";
    size_t len = strlen(key);
    for (; *name != '\0' && len + 1 < sizeof key; name++) {
        key[len++] = (char)toupper((unsigned char)*name);
    }
    key[len] = '\0';
    return atoi(env(key));
}

int connected_to(int port) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

int connected_fd(const char *name) {
    return connected_to(port(name));
}

const char *new_id(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static char names[20000][24];
    static size_t count;
    char *name;
    pthread_mutex_lock(&mutex);
    CHECK(count < sizeof names / sizeof names[0]);
    name = names[count];
    snprintf(name, sizeof names[0], "c%ld-%d", (long)getpid(), (int)count);
    count += 1;
    pthread_mutex_unlock(&mutex);
    return name;
}

static void encode(struct text *out, const char *text, const char *id) {
    for (; *text != '\0'; text++) {
        if (id != NULL && strncmp(text, "$ID", 3) == 0) {
            text_add(out, "%s", id);
            text += 2;
        } else if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
            text_add(out, "%c", *text);
        } else {
            text_add(out, "%%%02X", (unsigned char)*text);
        }
    }
}

char *path_url(const char *port_name, const char *path) {
    struct text url = {0};
    bool tls = strncmp(port_name, "wss", 3) == 0 ||
               strncmp(port_name, "tls", 3) == 0;
    text_add(&url, "%s://127.0.0.1:%d%s", tls ? "wss" : "ws", port(port_name),
             path);
    return url.at;
}

char *script_url(const char *port_name, const char *script, const char *id) {
    struct text path = {0};
    char *url;
    text_add(&path, "/s/");
    encode(&path, script, id);
    text_add(&path, "?id=%s", id);
    url = path_url(port_name, text_of(&path));
    text_free(&path);
    return url;
}

static struct text answer_to(const char *path) {
    struct text request = {0};
    struct text answer = {0};
    char chunk[4096];
    ssize_t n;
    size_t sent = 0;
    int fd = connected_fd("ws");
    text_add(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    while (sent < request.len) {
        n = send(fd, request.at + sent, request.len - sent, MSG_NOSIGNAL);
        CHECK(n > 0);
        sent += (size_t)n;
    }
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        text_add_bytes(&answer, chunk, (size_t)n);
    }
    close(fd);
    text_free(&request);
    return answer;
}

int control_status(const char *path) {
    struct text answer = answer_to(path);
    int status = 0;
    CHECK_INT(sscanf(text_of(&answer), "HTTP/1.1 %d ", &status), 1);
    text_free(&answer);
    return status;
}

static char *exchange(const char *path) {
    struct text answer = answer_to(path);
    char *body;
    if (strncmp(text_of(&answer), "HTTP/1.1 200 ", 13) != 0) {
        FAIL("%s is answered with %s", path, text_of(&answer));
    }
    body = strstr(answer.at, "\r\n\r\n");
    CHECK(body != NULL);
    body = strdup(body + 4);
    CHECK(body != NULL);
    text_free(&answer);
    return body;
}

char *control(const char *format, ...) {
    char path[512];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return exchange(path);
}

void signal_server(const char *name) {
    free(control("/signal/%s", name));
}

void wait_mark(const char *name) {
    free(control("/wait-mark/%s?wait=%d", name, limit_ms() / 1000));
}

/* -- reports ------------------------------------------------------------ */

/* Just enough JSON for what the server writes itself. `at` stands on a value;
   the address behind it. */
static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++) {
        CHECK(*at != '\0');
        at += *at == '\\';
    }
    return at + 1;
}

static const char *skip(const char *at) {
    int depth = 0;
    if (*at == '"') {
        return skip_string(at);
    }
    if (*at != '{' && *at != '[') {
        return at + strcspn(at, ",}]");
    }
    do {
        CHECK(*at != '\0');
        if (*at == '"') {
            at = skip_string(at);
        } else {
            depth += *at == '{' || *at == '[';
            depth -= *at == '}' || *at == ']';
            at += 1;
        }
    } while (depth > 0);
    return at;
}

/* The value of a key of the object `at` stands on; NULL if it has none. */
static const char *member(const char *at, const char *key) {
    size_t len = strlen(key);
    CHECK(*at == '{');
    at += 1;
    while (*at == '"') {
        const char *name = at + 1;
        bool found = strncmp(name, key, len) == 0 && name[len] == '"';
        at = strchr(name, '"') + 2;
        if (found) {
            return at;
        }
        at = skip(at);
        at += *at == ',';
    }
    return NULL;
}

/* A string without escapes, or with the few that tests need. */
static void add_string(struct text *out, const char *at) {
    CHECK(*at == '"');
    for (at++; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\';
        text_add(out, "%c", *at);
    }
}

static size_t unhex(const char *at, unsigned char *bytes, size_t room) {
    size_t len = 0;
    unsigned value;
    for (at++; *at != '"' && len < room; at += 2) {
        CHECK(sscanf(at, "%2x", &value) == 1);
        bytes[len++] = (unsigned char)value;
    }
    return len;
}

static void add_frame(struct text *out, const char *frame) {
    unsigned char bytes[256];
    size_t len = unhex(member(frame, "hex"), bytes, sizeof bytes);
    long whole = atol(member(frame, "len"));
    bool is_close = strncmp(member(frame, "opcode"), "\"close\"", 7) == 0;
    add_string(out, member(frame, "opcode"));
    if (strncmp(member(frame, "fin"), "true", 4) != 0) {
        text_add(out, " fin=0");
    }
    if (atoi(member(frame, "rsv")) != 0) {
        text_add(out, " rsv=%d", atoi(member(frame, "rsv")));
    }
    if (is_close && whole == 0) {
        text_add(out, " empty");
    } else if (is_close && whole >= 2) {
        text_add(out, " %u ", bytes[0] * 256u + bytes[1]);
        text_quote(out, bytes + 2, len - 2);
    } else if (whole <= (long)sizeof bytes && whole < 100) {
        text_add(out, " ");
        text_quote(out, bytes, len);
    } else {
        text_add(out, " %ld", whole);
    }
    text_add(out, "\n");
}

static void copy_word(char *out, size_t room, const char *at) {
    struct text word = {0};
    add_string(&word, at);
    snprintf(out, room, "%s", text_of(&word));
    text_free(&word);
}

/* The value of a key, as JSON. */
static char *copy_value(const char *object, const char *key) {
    const char *at = member(object, key);
    struct text value = {0};
    CHECK(at != NULL);
    text_add_bytes(&value, at, (size_t)(skip(at) - at));
    return value.at;
}

void get_report(struct report *report, const char *id) {
    const char *at;
    memset(report, 0, sizeof *report);
    report->json = control("/report/%s?wait=%d", id, limit_ms() / 1000);
    at = member(report->json, "frames");
    CHECK(at != NULL && *at == '[');
    for (at++; *at == '{'; at += *at == ',') {
        add_frame(&report->frames, at);
        at = skip(at);
    }
    copy_word(report->end, sizeof report->end, member(report->json, "end"));
    copy_word(report->tcp_end, sizeof report->tcp_end,
              member(report->json, "tcp_end"));
    report->bytes = atol(member(report->json, "bytes"));
    report->errors = copy_value(report->json, "errors");
    report->tls = copy_value(report->json, "tls");
    at = member(member(report->json, "request"), "headers");
    for (at++; *at == '['; at += *at == ',') {
        const char *value = skip(at + 1) + 1;
        add_string(&report->headers, at + 1);
        text_add(&report->headers, ": ");
        add_string(&report->headers, value);
        text_add(&report->headers, "\n");
        at = skip(at);
    }
}

void free_report(struct report *report) {
    free(report->json);
    free(report->errors);
    free(report->tls);
    text_free(&report->frames);
    text_free(&report->headers);
}

char *server_file(const char *name) {
    struct text path = {0};
    text_add(&path, "%s/%s", env("WSKT_DIR"), name);
    return path.at;
}

char *read_whole(const char *path, size_t *out_len) {
    struct text all = {0};
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    text_add(&all, "%s", "");
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        text_add_bytes(&all, chunk, n);
    }
    fclose(file);
    if (out_len != NULL) {
        *out_len = all.len;
    }
    return all.at;
}

wskt_config *trusting_config(void) {
    wskt_config *config;
    OK(wskt_config_new(&config));
    OK(wskt_config_add_ca_file(config, env("WSKT_CA")));
    return config;
}

int ask_proxy(const char *format, ...) {
    char line[128];
    va_list args;
    ssize_t n;
    int fd = connected_to(atoi(env("WSKT_PROXY")));
    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CHECK(n > 0 && (size_t)n < sizeof line);
    CHECK(send(fd, line, (size_t)n, MSG_NOSIGNAL) == n);
    n = recv(fd, line, sizeof line - 1, 0);
    CHECK(n > 0);
    line[n] = '\0';
    close(fd);
    return atoi(line);
}
