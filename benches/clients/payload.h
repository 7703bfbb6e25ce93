/* What messages hold. The server and every client know it, so that either can
   check what came: here in C, and the same in rust-peers and picows_client. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stddef.h>

/* "binary": any bytes; "text": a to z; "utf8": eight bytes of two, three, two
   and one each, again and again, so a size that is a multiple of eight. */
static inline unsigned char payload_byte(size_t at, const char *kind) {
    static const unsigned char words[] = "\xc3\xa4\xe2\x82\xac\xd0\xb6z";
    switch (kind[0]) {
    case 't':
        return (unsigned char)('a' + at % 26);
    case 'u':
        return words[at % 8];
    default:
        return (unsigned char)(at * 7 + 13);
    }
}

static inline void payload_fill(unsigned char *out, size_t len,
                                const char *kind) {
    for (size_t i = 0; i < len; i++) {
        out[i] = payload_byte(i, kind);
    }
}

#endif
