/* What standard input gives: lines, each a message. On a terminal they are edited
   and remembered, where readline is there. */
#define _POSIX_C_SOURCE 200809L
#include "wscat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes over `len` bytes of input. */
static void add(struct wscat *cat, const char *bytes, size_t len)
{
    if (cat->size - cat->used < len) {
        size_t size = cat->size * 2 + len;
        char *buffer = realloc(cat->buffer, size);

        if (buffer == NULL)
            fail(EXIT_UNCLEAN, "standard input", "memory ran out");
        cat->buffer = buffer;
        cat->size = size;
    }
    memcpy(cat->buffer + cat->used, bytes, len);
    cat->used += len;
}

#ifdef HAVE_READLINE
#include <readline/history.h>
#include <readline/readline.h>

enum { REMEMBERED = 1000 };

/* readline knows of one line at a time and passes nothing on. */
static struct wscat *edits;

/* Where the history is kept: $WSCAT_HISTORY, or in the home directory; NULL for
   nowhere. */
static const char *history_file(void)
{
    static char path[4096];
    const char *file = getenv("WSCAT_HISTORY"), *home = getenv("HOME");

    if (file != NULL)
        return *file ? file : NULL;
    if (home == NULL || (size_t)snprintf(path, sizeof path, "%s/.wscat_history", home) >= sizeof path)
        return NULL;
    return path;
}

static void stop(struct wscat *cat)
{
    if (cat->editing)
        rl_callback_handler_remove();
    cat->editing = false;
}

static void on_line(char *line)
{
    if (line == NULL) {
        edits->input_ended = true;
        stop(edits);
        putchar('\n');
        return;
    }
    if (*line)
        add_history(line);
    add(edits, line, strlen(line));
    add(edits, "\n", 1);
    free(line);
}

void input_begin(struct wscat *cat)
{
    const char *file = history_file();

    if (!isatty(STDIN_FILENO) || !cat->out_terminal)
        return;
    cat->editing = true;
    edits = cat;
    rl_catch_signals = 0;
    rl_bind_key('\t', rl_insert);
    rl_variable_bind("enable-bracketed-paste", "off");
    using_history();
    stifle_history(REMEMBERED);
    if (file != NULL)
        read_history(file);
    rl_callback_handler_install("> ", on_line);
}

void input_end(struct wscat *cat)
{
    const char *file = history_file();

    stop(cat);
    if (edits != NULL && file != NULL)
        write_history(file);
}

void input_hide(const struct wscat *cat)
{
    if (cat->editing) {
        rl_clear_visible_line();
        fflush(rl_outstream);
    }
}

void input_show(const struct wscat *cat)
{
    if (cat->editing) {
        rl_on_new_line();
        rl_forced_update_display();
    }
}

static void edit(void)
{
    rl_callback_read_char();
}
#else
void input_begin(struct wscat *cat)
{
    (void)cat;
}
void input_end(struct wscat *cat)
{
    (void)cat;
}
void input_hide(const struct wscat *cat)
{
    (void)cat;
}
void input_show(const struct wscat *cat)
{
    (void)cat;
}
static void edit(void)
{
}
#endif

void input_read(struct wscat *cat)
{
    char bytes[16384];
    ssize_t got;

    if (cat->editing) {
        edit();
        return;
    }
    got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got > 0)
        add(cat, bytes, (size_t)got);
    else if (got == 0 || errno != EINTR)
        cat->input_ended = true;
}

static wskt_result send_one(struct wscat *cat, const char *bytes, size_t len)
{
    wskt_result result = cat->options.binary ? wskt_socket_send_binary(cat->socket, bytes, len)
                                             : wskt_socket_send_text(cat->socket, bytes, len);

    if (result == WSKT_OK) {
        cat->sent++;
        cat->sent_bytes += len;
    }
    return result;
}

void input_send(struct wscat *cat)
{
    char *start = cat->buffer;
    size_t left = cat->used;

    while (left > 0 && !cat->full) {
        const char *end = memchr(start, '\n', left);
        size_t len = end ? (size_t)(end - start) : left;
        wskt_result result;

        if (end == NULL && !cat->input_ended)
            break;
        result = send_one(cat, start, len);
        if (result == WSKT_ERR_BUFFER_FULL)
            cat->full = true;
        if (result == WSKT_ERR_BUFFER_FULL || result == WSKT_ERR_CLOSED)
            break;
        if (result != WSKT_OK)
            fprintf(stderr, "wscat: a line was not sent: %s\n", wskt_result_text(result));
        len += end != NULL;
        start += len;
        left -= len;
    }
    if (cat->used > 0)
        memmove(cat->buffer, start, left);
    cat->used = left;
}

void input_send_file(struct wscat *cat)
{
    const char *path = cat->options.file;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *bytes = NULL;
    size_t len = 0, size = 0, got;
    wskt_result result;

    if (file == NULL)
        fail(EXIT_USAGE, path, strerror(errno));
    do {
        if (size - len < 65536) {
            char *larger = realloc(bytes, size = size * 2 + 131072);

            if (larger == NULL)
                fail(EXIT_UNCLEAN, path, "memory ran out");
            bytes = larger;
        }
        got = fread(bytes + len, 1, size - len, file);
        len += got;
    } while (got > 0);
    if (ferror(file))
        fail(EXIT_UNCLEAN, path, "it cannot be read");
    if (file == stdin)
        cat->input_ended = true;
    else
        fclose(file);
    result = send_one(cat, bytes, len);
    if (result != WSKT_OK)
        fprintf(stderr, "wscat: %s was not sent: %s\n", path, wskt_result_text(result));
    free(bytes);
}
