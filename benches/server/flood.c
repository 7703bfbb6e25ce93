/* The messages of floods. They lie ready in the page cache; large ones go by
   sendfile, which hands the pages themselves to the kernel, so that only the
   client copies them. */
#define _GNU_SOURCE
#include "server.h"
#include "../clients/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BLOCK_LEN = 1 << 20,
    BLOCK_FRAMES = 4, /* at least: no message is one that was just read */
    LARGEST = 64 << 20,
    ROOM = 256 * 1024
};

static bool lay(struct block *block, size_t size, const char *kind) {
    unsigned char head[14];
    size_t head_len = write_head(head, kind[0] == 'b' ? 0x82 : 0x81, size);
    size_t frames;
    unsigned char *bytes;
    block->frame_len = head_len + size;
    frames = (BLOCK_LEN + block->frame_len - 1) / block->frame_len;
    if (frames < BLOCK_FRAMES) {
        frames = BLOCK_FRAMES;
    }
    block->len = frames * block->frame_len;
    block->file = memfd_create("flood", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (block->file < 0 || ftruncate(block->file, (off_t)block->len) != 0) {
        return false;
    }
    bytes = mmap(NULL, block->len, PROT_READ | PROT_WRITE, MAP_SHARED,
                 block->file, 0);
    if (bytes == MAP_FAILED) {
        return false;
    }
    for (size_t i = 0; i < frames; i++) {
        memcpy(bytes + i * block->frame_len, head, head_len);
        payload_fill(bytes + i * block->frame_len + head_len, size, kind);
    }
    munmap(bytes, block->len);
    /* What is under way must not change, and now cannot. */
    if (fcntl(block->file, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return false;
    }
    bytes = mmap(NULL, block->len, PROT_READ, MAP_SHARED, block->file, 0);
    block->bytes = bytes;
    return bytes != MAP_FAILED;
}

static const struct block *block_for(size_t size, const char *kind) {
    static struct {
        struct block block;
        size_t size;
        char kind[8];
    } known[64];
    static size_t len;
    for (size_t i = 0; i < len; i++) {
        if (known[i].size == size && strcmp(known[i].kind, kind) == 0) {
            return &known[i].block;
        }
    }
    if (len == sizeof known / sizeof *known || size > LARGEST ||
        !lay(&known[len].block, size, kind)) {
        return NULL;
    }
    known[len].size = size;
    strcpy(known[len].kind, kind);
    return &known[len++].block;
}

/* Smaller messages are sooner copied. */
static bool by_pages(const struct conn *conn) {
    return conn->ssl == NULL && conn->size >= LARGE;
}

/* What the kernel holds for a client stays within what its window admits, so
   that it is this thread that sends it, and not the client as it reads. */
bool flood_begins(struct conn *conn) {
    int room;
    conn->block = block_for(conn->size, conn->kind);
    if (conn->block == NULL) {
        return false;
    }
    room = by_pages(conn) ? 2 * ROOM : ROOM;
    return setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0;
}

/* Waits awake until half of what the kernel holds is gone, but not for long.
   To wake a server that sleeps takes several microseconds, and it is the
   client that would pay them. */
static bool room_comes(int fd) {
    int64_t end = now_us() + PATIENCE_US;
    int full;
    int left;
    if (ioctl(fd, SIOCOUTQ, &full) != 0) {
        return false;
    }
    do {
        if (ioctl(fd, SIOCOUTQ, &left) != 0 || left == 0) {
            break;
        }
    } while (left > full / 2 && now_us() < end);
    return left <= full / 2;
}

bool flood_on(struct conn *conn) {
    while (conn->flood_at < conn->flood_len) {
        off_t at = (off_t)(conn->flood_at % conn->block->len);
        size_t part = conn->block->len - (size_t)at;
        ssize_t n;
        if (part > conn->flood_len - conn->flood_at) {
            part = (size_t)(conn->flood_len - conn->flood_at);
        }
        if (by_pages(conn)) {
            n = sendfile(conn->fd, conn->block->file, &at, part);
            n = n < 0 && errno == EAGAIN ? 0 : n;
        } else {
            n = conn_put(conn, conn->block->bytes + at, part);
        }
        if (n < 0) {
            return false;
        }
        conn->flood_at += (uint64_t)n;
        if ((size_t)n < part && !(by_pages(conn) && room_comes(conn->fd))) {
            return true;
        }
    }
    return true;
}
