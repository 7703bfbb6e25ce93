/* What the two halves of the wskt client share: see wskt.c. */
#ifndef BENCH_WSKT_CLIENT_H
#define BENCH_WSKT_CLIENT_H

#include "bench.h"

#include <wskt.h>

extern struct bench bench;
extern uint64_t sent; /* messages */
extern uint64_t done; /* messages received, or connections closed */

/* Ends the program unless the result is WSKT_OK. */
void ok(wskt_result result, const char *what);
wskt_socket *make_socket(wskt_loop *loop);
wskt_result send_message(wskt_socket *socket);
void send_one(wskt_socket *socket);
void send_json(wskt_socket *socket);
void check_json(const wskt_message_event *message);

/* Whether the server took permessage-deflate; without it there is no row. */
void need_deflate(const wskt_socket *socket);

/* wskt_blocking.c and wskt_loop.c; they return main's status. */
int blocking(void);
int looped(const char *way);

#endif
