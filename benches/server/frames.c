/* WebSocket frames, read as a stream: nothing waits for its end. */
#define _GNU_SOURCE
#include "server.h"
#include "../clients/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAN_SIZE = 32, FAN_STEP = 37 };

/* The sockets that one client opened to be sent to in turn. */
struct group {
    uint64_t id;
    struct conn **members;
    size_t len;
    size_t room;
    size_t next;
    uint64_t left;
    bool begun;
    struct group *after;
};

static struct group *groups;

size_t write_head(unsigned char *out, unsigned char first, uint64_t len) {
    out[0] = first;
    if (len < 126) {
        out[1] = (unsigned char)len;
        return 2;
    }
    if (len < 65536) {
        out[1] = 126;
        out[2] = (unsigned char)(len >> 8);
        out[3] = (unsigned char)len;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++) {
        out[2 + i] = (unsigned char)(len >> (56 - 8 * i));
    }
    return 10;
}

/* -- fan ---------------------------------------------------------------- */

void group_join(struct conn *conn, uint64_t id) {
    struct group *group = groups;
    while (group != NULL && group->id != id) {
        group = group->after;
    }
    if (group == NULL) {
        if ((group = calloc(1, sizeof *group)) == NULL) {
            abort();
        }
        group->id = id;
        group->after = groups;
        groups = group;
    }
    if (group->len == group->room) {
        group->room = group->room ? 2 * group->room : 64;
        group->members =
            realloc(group->members, group->room * sizeof *group->members);
        if (group->members == NULL) {
            abort();
        }
    }
    group->members[group->len++] = conn;
    conn->group = group;
}

void group_leave(struct conn *conn) {
    struct group *group = conn->group;
    struct group **link = &groups;
    if (group == NULL) {
        return;
    }
    for (size_t i = 0; i < group->len; i++) {
        if (group->members[i] == conn) {
            group->members[i] = group->members[--group->len];
            break;
        }
    }
    if (group->len == 0) {
        while (*link != group) {
            link = &(*link)->after;
        }
        *link = group->after;
        free(group->members);
        free(group);
    }
    conn->group = NULL;
}

static void fan_next(struct conn *conn) {
    struct group *group = conn->group;
    unsigned char frame[2 + FAN_SIZE];
    if (!group->begun) {
        group->begun = true;
        group->left = conn->count;
    }
    if (group->left == 0) {
        return;
    }
    group->left--;
    group->next = (group->next + FAN_STEP) % group->len;
    write_head(frame, 0x82, FAN_SIZE);
    payload_fill(frame + 2, FAN_SIZE, "binary");
    conn_queue(group->members[group->next], frame, sizeof frame);
}

/* -- frames ------------------------------------------------------------- */

static void sink_check(struct conn *conn, const unsigned char *bytes,
                       size_t len) {
    struct frame *frame = &conn->frame;
    uint64_t at = conn->message_at + frame->at;
    uint64_t end = at + len;
    if (at == 0 && (bytes[0] ^ frame->mask[0]) != payload_byte(0, conn->kind)) {
        conn->bad++;
    }
    if (end == conn->size &&
        (bytes[len - 1] ^ frame->mask[(frame->at + len - 1) % 4]) !=
            payload_byte(conn->size - 1, conn->kind)) {
        conn->bad++;
    }
    conn->bytes += len;
}

static void unmask(unsigned char *bytes, size_t len, const unsigned char *mask,
                   uint64_t at) {
    unsigned char turned[8];
    uint64_t key;
    size_t i = 0;
    for (unsigned k = 0; k < 8; k++) {
        turned[k] = mask[(at + k) % 4];
    }
    memcpy(&key, turned, 8);
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= key;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < len; i++) {
        bytes[i] ^= turned[i % 8];
    }
}

/* Control frames are answered by every role, data frames echoed by one. */
static bool goes_back(const struct conn *conn) {
    unsigned opcode = conn->frame.head[0] & 15;
    return opcode == 8 || opcode == 9 || conn->role == ROLE_ECHO;
}

static void frame_begins(struct conn *conn) {
    struct frame *frame = &conn->frame;
    if (goes_back(conn)) {
        unsigned char head[14];
        unsigned char first = frame->head[0];
        if ((first & 15) == 9) {
            first = (unsigned char)((first & 0xf0) | 10);
        }
        conn_queue(conn, head, write_head(head, first, frame->len));
    }
}

static void frame_ends(struct conn *conn) {
    struct frame *frame = &conn->frame;
    unsigned opcode = frame->head[0] & 15;
    bool fin = (frame->head[0] & 0x80) != 0;
    frame->in_payload = false;
    frame->head_len = 0;
    if (opcode == 8) {
        conn->role = ROLE_OVER;
        return;
    }
    if (opcode > 8) {
        return;
    }
    conn->message_at = fin ? 0 : conn->message_at + frame->len;
    if (!fin) {
        return;
    }
    conn->messages++;
    if (conn->role == ROLE_FLOOD && conn->flood_len == 0) {
        conn->flood_len = conn->count * conn->block->frame_len;
    } else if (conn->role == ROLE_FAN) {
        fan_next(conn);
    } else if (conn->role == ROLE_SINK && conn->messages == conn->count) {
        char text[64];
        unsigned char head[14];
        int len = snprintf(text, sizeof text, "%llu %llu %llu",
                           (unsigned long long)conn->messages,
                           (unsigned long long)conn->bytes,
                           (unsigned long long)conn->bad);
        conn_queue(conn, head, write_head(head, 0x81, (uint64_t)len));
        conn_queue(conn, text, (size_t)len);
    }
}

/* How long a head is, as far as its first two bytes tell. */
static unsigned head_due(const struct frame *frame) {
    if (frame->head_len < 2) {
        return 2;
    }
    switch (frame->head[1] & 127) {
    case 126:
        return 8;
    case 127:
        return 14;
    default:
        return 6;
    }
}

static void read_head(struct frame *frame) {
    unsigned due = head_due(frame);
    frame->len = frame->head[1] & 127;
    if (due != 6) {
        frame->len = 0;
        for (unsigned i = 2; i < due - 4; i++) {
            frame->len = frame->len << 8 | frame->head[i];
        }
    }
    memcpy(frame->mask, frame->head + due - 4, 4);
    frame->at = 0;
    frame->in_payload = true;
}

bool frames_take(struct conn *conn, unsigned char *bytes, size_t len) {
    struct frame *frame = &conn->frame;
    size_t i = 0;
    while (i < len && conn->role != ROLE_OVER) {
        size_t part;
        if (!frame->in_payload) {
            while (i < len && frame->head_len < head_due(frame)) {
                frame->head[frame->head_len++] = bytes[i++];
            }
            if (frame->head_len < head_due(frame)) {
                return true;
            }
            if ((frame->head[1] & 0x80) == 0) {
                return false;
            }
            read_head(frame);
            frame_begins(conn);
            if (frame->len == 0) {
                frame_ends(conn);
                continue;
            }
            if (i == len) {
                return true;
            }
        }
        part = len - i;
        if (part > frame->len - frame->at) {
            part = (size_t)(frame->len - frame->at);
        }
        if (goes_back(conn)) {
            unmask(bytes + i, part, frame->mask, frame->at);
            conn_queue(conn, bytes + i, part);
        } else if (conn->role == ROLE_SINK) {
            sink_check(conn, bytes + i, part);
        }
        frame->at += part;
        i += part;
        if (frame->at == frame->len) {
            frame_ends(conn);
        }
    }
    return true;
}
