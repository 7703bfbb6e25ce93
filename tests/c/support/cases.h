/* A program of named cases: without an argument it runs all of them, with
   one the case of that name; `--list` prints the names. */
#ifndef CASES_H
#define CASES_H

#include "ways.h"

struct named_case {
    const char *name;
    void (*run)(void);
};

/* As main's body; the result is main's. */
int run_cases(int argc, char **argv, const struct named_case *cases,
              size_t count);

#define CASE(name) {#name, name}
#define CASES(argc, argv, cases) \
    run_cases(argc, argv, cases, sizeof cases / sizeof cases[0])

/* One connection from open to close, driven by blocking calls and by callbacks
   inside wskt_loop_run, with this script on this port of the server. The log
   must be `log` (see ways.h), where `*` stands for anything. `config` may be
   NULL. */
void expect_log(const char *port_name, const char *script,
                const wskt_config *config, const char *log);
/* The same, and what the server got, one frame a line. */
void expect_log_and_frames(const char *port_name, const char *script,
                           const wskt_config *config, const char *log,
                           const char *frames);
/* A failure after the open event, and one before it. */
#define FAILS(kind, message)                                        \
    "error/3 " kind " \"" message "\"\nclose/3 1006 \"\" unclean " \
    "peer=0 " kind " \"" message "\"\n"
#define OPEN "open/1\n"

/* Most memory this process has had so far, in KiB. */
long peak_kib(void);
/* Fails if the peak has grown by more since `before`. Tools and sanitizers
   need memory of their own: nothing is judged then. */
void check_peak(long before, long most_kib);
/* Processor time of this process, in milliseconds. */
double cpu_ms(void);

#endif
