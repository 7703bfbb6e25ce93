/*
 * The client the Autobahn TestSuite judges: C99 on the public API of wskt.
 *
 *   client --url ws://127.0.0.1:PORT [--agent NAME] [--way WAY] [CASE]...
 *
 * Without CASE it asks for the number of cases and runs all of them; a CASE
 * is one by its name, such as 7.9.3. WAY is how the sockets are driven:
 * blocking (the default), callbacks, pulled, or chunks: blocking, with each
 * message received and echoed in chunks. The exit status is 0 when every case
 * was run to its close event, whatever the verdict.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wskt.h"

/* No case of the suite is silent for longer than this. */
#define QUIET_MS 120000

typedef struct client {
  const char *base;
  const char *agent;
  const char *way;
  wskt_config *config;
  wskt_loop *loop; /* NULL in the blocking way */
} client;

/* What one connection has come to. */
typedef struct session {
  bool opened;
  bool closed;
  bool echo;
  long number; /* the last text message, if it is not echoed */
} session;

static void fail(const char *what, const char *why)
{
  fprintf(stderr, "client: %s: %s\n", what, why);
  exit(2);
}

static void check(wskt_result result, const char *call)
{
  if (result != WSKT_OK) {
    fail(call, wskt_result_text(result));
  }
}

/* --- events, the same for all ways --------------------------------------- */

static void take_number(session *session, const void *data, size_t len)
{
  char text[24] = {0};

  memcpy(text, data, len < sizeof text - 1 ? len : sizeof text - 1);
  session->number = strtol(text, NULL, 10);
}

static void message(session *session, wskt_socket *socket,
                    const wskt_message_event *event)
{
  wskt_result result;

  if (!session->echo) {
    take_number(session, event->data, event->len);
    return;
  }
  if (event->kind == WSKT_MESSAGE_TEXT) {
    result = wskt_socket_send_text(socket, event->data, event->len);
  } else {
    result = wskt_socket_send_binary(socket, event->data, event->len);
  }
  /* The peer's Close may be in already. */
  if (result != WSKT_ERR_CLOSED) {
    check(result, "send");
  }
}

static void chunk(session *session, wskt_socket *socket,
                  const wskt_message_chunk_event *event)
{
  wskt_result result = WSKT_OK;

  if (!session->echo) {
    take_number(session, event->data, event->len);
    return;
  }
  if (event->first) {
    result = wskt_socket_send_begin(socket, event->kind, 0);
  }
  if (result == WSKT_OK && event->len > 0) {
    result = wskt_socket_send_chunk(socket, event->data, event->len);
  }
  if (result == WSKT_OK && event->last) {
    result = wskt_socket_send_end(socket);
  }
  if (result != WSKT_ERR_CLOSED) {
    check(result, "send in chunks");
  }
}

static void take(session *session, wskt_socket *socket, const wskt_event *event)
{
  switch (event->type) {
  case WSKT_EVENT_OPEN:
    session->opened = true;
    break;
  case WSKT_EVENT_MESSAGE:
    message(session, socket, (const wskt_message_event *)(const void *)event);
    break;
  case WSKT_EVENT_MESSAGE_CHUNK:
    chunk(session, socket,
          (const wskt_message_chunk_event *)(const void *)event);
    break;
  case WSKT_EVENT_CLOSE:
    session->closed = true;
    break;
  case WSKT_EVENT_ERROR: /* many cases mean to have one */
  case WSKT_EVENT_DRAIN:
    break;
  }
}

static void on_open(wskt_socket *socket, const wskt_open_event *event,
                    void *user_data)
{
  take(user_data, socket, &event->head);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *user_data)
{
  take(user_data, socket, &event->head);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data)
{
  take(user_data, socket, &event->head);
}

/* --- the ways ------------------------------------------------------------- */

static void drive_blocking(session *session, wskt_socket *socket)
{
  const wskt_event *event;
  wskt_result result = wskt_socket_connect(socket, -1);

  if (result != WSKT_ERR_CONNECT_FAILED && result != WSKT_ERR_TIMEOUT) {
    check(result, "wskt_socket_connect");
  }
  while (!session->closed) {
    check(wskt_socket_recv(socket, QUIET_MS, &event), "wskt_socket_recv");
    take(session, socket, event);
  }
}

static void drive_pulled(client *client, session *session, wskt_socket *socket)
{
  const wskt_event *event;

  check(wskt_socket_open(socket), "wskt_socket_open");
  while (!session->closed) {
    check(wskt_loop_next_event(client->loop, QUIET_MS, &event),
          "wskt_loop_next_event");
    take(session, event->target, event);
  }
}

static void drive_callbacks(client *client, session *session,
                            wskt_socket *socket)
{
  check(wskt_socket_set_user_data(socket, session, NULL), "set_user_data");
  check(wskt_socket_set_on_open(socket, on_open), "set_on_open");
  check(wskt_socket_set_on_message(socket, on_message), "set_on_message");
  check(wskt_socket_set_on_close(socket, on_close), "set_on_close");
  check(wskt_socket_open(socket), "wskt_socket_open");
  check(wskt_loop_run(client->loop), "wskt_loop_run");
}

/* Runs one connection to its end; `path` may hold a conversion. */
static session run(client *client, bool echo, const char *path, ...)
{
  session session = {false, false, echo, -1};
  wskt_socket *socket;
  char url[512];
  size_t used = (size_t)snprintf(url, sizeof url, "%s", client->base);
  va_list args;

  va_start(args, path);
  vsnprintf(url + used, sizeof url - used, path, args);
  va_end(args);
  check(wskt_socket_new(client->loop, url, client->config, &socket),
        "wskt_socket_new");
  if (strcmp(client->way, "chunks") == 0) {
    check(wskt_socket_set_message_chunks(socket, true), "set_message_chunks");
  }
  if (client->loop == NULL) {
    drive_blocking(&session, socket);
  } else if (strcmp(client->way, "pulled") == 0) {
    drive_pulled(client, &session, socket);
  } else {
    drive_callbacks(client, &session, socket);
  }
  if (!session.closed) {
    fail(url, "no close event");
  }
  if (!session.opened) {
    const wskt_close_event *event = wskt_socket_close_event(socket);
    fail(url, event == NULL ? "did not open" : event->message);
  }
  wskt_socket_free(socket);
  return session;
}

/* --- the protocol of the fuzzing server ----------------------------------- */

static const char *option(int argc, char **argv, int *at, const char *name)
{
  if (strcmp(argv[*at], name) != 0) {
    return NULL;
  }
  if (*at + 1 == argc) {
    fail(name, "needs a value");
  }
  *at += 1;
  return argv[*at];
}

int main(int argc, char **argv)
{
  client client = {"ws://127.0.0.1:9001", "wskt", "blocking", NULL, NULL};
  const char *value;
  long number, count;
  int at, cases = 0;

  for (at = 1; at < argc; at++) {
    if ((value = option(argc, argv, &at, "--url")) != NULL) {
      client.base = value;
    } else if ((value = option(argc, argv, &at, "--agent")) != NULL) {
      client.agent = value;
    } else if ((value = option(argc, argv, &at, "--way")) != NULL) {
      client.way = value;
    } else if (isdigit((unsigned char)argv[at][0])) {
      argv[cases++] = argv[at]; /* the names go to the front */
    } else {
      fail(argv[at], "not known");
    }
  }
  check(wskt_config_new(&client.config), "wskt_config_new");
  /* An echo is made at once or never: let the queue take it. */
  check(wskt_config_set_water_marks(client.config, 1 << 20, 1 << 28),
        "set_water_marks");
  /* Every echo is compressed where it may be. */
  check(wskt_config_set_deflate_min_size(client.config, 0),
        "set_deflate_min_size");
  if (strcmp(client.way, "blocking") != 0 &&
      strcmp(client.way, "chunks") != 0) {
    if (strcmp(client.way, "callbacks") != 0 &&
        strcmp(client.way, "pulled") != 0) {
      fail(client.way, "not a way");
    }
    check(wskt_loop_new(&client.loop), "wskt_loop_new");
  }

  if (cases > 0) {
    for (at = 0; at < cases; at++) {
      run(&client, true, "/runCase?casetuple=%s&agent=%s", argv[at],
          client.agent);
    }
    count = cases;
  } else {
    count = run(&client, false, "/getCaseCount").number;
    if (count <= 0) {
      fail("/getCaseCount", "no number");
    }
    for (number = 1; number <= count; number++) {
      run(&client, true, "/runCase?case=%ld&agent=%s", number, client.agent);
    }
  }
  run(&client, false, "/updateReports?agent=%s", client.agent);
  printf("%ld cases\n", count);

  if (client.loop != NULL) {
    check(wskt_loop_free(client.loop), "wskt_loop_free");
  }
  wskt_config_free(client.config);
  if (wskt_handle_count() != 0) {
    fail("wskt_handle_count", "handles are left");
  }
  return 0;
}
