/* Published flaws: mask keys that a script or an attacker can foresee, which
   lets chosen bytes reach a server that speaks another protocol (RFC 6455,
   10.3). The keys are those that the server saw. */
#include <sys/wait.h>
#include <unistd.h>

#include "support/cases.h"

enum { FRAMES = 1000 };

/* Sends FRAMES messages on one connection. */
static void send_frames(const char *id) {
    char *url = script_url("ws", "drain", id);
    wskt_socket *socket;
    int i;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    for (i = 0; i < FRAMES; i++) {
        /* The same content each time, of three sizes: three ways to mask. */
        static const char zeros[70000];
        size_t len = i % 100 == 99 ? sizeof zeros : (size_t)(i % 2) * 500;
        OK(wskt_socket_send_binary(socket, zeros, len));
    }
    OK(wskt_socket_abort(socket));
    wskt_socket_free(socket);
    free(url);
}

/* The mask keys of that connection. */
static void read_keys(const char *id, uint32_t *keys) {
    struct report report;
    const char *at;
    int i;
    get_report(&report, id);
    at = report.json;
    for (i = 0; i < FRAMES; i++) {
        at = strstr(at, "\"mask\":\"");
        CHECK(at != NULL);
        at += strlen("\"mask\":\"");
        keys[i] = (uint32_t)strtoul(at, NULL, 16);
    }
    free_report(&report);
}

static void collect(uint32_t *keys) {
    const char *id = new_id();
    send_frames(id);
    read_keys(id, keys);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int ones_of(uint32_t word) {
    int ones = 0;
    for (; word != 0; word &= word - 1) {
        ones += 1;
    }
    return ones;
}

/* CVE-2025-10148 (curl 8.11 to 8.15): one key for all frames of a connection.
   Here no two of 1000 frames share one, save by chance (1 in 8600 that a pair
   does; two pairs do not happen). */
static void curl_cve_2025_10148_fresh_for_each_frame(void) {
    static uint32_t keys[FRAMES];
    int same = 0;
    int i;
    collect(keys);
    for (i = 1; i < FRAMES; i++) {
        CHECK(keys[i] != keys[i - 1]);
    }
    qsort(keys, FRAMES, sizeof keys[0], by_value);
    for (i = 1; i < FRAMES; i++) {
        same += keys[i] == keys[i - 1];
    }
    CHECK(same <= 1);
}

/* IXWebSocket (open): the key is the clock in seconds. Two connections within
   one second have nothing in common, and keys do not follow one another. */
static void ixwebsocket_mask_is_the_clock(void) {
    static uint32_t first[FRAMES];
    static uint32_t second[FRAMES];
    int equal = 0;
    int near = 0;
    int i;
    collect(first);
    collect(second);
    for (i = 0; i < FRAMES; i++) {
        equal += first[i] == second[i];
        near += i > 0 && first[i] - first[i - 1] + 1000 < 2000;
    }
    CHECK_INT(equal, 0);
    CHECK(near <= 1);
}

/* dart http#1676, autobahn-python#758, aiohttp#1437, Java-WebSocket#1132,
   okhttp PR#9624, HTTP.jl#437: predictable generators. Statistics cannot show
   that a generator is good, only that it is not one of the bad ones: each bit
   is set in half of the keys, and does not depend on the key before. (Limits
   are six standard deviations of 1000 coins: 500 +- 95.) */
static void dart_http_1676_statistics(void) {
    static uint32_t keys[FRAMES];
    int bit;
    int i;
    collect(keys);
    for (bit = 0; bit < 32; bit++) {
        int set = 0;
        int kept = 0;
        for (i = 1; i < FRAMES; i++) {
            set += keys[i] >> bit & 1;
            kept += (~(keys[i] ^ keys[i - 1]) >> bit) & 1;
        }
        CHECK(set > 405 && set < 595);
        CHECK(kept > 405 && kept < 595);
    }
    for (i = 0, bit = 0; i < FRAMES; i++) {
        bit += ones_of(keys[i]);
    }
    /* 32000 coins: 16000 +- 537. */
    CHECK(bit > 15463 && bit < 16537);
}

/* OpenSSL 1.0.2 and others (CVE-2019-1549): a generator that a fork copies. What
   the child's connection takes has nothing in common with what its parent's
   takes from then on. */
static void openssl_cve_2019_1549_keys_after_a_fork(void) {
    static uint32_t ours[FRAMES];
    static uint32_t childs[FRAMES];
    const char *id = new_id();
    int status = 0;
    int equal = 0;
    int i;
    int k;
    pid_t pid;
    /* The thread has keys and a generator. */
    collect(ours);
    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        send_frames(id);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    read_keys(id, childs);
    collect(ours);
    for (i = 0; i < FRAMES; i++) {
        for (k = 0; k < FRAMES; k++) {
            equal += ours[i] == childs[k];
        }
    }
    /* Chance gives one in 4300. */
    CHECK(equal <= 1);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(curl_cve_2025_10148_fresh_for_each_frame),
        CASE(ixwebsocket_mask_is_the_clock),
        CASE(dart_http_1676_statistics),
        CASE(openssl_cve_2019_1549_keys_after_a_fork),
    };
    return CASES(argc, argv, cases);
}
