/* What every client of the benchmarks in C and C++ does alike.

       PROGRAM WORKLOAD URL COUNT SIZE KIND [CONNECTIONS]

   The runner (run.py) picks the arguments. A client opens its connections,
   calls bench_begin, does the work, checks what comes with bench_check, calls
   bench_end, and exits: 0 if all was right, 3 if it has no such workload. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "payload.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BENCH_UNSUPPORTED = 3, BENCH_WINDOW = 64, BENCH_JSON = 1024 };

struct bench {
    const char *workload;
    const char *url;
    const char *ca; /* the file with the server's certificate */
    bool tls;
    char host[64];
    int port;
    char path[256];
    uint64_t count;       /* messages, or connections */
    size_t size;          /* of a message */
    size_t connections;   /* of "fan" */
    const char *kind;
    unsigned char *payload; /* SIZE bytes of KIND */
    double began;
    double cpu_began;
    long rss_began;
};

static inline void bench_die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static inline bool bench_is(const struct bench *bench, const char *workload) {
    return strcmp(bench->workload, workload) == 0;
}

static inline double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline double bench_cpu(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* Resident memory in KiB. */
static inline long bench_rss(void) {
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

static inline void bench_init(struct bench *bench, int argc, char **argv) {
    struct rlimit limit;
    memset(bench, 0, sizeof *bench);
    if (argc < 6) {
        bench_die("usage: %s WORKLOAD URL COUNT SIZE KIND [CONNECTIONS]", argv[0]);
    }
    bench->workload = argv[1];
    bench->url = argv[2];
    bench->count = strtoull(argv[3], NULL, 10);
    bench->size = (size_t)strtoull(argv[4], NULL, 10);
    bench->kind = argv[5];
    bench->connections = argc > 6 ? (size_t)strtoull(argv[6], NULL, 10) : 1;
    bench->ca = getenv("BENCH_CA");
    bench->tls = strncmp(bench->url, "wss:", 4) == 0;
    if (sscanf(bench->url, "%*[^:]://%63[^:/]:%d%255s", bench->host,
               &bench->port, bench->path) != 3) {
        bench_die("%s: not a URL of this server", bench->url);
    }
    bench->payload = (unsigned char *)malloc(bench->size + 1);
    if (bench->payload == NULL) {
        bench_die("no memory");
    }
    payload_fill(bench->payload, bench->size, bench->kind);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    bench->rss_began = bench_rss();
}

/* After the handshakes. */
static inline void bench_begin(struct bench *bench) {
    bench->cpu_began = bench_cpu();
    bench->began = bench_now();
}

/* Prints the measures as one line of JSON. */
static inline void bench_end(const struct bench *bench) {
    double seconds = bench_now() - bench->began;
    double cpu = bench_cpu() - bench->cpu_began;
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("{\"seconds\":%.9f,\"cpu\":%.6f,\"rss_kib\":%ld,\"peak_kib\":%ld}\n",
           seconds, cpu, bench_rss() - bench->rss_began, use.ru_maxrss);
    fflush(stdout);
}

/* A message of the flood or an echo: its length, its first and last byte. */
static inline void bench_check(const struct bench *bench, const void *data,
                               size_t len) {
    const unsigned char *bytes = (const unsigned char *)data;
    if (len != bench->size ||
        (len > 0 && (bytes[0] != bench->payload[0] ||
                     bytes[len - 1] != bench->payload[len - 1]))) {
        bench_die("a wrong message of %zu bytes", len);
    }
}

/* The sink's answer: how many messages and bytes came, and how many wrong. */
static inline void bench_check_sink(const struct bench *bench, const void *data,
                                    size_t len) {
    char want[64];
    int n = snprintf(want, sizeof want, "%llu %llu 0",
                     (unsigned long long)bench->count,
                     (unsigned long long)(bench->count * bench->size));
    if (len != (size_t)n || memcmp(data, want, len) != 0) {
        bench_die("the sink got \"%.*s\", not \"%s\"", (int)len,
                  (const char *)data, want);
    }
}

/* BENCH_JSON bytes of JSON, another each time, as an API would send it. */
static inline void bench_json(char *out, uint64_t turn) {
    size_t len = 0;
    uint64_t id = turn * 2654435761u % 1000000;
    len += (size_t)snprintf(out, BENCH_JSON,
                            "{\"type\":\"update\",\"sequence\":%llu,\"items\":[",
                            (unsigned long long)turn);
    for (int i = 0; len + 110 < BENCH_JSON; i++) {
        len += (size_t)snprintf(
            out + len, BENCH_JSON - len,
            "{\"id\":%llu,\"symbol\":\"WSKT-%d\",\"bid\":%llu.%02d,"
            "\"ask\":%llu.%02d,\"open\":true},",
            (unsigned long long)(id + (uint64_t)i * 7919), i,
            (unsigned long long)(id % 900 + 100), i * 13 % 100,
            (unsigned long long)(id % 900 + 101), i * 17 % 100);
    }
    len += (size_t)snprintf(out + len, BENCH_JSON - len, "null],\"pad\":\"");
    memset(out + len, '.', BENCH_JSON - len - 2);
    memcpy(out + BENCH_JSON - 2, "\"}", 2);
}

#endif
