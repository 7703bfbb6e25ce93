/* JSON, checked after RFC 8259 and printed with a line for each value. */
#include "wscat.h"

#include <string.h>

enum { DEPTH = 200, INDENT = 2 };

#define KEY "\033[34;1m"
#define STRING "\033[32m"
#define OTHER "\033[33m"
#define PLAIN "\033[0m"

/* Reads `text` twice: once to check it, with `to` NULL, then to print it. */
struct json {
    const char *at, *end;
    FILE *to;
    bool colour;
    int depth;
};

static bool value(struct json *json);

static void put(const struct json *json, const char *text)
{
    if (json->to)
        fputs(text, json->to);
}

static void paint(const struct json *json, const char *colour)
{
    if (json->to && json->colour)
        fputs(colour, json->to);
}

static void new_line(const struct json *json)
{
    if (json->to)
        fprintf(json->to, "\n%*s", json->depth * INDENT, "");
}

static void blanks(struct json *json)
{
    while (json->at < json->end && memchr(" \t\r\n", *json->at, 4) != NULL)
        json->at++;
}

static bool take(struct json *json, char c)
{
    if (json->at == json->end || *json->at != c)
        return false;
    json->at++;
    return true;
}

static void copy(struct json *json, const char *start, const char *colour)
{
    paint(json, colour);
    if (json->to)
        print_safely(start, (size_t)(json->at - start), json->to);
    paint(json, PLAIN);
}

static bool string(struct json *json, const char *colour)
{
    const char *start = json->at;

    if (!take(json, '"'))
        return false;
    while (json->at < json->end && *json->at != '"') {
        unsigned char c = (unsigned char)*json->at++;

        if (c < 0x20)
            return false;
        if (c == '\\') {
            size_t more;

            if (json->at == json->end || strchr("\"\\/bfnrtu", *json->at) == NULL)
                return false;
            more = *json->at++ == 'u' ? 4 : 0;
            if ((size_t)(json->end - json->at) < more)
                return false;
            for (; more > 0; more--)
                if (strchr("0123456789abcdefABCDEF", *json->at++) == NULL)
                    return false;
        }
    }
    if (!take(json, '"'))
        return false;
    copy(json, start, colour);
    return true;
}

static bool digits(struct json *json)
{
    const char *start = json->at;

    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return json->at > start;
}

static bool number(struct json *json)
{
    const char *start = json->at;

    take(json, '-');
    if (!take(json, '0') && !digits(json))
        return false;
    if (take(json, '.') && !digits(json))
        return false;
    if (take(json, 'e') || take(json, 'E')) {
        if (!take(json, '+'))
            take(json, '-');
        if (!digits(json))
            return false;
    }
    copy(json, start, OTHER);
    return true;
}

static bool word(struct json *json)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);

        if ((size_t)(json->end - json->at) >= len && memcmp(json->at, words[i], len) == 0) {
            json->at += len;
            copy(json, json->at - len, OTHER);
            return true;
        }
    }
    return false;
}

/* An array, or an object: then each value has a key before it. */
static bool list(struct json *json, char open, char close)
{
    char brackets[2][2] = {{open, '\0'}, {close, '\0'}};

    take(json, open);
    put(json, brackets[0]);
    blanks(json);
    if (take(json, close)) {
        put(json, brackets[1]);
        return true;
    }
    if (++json->depth > DEPTH)
        return false;
    do {
        new_line(json);
        blanks(json);
        if (open == '{') {
            if (!string(json, KEY))
                return false;
            blanks(json);
            if (!take(json, ':'))
                return false;
            put(json, ": ");
        }
        if (!value(json))
            return false;
        if (json->at < json->end && *json->at == ',')
            put(json, ",");
    } while (take(json, ','));
    json->depth--;
    new_line(json);
    put(json, brackets[1]);
    return take(json, close);
}

static bool value(struct json *json)
{
    bool good;

    blanks(json);
    if (json->at == json->end)
        return false;
    switch (*json->at) {
    case '{': good = list(json, '{', '}'); break;
    case '[': good = list(json, '[', ']'); break;
    case '"': good = string(json, STRING); break;
    case 't':
    case 'f':
    case 'n': good = word(json); break;
    default: good = number(json);
    }
    blanks(json);
    return good;
}

bool json_print(const char *text, size_t len, bool colour, FILE *to)
{
    struct json json = {.at = text, .end = text + len};

    if (!value(&json) || json.at != json.end)
        return false;
    json = (struct json){.at = text, .end = text + len, .to = to, .colour = colour};
    return value(&json);
}
