/*
 * Replays one scenario of scenarios.json with wskt in browser mode and prints
 * the log a browser's page writes of it. Standard input, one item a line:
 *
 *     way NAME                         how the socket is driven, see `ways`
 *     ca FILE
 *     open_timeout MILLISECONDS        and so send_timeout and close_timeout
 *     protocol =TEXT
 *     on EVENT VERB [ARGUMENT]...      what to do in a handler, in order
 *     open =URL                        the last line
 *
 * EVENT is start, open, message, message N (without the blank), error, close
 * or dispatched. =TEXT is percent-encoded as by encodeURIComponent; "-" is an
 * argument that is not given. README.md says what the output means.
 */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wskt.h"

#define LIMIT_S 40   /* for all of it */
#define SHOWN 200    /* bytes of a payload that are printed */
#define MAX_ACTIONS 64
#define MAX_WORDS 6

typedef struct action {
  char *words[MAX_WORDS]; /* EVENT VERB ARGUMENT... */
  int count;
} action;

static action actions[MAX_ACTIONS];
static int action_count;
static unsigned message_count;

enum { LOOP_RUN, THREAD, EMBEDDED, PULLED, BLOCKING, SOCKET_RUN, WAYS };
static const char *const ways[WAYS] = {
  "loop-run", "thread", "embedded", "pulled", "blocking", "socket-run",
};
static int way;

/* The close event of the connection was told, perhaps on another thread. */
static bool over;
static pthread_mutex_t over_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over_changed = PTHREAD_COND_INITIALIZER;

static void fail(const char *what, const char *why)
{
  fprintf(stderr, "replay: %s: %s\n", what, why);
  exit(2);
}

static void check(wskt_result result, const char *call)
{
  if (result != WSKT_OK) {
    fail(call, wskt_result_text(result));
  }
}

/* --- text ------------------------------------------------------------------ */

/* encodeURIComponent */
static void print_encoded(const char *text, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++) {
    unsigned char byte = (unsigned char)text[i];
    if ((byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
        (byte >= '0' && byte <= '9') ||
        (byte != 0 && strchr("-_.!~*'()", byte) != NULL)) {
      putchar(byte);
    } else {
      printf("%%%02X", byte);
    }
  }
}

static void print_hex(const unsigned char *bytes, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++) {
    printf("%02x", bytes[i]);
  }
}

static int digit(char c)
{
  const char *digits = "0123456789abcdef";
  const char *at = c == 0 ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

  if (at == NULL) {
    fail("digit", "not hexadecimal");
  }
  return (int)(at - digits);
}

/* Decodes =TEXT in place and returns it; the length, which counts U+0000. */
static char *decode(char *word, size_t *len)
{
  char *from = word + 1, *to = word;

  if (*word != '=') {
    fail(word, "not a text");
  }
  while (*from != 0) {
    if (*from == '%') {
      *to++ = (char)(digit(from[1]) * 16 + digit(from[2]));
      from += 3;
    } else {
      *to++ = *from++;
    }
  }
  *len = (size_t)(to - word);
  *to = 0;
  return word;
}

/* --- what a scenario does ---------------------------------------------------- */

/* The result as a page gets it. */
static const char *shown(wskt_result result)
{
  switch (result) {
  case WSKT_OK:
    return "ok";
  case WSKT_ERR_INVALID_URL:
  case WSKT_ERR_INVALID_SCHEME:
  case WSKT_ERR_INVALID_FRAGMENT:
  case WSKT_ERR_INVALID_PROTOCOL:
  case WSKT_ERR_DUPLICATE_PROTOCOL:
  case WSKT_ERR_SYNTAX:
    return "SyntaxError";
  case WSKT_ERR_INVALID_ACCESS:
    return "InvalidAccessError";
  case WSKT_ERR_INVALID_STATE:
    return "InvalidStateError";
  default:
    return wskt_result_name(result);
  }
}

static void end_call(wskt_socket *socket, wskt_result result)
{
  printf(") %s state=%d\n", shown(result), (int)wskt_socket_ready_state(socket));
}

static void act_close(wskt_socket *socket, const action *action)
{
  bool has_code = action->count > 2 && strcmp(action->words[2], "-") != 0;
  bool has_reason = action->count > 3;
  char reason_text[1024] = "=";
  size_t len = 0;
  char *reason = NULL;

  printf("close(%s", has_code ? action->words[2] : "");
  if (has_reason) {
    snprintf(reason_text, sizeof reason_text, "%s", action->words[3]);
    reason = decode(reason_text, &len);
    putchar(',');
    print_encoded(reason, len);
  }
  end_call(socket, wskt_socket_close(socket,
                                     has_code ? (uint16_t)atoi(action->words[2]) : 0,
                                     reason, len));
}

/* send() in CLOSING and CLOSED is silent in a page, a result in C. */
static wskt_result sent(wskt_result result)
{
  return result == WSKT_ERR_CLOSED ? WSKT_OK : result;
}

static void act_send(wskt_socket *socket, const action *action)
{
  const char *verb = action->words[1];
  char *given = strdup(action->words[2]);
  char *data = given;
  size_t len, i;
  wskt_result result;

  if (given == NULL) {
    fail(verb, "no memory");
  }
  printf("%s(", verb);
  if (strcmp(verb, "text") == 0) {
    data = decode(given, &len);
    print_encoded(data, len);
  } else if (strcmp(verb, "textn") == 0) {
    printf("%s", given);
    len = strtoul(given, NULL, 10);
    data = malloc(len + 1);
    if (data == NULL) {
      fail(verb, "no memory");
    }
    memset(data, 'x', len);
  } else {
    data = decode(given, &len);
    printf("%s", data);
    len /= 2;
    for (i = 0; i < len; i++) {
      data[i] = (char)(digit(data[2 * i]) * 16 + digit(data[2 * i + 1]));
    }
  }
  result = strcmp(verb, "bin") == 0 ? wskt_socket_send_binary(socket, data, len)
                                    : wskt_socket_send_text(socket, data, len);
  end_call(socket, sent(result));
  if (data != given) {
    free(data);
  }
  free(given);
}

static void act_dispatch(wskt_socket *socket, const action *action)
{
  wskt_close_event *event;
  char reason_text[1024];
  size_t len;
  char *reason;

  snprintf(reason_text, sizeof reason_text, "%s", action->words[4]);
  reason = decode(reason_text, &len);
  check(wskt_close_event_new("close", strcmp(action->words[2], "true") == 0,
                             (uint16_t)atoi(action->words[3]), reason, len, &event),
        "wskt_close_event_new");
  check(wskt_socket_dispatch_close_event(socket, event),
        "wskt_socket_dispatch_close_event");
  wskt_close_event_free(event);
}

/* The close event of a page's `new CloseEvent('close')`. */
static void act_construct(void)
{
  wskt_close_event *event;

  check(wskt_close_event_new("close", false, 0, NULL, 0, &event), "wskt_close_event_new");
  printf("event type=%s bubbles=%s cancelable=%s trusted=%s clean=%s code=%u reason=",
         event->head.type_name, event->head.bubbles ? "true" : "false",
         event->head.cancelable ? "true" : "false",
         event->head.is_trusted ? "true" : "false", event->was_clean ? "true" : "false",
         event->code);
  print_encoded(event->reason, event->reason_len);
  putchar('\n');
  wskt_close_event_free(event);
}

static void act(wskt_socket *socket, const char *event)
{
  int i;

  for (i = 0; i < action_count; i++) {
    const action *action = &actions[i];
    const char *verb = action->words[1];
    if (strcmp(action->words[0], event) != 0) {
      continue;
    }
    if (strcmp(verb, "close") == 0) {
      act_close(socket, action);
    } else if (strcmp(verb, "buffered") == 0) {
      printf("buffered=%zu\n", wskt_socket_buffered_amount(socket));
    } else if (strcmp(verb, "construct") == 0) {
      act_construct();
    } else if (strcmp(verb, "dispatch") == 0 && action->count == 5) {
      act_dispatch(socket, action);
    } else if (action->count == 3) {
      act_send(socket, action);
    } else {
      fail(verb, "not an action");
    }
  }
}

/* --- events ------------------------------------------------------------------ */

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *data)
{
  size_t len;
  const char *protocol = wskt_socket_protocol(socket, &len);

  (void)event, (void)data;
  printf("open state=%d protocol=", (int)wskt_socket_ready_state(socket));
  print_encoded(protocol, len);
  putchar('\n');
  act(socket, "open");
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *data)
{
  const char *kind = event->kind == WSKT_MESSAGE_TEXT ? "text" : "binary";
  char name[32];

  (void)data;
  printf("message state=%d %s", (int)wskt_socket_ready_state(socket), kind);
  if (event->len > SHOWN) {
    printf("[%zu]", event->len);
  } else if (event->kind == WSKT_MESSAGE_TEXT) {
    putchar('=');
    print_encoded(event->data, event->len);
  } else {
    putchar('=');
    print_hex(event->data, event->len);
  }
  putchar('\n');
  act(socket, "message");
  snprintf(name, sizeof name, "message%u", ++message_count);
  act(socket, name);
}

static void on_error(wskt_socket *socket, const wskt_error_event *event, void *data)
{
  (void)event, (void)data;
  printf("error state=%d\n", (int)wskt_socket_ready_state(socket));
  act(socket, "error");
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *data)
{
  (void)data;
  printf("close state=%d clean=%s code=%u reason=",
         (int)wskt_socket_ready_state(socket), event->was_clean ? "true" : "false",
         event->code);
  print_encoded(event->reason, event->reason_len);
  puts(event->head.is_trusted ? "" : " untrusted");
  act(socket, event->head.is_trusted ? "close" : "dispatched");
  if (event->head.is_trusted) {
    pthread_mutex_lock(&over_mutex);
    over = true;
    pthread_cond_signal(&over_changed);
    pthread_mutex_unlock(&over_mutex);
  }
}

/* An event that came as a value. */
static void handle(const wskt_event *event)
{
  switch (event->type) {
  case WSKT_EVENT_OPEN:
    on_open(event->target, (const wskt_open_event *)event, NULL);
    break;
  case WSKT_EVENT_MESSAGE:
    on_message(event->target, (const wskt_message_event *)event, NULL);
    break;
  case WSKT_EVENT_ERROR:
    on_error(event->target, (const wskt_error_event *)event, NULL);
    break;
  case WSKT_EVENT_CLOSE:
    on_close(event->target, (const wskt_close_event *)event, NULL);
    break;
  default:
    break; /* drain, which no page has */
  }
}

/* --- the run ------------------------------------------------------------------ */

static void drive_loop(wskt_loop *loop)
{
  const wskt_event *event;
  struct pollfd fd;

  switch (way) {
  case THREAD:
    check(wskt_loop_start(loop), "wskt_loop_start");
    pthread_mutex_lock(&over_mutex);
    while (!over) {
      pthread_cond_wait(&over_changed, &over_mutex);
    }
    pthread_mutex_unlock(&over_mutex);
    break;
  case EMBEDDED:
    fd.fd = wskt_loop_fd(loop);
    fd.events = POLLIN;
    while (!over) {
      poll(&fd, 1, -1);
      check(wskt_loop_dispatch(loop), "wskt_loop_dispatch");
    }
    break;
  case PULLED:
    while (!over) {
      check(wskt_loop_next_event(loop, -1, &event), "wskt_loop_next_event");
      handle(event);
    }
    break;
  default:
    check(wskt_loop_run(loop), "wskt_loop_run");
  }
}

/* Without a loop: what is told of a socket that was closed before it connected
   is all that remains. */
static void drive_socket(wskt_socket *socket)
{
  const wskt_event *event;
  wskt_result result;

  if (wskt_socket_ready_state(socket) == WSKT_CONNECTING) {
    result = wskt_socket_connect(socket, -1);
    if (result != WSKT_ERR_CONNECT_FAILED && result != WSKT_ERR_TIMEOUT) {
      check(result, "wskt_socket_connect");
    }
  }
  if (way == SOCKET_RUN) {
    check(wskt_socket_run(socket), "wskt_socket_run");
    return;
  }
  while ((result = wskt_socket_recv(socket, -1, &event)) == WSKT_OK) {
    handle(event);
  }
  if (result != WSKT_ERR_CLOSED || !over) {
    fail("wskt_socket_recv", wskt_result_text(result));
  }
}

static void run(const char *url, const wskt_config *config, char *protocols[],
                int protocol_count)
{
  wskt_loop *loop = NULL;
  wskt_socket *socket = NULL;
  wskt_result result;
  int i;

  if (way != BLOCKING && way != SOCKET_RUN) {
    check(wskt_loop_new(&loop), "wskt_loop_new");
  }
  result = wskt_socket_new(loop, url, config, &socket);
  for (i = 0; result == WSKT_OK && i < protocol_count; i++) {
    result = wskt_socket_add_protocol(socket, protocols[i]);
  }
  if (result == WSKT_OK) {
    check(wskt_socket_set_on_open(socket, on_open), "set_on_open");
    check(wskt_socket_set_on_message(socket, on_message), "set_on_message");
    check(wskt_socket_set_on_error(socket, on_error), "set_on_error");
    check(wskt_socket_set_on_close(socket, on_close), "set_on_close");
    if (loop != NULL) {
      check(wskt_socket_open(socket), "wskt_socket_open");
    }
    act(socket, "start");
    if (loop != NULL) {
      drive_loop(loop);
    } else {
      drive_socket(socket);
    }
  } else {
    printf("new %s\n", shown(result));
  }
  wskt_socket_free(socket);
  check(wskt_loop_free(loop), "wskt_loop_free");
}

int main(void)
{
  static char lines[MAX_ACTIONS * 4][2048];
  char *protocols[8];
  int protocol_count = 0, line_count = 0;
  wskt_config *config;
  size_t len;

  setvbuf(stdout, NULL, _IOLBF, 0); /* a log that ends early still shows */
  alarm(LIMIT_S);
  check(wskt_config_new(&config), "wskt_config_new");
  check(wskt_config_set_browser_mode(config, true), "set_browser_mode");
  /* Browsers take any amount. */
  check(wskt_config_set_water_marks(config, 1 << 20, 1 << 28), "set_water_marks");
  while (line_count < MAX_ACTIONS * 4 &&
         fgets(lines[line_count], sizeof lines[0], stdin) != NULL) {
    char *line = lines[line_count++];
    char *verb, *rest;
    line[strcspn(line, "\n")] = 0;
    verb = strtok(line, " ");
    if (verb == NULL) {
      continue;
    }
    rest = strtok(NULL, " ");
    if (rest == NULL) {
      fail(verb, "needs an argument");
    }
    if (strcmp(verb, "way") == 0) {
      for (way = 0; way < WAYS && strcmp(rest, ways[way]) != 0; way++) {
      }
      if (way == WAYS) {
        fail(rest, "not a way");
      }
    } else if (strcmp(verb, "ca") == 0) {
      check(wskt_config_add_ca_file(config, rest), "add_ca_file");
    } else if (strcmp(verb, "open_timeout") == 0) {
      check(wskt_config_set_open_timeout(config, atoi(rest)), "open_timeout");
    } else if (strcmp(verb, "send_timeout") == 0) {
      check(wskt_config_set_send_timeout(config, atoi(rest)), "send_timeout");
    } else if (strcmp(verb, "close_timeout") == 0) {
      check(wskt_config_set_close_timeout(config, atoi(rest)), "close_timeout");
    } else if (strcmp(verb, "protocol") == 0 && protocol_count < 8) {
      protocols[protocol_count++] = decode(rest, &len);
    } else if (strcmp(verb, "on") == 0 && action_count < MAX_ACTIONS) {
      action *action = &actions[action_count++];
      for (; rest != NULL && action->count < MAX_WORDS; rest = strtok(NULL, " ")) {
        action->words[action->count++] = rest;
      }
      if (action->count < 2) {
        fail("on", "needs a verb");
      }
    } else if (strcmp(verb, "open") == 0) {
      run(decode(rest, &len), config, protocols, protocol_count);
      break;
    } else {
      fail(verb, "not known, or too many");
    }
  }
  wskt_config_free(config);
  if (wskt_handle_count() != 0) {
    fail("wskt_handle_count", "handles are left");
  }
  return 0;
}
