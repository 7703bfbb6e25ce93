/* Blocking calls on one thread, watched from another. */
#ifndef DRIVEN_H
#define DRIVEN_H

#include "support.h"

/* Waits until another thread is inside a blocking call of the socket: only
   then an event of the program may not be dispatched. Each look is a driver
   itself, for a moment, so that the other thread's calls are the two below. */
void wait_driven(wskt_socket *socket);

/* wskt_socket_recv and wskt_socket_run beside such a look. */
wskt_result recv_watched(wskt_socket *socket, int32_t timeout_ms,
                         const wskt_event **out_event);
wskt_result run_watched(wskt_socket *socket);

#endif
