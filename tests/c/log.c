/* The log: off by default, levels, one line a message, and never a word on
   standard output or error by itself. */
#include "support/support.h"

#include <fcntl.h>
#include <unistd.h>

struct lines {
    pthread_mutex_t mutex;
    int count[WSKT_LOG_TRACE + 1];
    int total;
};

static struct lines lines;

static void on_line(wskt_log_level level, const char *message, size_t len,
                    void *user_data) {
    CHECK(user_data == &lines);
    CHECK(level >= WSKT_LOG_ERROR && level <= WSKT_LOG_TRACE);
    CHECK(len > 0 && memchr(message, '\n', len) == NULL);
    pthread_mutex_lock(&lines.mutex);
    lines.count[level] += 1;
    lines.total += 1;
    pthread_mutex_unlock(&lines.mutex);
}

static void converse(const char *port_name, const char *script) {
    char *url = script_url(port_name, script, new_id());
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    wskt_socket_connect(socket, limit_ms());
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    wskt_socket_free(socket);
    free(url);
}

static void converse_in_all_ways(void) {
    converse("ws", "text x; close 1000; expect-close; half-close");
    converse("ws", "frame opcode=3; expect-close");
    converse("ws", "http 403");
    converse("wss", "close");
}

static void levels(void) {
    int level, other;
    OK(wskt_log_set(WSKT_LOG_OFF, on_line, &lines));
    converse_in_all_ways();
    CHECK_INT(lines.total, 0);
    for (level = WSKT_LOG_ERROR; level <= WSKT_LOG_TRACE; level++) {
        memset(lines.count, 0, sizeof lines.count);
        OK(wskt_log_set(level, on_line, &lines));
        converse_in_all_ways();
        for (other = level + 1; other <= WSKT_LOG_TRACE; other++) {
            CHECK_INT(lines.count[other], 0);
        }
    }
    CHECK(lines.total > 0);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    lines.total = 0;
    converse_in_all_ways();
    CHECK_INT(lines.total, 0);
    RESULT(wskt_log_set(WSKT_LOG_TRACE + 1, on_line, &lines),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_log_set(-1, on_line, &lines), WSKT_ERR_INVALID_ARGUMENT);
}

/* What the library writes to the two streams meanwhile: nothing. */
static void nothing_is_printed(void) {
    char dir[] = "/tmp/wskt-log-XXXXXX";
    int file = mkstemp(dir);
    int streams[2] = {dup(1), dup(2)};
    long size;
    CHECK(file >= 0);
    unlink(dir);
    fflush(stdout);
    fflush(stderr);
    CHECK(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    converse_in_all_ways();
    size = (long)lseek(file, 0, SEEK_END);
    CHECK(dup2(streams[0], 1) == 1 && dup2(streams[1], 2) == 2);
    close(streams[0]);
    close(streams[1]);
    close(file);
    CHECK_INT(size, 0);
}

int main(void) {
    pthread_mutex_init(&lines.mutex, NULL);
    begin();
    RUN(nothing_is_printed);
    RUN(levels);
    return end();
}
