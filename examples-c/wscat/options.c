/* The command line of wscat. */
#define _POSIX_C_SOURCE 200809L
#include "wscat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: wscat [OPTION...] URL\n"
    "\n"
    "Sends lines of standard input to the WebSocket server at URL (ws: or wss:) and\n"
    "prints its messages. End of input (Ctrl-D) and Ctrl-C close the connection with\n"
    "code 1000.\n"
    "\n"
    "  -b, --binary              send binary messages instead of text\n"
    "      --ca FILE             trust the certificates in this PEM file, too\n"
    "      --color WHEN          auto, always or never; auto if not given\n"
    "  -f, --file FILE           send FILE first, as one message; -: standard input\n"
    "  -H, --header NAME:VALUE   add a header to the request; may be repeated\n"
    "  -j, --json                print JSON with a line for each value\n"
    "  -p, --ping SECONDS        send a ping this often\n"
    "      --progress            tell at the end what was sent and received\n"
    "  -s, --subprotocol NAME    offer a subprotocol; may be repeated, best first\n"
    "      --timing              tell at the end how long each phase took\n"
    "  -w, --wait SECONDS        after the end of input, go on receiving for so long\n"
    "                            before closing; -1: until the server closes\n"
    "  -h, --help                print this and exit\n"
    "      --version             print the version and exit\n"
    "\n"
    "Binary messages are written as they are if standard output is a file or pipe,\n"
    "and described if it is a terminal.\n"
    "\n"
    "The exit status is 0 after a clean close with code 1000 or none, 1 if the\n"
    "connection failed or broke, 2 if the command line is wrong; after a clean close\n"
    "with another code 3, with one of a library (3000 to 3999) 4, with one of an\n"
    "application (4000 to 4999) 5. More: man wscat.\n";

/* For what the command line asks for. */
static void check(const struct options *options, wskt_result result, const char *what)
{
    const char *why = wskt_config_error_text(options->config);

    if (result != WSKT_OK)
        fail(EXIT_USAGE, what, why && *why ? why : wskt_result_text(result));
}

static void add_header(const struct options *options, char *line)
{
    char *colon = strchr(line, ':');
    const char *value;

    if (colon == NULL)
        fail(EXIT_USAGE, line, "a header is NAME:VALUE");
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    check(options, wskt_config_add_header(options->config, line, value), line);
}

/*
 * The value of an option in any of its forms (-x VALUE, -xVALUE, --long VALUE,
 * --long=VALUE), or NULL if `*at` is another option. Moves `*at` past it.
 */
static char *value_of(char ***at, char letter, const char *name)
{
    char *arg = **at, *value;
    size_t len = strlen(name);

    if (letter && arg[0] == '-' && arg[1] == letter)
        value = arg + 2;
    else if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, len) == 0 &&
             (arg[2 + len] == '\0' || arg[2 + len] == '='))
        value = arg + 2 + len;
    else
        return NULL;
    if (*value == '=' && arg[1] == '-') {
        value++;
    } else if (*value == '\0') {
        value = *++*at;
        if (value == NULL)
            fail(EXIT_USAGE, arg, "a value is missing");
    }
    ++*at;
    return value;
}

static long seconds(const char *text, long least)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || number < least || number > 1000000)
        fail(EXIT_USAGE, text, "not a number of seconds");
    return number;
}

static bool is(const char *arg, const char *letter, const char *name)
{
    return strcmp(arg, letter) == 0 || strcmp(arg, name) == 0;
}

/* Options without a value; false if `arg` is none. */
static bool flag(struct options *options, const char *arg)
{
    if (is(arg, "-h", "--help")) {
        fputs(usage, stdout);
        exit(EXIT_CLEAN);
    }
    if (is(arg, "--version", "--version")) {
        printf("wscat (wskt %s)\n", wskt_version_string());
        exit(EXIT_CLEAN);
    }
    if (is(arg, "-b", "--binary"))
        options->binary = true;
    else if (is(arg, "-j", "--json"))
        options->json = true;
    else if (is(arg, "--progress", "--progress"))
        options->progress = true;
    else if (is(arg, "--timing", "--timing"))
        options->timing = true;
    else
        return false;
    return true;
}

/* auto: on a terminal, unless $NO_COLOR says no. */
static void set_colour(struct options *options, const char *when)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    bool may = (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0);

    if (strcmp(when, "auto") != 0 && strcmp(when, "always") != 0 && strcmp(when, "never") != 0)
        fail(EXIT_USAGE, when, "not auto, always or never");
    options->colour_out = strcmp(when, "always") == 0;
    options->colour_err = options->colour_out;
    if (strcmp(when, "auto") == 0 && may) {
        options->colour_out = isatty(STDOUT_FILENO) == 1;
        options->colour_err = isatty(STDERR_FILENO) == 1;
    }
}

void options_parse(int argc, char **argv, struct options *options)
{
    char **at = argv + 1, *value;
    const char *colour = "auto";
    bool words_only = false;

    if (wskt_config_new(&options->config) != WSKT_OK)
        fail(EXIT_UNCLEAN, "wskt_config_new", "refused");
    options->protocols = malloc((size_t)argc * sizeof *options->protocols);
    if (options->protocols == NULL)
        fail(EXIT_UNCLEAN, "wscat", "memory ran out");
    while (*at) {
        if (words_only || **at != '-' || strcmp(*at, "-") == 0) {
            if (options->url)
                fail(EXIT_USAGE, *at, "there is a URL already; see wscat --help");
            options->url = *at++;
        } else if (strcmp(*at, "--") == 0) {
            words_only = true;
            at++;
        } else if (flag(options, *at)) {
            at++;
        } else if ((value = value_of(&at, 'H', "header")) != NULL) {
            add_header(options, value);
        } else if ((value = value_of(&at, 's', "subprotocol")) != NULL) {
            options->protocols[options->protocol_count++] = value;
        } else if ((value = value_of(&at, 0, "ca")) != NULL) {
            check(options, wskt_config_add_ca_file(options->config, value), value);
        } else if ((value = value_of(&at, 'w', "wait")) != NULL) {
            options->wait = seconds(value, -1);
        } else if ((value = value_of(&at, 'p', "ping")) != NULL) {
            options->ping = seconds(value, 1);
        } else if ((value = value_of(&at, 'f', "file")) != NULL) {
            options->file = value;
        } else if ((value = value_of(&at, 0, "color")) != NULL) {
            colour = value;
        } else {
            fail(EXIT_USAGE, *at, "no such option; see wscat --help");
        }
    }
    if (options->url == NULL) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    set_colour(options, colour);
}
