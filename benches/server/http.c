/* The upgrade request. */
#define _GNU_SOURCE
#include "server.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 8192 };

/* The value of a header, up to the end of its line. */
static bool header(const char *request, const char *name, char *out,
                   size_t room) {
    const char *line = request;
    size_t len = strlen(name);
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1;
            const char *end = strstr(value, "\r\n");
            value += strspn(value, " \t");
            if (end == NULL || end < value || (size_t)(end - value) >= room) {
                return false;
            }
            memcpy(out, value, (size_t)(end - value));
            out[end - value] = '\0';
            return true;
        }
    }
    return false;
}

static uint64_t number(const char *path, const char *name) {
    const char *query = strchr(path, '?');
    size_t len = strlen(name);
    while (query != NULL) {
        query++;
        if (strncmp(query, name, len) == 0 && query[len] == '=') {
            return strtoull(query + len + 1, NULL, 10);
        }
        query = strchr(query, '&');
    }
    return 0;
}

static bool answer_upgrade(struct conn *conn, const char *path,
                           const char *key, bool deflate) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char accept[64];
    char text[256];
    char answer[512];
    int len = snprintf(text, sizeof text, "%s%s", key, guid);
    SHA1((unsigned char *)text, (size_t)len, digest);
    EVP_EncodeBlock(accept, digest, sizeof digest);
    len = snprintf(answer, sizeof answer,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                   accept,
                   deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                           : "");
    conn_queue(conn, answer, (size_t)len);
    conn->count = number(path, "n");
    conn->size = (size_t)number(path, "size");
    conn->kind = strstr(path, "kind=utf8")   ? "utf8"
                 : strstr(path, "kind=text") ? "text"
                                             : "binary";
    if (strncmp(path, "/flood", 6) == 0) {
        conn->role = ROLE_FLOOD;
        return flood_begins(conn);
    }
    if (strncmp(path, "/sink", 5) == 0) {
        conn->role = ROLE_SINK;
    } else if (strncmp(path, "/fan", 4) == 0) {
        conn->role = ROLE_FAN;
        group_join(conn, number(path, "g"));
    } else {
        conn->role = ROLE_ECHO;
    }
    return true;
}

bool http_take(struct conn *conn, const unsigned char *bytes, size_t len,
               size_t *used) {
    char path[512];
    char key[64];
    char offer[512];
    const char *end;
    size_t before = conn->request_len;
    char *longer;
    if (before + len > LONGEST ||
        (longer = realloc(conn->request, before + len + 1)) == NULL) {
        return false;
    }
    conn->request = longer;
    memcpy(longer + before, bytes, len);
    conn->request_len += len;
    longer[conn->request_len] = '\0';
    *used = len;
    if ((end = strstr(longer, "\r\n\r\n")) == NULL) {
        return true;
    }
    *used = (size_t)(end + 4 - longer) - before;
    if (sscanf(longer, "GET %511s HTTP/1.1", path) != 1) {
        return false;
    }
    if (!header(longer, "Sec-WebSocket-Key", key, sizeof key) ||
        !answer_upgrade(conn, path, key,
                        strncmp(path, "/deflate", 8) == 0 &&
                            header(longer, "Sec-WebSocket-Extensions", offer,
                                   sizeof offer) &&
                            strstr(offer, "permessage-deflate") != NULL)) {
        return false;
    }
    free(conn->request);
    conn->request = NULL;
    return true;
}
