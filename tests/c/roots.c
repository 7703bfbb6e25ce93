/* The system's roots are read on a helper thread: while that lasts, for ever
   if need be, a socket can be aborted, closed and freed, deadlines pass, and
   other sockets go on. */
/* For RTLD_NEXT. */
#define _GNU_SOURCE

#include "support/names.h"
#include "support/ways.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The longest time from abort to the close event, in milliseconds. */
#define AT_ONCE 50
/* A loaded machine may be late; a library that waits is so every time. */
#define TRIES 5

/* The system's roots: whoever opens it waits for a writer. */
static char fifo[64];
static wskt_config *shut_config;

/* -- the program's own threads --------------------------------------------- */

/* A sanitizer has a pthread_create of its own, and a child finds its allocator
   locked. */
#if !defined WSKT_TSAN && !defined __SANITIZE_ADDRESS__
#define UNSANITIZED
static bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*run)(void *), void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *found = dlsym(RTLD_NEXT, "pthread_create");
    if (no_threads) {
        return EAGAIN;
    }
    memcpy(&real, &found, sizeof real);
    return real(thread, attributes, run, argument);
}
#endif

/* -- the writer ------------------------------------------------------------- */

static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    bool stop;
} feeder = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool feeder_stops(void) {
    bool stop;
    pthread_mutex_lock(&feeder.mutex);
    stop = feeder.stop;
    pthread_mutex_unlock(&feeder.mutex);
    return stop;
}

/* Gives the CA to whoever opens the file. */
static void *feed(void *argument) {
    size_t len;
    char *ca = read_whole(env("WSKT_CA"), &len);
    (void)argument;
    for (;;) {
        int fd = open(fifo, O_WRONLY);
        CHECK(fd >= 0);
        if (feeder_stops()) {
            close(fd);
            break;
        }
        CHECK(write(fd, ca, len) == (ssize_t)len);
        close(fd);
        /* Until the reader has seen the end. */
        while (!feeder_stops() &&
               (fd = open(fifo, O_WRONLY | O_NONBLOCK)) >= 0) {
            close(fd);
            pause_ms(1);
        }
    }
    free(ca);
    return NULL;
}

static void start_feeding(void) {
    feeder.stop = false;
    CHECK(pthread_create(&feeder.thread, NULL, feed, NULL) == 0);
}

static void stop_feeding(void) {
    int fd;
    pthread_mutex_lock(&feeder.mutex);
    feeder.stop = true;
    pthread_mutex_unlock(&feeder.mutex);
    fd = open(fifo, O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0);
    CHECK(pthread_join(feeder.thread, NULL) == 0);
    close(fd);
}

/* -- waiting for a line of the log ----------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int seen;
} watch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void on_log(wskt_log_level level, const char *message, size_t len,
                   void *user_data) {
    char line[256];
    (void)level;
    (void)user_data;
    snprintf(line, sizeof line, "%.*s", (int)len, message);
    pthread_mutex_lock(&watch.mutex);
    watch.seen += strstr(line, "starting TLS") != NULL;
    pthread_cond_broadcast(&watch.changed);
    pthread_mutex_unlock(&watch.mutex);
}

static void forget_tls(void) {
    pthread_mutex_lock(&watch.mutex);
    watch.seen = 0;
    pthread_mutex_unlock(&watch.mutex);
}

/* Until so many sockets want the roots. */
static void await_tls(int sockets) {
    pthread_mutex_lock(&watch.mutex);
    while (watch.seen < sockets) {
        pthread_cond_wait(&watch.changed, &watch.mutex);
    }
    pthread_mutex_unlock(&watch.mutex);
}

/* -- ends while the roots are read ------------------------------------------ */

#define ENDED(cause, message)                                               \
    "error/3 " cause " \"" message "\"\nclose/3 1006 \"\" unclean peer=0 " \
    cause " \"" message "\"\n"

/* A certificate and its key are set without the roots. */
static void client_certificates(void) {
    static const char *const names[][2] = {
        {"client.pem", "client.key"},
        {"client-rsa.pem", "client-rsa.key"},
        {"client.p12", NULL},
    };
    int i;
    for (i = 0; i < 3; i++) {
        char *path = server_file(names[i][0]);
        wskt_config *config;
        OK(wskt_config_new(&config));
        if (names[i][1] != NULL) {
            char *key = server_file(names[i][1]);
            OK(wskt_config_set_client_certificate_file(config, path, key));
            free(key);
        } else {
            OK(wskt_config_set_client_pkcs12_file(config, path,
                                                  "correct horse"));
        }
        wskt_config_free(config);
        free(path);
    }
}

struct ender {
    wskt_socket *socket;
    bool closes;
    double at;
};

static void *end_it(void *argument) {
    struct ender *ender = argument;
    await_tls(1);
    /* The driver writes the line before it goes to wait. */
    pause_ms(5);
    ender->at = now_ms();
    if (ender->closes) {
        OK(wskt_socket_close(ender->socket, 1000, NULL, 0));
    } else {
        OK(wskt_socket_abort(ender->socket));
    }
    return NULL;
}

/* How long the close event took. */
static double ended(enum way way, bool closes, const wskt_config *config) {
    char *url = path_url("wss", "/echo");
    struct ender ender = {.closes = closes};
    struct party party;
    pthread_t thread;
    double took;
    forget_tls();
    party_make(&party, way, NULL, url, config);
    ender.socket = party.socket;
    CHECK(pthread_create(&thread, NULL, end_it, &ender) == 0);
    party_start(&party);
    party_drive(&party);
    CHECK(pthread_join(thread, NULL) == 0);
    if (strcmp(text_of(&party.log),
               closes ? ENDED("local", "closed by the program while connecting")
                      : ENDED("abort", "aborted by the program")) != 0) {
        FAIL("%s:\n%s", way_name(way), text_of(&party.log));
    }
    took = wskt_socket_close_event(party.socket)->head.timestamp - ender.at;
    party_check_closed(&party);
    party_free(&party);
    free(url);
    return took;
}

static void check_ended(const char *what, const wskt_config *config) {
    int way, closes;
    for (way = 0; way < WAYS; way++) {
        for (closes = 0; closes < 2; closes++) {
            double took = ended((enum way)way, closes, config);
            int tries = 1;
            while (took > AT_ONCE && tries < TRIES) {
                took = ended((enum way)way, closes, config);
                tries += 1;
            }
            if (took > patient_ms(AT_ONCE)) {
                FAIL("%s, %s: it took %.0f ms", what, way_name((enum way)way),
                     took);
            }
        }
    }
}

/* A joined thread may still stand in /proc for a moment. */
static void check_threads(int want) {
    double until = now_ms() + limit_ms();
    while (count_threads() != want && now_ms() < until) {
        pause_ms(1);
    }
    CHECK_INT(count_threads(), want);
}

/* However many sockets wait for it, one thread reads. */
static void aborted_and_closed(void) {
    int before = count_threads();
    check_ended("TLS", shut_config);
    check_threads(before + 1);
}

static void with_a_proxy(void) {
    struct text proxy = {0};
    wskt_config *config;
    int before = count_threads();
    OK(wskt_config_new(&config));
    text_add(&proxy, "https://127.0.0.1:%d", port("wss"));
    OK(wskt_config_set_proxy(config, text_of(&proxy)));
    OK(wskt_config_set_system_roots(config, true));
    check_ended("TLS with a proxy", config);
    /* One for the proxy's TLS and one for that with the server. */
    check_threads(before + 2);
    wskt_config_free(config);
    text_free(&proxy);
}

#define SHORT 100

static void deadlines(void) {
    static wskt_result (*const sets[])(wskt_config *, int64_t) = {
        wskt_config_set_tls_timeout, wskt_config_set_open_timeout};
    char *url = path_url("wss", "/echo");
    int way, i;
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < 2; i++) {
            struct party party;
            double before, took;
            wskt_config *config;
            OK(wskt_config_new(&config));
            OK(sets[i](config, SHORT));
            before = now_ms();
            party_make(&party, (enum way)way, NULL, url, config);
            wskt_config_free(config);
            party_start(&party);
            party_drive(&party);
            took = now_ms() - before;
            CHECK_STR(text_of(&party.log),
                      ENDED("timeout",
                            "the trusted certificates were not read in time"));
            CHECK(took >= SHORT - 2 && took <= patient_ms(SHORT + 2000));
            party_check_closed(&party);
            party_free(&party);
        }
    }
    free(url);
}

/* Handle and configuration are gone long before the thread that reads. */
static void freed(void) {
    char *url = path_url("wss", "/echo");
    int way;
    for (way = 0; way < WAYS; way++) {
        struct party party;
        double before;
        wskt_config *config;
        if (way_connects((enum way)way)) {
            continue;
        }
        OK(wskt_config_new(&config));
        OK(wskt_config_set_tls_sni(config, true));
        forget_tls();
        party_make(&party, (enum way)way, NULL, url, config);
        wskt_config_free(config);
        party_start(&party);
        if (way == WAY_THREAD) {
            await_tls(1);
        } else {
            /* Until TLS has begun, or at any moment before that. */
            OK(wskt_loop_dispatch(party.loop));
        }
        before = now_ms();
        wskt_socket_free(party.socket);
        party_freed(&party);
        party_free(&party);
        CHECK(now_ms() - before < patient_ms(1000));
        CHECK_STR(text_of(&party.log), "");
    }
    free(url);
}

/* -- meanwhile -------------------------------------------------------------- */

static void drive_url(enum way way, wskt_loop *loop, const char *url,
                      const wskt_config *config) {
    struct party party;
    party_make(&party, way, loop, url, config);
    party.on_event = echo_once;
    party_start(&party);
    party_drive(&party);
    if (strcmp(text_of(&party.log), echoed) != 0) {
        FAIL("%s, %s:\n%s", url, way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
}

static void drive_echo(enum way way, wskt_loop *loop, const char *scheme,
                       const wskt_config *config) {
    char *url = path_url(scheme, "/echo");
    drive_url(way, loop, url, config);
    free(url);
}

/* A name is looked up by the same helpers. */
static void drive_named(enum way way, wskt_loop *loop) {
    struct text url = {0};
    text_add(&url, "ws://some.test:%d/echo", port("ws"));
    answer("127.0.0.1", NULL, NULL);
    drive_url(way, loop, text_of(&url), NULL);
    text_free(&url);
}

/* Sockets of the same loop do not notice. */
static void others_go_on(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        char *url = path_url("wss", "/echo");
        wskt_socket *waiting;
        wskt_loop *loop;
        /* wskt_loop_run would wait for both. */
        if (way_connects((enum way)way) || way == WAY_LOOP_RUN) {
            free(url);
            continue;
        }
        OK(wskt_loop_new(&loop));
        if (way == WAY_THREAD) {
            OK(wskt_loop_start(loop));
        }
        OK(wskt_socket_new(loop, url, shut_config, &waiting));
        OK(wskt_socket_open(waiting));
        drive_echo((enum way)way, loop, "ws", NULL);
        drive_named((enum way)way, loop);
        CHECK_INT(wskt_socket_ready_state(waiting), WSKT_CONNECTING);
        wskt_socket_free(waiting);
        OK(wskt_loop_free(loop));
        free(url);
    }
}

/* -- and then it is there --------------------------------------------------- */

static void *drive_it(void *argument) {
    struct party *party = argument;
    party_start(party);
    party_drive(party);
    return NULL;
}

/* One reader for all of them, whom they trust once it is there; later ones do
   not wait at all. */
static void once_for_all(void) {
    struct party parties[WAYS];
    pthread_t threads[WAYS];
    char *url = path_url("wss", "/echo");
    wskt_config *config;
    int way, before, loops = 0;
    OK(wskt_config_new(&config));
    OK(wskt_config_set_tls_alpn(config, true));
    forget_tls();
    before = count_threads();
    for (way = 0; way < WAYS; way++) {
        party_make(&parties[way], (enum way)way, NULL, url, config);
        parties[way].on_event = echo_once;
        loops += way == WAY_THREAD;
        CHECK(pthread_create(&threads[way], NULL, drive_it, &parties[way]) ==
              0);
    }
    await_tls(WAYS);
    check_threads(before + WAYS + loops + 1);
    /* What has nothing to do with TLS changes nothing. */
    OK(wskt_config_add_header(config, "X-Later", "1"));
    start_feeding();
    for (way = 0; way < WAYS; way++) {
        CHECK(pthread_join(threads[way], NULL) == 0);
        if (strcmp(text_of(&parties[way].log), echoed) != 0) {
            FAIL("%s:\n%s", way_name((enum way)way),
                 text_of(&parties[way].log));
        }
        party_check_closed(&parties[way]);
        party_free(&parties[way]);
    }
    stop_feeding();
    for (way = 0; way < WAYS; way++) {
        drive_echo((enum way)way, NULL, "wss", config);
    }
    wskt_config_free(config);
    free(url);
}

/* Look-ups that last do not keep a load from beginning, however many. */
static void beside_lookups(void) {
    wskt_socket *sockets[9];
    wskt_config *config;
    wskt_loop *loop;
    int i, threads_before = count_threads();
    OK(wskt_config_new(&config));
    OK(wskt_config_set_tls_alpn(config, true));
    CHECK(pipe(lookup_block) == 0);
    __atomic_store_n(&lookup_blocks, true, __ATOMIC_RELEASE);
    OK(wskt_loop_new(&loop));
    for (i = 0; i < 9; i++) {
        OK(wskt_socket_new(loop, "ws://slow.test/", NULL, &sockets[i]));
        OK(wskt_socket_open(sockets[i]));
    }
    OK(wskt_loop_dispatch(loop));
    start_feeding();
    drive_echo(WAY_THREAD, NULL, "wss", config);
    stop_feeding();
    for (i = 0; i < 9; i++) {
        CHECK_INT(wskt_socket_ready_state(sockets[i]), WSKT_CONNECTING);
        wskt_socket_free(sockets[i]);
    }
    OK(wskt_loop_free(loop));
    close(lookup_block[1]);
    check_threads(threads_before);
    CHECK(__atomic_load_n(&lookups_ended, __ATOMIC_ACQUIRE) > 0);
    close(lookup_block[0]);
    __atomic_store_n(&lookup_blocks, false, __ATOMIC_RELEASE);
    wskt_config_free(config);
}

#ifdef UNSANITIZED
/* A child does not wait for a thread that only its parent has. That thread
   reads while the parent forks, so that it holds no lock of OpenSSL's, which a
   child would find locked. */
static void forked(void) {
    char *url = path_url("wss", "/echo");
    wskt_socket *socket;
    wskt_loop *loop;
    int status, fd, left = 1;
    pid_t child;
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_start(loop));
    fd = open(fifo, O_WRONLY);
    CHECK(fd >= 0);
    CHECK(write(fd, "\n", 1) == 1);
    while (left > 0) {
        pause_ms(1);
        CHECK(ioctl(fd, FIONREAD, &left) == 0);
    }
    pause_ms(20);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm((unsigned)limit_ms() / 1000);
        setenv("SSL_CERT_FILE", env("WSKT_CA"), 1);
        drive_echo(WAY_BLOCKING, NULL, "wss", NULL);
        drive_echo(WAY_THREAD, NULL, "wss", NULL);
        /* The parent's memory is no leak. */
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    close(fd);
    free(url);
}

/* Without a thread for it the driver reads. */
static void no_thread_to_be_had(void) {
    wskt_config *config;
    OK(wskt_config_new(&config));
    OK(wskt_config_set_tls_sni(config, true));
    start_feeding();
    no_threads = true;
    drive_echo(WAY_BLOCKING, NULL, "wss", config);
    no_threads = false;
    stop_feeding();
    wskt_config_free(config);
}
#endif

/* -- the end of the process ------------------------------------------------- */

/* Where a child tells how far its end is. */
static int told;

static void tell(char what) {
    CHECK(write(told, &what, 1) == 1);
}

/* Registered first: where the exit handlers of a TLS library would run that
   the program began to use before. */
static void tell_the_end(void) {
    tell('e');
}

/* Run by `exits`: its main returns while a helper is inside OpenSSL. */
static int exit_early(void) {
    char *url = path_url("wss", "/echo");
    wskt_socket *socket;
    wskt_loop *loop;
    told = STDOUT_FILENO;
    CHECK(atexit(tell_the_end) == 0);
    OK(wskt_log_set(WSKT_LOG_DEBUG, on_log, NULL));
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_start(loop));
    await_tls(1);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
    tell('m');
    return 0;
}

/* What a child has told: the next, or 0 if nothing comes in this time. */
static char heard(int fd, int ms) {
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    char what;
    CHECK(poll(&watched, 1, ms) >= 0);
    return watched.revents != 0 && read(fd, &what, 1) == 1 ? what : '\0';
}

/* The end of a process waits for a helper that is inside OpenSSL, but not for
   ever. */
static void exits(const char *program) {
    int feeds, status;
    for (feeds = 0; feeds < 2; feeds++) {
        int fds[2];
        pid_t child;
        CHECK(pipe(fds) == 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            dup2(fds[1], STDOUT_FILENO);
            execl(program, program, "exit", (char *)NULL);
            _exit(127);
        }
        close(fds[1]);
        CHECK_INT(heard(fds[0], limit_ms()), 'm');
        CHECK_INT(heard(fds[0], 100), 0);
        if (feeds == 1) {
            start_feeding();
        }
        CHECK_INT(heard(fds[0], limit_ms()), 'e');
        if (feeds == 1) {
            stop_feeding();
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
        close(fds[0]);
    }
}

int main(int argc, char **argv) {
    char dir[] = "/tmp/wskt-roots-XXXXXX";
    int fd, before;
    if (argc > 1) {
        return exit_early();
    }
    CHECK(mkdtemp(dir) != NULL);
    snprintf(fifo, sizeof fifo, "%s/roots", dir);
    CHECK(mkfifo(fifo, 0600) == 0);
    setenv("SSL_CERT_FILE", fifo, 1);
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    begin();
    before = count_threads();
    OK(wskt_config_new(&shut_config));
    OK(wskt_config_set_system_roots(shut_config, true));
    OK(wskt_log_set(WSKT_LOG_DEBUG, on_log, NULL));
#ifdef UNSANITIZED
    RUN(forked);
#endif
    RUN(client_certificates);
    RUN(aborted_and_closed);
    RUN(with_a_proxy);
    RUN(others_go_on);
    RUN(deadlines);
    RUN(freed);
    /* From here on threads come and go. */
    start_feeding();
    check_threads(before + 1);
    stop_feeding();
    RUN(once_for_all);
    RUN(beside_lookups);
#ifdef UNSANITIZED
    RUN(no_thread_to_be_had);
#endif
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    wskt_config_free(shut_config);
    now_testing("exits");
    exits(argv[0]);
    fd = end();
    unlink(fifo);
    rmdir(dir);
    return fd;
}
