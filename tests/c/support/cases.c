#include "cases.h"

#include <time.h>

int run_cases(int argc, char **argv, const struct named_case *cases,
              size_t count) {
    size_t i;
    int found = argc < 2;
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        for (i = 0; i < count; i++) {
            puts(cases[i].name);
        }
        return 0;
    }
    begin();
    for (i = 0; i < count; i++) {
        if (argc < 2 || strcmp(argv[1], cases[i].name) == 0) {
            now_testing(cases[i].name);
            cases[i].run();
            found = 1;
        }
    }
    if (!found) {
        FAIL("there is no case %s", argv[1]);
    }
    return end();
}

void expect_log_and_frames(const char *port_name, const char *script,
                           const wskt_config *config, const char *log,
                           const char *frames) {
    static const enum way ways[] = {WAY_BLOCKING, WAY_LOOP_RUN};
    size_t i;
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct party party;
        struct report report;
        const char *id = new_id();
        char *url = script_url(port_name, script, id);
        party_make(&party, ways[i], NULL, url, config);
        party_start(&party);
        party_drive(&party);
        party_check_closed(&party);
        if (!text_like(text_of(&party.log), log)) {
            FAIL("%s, %s: the log is\n%swanted is\n%s", script,
                 way_name(ways[i]), text_of(&party.log), log);
        }
        party_free(&party);
        if (frames != NULL) {
            get_report(&report, id);
            CHECK_STR(text_of(&report.frames), frames);
            free_report(&report);
        }
        free(url);
    }
}

void expect_log(const char *port_name, const char *script,
                const wskt_config *config, const char *log) {
    expect_log_and_frames(port_name, script, config, log, NULL);
}

long peak_kib(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = atol(line + 6);
        }
    }
    fclose(status);
    CHECK(kib > 0);
    return kib;
}

void check_peak(long before, long most_kib) {
    long grown = peak_kib() - before;
    if (!is_slow() && grown > most_kib) {
        FAIL("memory grew by %ld KiB, %ld are allowed", grown, most_kib);
    }
}

double cpu_ms(void) {
    return (double)clock() * 1e3 / CLOCKS_PER_SEC;
}
