#define _DEFAULT_SOURCE /* syscall */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *testing = "";

void now_testing(const char *name) {
    testing = name;
}

void fail_at(const char *file, int line, const char *format, ...) {
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s%s", file, line, testing, *testing ? ": " : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    fflush(stderr);
    _exit(1);
}

void check_int(const char *file, int line, const char *what, long long got,
               long long want) {
    if (got != want) {
        fail_at(file, line, "%s: got %lld, want %lld", what, got, want);
    }
}

void check_str(const char *file, int line, const char *what, const char *got,
               const char *want) {
    if (got == NULL || strcmp(got, want) != 0) {
        fail_at(file, line, "%s:\n got  %s\n want %s", what,
                got == NULL ? "NULL" : got, want);
    }
}

void check_result(const char *file, int line, const char *what,
                  wskt_result got, wskt_result want) {
    if (got != want) {
        fail_at(file, line, "%s: got %s (%s), want %s", what,
                wskt_result_name(got), wskt_result_text(got),
                wskt_result_name(want));
    }
}

/* -- the program -------------------------------------------------------- */

bool is_slow(void) {
    return getenv("WSKT_SLOW") != NULL;
}

int patient_ms(int ms) {
    return is_slow() ? ms * 10 : ms;
}

int limit_ms(void) {
    return patient_ms(20000);
}

double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void pause_ms(int ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR) {
    }
}

static int count_entries(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count += 1;
    }
    closedir(dir);
    return count - 2;
}

int count_threads(void) {
    return count_entries("/proc/self/task");
}

int count_fds(void) {
    /* The directory itself is open meanwhile. */
    return count_entries("/proc/self/fd") - 1;
}

static int threads_before;
static int fds_before;

/* A thread that has made a blocking call keeps one descriptor to be woken
   by, for its next. It must be there before anything is counted. */
static void warm_up(void) {
    char *url = path_url("ws", "/echo");
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    wskt_socket_free(socket);
    free(url);
}

#ifdef WSKT_TSAN
static void *tell_thread(void *out_path) {
    snprintf(out_path, 64, "/proc/self/task/%ld", (long)syscall(SYS_gettid));
    return NULL;
}

extern void __sanitizer_symbolize_pc(void *pc, const char *format, char *out,
                                     size_t room);

/* ThreadSanitizer has a thread of its own from the first that a program
   starts on, and pipes to its symbolizer from the first suppression that it
   looks up: they must be there too. */
static void start_sanitizer(void) {
    pthread_t thread;
    char path[64];
    __sanitizer_symbolize_pc((void *)(uintptr_t)tell_thread, "%f", path,
                             sizeof path);
    CHECK(pthread_create(&thread, NULL, tell_thread, path) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    while (access(path, F_OK) == 0) {
        pause_ms(1);
    }
}
#endif

void begin(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef WSKT_TSAN
    start_sanitizer();
#endif
    warm_up();
    threads_before = count_threads();
    fds_before = count_fds();
}

/* A joined thread may still stand in /proc for a moment, and a helper that
   resolves names stays for some seconds. */
void wait_for_threads(void) {
    double until = now_ms() + limit_ms();
    while (count_threads() != threads_before && now_ms() < until) {
        pause_ms(2);
    }
    CHECK_INT(count_threads(), threads_before);
}

int end(void) {
    now_testing("end");
    CHECK_INT(wskt_handle_count(), 0);
    wait_for_threads();
    CHECK_INT(count_fds(), fds_before);
    return 0;
}

/* -- text --------------------------------------------------------------- */

const char *text_of(const struct text *text) {
    return text->at == NULL ? "" : text->at;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len) {
    if (text->len + len + 1 > text->room) {
        text->room = (text->len + len + 64) * 2;
        text->at = realloc(text->at, text->room);
        CHECK(text->at != NULL);
    }
    if (len > 0) {
        memcpy(text->at + text->len, bytes, len);
    }
    text->len += len;
    text->at[text->len] = '\0';
}

void text_add(struct text *text, const char *format, ...) {
    char small[512];
    va_list args;
    int len;
    va_start(args, format);
    len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len < sizeof small) {
        text_add_bytes(text, small, (size_t)len);
    } else {
        char *large = malloc((size_t)len + 1);
        CHECK(large != NULL);
        va_start(args, format);
        vsnprintf(large, (size_t)len + 1, format, args);
        va_end(args);
        text_add_bytes(text, large, (size_t)len);
        free(large);
    }
}

static uint32_t hash(const unsigned char *bytes, size_t len) {
    uint32_t sum = 2166136261u;
    size_t i;
    for (i = 0; i < len; i++) {
        sum = (sum ^ bytes[i]) * 16777619u;
    }
    return sum;
}

void text_quote(struct text *text, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    size_t i;
    if (len > 130) {
        text_add(text, "<%zu bytes, %08x>", len, (unsigned)hash(at, len));
        return;
    }
    text_add(text, "\"");
    for (i = 0; i < len; i++) {
        if (at[i] < 0x20 || at[i] > 0x7e || at[i] == '"' || at[i] == '\\') {
            text_add(text, "\\x%02x", at[i]);
        } else {
            text_add(text, "%c", at[i]);
        }
    }
    text_add(text, "\"");
}

void text_free(struct text *text) {
    free(text->at);
    memset(text, 0, sizeof *text);
}

bool text_like(const char *text, const char *pattern) {
    while (*pattern != '*') {
        if (*pattern != *text) {
            return false;
        }
        if (*pattern == '\0') {
            return true;
        }
        pattern += 1;
        text += 1;
    }
    /* A star stays within its line. */
    for (;;) {
        if (text_like(text, pattern + 1)) {
            return true;
        }
        if (*text == '\0' || *text == '\n') {
            return false;
        }
        text += 1;
    }
}

unsigned char *pattern_binary(size_t size) {
    unsigned char *bytes = malloc(size + 1);
    size_t i;
    CHECK(bytes != NULL);
    for (i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(i % 251);
    }
    return bytes;
}

char *pattern_text(size_t size) {
    char *text = malloc(size + 1);
    size_t i;
    CHECK(text != NULL);
    for (i = 0; i < size; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[size] = '\0';
    return text;
}
