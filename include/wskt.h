/*
 * wskt.h - the browser's WebSocket for C, and for every language that can
 * call C.
 *
 * Generated from the comments and types in src/ffi by build.rs. Do not edit.
 *
 *
 * THE SHORTEST PROGRAM
 *
 *     #include <wskt.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         wskt_socket *socket;
 *         const wskt_event *event;
 *         if (wskt_socket_new(NULL, "wss://example.com/", NULL, &socket))
 *             return 1;
 *         if (wskt_socket_connect(socket, 5000) == WSKT_OK)
 *             wskt_socket_send_text(socket, "hello", 5);
 *         while (wskt_socket_recv(socket, -1, &event) == WSKT_OK) {
 *             if (event->type == WSKT_EVENT_MESSAGE) {
 *                 const wskt_message_event *message =
 *                     (const wskt_message_event *)event;
 *                 fwrite(message->data, 1, message->len, stdout);
 *                 wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
 *             }
 *         }
 *         wskt_socket_free(socket);
 *         return 0;
 *     }
 *
 *
 * WHAT HOLDS EVERYWHERE
 *
 * Results. A function that can fail returns wskt_result: 0 is success,
 * negative numbers are errors. A call that fails has changed nothing, and
 * outputs (out_...) are written on success only. A wrong argument or a call
 * in the wrong state is a result, never a crash.
 *
 * Ownership. What ..._new makes, the caller frees with ..._free, which takes
 * NULL. Nothing else is ever freed by the caller. Pointers that other
 * functions return, and those in events, are lent; the comment says for how
 * long. What goes in is copied.
 *
 * Text. Names (URLs, headers, paths, subprotocols) go in as NUL-terminated
 * UTF-8; payloads and reasons as pointer and length, where NULL is allowed
 * with length 0 only. Text that comes out is NUL-terminated too, except for
 * the payload of messages and the lines of the log.
 *
 * Numbers. Choices go in as int32_t and come out as enums. Times are
 * milliseconds, sizes are bytes.
 *
 * Threads. Each comment says on which threads a function may be called, and
 * whether in a callback. Functions that wait or dispatch (connect, recv, run,
 * dispatch, next_event) return WSKT_ERR_REENTRANT in a callback, and so does
 * wskt_loop_free in one of its own; all others are legal there.
 *
 * Growth. Structs in events may get more fields at their end, enums more
 * values. "Since" names the version that brought a thing.
 *
 * fork(). In the child, objects of the parent return WSKT_ERR_FORKED; they
 * can be freed there, which leaves the parent's connections alone. New ones
 * can be made. What wskt stands on does not promise as much: the locks of
 * libc's getaddrinfo and of the TLS library stay as they are in the child, so
 * that a fork() while a thread of the parent looks a name up, or loads
 * certificates, may leave the child with a lookup or a TLS connection that
 * never ends but by its deadline. A child that is to connect to names or by
 * TLS is best forked before the parent does, or calls exec.
 *
 * Memory. What the peer or the program chooses the size of is WSKT_ERR_NO_MEMORY
 * or a close event when there is none. Small fixed allocations, the 68 KiB that
 * a driver reads into among them, may abort the process, as Rust does.
 *
 * Pointers. A NULL where none is allowed is an ordinary error, and so is an
 * object of another type (WSKT_ERR_INVALID_ARGUMENT). A pointer to anything
 * else, and an object that was freed, is undefined behaviour, as everywhere in
 * C; debug builds tell the latter.
 */

#ifndef WSKT_H
#define WSKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before every function. Define WSKT_STATIC when linking statically on
   Windows, or WSKT_API to something of your own. */
#ifndef WSKT_API
#if defined(_WIN32) && !defined(WSKT_STATIC)
#define WSKT_API __declspec(dllimport)
#else
#define WSKT_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Version ---------------------------------------------------------------- */

/**
 * The version of this header, three numbers and the same as text.
 */
#define WSKT_VERSION_MAJOR 0
#define WSKT_VERSION_MINOR 1
#define WSKT_VERSION_PATCH 0
#define WSKT_VERSION_STRING "0.1.0"

/**
 * The version of this header as one number: major, minor and patch level,
 * eight bits each. See wskt_version_number.
 */
#define WSKT_VERSION_NUMBER 0x000100

/**
 * The version of the running library as text, such as "0.1.0".
 *
 * It is WSKT_VERSION_STRING of the header the library was built with. The
 * text is static; never free it.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_version_string(void);

/**
 * The version of the running library as one number: major, minor and patch
 * level, eight bits each, so that 0.1.0 is 0x000100.
 *
 * Compare it with WSKT_VERSION_NUMBER to learn whether the running library
 * is the one that was compiled against.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API uint32_t wskt_version_number(void);

/* Results ---------------------------------------------------------------- */

/**
 * What a call came to: 0 is success, negative numbers are errors.
 *
 * A call that returns an error has changed nothing and written no output,
 * unless its own comment says otherwise. Numbers never change and are never
 * used again; new ones may appear, so treat a number you do not know as an
 * error.
 *
 * Every function that returns a result may return WSKT_ERR_PANIC, and every
 * function with a handle may return WSKT_ERR_FORKED.
 *
 * Its functions: wskt_result_name, wskt_result_text.
 *
 * Since: 0.1.0
 */
enum wskt_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Success. */
    WSKT_OK = 0,
    /**
     * A required pointer is NULL, or a buffer is NULL with a length above 0.
     */
    WSKT_ERR_NULL = -1,
    /**
     * A number is out of range, one argument contradicts another, or an
     * object is of another type.
     */
    WSKT_ERR_INVALID_ARGUMENT = -2,
    /**
     * The call is not legal in the object's state: a send while connecting,
     * a second open, a second way of driving.
     */
    WSKT_ERR_INVALID_STATE = -3,
    /** The URL does not parse. */
    WSKT_ERR_INVALID_URL = -4,
    /** The URL's scheme is none of ws, wss, http, https. */
    WSKT_ERR_INVALID_SCHEME = -5,
    /** The URL has a fragment (a part that starts with "#"). */
    WSKT_ERR_INVALID_FRAGMENT = -6,
    /** A subprotocol is empty or not a token. */
    WSKT_ERR_INVALID_PROTOCOL = -7,
    /** The subprotocol was added already. */
    WSKT_ERR_DUPLICATE_PROTOCOL = -8,
    /**
     * A header's name is not a token, or its value has CR, LF or NUL in it.
     */
    WSKT_ERR_INVALID_HEADER = -9,
    /**
     * The header belongs to the opening handshake, such as Host, Upgrade or
     * Sec-WebSocket-Key.
     */
    WSKT_ERR_FORBIDDEN_HEADER = -10,
    /** Text is not UTF-8. */
    WSKT_ERR_INVALID_UTF8 = -11,
    /**
     * The close code is neither 1000 nor in 3000-4999 (the browser's
     * InvalidAccessError).
     */
    WSKT_ERR_INVALID_ACCESS = -12,
    /**
     * The close reason is longer than 123 bytes (the browser's SyntaxError).
     */
    WSKT_ERR_SYNTAX = -13,
    /** The file or buffer holds no certificate that can be read. */
    WSKT_ERR_INVALID_CERTIFICATE = -14,
    /** A ping carries more than 125 bytes. */
    WSKT_ERR_TOO_LARGE = -15,
    /**
     * The send queue stands at or over its high-water mark. Nothing was
     * queued; the drain event tells when to go on.
     */
    WSKT_ERR_BUFFER_FULL = -16,
    /**
     * The socket is closing or closed, or its close event was the last one.
     */
    WSKT_ERR_CLOSED = -17,
    /** Nothing came within the time given. */
    WSKT_ERR_TIMEOUT = -18,
    /**
     * A signal, wskt_socket_interrupt or wskt_loop_wake ended the wait.
     * Nothing is lost: call again to go on.
     */
    WSKT_ERR_INTERRUPTED = -19,
    /** A call that waits or dispatches was made inside a callback. */
    WSKT_ERR_REENTRANT = -20,
    /** The call is legal on the driving thread only. */
    WSKT_ERR_WRONG_THREAD = -21,
    /** The socket's loop was freed. */
    WSKT_ERR_LOOP_GONE = -22,
    /**
     * The object was made before fork() and is used in the child. There it
     * can only be freed.
     */
    WSKT_ERR_FORKED = -23,
    /** Memory ran out. */
    WSKT_ERR_NO_MEMORY = -24,
    /**
     * The operating system refused: a file cannot be read, or no descriptor
     * or thread is left.
     */
    WSKT_ERR_IO = -25,
    /**
     * A bug inside wskt, caught before it left the library. The log has the
     * message. A socket it happened to is closed with WSKT_CAUSE_INTERNAL
     * and can only be freed.
     */
    WSKT_ERR_PANIC = -26,
    /**
     * wskt_socket_connect: the socket ended instead of opening. Its error and
     * close events tell why.
     */
    WSKT_ERR_CONNECT_FAILED = -27,
    /** Another thread is driving this socket or loop right now. */
    WSKT_ERR_IN_USE = -28,
    /**
     * No private key can be read from the file or buffer, or it is not the
     * certificate's. wskt_config_error_text tells the command that converts
     * a key of another form.
     */
    WSKT_ERR_INVALID_KEY = -29,
    /** The password does not open the PKCS#12 archive. */
    WSKT_ERR_WRONG_PASSWORD = -30,
    /**
     * A delay of a reconnector is out of range, or the first is above the
     * longest.
     */
    WSKT_ERR_INVALID_DELAYS = -31,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_result wskt_result;
#else
typedef int32_t wskt_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What ended a connection, in the error and the close event.
 *
 * New causes may appear; treat one you do not know as WSKT_CAUSE_UNKNOWN.
 *
 * Its function: wskt_cause_name.
 *
 * Since: 0.1.0
 */
enum wskt_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Not known, or hidden in browser mode. */
    WSKT_CAUSE_UNKNOWN = 0,
    /** The peer closed it. */
    WSKT_CAUSE_PEER = 1,
    /** This program closed it. */
    WSKT_CAUSE_LOCAL = 2,
    /** A timeout passed. */
    WSKT_CAUSE_TIMEOUT = 3,
    /** The host name did not resolve. */
    WSKT_CAUSE_DNS = 4,
    /** No TCP connection came about. */
    WSKT_CAUSE_CONNECT = 5,
    /** The proxy refused. */
    WSKT_CAUSE_PROXY = 6,
    /** TLS failed, as with a certificate that is not trusted. */
    WSKT_CAUSE_TLS = 7,
    /** The server answered with an HTTP status other than 101. */
    WSKT_CAUSE_HTTP = 8,
    /** The server's upgrade response breaks the rules of the handshake. */
    WSKT_CAUSE_HANDSHAKE = 9,
    /** The peer broke RFC 6455 after the handshake. */
    WSKT_CAUSE_PROTOCOL = 10,
    /**
     * A message went over wskt_config_set_max_message_size or
     * wskt_config_set_max_fragments.
     */
    WSKT_CAUSE_MESSAGE_TOO_BIG = 11,
    /** The connection was lost without a Close frame. */
    WSKT_CAUSE_LOST = 12,
    /** This program called wskt_socket_abort. */
    WSKT_CAUSE_ABORT = 13,
    /** A bug inside wskt. */
    WSKT_CAUSE_INTERNAL = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_cause wskt_cause;
#else
typedef int32_t wskt_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The name of a result, such as "WSKT_ERR_CLOSED".
 *
 * A number that is no result gives "unknown"; NULL is never
 * returned. The text is static; never free it.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_result_name(int32_t result);

/**
 * A result as one line for a person, in English and without a full stop.
 *
 * A number that is no result gives "unknown result"; NULL is never returned.
 * The text is static; never free it.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_result_text(int32_t result);

/**
 * The name of a cause as one lower-case word, such as "timeout" or
 * "message_too_big".
 *
 * A number that is no cause gives "unknown"; NULL is never returned. The
 * text is static; never free it.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_cause_name(int32_t cause);

/* Close codes ------------------------------------------------------------ */

/**
 * 1000: the connection has fulfilled its purpose. The only code below 3000
 * that wskt_socket_close takes.
 */
#define WSKT_CLOSE_NORMAL 1000

/** 1001: the server goes down, or the page was left. */
#define WSKT_CLOSE_GOING_AWAY 1001

/** 1002: the peer broke the protocol. */
#define WSKT_CLOSE_PROTOCOL_ERROR 1002

/** 1003: a kind of data that is not accepted. */
#define WSKT_CLOSE_UNSUPPORTED 1003

/** 1004: reserved; a meaning may be defined later. */
#define WSKT_CLOSE_RESERVED 1004

/** 1005: the peer's Close frame carried no code. Never sent. */
#define WSKT_CLOSE_NO_STATUS 1005

/**
 * 1006: the connection ended without a Close frame, or never came about.
 * Never sent.
 */
#define WSKT_CLOSE_ABNORMAL 1006

/** 1007: data that does not fit its type, as text that is not UTF-8. */
#define WSKT_CLOSE_INVALID_PAYLOAD 1007

/** 1008: a message against the peer's policy. */
#define WSKT_CLOSE_POLICY_VIOLATION 1008

/** 1009: a message that is too large. */
#define WSKT_CLOSE_TOO_LARGE 1009

/** 1010: the server did not agree on an extension the client needs. */
#define WSKT_CLOSE_MISSING_EXTENSION 1010

/** 1011: the server met a condition that it did not expect. */
#define WSKT_CLOSE_INTERNAL_ERROR 1011

/** 1012: the server restarts. */
#define WSKT_CLOSE_SERVICE_RESTART 1012

/** 1013: the server is overloaded; try again later. */
#define WSKT_CLOSE_TRY_AGAIN_LATER 1013

/** 1014: a gateway got a bad answer from the server behind it. */
#define WSKT_CLOSE_BAD_GATEWAY 1014

/** 1015: the TLS handshake failed. Never sent. */
#define WSKT_CLOSE_TLS_HANDSHAKE 1015

/** 0-999 are not used. */
#define WSKT_CLOSE_UNUSED_FIRST 0

/** The last code that is not used. */
#define WSKT_CLOSE_UNUSED_LAST 999

/**
 * 1016-2999 are reserved for later versions and extensions of the protocol.
 */
#define WSKT_CLOSE_RESERVED_FIRST 1016

/** The last reserved code. */
#define WSKT_CLOSE_RESERVED_LAST 2999

/** 3000-3999 are registered by libraries and frameworks. */
#define WSKT_CLOSE_LIBRARY_FIRST 3000

/** The last code of libraries and frameworks. */
#define WSKT_CLOSE_LIBRARY_LAST 3999

/** 4000-4999 are free to applications. */
#define WSKT_CLOSE_APPLICATION_FIRST 4000

/** The last code of applications. */
#define WSKT_CLOSE_APPLICATION_LAST 4999

/** The longest close reason that can be sent, in bytes. */
#define WSKT_CLOSE_REASON_MAX 123

/**
 * Who a close code belongs to.
 *
 * Its function: wskt_close_code_class.
 *
 * Since: 0.1.0
 */
enum wskt_close_class
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** 0-999, not used. */
    WSKT_CLOSE_CLASS_UNUSED = 0,
    /** 1000-1015, defined by RFC 6455 and the IANA registry. */
    WSKT_CLOSE_CLASS_PROTOCOL = 1,
    /** 1016-2999, reserved for later versions and extensions. */
    WSKT_CLOSE_CLASS_RESERVED = 2,
    /** 3000-3999, registered by libraries and frameworks. */
    WSKT_CLOSE_CLASS_LIBRARY = 3,
    /** 4000-4999, free to applications. */
    WSKT_CLOSE_CLASS_APPLICATION = 4,
    /** 5000-65535, not close codes. */
    WSKT_CLOSE_CLASS_INVALID = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_close_class wskt_close_class;
#else
typedef int32_t wskt_close_class;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The name of a close code: its constant without the prefix, such as
 * "CLOSE_GOING_AWAY".
 *
 * A code without a constant has the name of its range: "CLOSE_UNUSED",
 * "CLOSE_RESERVED", "CLOSE_LIBRARY", "CLOSE_APPLICATION", and
 * "CLOSE_INVALID" from 5000 on. NULL is never returned. The text is static;
 * never free it.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_close_code_name(uint16_t code);

/**
 * What a close code means, as one line for a person, in English and without
 * a full stop.
 *
 * Every number has a text; NULL is never returned. The text is static; never
 * free it.
 *
 * Any thread; legal in a callback.
 *
 * RFC 6455, section 7.4. Since: 0.1.0
 */
WSKT_API const char *wskt_close_code_text(uint16_t code);

/**
 * Who a close code belongs to.
 *
 * Any thread; legal in a callback.
 *
 * RFC 6455, section 7.4.2. Since: 0.1.0
 */
WSKT_API wskt_close_class wskt_close_code_class(uint16_t code);

/**
 * Whether wskt_socket_close takes the code: true for 1000 and 3000-4999.
 *
 * 0, which stands for no code there, gives false here.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, close(). Since: 0.1.0
 */
WSKT_API bool wskt_close_code_may_send(uint16_t code);

/**
 * Whether a Close frame of a peer may carry the code: true for 1000-1003,
 * 1007-1014 and 3000-4999.
 *
 * 1005, 1006 and 1015 are never on the wire; they are made up by the side
 * that reports them. Outside browser mode a Close frame with any other code
 * ends the connection with an error.
 *
 * Any thread; legal in a callback.
 *
 * RFC 6455, section 7.4. Since: 0.1.0
 */
WSKT_API bool wskt_close_code_may_appear(uint16_t code);

/* Objects ---------------------------------------------------------------- */

/**
 * How to connect: headers, trust, proxies, addresses, timeouts, limits.
 *
 * A configuration is filled by its setters and given to wskt_socket_new,
 * which takes what it holds at that moment: changing or freeing it later
 * changes no socket. One configuration serves any number of sockets, and
 * they share one loaded set of trusted certificates.
 *
 * The functions of a configuration may be called from any thread and in any
 * callback.
 *
 * Made by wskt_config_new, freed by wskt_config_free. Its functions:
 * - wskt_config_error_text, wskt_config_set_browser_mode,
 *   wskt_config_set_ping_events,
 * - the request: wskt_config_add_header, wskt_config_set_origin,
 *   wskt_config_set_user_agent, wskt_config_set_cookie,
 *   wskt_config_set_basic_authorization,
 *   wskt_config_set_bearer_authorization, wskt_config_set_host,
 *   wskt_config_set_allow_missing_protocol,
 * - TLS: wskt_config_add_ca_file, wskt_config_add_ca_pem,
 *   wskt_config_set_system_roots, wskt_config_add_pinned_public_key,
 *   wskt_config_set_min_tls_version, wskt_config_set_max_tls_version,
 *   wskt_config_set_tls_server_name, wskt_config_set_tls_sni,
 *   wskt_config_set_tls_alpn, wskt_config_set_danger_any_certificate,
 *   wskt_config_set_danger_any_host_name,
 * - the client's certificate: wskt_config_set_client_certificate_file,
 *   wskt_config_set_client_certificate_pem,
 *   wskt_config_set_client_pkcs12_file, wskt_config_set_client_pkcs12,
 * - proxies: wskt_config_set_proxy, wskt_config_set_no_proxy,
 *   wskt_config_set_proxy_from_environment,
 * - addresses: wskt_config_add_connect_to, wskt_config_set_local_address,
 *   wskt_config_set_interface, wskt_config_set_unix_socket,
 *   wskt_config_set_tcp_keepalive,
 * - time: wskt_config_set_open_timeout, wskt_config_set_dns_timeout,
 *   wskt_config_set_connect_timeout, wskt_config_set_proxy_timeout,
 *   wskt_config_set_tls_timeout, wskt_config_set_upgrade_timeout,
 *   wskt_config_set_close_timeout, wskt_config_set_linger_timeout,
 *   wskt_config_set_send_timeout, wskt_config_set_idle_timeout,
 *   wskt_config_set_heartbeat,
 * - limits: wskt_config_set_max_message_size, wskt_config_set_max_fragments,
 *   wskt_config_set_read_buffer, wskt_config_set_water_marks,
 * - compression: wskt_config_set_deflate,
 *   wskt_config_set_deflate_no_context_takeover,
 *   wskt_config_set_deflate_max_window_bits, wskt_config_set_deflate_level,
 *   wskt_config_set_deflate_min_size.
 *
 * Since: 0.1.0
 */
typedef struct wskt_config wskt_config;

/**
 * Drives many sockets on one thread.
 *
 * There are four ways to drive a loop: a thread of its own
 * (wskt_loop_start), the calling thread (wskt_loop_run), another event loop
 * that watches one descriptor (wskt_loop_fd, wskt_loop_timeout_ms,
 * wskt_loop_dispatch), or events pulled one by one (wskt_loop_next_event).
 * The first three call callbacks; a loop whose events are pulled never does,
 * and cannot change.
 *
 * Made by wskt_loop_new, freed by wskt_loop_free. Its functions:
 * wskt_loop_start, wskt_loop_stop, wskt_loop_run, wskt_loop_fd,
 * wskt_loop_timeout_ms, wskt_loop_dispatch, wskt_loop_next_event,
 * wskt_loop_wake.
 *
 * Since: 0.1.0
 */
typedef struct wskt_loop wskt_loop;

/**
 * Makes a new socket for each try, after the pattern of one.
 *
 * It decides when another try makes sense, and how long to wait for it. What
 * a socket had accepted and could not give to the kernel comes back to the
 * program (wskt_unsent_event): nothing is lost in silence, and wskt sends
 * nothing a second time.
 *
 * Made by wskt_reconnector_new, freed by wskt_reconnector_free. Its
 * functions: wskt_reconnector_set_delays, wskt_reconnector_set_max_tries,
 * wskt_reconnector_start, wskt_reconnector_connect, wskt_reconnector_stop,
 * wskt_reconnector_is_over, wskt_reconnector_socket.
 *
 * Since: 0.1.0
 */
typedef struct wskt_reconnector wskt_reconnector;

/**
 * One WebSocket, as a browser's WebSocket object.
 *
 * A socket is made without touching the network, so that its handlers are
 * there before its first event. Either it is opened on a loop, which drives
 * it from then on (wskt_socket_open), or it is driven by blocking calls
 * (wskt_socket_connect, then wskt_socket_recv or wskt_socket_run); the first
 * of these calls decides. Between two blocking calls nothing is driven: no
 * ping is answered and no timeout passes.
 *
 * Sending, closing, aborting, pausing and all getters are legal from any
 * thread and in every callback.
 *
 * Made by wskt_socket_new, freed by wskt_socket_free. Its functions:
 * wskt_socket_add_protocol, wskt_socket_adopt_fd, wskt_socket_set_user_data,
 * wskt_socket_set_on_open, wskt_socket_set_on_message,
 * wskt_socket_set_on_message_chunk, wskt_socket_set_message_chunks,
 * wskt_socket_set_on_error, wskt_socket_set_on_close,
 * wskt_socket_set_on_drain, wskt_socket_set_on_ping,
 * wskt_socket_set_on_pong, wskt_socket_set_on_attempt,
 * wskt_socket_set_on_unsent, wskt_socket_open, wskt_socket_connect,
 * wskt_socket_recv, wskt_socket_run, wskt_socket_interrupt,
 * wskt_socket_send_text, wskt_socket_send_binary, wskt_socket_send,
 * wskt_socket_send_begin, wskt_socket_send_chunk, wskt_socket_send_end,
 * wskt_socket_ping, wskt_socket_pong, wskt_socket_round_trip_time,
 * wskt_socket_close, wskt_socket_abort, wskt_socket_pause,
 * wskt_socket_resume, wskt_socket_ready_state, wskt_socket_buffered_amount,
 * wskt_socket_url, wskt_socket_protocol, wskt_socket_extensions,
 * wskt_socket_response_status, wskt_socket_response_reason,
 * wskt_socket_response_header,
 * wskt_socket_response_header_count, wskt_socket_response_header_at,
 * wskt_socket_response_body, wskt_socket_peer_certificate,
 * wskt_socket_stats, wskt_socket_user_data, wskt_socket_close_event,
 * wskt_socket_error_text, wskt_socket_dispatch_close_event.
 *
 * Since: 0.1.0
 */
typedef struct wskt_socket wskt_socket;

/**
 * How many objects the program has made and not yet freed.
 *
 * Counts configurations, loops, sockets, reconnectors (not the sockets they
 * make), and close events made by
 * wskt_close_event_new, in the whole process. It is 0 when everything was
 * freed: a check for leaks in tests.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API size_t wskt_handle_count(void);

/* Events ----------------------------------------------------------------- */

/**
 * Where a socket is in its life. The values are the browser's.
 *
 * Its function: wskt_socket_ready_state.
 *
 * Since: 0.1.0
 */
enum wskt_ready_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Made, or connecting. */
    WSKT_CONNECTING = 0,
    /** Open: messages can be sent. */
    WSKT_OPEN = 1,
    /** Closing: a Close frame was sent or received, or close was called. */
    WSKT_CLOSING = 2,
    /** Closed, or never opened. */
    WSKT_CLOSED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_ready_state wskt_ready_state;
#else
typedef int32_t wskt_ready_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which event a struct is: the field `type` of its head.
 *
 * The order of events is open, messages and drains (chunks of messages,
 * pings and pongs), error, close; of a reconnector's socket, an attempt
 * first and unsent messages before the error. The close event comes exactly
 * once and last, whatever ended the socket. The error event comes at most
 * once, right before it.
 *
 * Since: 0.1.0
 */
enum wskt_event_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** A wskt_open_event. */
    WSKT_EVENT_OPEN = 1,
    /** A wskt_message_event. */
    WSKT_EVENT_MESSAGE = 2,
    /** A wskt_error_event. */
    WSKT_EVENT_ERROR = 3,
    /** A wskt_close_event. */
    WSKT_EVENT_CLOSE = 4,
    /** A wskt_drain_event. */
    WSKT_EVENT_DRAIN = 5,
    /**
     * A wskt_ping_event; only if asked for, see wskt_config_set_ping_events.
     */
    WSKT_EVENT_PING = 6,
    /**
     * A wskt_pong_event; only if asked for, see wskt_config_set_ping_events.
     */
    WSKT_EVENT_PONG = 7,
    /**
     * A wskt_message_chunk_event; only if asked for, then in place of
     * WSKT_EVENT_MESSAGE. See wskt_socket_set_message_chunks.
     */
    WSKT_EVENT_MESSAGE_CHUNK = 8,
    /** A wskt_attempt_event; only of a reconnector's socket. */
    WSKT_EVENT_ATTEMPT = 9,
    /** A wskt_unsent_event; only of a reconnector's socket. */
    WSKT_EVENT_UNSENT = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_event_type wskt_event_type;
#else
typedef int32_t wskt_event_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Text or binary. The values are the opcodes of RFC 6455.
 *
 * Since: 0.1.0
 */
enum wskt_message_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * UTF-8, checked by wskt; what was sent with WSKT_SEND_VALID_UTF8 is not.
     */
    WSKT_MESSAGE_TEXT = 1,
    /** Any bytes. */
    WSKT_MESSAGE_BINARY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_message_kind wskt_message_kind;
#else
typedef int32_t wskt_message_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The head of every event struct: what an Event is in a browser.
 *
 * A pointer to a head may be cast to the struct that `type` names. wskt
 * fills event structs and the program only reads them. They and all they
 * point to are lent: in a callback until it returns, from wskt_socket_recv
 * and wskt_loop_next_event until the next such call on the same object.
 *
 * A later version may add fields at the end of an event struct, never
 * elsewhere and never to the head; `struct_size` tells whether a field is
 * there.
 *
 * WHATWG DOM, Event. Since: 0.1.0
 */
typedef struct wskt_event {
    /** Size in bytes of the whole struct that begins with this head. */
    size_t struct_size;
    /** Which event this is. */
    wskt_event_type type;
    /** Always false, except in a close event the program made itself. */
    bool bubbles;
    /** Always false, except in a close event the program made itself. */
    bool cancelable;
    /** True for events of the library, false for those of the program. */
    bool is_trusted;
    /**
     * The type as text: "open", "message", "error", "close", "drain",
     * "ping", "pong", "messagechunk", "attempt", "unsent", or what the program called its own
     * close event.
     */
    const char *type_name;
    /**
     * The socket it happened to. NULL in a close event that was made by the
     * program and not dispatched yet.
     */
    wskt_socket *target;
    /** When it happened: milliseconds of the system's monotonic clock. */
    double timestamp;
} wskt_event;

/**
 * The connection is established and messages can be sent.
 *
 * WHATWG WebSockets, onopen. Since: 0.1.0
 */
typedef struct wskt_open_event {
    /** The head; `type` is WSKT_EVENT_OPEN. */
    struct wskt_event head;
} wskt_open_event;

/**
 * A whole message arrived.
 *
 * Fragments are put together before: a message that the connection's end
 * cuts off is never told. To have messages in parts as they arrive, see
 * wskt_message_chunk_event.
 *
 * WHATWG HTML, MessageEvent. Since: 0.1.0
 */
typedef struct wskt_message_event {
    /** The head; `type` is WSKT_EVENT_MESSAGE. */
    struct wskt_event head;
    /** Text or binary. */
    wskt_message_kind kind;
    /**
     * The payload. It is NOT NUL-terminated, not even text: it is lent from
     * the buffer it arrived in. Never NULL, also when `len` is 0.
     */
    const void *data;
    /** Length of the payload in bytes. */
    size_t len;
} wskt_message_event;

/**
 * The connection failed; the close event follows at once.
 *
 * The ready state is WSKT_CLOSED already. What a browser hides from scripts
 * is told here; in browser mode, `cause` is WSKT_CAUSE_UNKNOWN, the numbers
 * are 0 and the message is empty if the failure came while opening.
 *
 * WHATWG WebSockets, onerror. Since: 0.1.0
 */
typedef struct wskt_error_event {
    /** The head; `type` is WSKT_EVENT_ERROR. */
    struct wskt_event head;
    /** What failed. */
    wskt_cause cause;
    /** The operating system's errno, or 0. */
    int32_t os_error;
    /** The HTTP status that refused the upgrade, or 0. */
    uint16_t http_status;
    /** One line a person can act on, in English: UTF-8, NUL-terminated. */
    const char *message;
    /** Length of the message in bytes, the NUL not counted. */
    size_t message_len;
} wskt_error_event;

/**
 * The connection is closed. Nothing follows.
 *
 * `was_clean`, `code` and `reason` are the browser's. Code and reason are
 * the PEER's: what wskt_socket_close was given appears here only if the peer
 * echoed it, as most do.
 *
 * The library makes one for every socket, as its last event. A program can
 * make its own, to test a close handler without a server.
 *
 * Its functions: wskt_close_event_new, wskt_close_event_init,
 * wskt_socket_dispatch_close_event, wskt_close_event_free,
 * wskt_socket_close_event.
 *
 * WHATWG WebSockets, CloseEvent. Since: 0.1.0
 */
typedef struct wskt_close_event {
    /** The head; `type` is WSKT_EVENT_CLOSE. */
    struct wskt_event head;
    /**
     * Whether the closing handshake was completed and nothing that was
     * accepted for sending was dropped.
     */
    bool was_clean;
    /**
     * The code of the peer's Close frame; WSKT_CLOSE_NO_STATUS if it had
     * none, WSKT_CLOSE_ABNORMAL without a valid Close frame,
     * WSKT_CLOSE_TLS_HANDSHAKE if TLS failed.
     */
    uint16_t code;
    /**
     * The reason in the peer's Close frame: UTF-8, NUL-terminated; U+0000
     * may be part of it. Never NULL.
     */
    const char *reason;
    /** Length of the reason in bytes, the NUL not counted. */
    size_t reason_len;
    /** The code the peer really sent, valid or not; 0 if it sent none. */
    uint16_t peer_code;
    /** What ended the connection. */
    wskt_cause cause;
    /**
     * One line a person can act on, in English: UTF-8, NUL-terminated. Never
     * NULL.
     */
    const char *message;
    /** Length of the message in bytes, the NUL not counted. */
    size_t message_len;
} wskt_close_event;

/**
 * The send queue fell back to the low-water mark: sends that were refused
 * with WSKT_ERR_BUFFER_FULL can be made again.
 *
 * Comes once each time the queue had reached the high-water mark. Browsers
 * have no such event. See wskt_config_set_water_marks.
 *
 * Since: 0.1.0
 */
typedef struct wskt_drain_event {
    /** The head; `type` is WSKT_EVENT_DRAIN. */
    struct wskt_event head;
} wskt_drain_event;

/**
 * The peer sent a ping. It is answered already.
 *
 * RFC 6455, section 5.5.2. Since: 0.1.0
 */
typedef struct wskt_ping_event {
    /** The head; `type` is WSKT_EVENT_PING. */
    struct wskt_event head;
    /** The payload; not NUL-terminated. Never NULL, also when `len` is 0. */
    const void *data;
    /** Length of the payload in bytes, at most 125. */
    size_t len;
} wskt_ping_event;

/**
 * The peer sent a pong: an answer to a ping of the program or of the
 * heartbeat, or one that nobody asked for.
 *
 * RFC 6455, section 5.5.3. Since: 0.1.0
 */
typedef struct wskt_pong_event {
    /** The head; `type` is WSKT_EVENT_PONG. */
    struct wskt_event head;
    /** The payload; not NUL-terminated. Never NULL, also when `len` is 0. */
    const void *data;
    /** Length of the payload in bytes, at most 125. */
    size_t len;
} wskt_pong_event;

/**
 * The next part of a message arrived: all of it that is there.
 *
 * The chunks of one message come in order, the first one with `first`, the
 * one that ends it with `last`, and no other message's between them. An
 * empty message is one empty chunk with both; else only the last chunk may
 * be empty. Where one chunk ends and the next begins is chance: how the
 * network cut the bytes, not how the server's fragments did.
 *
 * A chunk of text is UTF-8 by itself: it never ends inside a character. Text
 * that is not UTF-8 fails the connection when its first bad byte arrives.
 *
 * Nothing takes a chunk back. If the connection ends inside a message, its
 * `last` never comes: error, if any, and close follow what was told. Nor is
 * any chunk told once close was called.
 *
 * Since: 0.1.0
 */
typedef struct wskt_message_chunk_event {
    /** The head; `type` is WSKT_EVENT_MESSAGE_CHUNK. */
    struct wskt_event head;
    /** Text or binary: that of the message. */
    wskt_message_kind kind;
    /** Whether the message begins with this chunk. */
    bool first;
    /** Whether the message ends with this chunk. */
    bool last;
    /**
     * The payload. It is NOT NUL-terminated. Never NULL, also when `len` is
     * 0.
     */
    const void *data;
    /**
     * Length of the payload in bytes, at most 128 KiB and, but
     * for a character of text, at most what wskt_config_set_max_message_size
     * allows.
     */
    size_t len;
} wskt_message_chunk_event;

/**
 * A reconnector has made this socket, its first event; nothing touches the
 * network before the delay has passed.
 *
 * Since: 0.1.0
 */
typedef struct wskt_attempt_event {
    /** The head; `type` is WSKT_EVENT_ATTEMPT. */
    struct wskt_event head;
    /** 1 for the reconnector's first socket, and one more for each. */
    uint32_t number;
    /** How long it waits before it connects, in milliseconds. */
    double delay_ms;
    /**
     * The close event of the socket before; NULL for the first. It is lent
     * for as long as that socket is valid: until the reconnector is freed or
     * tells the next attempt.
     */
    const struct wskt_close_event *previous;
} wskt_attempt_event;

/**
 * A message that a send had accepted, and that will not be sent: the kernel
 * did not get all of it, so that the peer cannot have it.
 *
 * These events come in the order of the sends, after all messages of the
 * peer and before error and close. Send the message on the next socket if it
 * is still wanted. The bytes are those that the program gave; a message sent
 * in chunks is one, if wskt_socket_send_end was called.
 *
 * What is not told was given to the kernel to the last byte. Whether it
 * reached the peer nobody knows, unless the peer says so: only an
 * acknowledgement of the application's own tells.
 *
 * Since: 0.1.0
 */
typedef struct wskt_unsent_event {
    /** The head; `type` is WSKT_EVENT_UNSENT. */
    struct wskt_event head;
    /** Text or binary. */
    wskt_message_kind kind;
    /** The payload; not NUL-terminated. Never NULL, also when `len` is 0. */
    const void *data;
    /** Length of the payload in bytes. */
    size_t len;
} wskt_unsent_event;

/* Callbacks -------------------------------------------------------------- */

/**
 * Called when the connection is established. See wskt_socket_set_on_open.
 *
 * For this and every callback below: it runs on the thread that drives the
 * socket, one at a time for a loop. `event` and all it points to are lent
 * until it returns; `socket` is `event->head.target`; `user_data` is what
 * wskt_socket_set_user_data was given last. Every function that neither
 * waits nor dispatches is legal inside, freeing the socket included.
 *
 * A callback must not throw an exception and must not longjmp out. A C++
 * exception that leaves it ends the process.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_open_fn)(wskt_socket *socket,
                                const wskt_open_event *event,
                                void *user_data);

/**
 * Called for each message. See wskt_socket_set_on_message.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_message_fn)(wskt_socket *socket,
                                   const wskt_message_event *event,
                                   void *user_data);

/**
 * Called for each chunk of a message. See
 * wskt_socket_set_on_message_chunk.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_message_chunk_fn)(wskt_socket *socket,
                                         const wskt_message_chunk_event *event,
                                         void *user_data);

/**
 * Called when the connection has failed, right before the close callback.
 * See wskt_socket_set_on_error.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_error_fn)(wskt_socket *socket,
                                 const wskt_error_event *event,
                                 void *user_data);

/**
 * Called once, last, when the connection is closed. See
 * wskt_socket_set_on_close.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_close_fn)(wskt_socket *socket,
                                 const wskt_close_event *event,
                                 void *user_data);

/**
 * Called when the send queue has fallen back to the low-water mark. See
 * wskt_socket_set_on_drain.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_drain_fn)(wskt_socket *socket,
                                 const wskt_drain_event *event,
                                 void *user_data);

/**
 * Called when the peer has sent a ping. See wskt_socket_set_on_ping.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_ping_fn)(wskt_socket *socket,
                                const wskt_ping_event *event,
                                void *user_data);

/**
 * Called when the peer has sent a pong. See wskt_socket_set_on_pong.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_pong_fn)(wskt_socket *socket,
                                const wskt_pong_event *event,
                                void *user_data);

/**
 * Called for each socket that a reconnector makes. See
 * wskt_socket_set_on_attempt.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_attempt_fn)(wskt_socket *socket,
                                   const wskt_attempt_event *event,
                                   void *user_data);

/**
 * Called for each message that was accepted and not sent. See
 * wskt_socket_set_on_unsent.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_on_unsent_fn)(wskt_socket *socket,
                                  const wskt_unsent_event *event,
                                  void *user_data);

/**
 * Called once with the user data when wskt will not touch it again. See
 * wskt_socket_set_user_data.
 *
 * It runs on the thread that let go of the socket last: the one that called
 * wskt_socket_free, or the one that drove the socket. It must not use the
 * socket, must not call a function that waits or dispatches, and must not
 * throw or longjmp.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_destroy_fn)(void *user_data);

/* Configuration ---------------------------------------------------------- */

/**
 * Makes a configuration with the defaults.
 *
 * `out_config` receives it; the caller frees it with wskt_config_free.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL: `out_config` is NULL.
 * - WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_new(wskt_config **out_config);

/**
 * Frees a configuration. Sockets made with it are not affected. NULL is
 * fine.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API void wskt_config_free(wskt_config *config);

/**
 * Sets browser mode, for hosts that hand sockets on to scripts. False if
 * never set.
 *
 * It changes five things and nothing else:
 * - A Close frame of the peer with a code that RFC 6455 does not allow is
 *   accepted and reported as it is, except for 1005, 1006 and 1015.
 * - A TLS failure gives close code 1006 instead of 1015.
 * - A connection that is lost without a Close frame gives a close event only,
 *   no error event before it.
 * - The cause and message of a failure while opening are hidden.
 * - The HTTP response of a refused upgrade is hidden.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, fail the WebSocket connection. Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_browser_mode(wskt_config *config, bool on);

/**
 * Sets whether the peer's pings and pongs are events. False if never set.
 *
 * With true they are told in every way of driving, pulled ones too. With
 * false, only a socket with a handler for either has them
 * (wskt_socket_set_on_ping, wskt_socket_set_on_pong). Pings are answered in
 * any case, before the event; none is told once close was called.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_ping_events(wskt_config *config, bool on);

/**
 * One line about the last value that this configuration refused: the option,
 * then what was wrong with the value, in English and without a full stop;
 * empty if none was.
 *
 * The option is called as its setter is:
 * "open_timeout: -1 ms is not in 1 to 2147483647 ms" is about
 * wskt_config_set_open_timeout. A call that succeeds does not clear it.
 *
 * The text is NUL-terminated and lent until the configuration refuses
 * another value or is freed. NULL gives NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_config_error_text(const wskt_config *config);

/**
 * Adds a header to the upgrade request.
 *
 * `name` and `value` are NUL-terminated UTF-8, copied before the call
 * returns. Headers are sent in the order and with the spelling they were
 * added in; a name may be added more than once.
 *
 * The headers of the handshake and of the connection itself cannot be set
 * here: Host (see wskt_config_set_host), Upgrade, Connection, Keep-Alive,
 * Content-Length, Transfer-Encoding, TE, Trailer, Expect, Proxy-Connection,
 * Proxy-Authenticate, Proxy-Authorization (see wskt_config_set_proxy) and every
 * Sec-WebSocket- header. Subprotocols go through wskt_socket_add_protocol.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_HEADER: `name` is not a token, or `value` has CR, LF or
 *   another control character in it.
 * - WSKT_ERR_FORBIDDEN_HEADER: the header belongs to the handshake.
 * - WSKT_ERR_INVALID_UTF8: `name` or `value` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 4.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_add_header(wskt_config *config,
                                   const char *name,
                                   const char *value);

/**
 * Sets the Origin header, which browsers send and some servers ask for. None
 * if never set.
 *
 * `origin` is NUL-terminated, such as "https://example.com". It replaces every
 * Origin header that was there.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
 *   it.
 * - WSKT_ERR_INVALID_UTF8: `origin` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6454, section 7. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_origin(wskt_config *config,
                                   const char *origin);

/**
 * Sets the User-Agent header. None if never set.
 *
 * `user_agent` is NUL-terminated. It replaces every User-Agent header that was
 * there.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
 *   it.
 * - WSKT_ERR_INVALID_UTF8: `user_agent` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 9110, section 10.1.5. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_user_agent(wskt_config *config,
                                       const char *user_agent);

/**
 * Sets the Cookie header. None if never set; nothing that a server sets is
 * kept.
 *
 * `cookies` is NUL-terminated, such as "a=b; c=d". It replaces every Cookie
 * header that was there.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
 *   it.
 * - WSKT_ERR_INVALID_UTF8: `cookies` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6265, section 4.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_cookie(wskt_config *config,
                                   const char *cookies);

/**
 * Sets the Authorization header to a user's name and password. Those of the
 * URL if never set.
 *
 * Both are NUL-terminated. They replace every Authorization header that was
 * there. Over ws: everybody on the way can read them.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: there is a colon in `user`, or a control
 *   character in one of them.
 * - WSKT_ERR_INVALID_UTF8: one of them is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7617. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_basic_authorization(wskt_config *config,
                                                const char *user,
                                                const char *password);

/**
 * Sets the Authorization header to a Bearer token. None if never set.
 *
 * `token` is NUL-terminated. It replaces every Authorization header that was
 * there. Over ws: everybody on the way can read it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: it has other characters than a token of RFC
 *   6750 may have.
 * - WSKT_ERR_INVALID_UTF8: `token` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6750, section 2.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_bearer_authorization(wskt_config *config,
                                                 const char *token);

/**
 * Sets the Host header. The URL's host and port if never set.
 *
 * `host` is NUL-terminated: a host, perhaps with a port, sent as it is. Name
 * resolution and TLS still go by the URL; wskt_config_set_tls_server_name is
 * for TLS.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: it is not a host, or a host and a port.
 * - WSKT_ERR_INVALID_UTF8: `host` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 9110, section 7.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_host(wskt_config *config,
                                 const char *host);

/**
 * Sets whether a server may leave an offered subprotocol unanswered. False
 * if never set.
 *
 * With false, as in browsers, such an answer fails the connection. With
 * true, the connection opens and wskt_socket_protocol is empty.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, establish a connection. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_allow_missing_protocol(wskt_config *config,
                                                   bool allow);

/**
 * A version of TLS, for wskt_config_set_min_tls_version and
 * wskt_config_set_max_tls_version.
 *
 * Older ones are not offered. New ones may appear.
 *
 * Since: 0.1.0
 */
enum wskt_tls_version
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** TLS 1.2 (RFC 5246). */
    WSKT_TLS_1_2 = 12,
    /** TLS 1.3 (RFC 8446). */
    WSKT_TLS_1_3 = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_tls_version wskt_tls_version;
#else
typedef int32_t wskt_tls_version;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Trusts the certificates of a PEM file, besides the system's.
 *
 * `path` is NUL-terminated UTF-8. The file is read before the call returns,
 * and not again.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_IO: the file cannot be read.
 * - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
 * - WSKT_ERR_INVALID_UTF8: `path` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_add_ca_file(wskt_config *config,
                                    const char *path);

/**
 * Trusts the certificates of a PEM buffer, besides the system's.
 *
 * `pem` is `len` bytes, read before the call returns. NULL only with 0. It
 * need not be NUL-terminated.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
 * - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_add_ca_pem(wskt_config *config,
                                   const char *pem,
                                   size_t len);

/**
 * Sets whether the certificates that the system trusts are trusted here. True
 * if never set.
 *
 * With false, only those of wskt_config_add_ca_file and
 * wskt_config_add_ca_pem are.
 *
 * To read them takes about a tenth of a second. It begins with the first
 * connection that needs TLS, beside the look-up of the name, on a thread of
 * its own that ends with it, and is done once for all sockets of a
 * configuration and of those whose options of TLS were never set. No driver
 * waits for it: wskt_socket_abort works meanwhile, and the TLS timeout passes.
 * The end of the process waits for a reader for up to two seconds.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_system_roots(wskt_config *config, bool on);

/**
 * Pins the server's public key: TLS fails unless the server has this key, or
 * another one that was added. None if never called.
 *
 * `pin` is NUL-terminated: "sha256//" and the base64 of the SHA-256 of the
 * certificate's SubjectPublicKeyInfo, as curl has it. It may be added before
 * the server changes to a new key. The certificate is verified all the same,
 * unless wskt_config_set_danger_any_certificate turned that off.
 *
 * This prints the pin of a certificate:
 *
 *     openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin \
 *         -outform der | openssl dgst -sha256 -binary | openssl base64
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: it is not of that form.
 * - WSKT_ERR_INVALID_UTF8: `pin` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7469, section 2.4. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_add_pinned_public_key(wskt_config *config,
                                              const char *pin);

/**
 * Sets the oldest version of TLS that is good enough. WSKT_TLS_1_2 if never
 * set.
 *
 * `version` is one of wskt_tls_version. A server that speaks older ones only
 * is refused.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: there is no such version, or it is above the
 *   maximum.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_min_tls_version(wskt_config *config,
                                            int32_t version);

/**
 * Sets the newest version of TLS that is offered. WSKT_TLS_1_3 if never set.
 *
 * `version` is one of wskt_tls_version.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: there is no such version, or it is below the
 *   minimum.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_max_tls_version(wskt_config *config,
                                            int32_t version);

/**
 * Sets the name that TLS asks the server for (SNI), and that the server's
 * certificate must be for, instead of the URL's. The URL's if never set.
 *
 * `name` is NUL-terminated: a host name or an IP address. An address is
 * verified but never sent, as RFC 6066 has it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `name` is neither.
 * - WSKT_ERR_INVALID_UTF8: `name` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6066, section 3; RFC 9525. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_tls_server_name(wskt_config *config,
                                            const char *name);

/**
 * Sets whether the server's name is sent in the TLS handshake (SNI), where
 * everybody on the way can read it. True if never set.
 *
 * A server of many names cannot know without it which certificate to show.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6066, section 3. Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_tls_sni(wskt_config *config, bool on);

/**
 * Sets whether TLS offers the protocol "http/1.1" (ALPN). True if never set,
 * as in browsers.
 *
 * Without it, a server may take the connection for HTTP/2.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7301. Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_tls_alpn(wskt_config *config, bool on);

/**
 * Sets whether every certificate is accepted: expired, by anybody, for any
 * name. False if never set.
 *
 * With true, whoever is on the way can read and change everything, unless
 * wskt_config_add_pinned_public_key names the server's key. It is for tests.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_danger_any_certificate(wskt_config *config,
                                                   bool on);

/**
 * Sets whether a certificate for another host is accepted, if it is good
 * otherwise. False if never set.
 *
 * With true, whoever has a certificate for a name of their own can read and
 * change everything. wskt_config_set_tls_server_name is mostly what is
 * wanted.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_danger_any_host_name(wskt_config *config,
                                                 bool on);

/**
 * Sets the certificate, and its key, to show to servers that ask for one, from
 * two files. None if never set; a later call replaces it.
 *
 * `certificate_path` and `key_path` are NUL-terminated UTF-8; both files are
 * PEM and may be one and the same. Certificates behind the first are sent as
 * its chain. The key is PKCS#8 ("BEGIN PRIVATE KEY") without a password; for
 * any other form, wskt_config_error_text tells the command that converts it.
 * The files are read before the call returns, and not again.
 *
 * A key that is not RSA, and has no public key in it as those of OpenSSL have,
 * makes the call read the system's certificates too, which takes about a tenth
 * of a second: OpenSSL tells only then whether it is the certificate's. So does
 * one that does not fit.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_IO: a file cannot be read.
 * - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read.
 * - WSKT_ERR_INVALID_KEY: no key can be read, or it is not the
 *   certificate's.
 * - WSKT_ERR_INVALID_UTF8: a path is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_client_certificate_file(wskt_config *config,
                                                    const char *certificate_path,
                                                    const char *key_path);

/**
 * As wskt_config_set_client_certificate_file, from two buffers.
 *
 * `certificate` and `key` are PEM, so many bytes long, read before the call
 * returns. NULL only with 0. They need not be NUL-terminated.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read.
 * - WSKT_ERR_INVALID_KEY: no key can be read, or it is not the
 *   certificate's.
 * - WSKT_ERR_INVALID_ARGUMENT: a length is larger than any buffer can be.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_client_certificate_pem(wskt_config *config,
                                                   const char *certificate,
                                                   size_t certificate_len,
                                                   const char *key,
                                                   size_t key_len);

/**
 * Sets the certificate, and its key, to show to servers that ask for one, from
 * a PKCS#12 file (".p12", ".pfx"). A later call replaces it.
 *
 * `path` and `password` are NUL-terminated UTF-8; a file without a password
 * has the empty one. The file is read before the call returns, and not again.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_IO: the file cannot be read.
 * - WSKT_ERR_WRONG_PASSWORD: the password does not open it.
 * - WSKT_ERR_INVALID_CERTIFICATE: it is no PKCS#12 archive, or lacks the
 *   certificate or the key.
 * - WSKT_ERR_INVALID_UTF8: `path` or `password` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7292. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_client_pkcs12_file(wskt_config *config,
                                               const char *path,
                                               const char *password);

/**
 * As wskt_config_set_client_pkcs12_file, from a buffer.
 *
 * `archive` is `len` bytes, read before the call returns. NULL only with 0.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_WRONG_PASSWORD: the password does not open it.
 * - WSKT_ERR_INVALID_CERTIFICATE: it is no PKCS#12 archive, or lacks the
 *   certificate or the key.
 * - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
 * - WSKT_ERR_INVALID_UTF8: `password` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7292. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_client_pkcs12(wskt_config *config,
                                          const void *archive,
                                          size_t len,
                                          const char *password);

/**
 * Sets the proxy that every connection goes through. None if never set.
 *
 * `url` is NUL-terminated UTF-8, copied: SCHEME://USER:PASSWORD@HOST:PORT,
 * of which only HOST is needed. NULL sets none. The schemes:
 * - http: HTTP CONNECT; the port is 80 if none is given
 * - https: the same inside TLS with the proxy; 443
 * - socks5h: SOCKS 5; 1080. The proxy resolves the server's name.
 * - socks5: the same, but the name is resolved here, and the proxy is asked
 *   for one address after the other until it reaches one
 *
 * A URL without a scheme is an HTTP proxy's. User and password are
 * percent-decoded, are sent to this proxy and to nobody else, and do not
 * appear in the log. The proxy gets the server's host and port and nothing
 * of the upgrade request; but with socks5 it resolves the server's name. TLS
 * with the server runs inside the tunnel. An https proxy's certificate is
 * checked against the same roots as a server's.
 *
 * A proxy that refuses gives WSKT_CAUSE_PROXY, with its HTTP status in the
 * error event if there is one. ws+unix URLs and adopted descriptors never go
 * through a proxy.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `url` is not such a URL, its user has a colon
 *   in it (HTTP), user or password are empty or longer than 255 bytes
 *   (SOCKS 5), or a Unix-domain socket is set.
 * - WSKT_ERR_INVALID_UTF8: `url` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 9110, section 9.3.6; RFC 1928; RFC 1929. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_proxy(wskt_config *config,
                                  const char *url);

/**
 * Sets which servers are reached without the proxy. None if never set.
 *
 * `list` is NUL-terminated UTF-8, copied: entries between commas or blanks.
 * An entry is a name, which stands for all its subdomains too (a leading
 * "." or "*." changes nothing), an address, a network as 10.0.0.0/8 or
 * fd00::/8, or "*" for all. A name or an address may have a port behind it.
 * It is compared with the host of the URL; names are not resolved for it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: an entry is malformed.
 * - WSKT_ERR_INVALID_UTF8: `list` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_no_proxy(wskt_config *config,
                                     const char *list);

/**
 * Takes proxies from the environment, as it is at this moment: a later
 * change of a variable changes nothing. It replaces what wskt_config_set_proxy
 * and wskt_config_set_no_proxy set before.
 *
 * ws URLs go through http_proxy, wss URLs through https_proxy; what is not
 * set is taken from all_proxy. no_proxy has the exceptions. Each is looked up
 * in upper case if there is none in lower case, except http_proxy. A variable
 * that is empty counts as not set; the values are as for
 * wskt_config_set_proxy and wskt_config_set_no_proxy.
 *
 * No other thread may change the environment meanwhile, as with getenv().
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: a variable has no such value, and
 *   wskt_config_error_text tells which; or a Unix-domain socket is set.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_proxy_from_environment(wskt_config *config);

/**
 * Reaches a server at another place: a test server, one of many behind a
 * balancer, a tunnel.
 *
 * `from` and `to` are NUL-terminated UTF-8, copied: HOST:PORT, an IPv6
 * address in brackets. Where the host and port of the URL are `from`, the
 * connection goes to `to`; the request and the name that TLS verifies stay
 * those of the URL. Call it once for each; the first that fits counts.
 * Through a proxy, the proxy is asked for `to`.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `from` or `to` is not HOST:PORT, or a
 *   Unix-domain socket is set.
 * - WSKT_ERR_INVALID_UTF8: `from` or `to` is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_add_connect_to(wskt_config *config,
                                       const char *from,
                                       const char *to);

/**
 * Sets the local address that connections come from. Any if never set.
 *
 * `address` is an IPv4 or IPv6 address as text, NUL-terminated, copied; NULL
 * is any. Only addresses of the same family are tried then. One that this
 * machine does not have shows when connecting, as WSKT_CAUSE_CONNECT.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: it is no IP address, or a Unix-domain socket
 *   is set.
 * - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_local_address(wskt_config *config,
                                          const char *address);

/**
 * Sets the network interface that connections leave by. Any if never set.
 *
 * `interface` is its name, as "eth0": NUL-terminated, 1 to 15 bytes, copied;
 * NULL is any. One that does not exist shows when connecting, as
 * WSKT_CAUSE_CONNECT. Linux only (SO_BINDTODEVICE).
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: the name is empty, too long or has a blank or a
 *   control character in it, the system cannot do it, or a Unix-domain socket
 *   is set.
 * - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_interface(wskt_config *config,
                                      const char *interface);

/**
 * Connects to a Unix-domain socket instead of the URL's host. None if never
 * set.
 *
 * `path` is NUL-terminated UTF-8, at most 107 bytes, copied; NULL sets none.
 * The request, and the name that TLS verifies, stay those of the URL. A URL
 * can name the socket itself: see wskt_socket_new. It contradicts proxies,
 * connect_to, local address and interface.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: the path is empty or too long, or an option
 *   is set that contradicts it.
 * - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_unix_socket(wskt_config *config,
                                        const char *path);

/**
 * Sets TCP keepalive: the kernel asks a silent peer whether it is there. Off
 * if never set; three zeros turn it off.
 *
 * `idle_ms` is the silence before the first probe, `interval_ms` the time
 * between two, both rounded up to seconds; after `count` probes without an
 * answer the connection is lost (WSKT_CAUSE_LOST). Behind a proxy, it is
 * the proxy that is asked.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: a time is not in 1 to 32767000, or `count` not
 *   in 1 to 127.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 1122, section 4.2.3.6. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_tcp_keepalive(wskt_config *config,
                                          int64_t idle_ms,
                                          int64_t interval_ms,
                                          uint32_t count);

/**
 * Limits the whole of opening, from open or connect to the open event, in
 * milliseconds. 30000 if never set.
 *
 * When it passes, the socket ends: error, then close with code 1006 and
 * WSKT_CAUSE_TIMEOUT. All other timeouts here do the same.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_open_timeout(wskt_config *config,
                                         int64_t ms);

/**
 * Limits name resolution, in milliseconds. 30000 if never
 * set.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_dns_timeout(wskt_config *config,
                                        int64_t ms);

/**
 * Limits TCP, over all addresses of the host, in milliseconds. 30000 if never
 * set.
 *
 * A new address is tried every 250 ms, or as soon as one fails, IPv6 and IPv4
 * in turns; the first that answers wins (RFC 8305).
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_connect_timeout(wskt_config *config,
                                            int64_t ms);

/**
 * Limits the talk with a proxy, in milliseconds. 30000 if never
 * set.
 *
 * It begins when TCP with the proxy is established, covers TLS with it, and
 * ends with its consent.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_proxy_timeout(wskt_config *config,
                                          int64_t ms);

/**
 * Limits the TLS handshake with the server, in milliseconds. 30000 if never
 * set. What is left to do then of reading the trusted certificates is a part
 * of it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_tls_timeout(wskt_config *config,
                                        int64_t ms);

/**
 * Limits the HTTP upgrade, from the request to the end of the response's
 * head, in milliseconds. 30000 if never set.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_upgrade_timeout(wskt_config *config,
                                            int64_t ms);

/**
 * Limits the wait for the peer's Close frame after ours has left, in
 * milliseconds. 10000 if never set.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 7.1.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_close_timeout(wskt_config *config,
                                          int64_t ms);

/**
 * Limits how long the peer may leave the TCP connection open after the
 * closing handshake, in milliseconds. 2000 if never set.
 *
 * Unlike with the other timeouts, passing it is no error: wskt closes the
 * connection itself and the close event is what the handshake made it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 7.1.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_linger_timeout(wskt_config *config,
                                           int64_t ms);

/**
 * Limits how long the peer may take no byte at all of what is queued for
 * sending, in milliseconds. 30000 if never set; 0 turns it off.
 *
 * It starts anew with each byte that leaves.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 0 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_send_timeout(wskt_config *config,
                                         int64_t ms);

/**
 * Limits how long the peer may send nothing at all while the socket is open,
 * in milliseconds. 0, which is off, if never set.
 *
 * Pongs count: with a heartbeat the peer has something to say. While the
 * socket is paused the time stands still, and it starts anew with resume.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 0 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_idle_timeout(wskt_config *config,
                                         int64_t ms);

/**
 * Makes an open socket ping its peer and end when that does not answer. Off
 * if never set; two zeros turn it off.
 *
 * A ping goes out every `interval_ms`, unless 32 wait for an answer already.
 * If one has none after `timeout_ms`, the peer is dead: error, then close
 * with code 1006 and WSKT_CAUSE_TIMEOUT. An answer is the pong to this ping
 * or to one sent after it; nothing else that arrives is one. As a pong cannot
 * come inside a frame, the time starts anew with each byte of a frame that
 * has begun. It covers what stands in front of ping and pong in the queues of
 * both sides: let it be longer than these take.
 * wskt_socket_round_trip_time has the newest answer's time. While the socket
 * is paused, and once it is closing, there is no heartbeat.
 *
 * A socket that is driven by blocking calls has a heartbeat inside them only.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: a time is not in 1 to 2147483647.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.5.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_heartbeat(wskt_config *config,
                                      int64_t interval_ms,
                                      int64_t timeout_ms);

/**
 * Limits the size of a received message, in bytes. 67108864 (64 MiB) if
 * never set.
 *
 * It bounds what arrives and, of a compressed message, what that inflates to.
 * A larger one ends the connection before its memory is taken: the peer gets
 * a Close frame with code 1009; error, close with code 1006 and
 * WSKT_CAUSE_MESSAGE_TOO_BIG follow. Of a message in chunks it bounds each
 * chunk instead: see wskt_socket_set_message_chunks.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `bytes` is 0.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 10.4. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_max_message_size(wskt_config *config,
                                             uint64_t bytes);

/**
 * Limits the number of continuation frames in a received message. 131072 if
 * never set.
 *
 * A message with more ends the connection as one that is too large does. So
 * does one in chunks.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `count` is 0.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 10.4. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_max_fragments(wskt_config *config,
                                          uint32_t count);

/**
 * Sets the size of the buffer that received bytes are read into, in bytes:
 * what one read takes from the kernel at most, ahead of what the program has
 * been told. Where messages of more than 16 KiB come in part, it is up to twice
 * as much.
 *
 * 0, which it is if never set, leaves it to wskt: 65536, and twice as much behind
 * each read that has filled it, up to 524288 (512 KiB); not where messages are so
 * large that two do not fit. A socket without a loop gives back what it has grown
 * by when nothing has come for a tenth of a second.
 *
 * With more than that, a flood takes still fewer system calls: with 16777216 (16
 * MiB), 64 KiB over loopback take 0.06 to 0.12 instead of 0.17 to 0.33. It seldom
 * takes less time, and it takes more when the buffer is larger than the CPU's
 * cache. With less, wskt_socket_pause leaves less in memory, and many sockets
 * without a loop take less.
 *
 * The sockets of a loop share one buffer, as large as the largest that one of
 * them needs, and do not give it back; memory that nothing arrived in is not
 * touched, and where
 * the system refuses so much the buffer is smaller. Other sockets wait while
 * one's buffer is told. What wskt_socket_pause leaves in it, and a message that
 * has come in part, stays in memory: if that is more than 256 KiB, the socket
 * keeps the buffer itself, and the others get another. The kernel holds the
 * rest back. A message that is larger than the buffer is received into memory
 * of its own.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `bytes` is not in 4096 to 1073741824 (1 GiB), nor
 *   0.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_read_buffer(wskt_config *config,
                                        size_t bytes);

/**
 * Sets the water marks of the send queue, in bytes. 1048576 and 4194304 (1
 * and 4 MiB) if never set.
 *
 * A send is refused with WSKT_ERR_BUFFER_FULL while the queue stands at or
 * over `high`. One message may take it beyond: a message is never refused
 * for its own size. The drain event comes when the queue is back at or under
 * `low`.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `high` is 0, or `low` is above it.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_water_marks(wskt_config *config,
                                        size_t low,
                                        size_t high);

/**
 * Sets whether permessage-deflate, the compression of messages, is offered
 * to the server. True if never set.
 *
 * The offer is that of browsers, `permessage-deflate;
 * client_max_window_bits`, unless the functions that follow change it. The
 * server decides; wskt_socket_extensions tells. An answer with an unknown,
 * repeated or unfit parameter, or with any other extension, fails the
 * connection with WSKT_CAUSE_HANDSHAKE, and the message names it.
 *
 * A connection takes the memory for compressing with the first message that
 * it compresses, some 370 KiB, and that for decompressing with the first
 * compressed message that comes, some 50 KiB, and keeps them until it ends.
 * wskt_config_set_deflate_no_context_takeover avoids that.
 *
 * What a message inflates to counts against the limit of
 * wskt_config_set_max_message_size while it inflates.
 *
 * Where secrets and text that an attacker chooses are sent in one message,
 * its compressed length can betray the secret to whoever watches the line;
 * wskt_socket_send can send such a message as it is.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7692, section 7. Since: 0.1.0
 */
WSKT_API wskt_result wskt_config_set_deflate(wskt_config *config, bool on);

/**
 * Sets whether each message is compressed by itself, without what the ones
 * before have taught: `client` for the messages we send, `server` for those
 * that come. False and false if never set.
 *
 * Messages get longer and connections get lighter: nothing is kept between
 * two messages. Each thread that sends or receives such messages keeps one
 * state of each kind for all its connections.
 *
 * `client` needs no consent, though it is offered. A server that answers
 * without `server_no_context_takeover` where that was asked for fails the
 * connection.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7692, section 7.1.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_deflate_no_context_takeover(wskt_config *config,
                                                        bool client,
                                                        bool server);

/**
 * Limits the windows of compression: `client` the one our messages are
 * compressed with, `server` the one that is needed for those that come. They
 * are powers of two: 15 is 32 KiB. 15 and 15 if never set.
 *
 * A smaller window takes less memory and compresses less. The server may ask
 * for a smaller `client` window and gets it; for one of 8 bits, which zlib
 * cannot make, our messages are sent as they are. A `server` below 15 is
 * asked for, and a server that answers without it, or with more, fails the
 * connection.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `client` is not in 9 to 15, or `server` is not
 *   in 8 to 15.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 7692, section 7.1.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_deflate_max_window_bits(wskt_config *config,
                                                    int32_t client,
                                                    int32_t server);

/**
 * Sets how hard our messages are compressed, from 1, the fastest, to 9, the
 * smallest. 6 if never set, as zlib has it.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `level` is not in 1 to 9.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_deflate_level(wskt_config *config,
                                          int32_t level);

/**
 * Sets the size in bytes from which on a message is compressed. 128 if never
 * set: below, there is little to gain. 0 compresses every message.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_config_set_deflate_min_size(wskt_config *config,
                                             size_t bytes);

/* Loop ------------------------------------------------------------------- */

/**
 * Makes a loop that nothing drives yet.
 *
 * `out_loop` receives it; the caller frees it with wskt_loop_free.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_IO: no descriptor is left.
 * - WSKT_ERR_NULL, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_new(wskt_loop **out_loop);

/**
 * Frees a loop and silences its sockets. NULL is fine.
 *
 * When it returns WSKT_OK, the loop's thread has ended and no callback of
 * its sockets runs any more; a call of another thread that drives the loop
 * has been ended with WSKT_ERR_LOOP_GONE. Only in a callback of another loop
 * or socket it does not wait for that.
 *
 * The sockets themselves are not freed: their getters answer, handlers and
 * user data can be set, all other calls return WSKT_ERR_LOOP_GONE, no close
 * event comes, and wskt_socket_free is still due.
 *
 * In a child after fork() it releases memory and descriptors only.
 *
 * Any thread; not in a callback of the loop's own sockets.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_REENTRANT: called in a callback of its own. Nothing was freed.
 * - WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_free(wskt_loop *loop);

/**
 * Starts a thread that drives the loop. Callbacks run on it.
 *
 * The thread has all signals blocked. It runs until wskt_loop_stop or
 * wskt_loop_free, also while the loop has no socket.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_STATE: started already, or its events were pulled.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_IO: no thread can be started.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_start(wskt_loop *loop);

/**
 * Ends wskt_loop_run, or the thread of wskt_loop_start.
 *
 * The sockets stay as they are: nothing drives them until wskt_loop_run or
 * wskt_loop_start is called again. When it returns, the thread has ended,
 * unless it was called in a callback: there it does not wait. If nothing
 * runs, the next wskt_loop_run returns at once.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if nothing was running.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_stop(wskt_loop *loop);

/**
 * Drives the loop on the calling thread. Callbacks run inside this call.
 *
 * It returns when wskt_loop_stop is called, or when every socket of the loop
 * has had its close event.
 *
 * Any thread, one at a time; not in a callback.
 *
 * Returns:
 * - WSKT_OK: stopped, or no socket is left unclosed.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_loop_wake ended the wait. Call
 *   again to go on.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_INVALID_STATE: it has a thread of its own, or its events were
 *   pulled.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
 * - WSKT_ERR_IO: the operating system refused to wait.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_run(wskt_loop *loop);

/**
 * The descriptor to watch when another event loop drives this one.
 *
 * Watch it for READABLE, level-triggered, and call wskt_loop_dispatch when
 * it is. Never read, write or close it. It is readable while anything is
 * left to do; it may also be readable with nothing to do.
 *
 * On Linux the descriptor covers timeouts too. Elsewhere, and wherever a
 * host wants it, wskt_loop_timeout_ms tells when to call wskt_loop_dispatch
 * at the latest.
 *
 * The descriptor is the loop's and stays the same for its life; -1 for NULL
 * and in a child after fork().
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API int wskt_loop_fd(const wskt_loop *loop);

/**
 * In how many milliseconds wskt_loop_dispatch is due at the latest.
 *
 * 0 is now; -1 means that no timeout runs. NULL gives -1. Ask anew after
 * each dispatch and each call on one of the loop's sockets.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API int32_t wskt_loop_timeout_ms(const wskt_loop *loop);

/**
 * Does what is due, and never waits. Callbacks run inside this call.
 *
 * Any thread, one at a time; not in a callback.
 *
 * Returns:
 * - WSKT_OK: also if nothing was due.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_INVALID_STATE: it has a thread of its own, or its events were
 *   pulled.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
 * - WSKT_ERR_IO: the operating system refused to wait.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_dispatch(wskt_loop *loop);

/**
 * Waits for the next event of any socket of the loop and lends it. No
 * callback is called.
 *
 * `timeout_ms` is the longest wait; 0 only looks, -1 waits without limit.
 * The wait goes on when the loop has no socket left: sockets may be opened
 * from other threads.
 *
 * `out_event` receives the event. Its `type` tells what to cast it to, its
 * `target` which socket it happened to. It is lent until the next
 * wskt_loop_next_event of this loop, or until that socket or the loop is
 * freed.
 *
 * While more messages of that socket have arrived already, what this thread
 * sends on it is gathered, to leave in one go: in the call that lends the
 * last of them, if not before. wskt_socket_close and both free functions send
 * it too. A program that stops pulling before that leaves it unsent. What
 * other threads send leaves at once.
 *
 * Any thread, one at a time; not in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_TIMEOUT: nothing came in time.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_loop_wake ended the wait. Nothing
 *   is lost.
 * - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_INVALID_STATE: it has a thread of its own, or was driven with
 *   callbacks before.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
 * - WSKT_ERR_IO: the operating system refused to wait.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_loop_next_event(wskt_loop *loop,
                                 int32_t timeout_ms,
                                 const wskt_event **out_event);

/**
 * Ends the wait that wskt_loop_run or wskt_loop_next_event is in, or the
 * next one, with WSKT_ERR_INTERRUPTED. Nothing is lost.
 *
 * With wskt_loop_fd it makes the descriptor readable; a loop with a thread
 * of its own only takes an empty turn.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_loop_wake(wskt_loop *loop);

/* Socket ----------------------------------------------------------------- */

/**
 * Makes a socket. The network is not touched: wskt_socket_open or
 * wskt_socket_connect does that, after protocols and handlers are set.
 *
 * `loop` is the loop to open it on. NULL is for a socket that is driven by
 * blocking calls, or opened on a loop with a thread of its own that wskt
 * starts when it is first needed, one for the process.
 *
 * `url` is NUL-terminated UTF-8 with the scheme ws, wss, http or https. It
 * is copied. For a Unix-domain socket it is ws+unix:PATH:RESOURCE, as in
 * "ws+unix:/run/app.sock:/chat?x=1": the path of the socket (RESOURCE may be
 * missing), or wss+unix for TLS; the host is localhost then. `config` may be
 * NULL for the defaults; what it holds is taken now, so it can be changed or
 * freed afterwards.
 *
 * `out_socket` receives the socket; the caller frees it with
 * wskt_socket_free.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_URL: `url` does not parse.
 * - WSKT_ERR_INVALID_SCHEME: its scheme is another one.
 * - WSKT_ERR_INVALID_FRAGMENT: it has a fragment.
 * - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
 * - WSKT_ERR_FORKED: `loop` or `config` was made before fork().
 * - WSKT_ERR_NULL: `url` or `out_socket` is NULL.
 * - WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, new WebSocket(url). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_new(wskt_loop *loop,
                            const char *url,
                            const wskt_config *config,
                            wskt_socket **out_socket);

/**
 * Frees a socket, in whatever state it is, and silences it: no callback of
 * it begins afterwards. NULL is fine, and so is a reconnector's socket: it
 * stays.
 *
 * An open connection is ended without a closing handshake and NO CLOSE EVENT
 * COMES: for a polite end call wskt_socket_close and free the socket in or
 * after its close event.
 *
 * If a callback of the socket is running on another thread, it waits for it,
 * so that the program may then free what the callback uses. Inside any
 * callback it never waits; the destructor of the user data marks the end
 * there. A blocking call of another thread that waits on this socket returns
 * with WSKT_ERR_CLOSED. Every other call on the socket must have returned
 * before, and none may begin after: the handle is gone then.
 *
 * In a child after fork() it releases memory and descriptors only.
 *
 * Any thread; legal in every callback, the socket's own included.
 *
 * Since: 0.1.0
 */
WSKT_API void wskt_socket_free(wskt_socket *socket);

/**
 * Offers a subprotocol to the server; call it once for each, best first.
 *
 * `protocol` is a NUL-terminated token, copied. The server picks at most
 * one, and wskt_socket_protocol tells which. If it picks none, the
 * connection fails (see wskt_config_set_allow_missing_protocol).
 *
 * Any thread, before the socket is opened; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_PROTOCOL: it is empty or not a token.
 * - WSKT_ERR_DUPLICATE_PROTOCOL: it was added already.
 * - WSKT_ERR_INVALID_STATE: the socket was opened, connected or closed.
 * - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
 * - WSKT_ERR_LOOP_GONE: the socket's loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 1.9; WHATWG WebSockets, new WebSocket(url, protocols).
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_add_protocol(wskt_socket *socket,
                                     const char *protocol);

/**
 * Takes over a connection that the program made itself, to the server or
 * through something that leads there. TLS and the upgrade happen on it.
 *
 * `fd` is a connected stream socket: TCP, Unix-domain, or one of a socket
 * pair. With WSKT_OK it belongs to wskt, which sets it to close-on-exec, and
 * to blocking where blocking calls read from it, and closes it with the
 * connection, or with the socket if that is never opened. With any other
 * result it stays the program's and is unchanged. Nothing may have been read
 * or written on it that belongs to the connection. Proxy, connect_to,
 * addresses and their timeouts do not matter.
 *
 * Any thread, before the socket is opened; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `fd` is not open, or no connected stream
 *   socket.
 * - WSKT_ERR_INVALID_STATE: the socket was opened, connected or closed, or
 *   has adopted a descriptor before.
 * - WSKT_ERR_LOOP_GONE: the socket's loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_adopt_fd(wskt_socket *socket, int fd);

/**
 * Sets the pointer that callbacks receive, and what destroys it.
 *
 * wskt never looks at `user_data`; NULL if never set. `destroy` may be NULL.
 * If set, it is called exactly once: when the socket is freed and the last
 * callback has ended, or at once, inside this call, when the user data is
 * replaced. A callback that is running meanwhile on another thread still has
 * the old pointer: replace it from the driving thread only.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL: `socket` is NULL. `destroy` is not called.
 * - WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_user_data(wskt_socket *socket,
                                      void *user_data,
                                      wskt_destroy_fn destroy);

/**
 * Sets the function that is called when the connection is established.
 *
 * It replaces the one before; NULL removes it. So do the functions that
 * follow. An event without a handler passes unheard. Handlers are not used
 * while events are pulled by wskt_socket_recv or wskt_loop_next_event.
 *
 * Any thread, at any time; legal in a callback. It counts from the next
 * event on: set it before the socket is opened to hear the first.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, onopen. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_open(wskt_socket *socket,
                                    wskt_on_open_fn on_open);

/**
 * Sets the function that is called for each message.
 *
 * NULL removes it; messages that come then are lost. Use wskt_socket_pause
 * to let them wait.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, onmessage. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_message(wskt_socket *socket,
                                       wskt_on_message_fn on_message);

/**
 * Sets whether messages are told in chunks as they arrive, instead of whole.
 * False if never set.
 *
 * With true, every message is a series of wskt_message_chunk_event in place
 * of a wskt_message_event, in every way of driving, pulled ones too. A
 * handler for them asks the same (wskt_socket_set_on_message_chunk): with
 * false, messages are whole if there is none.
 *
 * Nothing is put together then, and a message costs no more memory than a
 * chunk of it, whatever its size. So the limit of
 * wskt_config_set_max_message_size bounds the chunk, not the message: where
 * it is less than what is there, there are more chunks. A character of text
 * is not cut for it. The limit of wskt_config_set_max_fragments holds.
 *
 * Any thread, at any time; legal in a callback. It counts from the next
 * message on: one that has begun to arrive ends as it began, unless it waits in
 * a read buffer that was set to more than 65536 bytes or has grown
 * (wskt_config_set_read_buffer).
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_message_chunks(wskt_socket *socket,
                                           bool on);

/**
 * Sets the function that is called for each chunk of a message, and asks for
 * messages in chunks as wskt_socket_set_message_chunks does.
 *
 * While it is set, messages are told to it as they arrive and the message
 * handler is not called. NULL removes it; chunks that still come pass
 * unheard.
 *
 * Any thread, at any time; legal in a callback. It counts from the next
 * message on: one that has begun to arrive ends as it began, unless it waits in
 * a read buffer that was set to more than 65536 bytes or has grown
 * (wskt_config_set_read_buffer).
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_message_chunk(wskt_socket *socket,
                                             wskt_on_message_chunk_fn on_message_chunk);

/**
 * Sets the function that is called when the connection has failed, right
 * before the close handler.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, onerror. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_error(wskt_socket *socket,
                                     wskt_on_error_fn on_error);

/**
 * Sets the function that is called once, last, when the socket is closed.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, onclose. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_close(wskt_socket *socket,
                                     wskt_on_close_fn on_close);

/**
 * Sets the function that is called when the send queue has fallen back to
 * the low-water mark.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_drain(wskt_socket *socket,
                                     wskt_on_drain_fn on_drain);

/**
 * Sets the function that is called when the peer has sent a ping, which
 * is answered already.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.5.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_ping(wskt_socket *socket,
                                    wskt_on_ping_fn on_ping);

/**
 * Sets the function that is called when the peer has sent a pong: an
 * answer to a ping of the program or of the heartbeat, or one that nobody
 * asked for.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.5.3. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_pong(wskt_socket *socket,
                                    wskt_on_pong_fn on_pong);

/**
 * Sets the function that is called first for each socket that a reconnector
 * makes after this one. It has no meaning for others.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_attempt(wskt_socket *socket,
                                       wskt_on_attempt_fn on_attempt);

/**
 * Sets the function that is called for each message that was accepted and
 * not sent, before error and close. Only the sockets of a reconnector keep
 * their messages for it; a copy of each waits until the kernel has it.
 *
 * Any thread, at any time; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_set_on_unsent(wskt_socket *socket,
                                      wskt_on_unsent_fn on_unsent);

/**
 * Opens the socket on its loop and returns at once.
 *
 * A socket made without a loop goes to a loop with a thread of its own that
 * wskt starts when it is first needed, one for the process. What comes of it
 * the events tell: open, or error and close.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_STATE: opened, connected or closed before.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_IO: no descriptor or thread is left.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, establish a connection. Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_open(wskt_socket *socket);

/**
 * Connects and waits until the socket is open. From then on the calling
 * program drives the socket, by wskt_socket_recv or wskt_socket_run.
 *
 * `timeout_ms` is the longest wait, besides the timeouts of the
 * configuration; -1 sets no limit here. Passing it ENDS THE SOCKET, with
 * code 1006 and WSKT_CAUSE_TIMEOUT.
 *
 * No event is used up and no callback is called: the open event, or error
 * and close, come from wskt_socket_recv or wskt_socket_run.
 * wskt_socket_close_event tells at once why it failed.
 *
 * Any thread, one at a time; not in a callback.
 *
 * Returns:
 * - WSKT_OK: open.
 * - WSKT_ERR_TIMEOUT: the socket ended because a timeout passed, this one or
 *   one of the configuration.
 * - WSKT_ERR_CONNECT_FAILED: the socket ended for another reason.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
 *   Call again to go on.
 * - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
 * - WSKT_ERR_CLOSED: another thread has freed the socket meanwhile.
 * - WSKT_ERR_INVALID_STATE: the socket has a loop, or was opened, connected
 *   or closed before.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_IO: no descriptor or thread is left.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, establish a connection. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_connect(wskt_socket *socket,
                                int32_t timeout_ms);

/**
 * Waits for the next event of a connected socket and lends it. No callback
 * is called.
 *
 * Events come in their order: open, messages and drains, error, close. After
 * the close event every call returns WSKT_ERR_CLOSED.
 *
 * `timeout_ms` is the longest wait; 0 only looks, -1 waits without limit.
 * Pings are answered and timeouts pass INSIDE this call only.
 *
 * `out_event` receives the event; its `type` tells what to cast it to. It is
 * lent until the next wskt_socket_recv or wskt_socket_run of this socket, or
 * until the socket is freed.
 *
 * Any thread, one at a time; not in a callback. Other threads may send,
 * close and abort meanwhile.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_TIMEOUT: nothing came in time.
 * - WSKT_ERR_CLOSED: the close event was the last one.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
 *   Nothing is lost.
 * - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
 * - WSKT_ERR_INVALID_STATE: wskt_socket_connect comes first, or the socket
 *   is on a loop.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_IO: the operating system refused to wait.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_recv(wskt_socket *socket,
                             int32_t timeout_ms,
                             const wskt_event **out_event);

/**
 * Drives a connected socket on the calling thread until its close event.
 * Callbacks run inside this call.
 *
 * Any thread, one at a time; not in a callback.
 *
 * Returns:
 * - WSKT_OK: the close event has been delivered.
 * - WSKT_ERR_CLOSED: it had been delivered before.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
 *   Call again to go on.
 * - WSKT_ERR_INVALID_STATE: wskt_socket_connect comes first, or the socket
 *   is on a loop.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_IN_USE: another thread is driving it.
 * - WSKT_ERR_IO: the operating system refused to wait.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_run(wskt_socket *socket);

/**
 * Ends the wait that a blocking call of this socket is in, or the next one,
 * with WSKT_ERR_INTERRUPTED. The socket stays usable and nothing is lost.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if nothing waits.
 * - WSKT_ERR_INVALID_STATE: the socket has a loop; use wskt_loop_wake.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_interrupt(wskt_socket *socket);

/**
 * For wskt_socket_send and wskt_socket_send_begin: the message is sent as it
 * is, whatever was agreed about compression.
 *
 * Since: 0.1.0
 */
#define WSKT_SEND_UNCOMPRESSED 1

/**
 * For wskt_socket_send and wskt_socket_send_begin: the caller vouches that the
 * text is UTF-8, and it is not checked.
 *
 * It is for text that is known to be UTF-8, as what Python's str.encode()
 * makes and strings of Rust: where much text is not ASCII, most of what it
 * costs to send it is the check. wskt_socket_send has what follows if it is
 * not UTF-8.
 *
 * Since: 0.1.0
 */
#define WSKT_SEND_VALID_UTF8 2

/**
 * For wskt_socket_send: others are sent soon, and this message may wait for
 * them, to leave in one system call.
 *
 * Since: 0.1.0
 */
#define WSKT_SEND_MORE 4

/**
 * Sends a text message.
 *
 * `text` is `len` bytes of UTF-8, copied before the call returns. It need
 * not be NUL-terminated and U+0000 may be part of it. NULL only with 0; an
 * empty message is sent as one.
 *
 * Where permessage-deflate was agreed, a message is compressed from the size
 * on that wskt_config_set_deflate_min_size has, before the call returns.
 *
 * What the kernel takes leaves at once, from the calling thread; the rest
 * follows when it can. Inside a callback messages are gathered and leave
 * together when the callbacks that are due have ended; between two
 * calls of wskt_loop_next_event they may be, as said there.
 *
 * A connected socket (wskt_socket_connect) waits instead of queueing beyond
 * the high-water mark, except inside a callback. Once a message is accepted
 * the result is WSKT_OK, though part of it may leave with a later call.
 *
 * Any thread; legal in a callback. Messages of one thread keep their order.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_INVALID_UTF8: the text is not UTF-8.
 * - WSKT_ERR_INVALID_STATE: still connecting, or a message is being sent in
 *   chunks (wskt_socket_send_begin).
 * - WSKT_ERR_CLOSED: closing or closed. wskt_socket_buffered_amount grows
 *   all the same.
 * - WSKT_ERR_BUFFER_FULL: the queue stands at or over the high-water mark.
 *   Nothing was queued; the drain event tells when to go on.
 * - WSKT_ERR_TIMEOUT: connected socket only: the peer took nothing in the
 *   send timeout. Nothing was queued.
 * - WSKT_ERR_INTERRUPTED: connected socket only: a signal or
 *   wskt_socket_interrupt ended the wait. Nothing was queued.
 * - WSKT_ERR_NO_MEMORY, WSKT_ERR_IO: the system has nothing left.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 6.1; WHATWG WebSockets, send(). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_send_text(wskt_socket *socket,
                                  const char *text,
                                  size_t len);

/**
 * Sends a binary message.
 *
 * `data` is `len` bytes, copied before the call returns. NULL only with 0;
 * an empty message is sent as one. All else is as for wskt_socket_send_text.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
 *   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
 *   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as above.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 6.1; WHATWG WebSockets, send(). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_send_binary(wskt_socket *socket,
                                    const void *data,
                                    size_t len);

/**
 * Sends a text or binary message, with flags.
 *
 * `kind` is one of wskt_message_kind. `data` is `len` bytes, copied before
 * the call returns; text is UTF-8. NULL only with 0; an empty message is
 * sent as one. All else is as for wskt_socket_send_text, which is this call
 * with text and no flags.
 *
 * `flags` is 0 or any of these, joined by `|`. With WSKT_SEND_UNCOMPRESSED
 * the message is sent as it is, whatever was agreed about compression. With
 * WSKT_SEND_VALID_UTF8 the caller vouches that the text is UTF-8, and it is
 * not checked. If that is wrong nothing unsafe happens: the bytes are sent as
 * they are, and a peer that checks them fails the connection with code 1007.
 * With a binary message this flag is legal and has no meaning.
 *
 * With WSKT_SEND_MORE the message need not leave at once: it waits for the
 * next that is sent without this flag, a ping or a Close frame too, but not
 * longer than until 65536 bytes wait, or as much as the high-water mark, or
 * until the driver looks at the socket: a thread of the loop does so soon,
 * else the next wskt_socket_recv, wskt_socket_run, wskt_loop_run,
 * wskt_loop_dispatch or wskt_loop_next_event. A program that sends its last
 * message so and then calls nothing, or only wskt_socket_free, leaves it
 * unsent. wskt_socket_buffered_amount counts what waits. Inside a callback all
 * messages wait for its end, with this flag and without.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_INVALID_ARGUMENT: `kind` is no wskt_message_kind, `flags` has an
 *   unknown bit, or `len` is larger than any buffer can be.
 * - WSKT_ERR_INVALID_UTF8: the text is not UTF-8; not with
 *   WSKT_SEND_VALID_UTF8.
 * - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
 *   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
 *   WSKT_ERR_LOOP_GONE: as for wskt_socket_send_text.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 6.1; RFC 7692, section 7.2.1. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_send(wskt_socket *socket,
                             int32_t kind,
                             const void *data,
                             size_t len,
                             uint32_t flags);

/**
 * Begins a text or binary message that is sent in chunks, each a fragment of
 * it, so that it need not be in memory as a whole.
 *
 * `kind` is one of wskt_message_kind; `flags` are those of wskt_socket_send
 * without WSKT_SEND_MORE, and hold for the whole message. Where permessage-deflate was agreed it is
 * compressed however short. wskt_socket_send_chunk and wskt_socket_send_end
 * follow. Until the end, pings and wskt_socket_close are legal and other
 * messages are refused.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_STATE: still connecting, or such a message is open
 *   already; wskt_socket_error_text tells which.
 * - WSKT_ERR_INVALID_ARGUMENT: `kind` is no wskt_message_kind, or `flags` has
 *   an unknown bit or WSKT_SEND_MORE.
 * - WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL, WSKT_ERR_TIMEOUT,
 *   WSKT_ERR_INTERRUPTED, WSKT_ERR_IO, WSKT_ERR_LOOP_GONE: as for
 *   wskt_socket_send_text.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.4. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_send_begin(wskt_socket *socket,
                                   int32_t kind,
                                   uint32_t flags);

/**
 * Sends the next chunk of the message that wskt_socket_send_begin began.
 *
 * `data` is `len` bytes, copied before the call returns; NULL only with 0. An
 * empty chunk sends nothing. A text may be cut anywhere, inside a character
 * too; it is checked over the cuts, unless it was begun with
 * WSKT_SEND_VALID_UTF8.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_INVALID_STATE: still connecting, or no such message is open.
 * - WSKT_ERR_INVALID_UTF8: the text so far cannot be UTF-8 with this chunk.
 *   It was not sent, and the message is still open.
 * - WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL, WSKT_ERR_TIMEOUT,
 *   WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
 *   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
 *   wskt_socket_send_text; the message is still open.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.4. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_send_chunk(wskt_socket *socket,
                                   const void *data,
                                   size_t len);

/**
 * Ends the message that wskt_socket_send_begin began. It is taken over the
 * high-water mark too.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_INVALID_STATE: still connecting, or no such message is open.
 * - WSKT_ERR_INVALID_UTF8: the text ends inside a character. The message is
 *   still open.
 * - WSKT_ERR_CLOSED: closing or closed.
 * - WSKT_ERR_NO_MEMORY: the system has nothing left.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.4. Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_send_end(wskt_socket *socket);

/**
 * Sends a ping, to keep a connection alive or to find out that it is dead.
 *
 * `data` is `len` bytes, at most 125, copied before the call returns. NULL
 * only with 0. The pong fires an event if that is wanted
 * (wskt_socket_set_on_pong), and sets wskt_socket_round_trip_time. Pings of
 * the peer are answered by wskt itself.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_TOO_LARGE: `len` is above 125.
 * - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
 *   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
 *   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
 *   wskt_socket_send_text.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.5.2. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_ping(wskt_socket *socket,
                             const void *data,
                             size_t len);

/**
 * Sends a pong that answers no ping: a sign of life that asks for nothing.
 *
 * `data` is `len` bytes, at most 125, copied before the call returns. NULL
 * only with 0.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: accepted.
 * - WSKT_ERR_TOO_LARGE: `len` is above 125.
 * - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
 *   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
 *   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
 *   wskt_socket_send_text.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 5.5.3. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_pong(wskt_socket *socket,
                             const void *data,
                             size_t len);

/**
 * Starts the closing handshake and returns at once. The close event follows
 * when it is done.
 *
 * `code` is 1000 or in 3000-4999; 0 sends a Close frame without a code.
 * `reason` is `reason_len` bytes of UTF-8, at most 123, copied before the
 * call returns; NULL only with 0, and it needs a code.
 *
 * What was sent before goes out first. The ready state is WSKT_CLOSING at
 * once and NO MESSAGE COMES ANY MORE, not even one that has arrived already.
 * A socket that is still connecting gives up without a Close frame: error
 * and close with code 1006 follow. A socket that is paused is resumed.
 *
 * On another thread than the driving one, this does not wait for a message
 * callback that has begun, and wskt_socket_recv or wskt_loop_next_event may
 * just be returning a message that was chosen before; none is chosen after.
 *
 * A socket without a loop whose wskt_socket_connect was never called hands
 * out error and close through wskt_socket_recv or wskt_socket_run.
 *
 * Calling it again, or on a closed socket, is fine and does nothing. The
 * code is checked before the reason, and both in every state.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ACCESS: another code.
 * - WSKT_ERR_SYNTAX: the reason is longer than 123 bytes.
 * - WSKT_ERR_INVALID_UTF8: the reason is not UTF-8.
 * - WSKT_ERR_INVALID_ARGUMENT: a reason without a code.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 7.1.2; WHATWG WebSockets, close(). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_close(wskt_socket *socket,
                              uint16_t code,
                              const char *reason,
                              size_t reason_len);

/**
 * Ends the connection at once, without a closing handshake. Error and close
 * with code 1006 and WSKT_CAUSE_ABORT follow. After the peer's Close frame,
 * or a violation, it only ends the wait for the end of TCP: the close event
 * is decided by then.
 *
 * What was sent and has not left is dropped. Calling it again, or on a
 * closed socket, is fine and does nothing. A blocking call of another thread
 * on this socket returns with these events.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * RFC 6455, section 7.1.7. Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_abort(wskt_socket *socket);

/**
 * Stops reading, so that the peer must wait: TCP pushes back.
 *
 * Called in a callback, that message is the last one. Elsewhere one more
 * may be on its way. While paused, pings are not answered and the end of the
 * connection is not noticed. wskt_socket_resume and wskt_socket_close end
 * it.
 *
 * Any thread, also before the socket is opened; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if it is paused already.
 * - WSKT_ERR_CLOSED: closing or closed.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_pause(wskt_socket *socket);

/**
 * Reads again after wskt_socket_pause.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if it is not paused.
 * - WSKT_ERR_CLOSED: closing or closed.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_socket_resume(wskt_socket *socket);

/**
 * Where the socket is in its life. NULL gives WSKT_CLOSED.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, readyState. Since: 0.1.0
 */
WSKT_API wskt_ready_state wskt_socket_ready_state(const wskt_socket *socket);

/**
 * How many bytes were accepted for sending and not yet given to the kernel.
 *
 * It counts the payload of text and binary messages only. It does not fall
 * when the socket closes, and a send that is refused then still adds to it,
 * as in browsers. While a callback runs it does not fall through that
 * callback's own sends. NULL gives 0.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, bufferedAmount. Since: 0.1.0
 */
WSKT_API size_t wskt_socket_buffered_amount(const wskt_socket *socket);

/**
 * How long the peer took to answer the last ping that it did answer, in
 * milliseconds: one of the program (wskt_socket_ping) or of the heartbeat
 * (wskt_config_set_heartbeat).
 *
 * It runs from when the ping was queued to when the pong was read. -1 before
 * the first answer. NULL gives -1.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API double wskt_socket_round_trip_time(const wskt_socket *socket);

/**
 * The URL of the socket as the URL standard writes it, with the scheme ws or
 * wss.
 *
 * `out_len` receives its length in bytes; it may be NULL. The text is
 * NUL-terminated and lent until the socket is freed. NULL gives NULL, and
 * leaves `out_len` alone.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, url. Since: 0.1.0
 */
WSKT_API
const char *wskt_socket_url(const wskt_socket *socket,
                            size_t *out_len);

/**
 * The subprotocol the server picked; empty before the socket is open, and if
 * it picked none.
 *
 * `out_len` receives its length in bytes; it may be NULL. The text is
 * NUL-terminated and lent until the socket is freed. NULL gives NULL, and
 * leaves `out_len` alone.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, protocol. Since: 0.1.0
 */
WSKT_API
const char *wskt_socket_protocol(const wskt_socket *socket,
                                 size_t *out_len);

/**
 * The extensions in use; empty before the socket is open, and if there are
 * none. They read as the server named them, for example
 * "permessage-deflate; client_max_window_bits=15".
 *
 * `out_len` receives its length in bytes; it may be NULL. The text is
 * NUL-terminated and lent until the socket is freed. NULL gives NULL, and
 * leaves `out_len` alone.
 *
 * Any thread; legal in a callback.
 *
 * WHATWG WebSockets, extensions. Since: 0.1.0
 */
WSKT_API
const char *wskt_socket_extensions(const wskt_socket *socket,
                                   size_t *out_len);

/**
 * The HTTP status of the server's answer to the upgrade: 101 for an open
 * socket.
 *
 * 0 if none came yet, and in browser mode if the upgrade was refused. NULL
 * gives 0.
 *
 * Any thread; legal in a callback.
 *
 * RFC 6455, section 4.2.2. Since: 0.1.0
 */
WSKT_API uint16_t wskt_socket_response_status(const wskt_socket *socket);

/**
 * The reason phrase of the server's answer, such as "Forbidden"; empty if it
 * has none, and as wskt_socket_response_status is 0.
 *
 * `out_len` receives its length in bytes; it may be NULL. The text is
 * NUL-terminated and lent until the socket is freed. NULL gives NULL, and
 * leaves `out_len` alone.
 *
 * Any thread; legal in a callback.
 *
 * RFC 9112, section 4. Since: 0.1.0
 */
WSKT_API
const char *wskt_socket_response_reason(const wskt_socket *socket,
                                        size_t *out_len);

/**
 * The value of a header of the server's answer; the first one if it came
 * more than once.
 *
 * `name` is NUL-terminated; case does not matter. `out_len` receives the
 * value's length in bytes; it may be NULL. The value is NUL-terminated and
 * lent until the socket is freed. NULL, and `out_len` left alone, if there
 * is no such header or no answer, or if `socket` or `name` is NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API
const char *wskt_socket_response_header(const wskt_socket *socket,
                                        const char *name,
                                        size_t *out_len);

/**
 * How many headers the server's answer has; 0 if there is no answer.
 *
 * NULL gives 0.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API size_t wskt_socket_response_header_count(const wskt_socket *socket);

/**
 * One header of the server's answer, in the order they came.
 *
 * `index` is below wskt_socket_response_header_count. `out_name` and
 * `out_value` receive the header; both are NUL-terminated and lent until the
 * socket is freed.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: there is no header of that index.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_response_header_at(const wskt_socket *socket,
                                           size_t index,
                                           const char **out_name,
                                           const char **out_value);

/**
 * The body of the server's answer if it refused the upgrade, as far as it was
 * read.
 *
 * A refusal waits for its body for one second at most, within the deadlines
 * of opening, and keeps 64 KiB of it; the chunks of a chunked body are joined.
 * What is there then can be read from the error event on. `out_len` receives
 * the length in bytes; it may be NULL. The body is NUL-terminated, may have
 * NULs inside, and is lent until the socket is freed.
 *
 * Empty if no body or no answer came, for an open socket, and always in
 * browser mode. NULL gives NULL, and a length of 0.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API
const void *wskt_socket_response_body(const wskt_socket *socket,
                                      size_t *out_len);

/**
 * The server's certificate in DER, once TLS is established.
 *
 * `out_len` receives its length in bytes; it may be NULL. It is lent until
 * the socket is freed. NULL, and `out_len` left alone, before that, without
 * TLS, if TLS failed, and if `socket` is NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API
const void *wskt_socket_peer_certificate(const wskt_socket *socket,
                                         size_t *out_len);

/**
 * The pointer given to wskt_socket_set_user_data, NULL if none was.
 *
 * NULL gives NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API void *wskt_socket_user_data(const wskt_socket *socket);

/**
 * The close event of a closed socket, for whoever comes late.
 *
 * NULL until the socket is closed; from then on it is lent until the socket
 * is freed. It is there before the close handler runs. NULL gives NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API
const wskt_close_event *wskt_socket_close_event(const wskt_socket *socket);

/**
 * One line about the last call that this socket refused, in English and
 * without a full stop; empty if none was.
 *
 * A call that succeeds does not clear it, and another thread's call may
 * change it. Results that tell everything by themselves, such as
 * WSKT_ERR_NULL, are not kept. The text is static; never free it. NULL gives
 * NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API const char *wskt_socket_error_text(const wskt_socket *socket);

/**
 * What a socket has sent and received, and how long opening took.
 *
 * Everything counts from the open event on: neither the upgrade nor TLS is
 * in it. What is sent counts when it is accepted, `bytes_sent` when the
 * kernel has it. Durations are microseconds; 0 is a phase that did not take
 * place, or is not over.
 *
 * A later version may add fields at the end.
 *
 * Its function: wskt_socket_stats. Since: 0.1.0
 */
typedef struct wskt_stats {
    /**
     * Set by the program to sizeof(wskt_stats) before the call; then how much
     * of the struct was filled.
     */
    size_t struct_size;
    /** Bytes of frames that the kernel took, headers included. */
    uint64_t bytes_sent;
    /** Bytes of frames that came, headers included. */
    uint64_t bytes_received;
    /**
     * Frames, Close, Ping and Pong included, also those that wskt sends by
     * itself.
     */
    uint64_t frames_sent;
    /**
     * Frames, Close, Ping and Pong included; of a message that is not whole
     * yet, those before its last.
     */
    uint64_t frames_received;
    /** Messages. */
    uint64_t messages_sent;
    /** Messages. */
    uint64_t messages_received;
    /** Bytes of messages as the program gave them. */
    uint64_t payload_sent;
    /** Bytes of messages as the program gets them. */
    uint64_t payload_received;
    /** The same after compression, as it goes out. */
    uint64_t wire_payload_sent;
    /** The same before it is inflated, as it comes. */
    uint64_t wire_payload_received;
    /** How long name resolution took. */
    uint64_t dns_us;
    /** How long it took to establish the TCP connection. */
    uint64_t connect_us;
    /** How long the TLS handshake with the server took. */
    uint64_t tls_us;
    /**
     * How long the upgrade took, from the request to the end of the answer.
     */
    uint64_t upgrade_us;
    /**
     * How long the proxy took, from TCP to its consent, TLS with it included.
     */
    uint64_t proxy_us;
    /**
     * How long the last ping that was answered took, as
     * wskt_socket_round_trip_time has it; 0 before the first, then at least 1.
     */
    uint64_t round_trip_us;
} wskt_stats;

/**
 * Fills a struct with the socket's counters.
 *
 * The program sets `stats->struct_size` to sizeof(wskt_stats) first. A program
 * built for another version of wskt gets the fields that both know, and finds
 * in `struct_size` how many bytes these are. While another thread drives the
 * socket, each number is right for a moment of its own.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `stats->struct_size` has no room for a field.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_stats(const wskt_socket *socket,
                              struct wskt_stats *stats);

/* Reconnector ------------------------------------------------------------ */

/**
 * Makes a reconnector: a helper that makes a new socket for each try, after
 * the pattern of one that was made and not opened.
 *
 * Each of its sockets has the pattern's loop, URL, configuration,
 * subprotocols, handlers and user data, and events of its own with one close
 * event at the end. When that has been told, the next socket is made, unless
 * another try cannot succeed:
 * - The program closed or aborted the socket, or called
 *   wskt_reconnector_stop.
 * - The server, or a proxy, answered the upgrade with a status from 300 to
 *   499, other than 408, 425 and 429.
 * - TLS failed while opening, as with a certificate that is not trusted. A
 *   connection that is lost in the TLS handshake is no such failure.
 * - The peer closed with WSKT_CLOSE_POLICY_VIOLATION.
 * - There were as many tries in a row as wskt_reconnector_set_max_tries
 *   allows.
 *
 * `pattern` was made by wskt_socket_new and was not opened, connected or
 * closed; it has adopted no descriptor. With WSKT_OK it belongs to the
 * reconnector, and its handle MUST NOT BE USED any more. What destroys its
 * user data is called once, when the reconnector was freed and the last
 * callback of its sockets has ended. With any other result it stays the
 * program's.
 *
 * The sockets are the reconnector's too: wskt_socket_free does nothing to
 * them. One is valid until the reconnector is freed, or until the socket
 * after it has ended and another attempt is told.
 *
 * `out_reconnector` receives it; the caller frees it with
 * wskt_reconnector_free. Nothing happens before wskt_reconnector_start or
 * wskt_reconnector_connect.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_STATE: `pattern` was opened, connected or closed, or
 *   has adopted a descriptor.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_INVALID_ARGUMENT: `pattern` is a reconnector's.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_reconnector_new(wskt_socket *pattern,
                                 wskt_reconnector **out_reconnector);

/**
 * Frees a reconnector and its sockets, in whatever state they are, and
 * silences them: no callback of them begins afterwards. NULL is fine.
 *
 * An open connection is ended without a closing handshake and NO CLOSE EVENT
 * COMES: for a polite end call wskt_socket_close and free the reconnector in
 * or after the close event. It waits for callbacks as wskt_socket_free does,
 * and never inside one.
 *
 * In a child after fork() it releases memory and descriptors only.
 *
 * Any thread; legal in every callback, those of its own sockets included.
 *
 * Since: 0.1.0
 */
WSKT_API void wskt_reconnector_free(wskt_reconnector *reconnector);

/**
 * Sets the delays before tries, in milliseconds. 1000 and 60000 if never set.
 *
 * The delay before a try is random, from 0 to a bound: `first_ms` before the
 * first try of a row, twice as long before each further one, never more than
 * `max_ms` (exponential backoff with full jitter). A connection that was open
 * for `max_ms` begins a new row.
 *
 * After WSKT_CLOSE_SERVICE_RESTART the delay is random from 5 to 30 seconds,
 * as the registry of close codes asks; after WSKT_CLOSE_TRY_AGAIN_LATER from
 * half of `max_ms` to all of it. Neither is more than `max_ms`.
 *
 * It counts from the next delay on.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_DELAYS: a delay is not in 1 to 2147483647, or
 *   `first_ms` is above `max_ms`.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_reconnector_set_delays(wskt_reconnector *reconnector,
                                        int64_t first_ms,
                                        int64_t max_ms);

/**
 * Sets how many tries in a row there may be after the first connection or
 * failure. 10 if never set; 0 is any number.
 *
 * A connection that was open for the longest delay begins a new row.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_reconnector_set_max_tries(wskt_reconnector *reconnector,
                                           uint32_t max);

/**
 * Makes the first socket and opens it on the pattern's loop, as
 * wskt_socket_open does; from then on each further one by itself.
 *
 * Each socket tells a wskt_attempt_event first, then waits for its delay, and
 * goes on as any other. While it waits its ready state is WSKT_CONNECTING,
 * and close or abort end it with its close event.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_STATE: started or connected before.
 * - WSKT_ERR_CLOSED: stopped before.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_IO: no descriptor or thread is left.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_reconnector_start(wskt_reconnector *reconnector);

/**
 * Waits until a socket is open, through all delays and tries that takes. For
 * a pattern without a loop; the socket is driven by wskt_socket_recv or
 * wskt_socket_run then. When that has told its close event, the next call
 * waits for the next one.
 *
 * The handler of wskt_socket_set_on_attempt is called inside this call, for
 * each socket before it waits. Sockets that do not open end without further
 * events; wskt_socket_close_event of wskt_reconnector_socket tells why the
 * last one did not.
 *
 * `timeout_ms` is the longest wait of this call; -1 sets no limit. Passing it
 * ends nothing: the next call goes on.
 *
 * `out_socket` receives the socket, which is the reconnector's.
 *
 * Any thread, one at a time; not in a callback. Other threads may stop the
 * reconnector meanwhile.
 *
 * Returns:
 * - WSKT_OK: `*out_socket` is open.
 * - WSKT_ERR_TIMEOUT: none opened in time.
 * - WSKT_ERR_CONNECT_FAILED: none opened, and there will be no further try.
 * - WSKT_ERR_CLOSED: there will be no further try.
 * - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
 *   Call again to go on.
 * - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
 * - WSKT_ERR_INVALID_STATE: the pattern has a loop, the reconnector was
 *   started, or its socket is open.
 * - WSKT_ERR_REENTRANT: called in a callback.
 * - WSKT_ERR_IN_USE: another thread is driving the socket.
 * - WSKT_ERR_IO: no descriptor or thread is left.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_reconnector_connect(wskt_reconnector *reconnector,
                                     int32_t timeout_ms,
                                     wskt_socket **out_socket);

/**
 * Ends trying. The socket that waits or connects is aborted, and tells its
 * close event; one that is open stays as it is.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if it had ended.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API wskt_result wskt_reconnector_stop(wskt_reconnector *reconnector);

/**
 * Whether no try will follow: in a close handler it tells whether this
 * socket was the last. False for NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API bool wskt_reconnector_is_over(const wskt_reconnector *reconnector);

/**
 * The newest socket, which is the reconnector's; NULL before the first, and
 * for NULL.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_socket *wskt_reconnector_socket(const wskt_reconnector *reconnector);

/* Close events of the program -------------------------------------------- */

/**
 * Makes a close event, as a script does with new CloseEvent(type, init).
 *
 * `type` is NUL-terminated UTF-8; "close" is what close handlers hear.
 * `reason` is `reason_len` bytes of UTF-8 of any length; NULL only with 0.
 * Both are copied. `code` may be any number. What a script leaves out is
 * false, 0 and "" here.
 *
 * The event does not bubble, is not cancelable and not trusted; cause and
 * message are empty. `out_event` receives it; the caller frees it with
 * wskt_close_event_free.
 *
 * An event belongs to one thread at a time.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_UTF8: `type` or `reason` is not UTF-8.
 * - WSKT_ERR_INVALID_ARGUMENT: `reason_len` is larger than any buffer can
 *   be.
 * - WSKT_ERR_NULL: `type` or `out_event` is NULL, or `reason` is NULL with a
 *   length above 0.
 * - WSKT_ERR_PANIC
 *
 * WHATWG WebSockets, CloseEvent. Since: 0.1.0
 */
WSKT_API
wskt_result wskt_close_event_new(const char *type,
                                 bool was_clean,
                                 uint16_t code,
                                 const char *reason,
                                 size_t reason_len,
                                 wskt_close_event **out_event);

/**
 * Sets the fields of a close event that was made by wskt_close_event_new.
 *
 * The arguments are as for wskt_close_event_new. It HAS NO EFFECT, and
 * returns WSKT_OK, on an event that has been dispatched and on one of the
 * library.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_UTF8: `type` or `reason` is not UTF-8.
 * - WSKT_ERR_INVALID_ARGUMENT: `reason_len` is larger than any buffer can
 *   be.
 * - WSKT_ERR_NULL: `event` or `type` is NULL, or `reason` is NULL with a
 *   length above 0.
 * - WSKT_ERR_PANIC
 *
 * WHATWG HTML, obsolete: initCloseEvent(); DOM, initEvent(). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_close_event_init(wskt_close_event *event,
                                  const char *type,
                                  bool bubbles,
                                  bool cancelable,
                                  bool was_clean,
                                  uint16_t code,
                                  const char *reason,
                                  size_t reason_len);

/**
 * Calls the close handler of a socket with an event of the program: a test
 * for close handlers that needs no server.
 *
 * It sets `target` and `timestamp` of the event and calls the handler set by
 * wskt_socket_set_on_close before it returns, if the event's type is
 * "close"; no other type is heard. `is_trusted` stays false. NO STATE
 * CHANGES: the socket lives on as before, and its own close event still
 * comes.
 *
 * The same event may be dispatched again later.
 *
 * On the driving thread only, as in a callback of the socket or between two
 * of its blocking calls. A socket that nothing drives at the moment takes it
 * from any thread, and nobody else can drive it until the handler returns
 * (WSKT_ERR_IN_USE). Legal in a callback.
 *
 * Returns:
 * - WSKT_OK: also if no handler is set.
 * - WSKT_ERR_INVALID_STATE: the event is being dispatched right now (the
 *   browser's InvalidStateError).
 * - WSKT_ERR_INVALID_ARGUMENT: the event is one of the library.
 * - WSKT_ERR_WRONG_THREAD: another thread drives the socket.
 * - WSKT_ERR_LOOP_GONE: its loop was freed.
 * - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
 *
 * WHATWG DOM, dispatchEvent(). Since: 0.1.0
 */
WSKT_API
wskt_result wskt_socket_dispatch_close_event(wskt_socket *socket,
                                             wskt_close_event *event);

/**
 * Frees a close event made by wskt_close_event_new. NULL is fine.
 *
 * It does nothing with an event of the library. In the event's own handler
 * it takes effect when the handler returns.
 *
 * Any thread; legal in a callback.
 *
 * Since: 0.1.0
 */
WSKT_API void wskt_close_event_free(wskt_close_event *event);

/* Log -------------------------------------------------------------------- */

/**
 * How much a line of the log matters.
 *
 * Its function: wskt_log_set.
 *
 * Since: 0.1.0
 */
enum wskt_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Nothing. */
    WSKT_LOG_OFF = 0,
    /** A bug in wskt, or the system failing it. */
    WSKT_LOG_ERROR = 1,
    /** Something odd that was put right. */
    WSKT_LOG_WARN = 2,
    /** The life of connections. */
    WSKT_LOG_INFO = 3,
    /** Their phases and decisions. */
    WSKT_LOG_DEBUG = 4,
    /** Every message, ping and pong. Never their content. */
    WSKT_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wskt_log_level wskt_log_level;
#else
typedef int32_t wskt_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Called for each line of the log.
 *
 * `message` is UTF-8 without a newline, `message_len` bytes; it is NOT
 * NUL-terminated, and lent until the function returns. The function is
 * called on the thread the line comes from, by several threads at once. It
 * must not call any function of wskt and must not throw or longjmp.
 *
 * Since: 0.1.0
 */
typedef void (*wskt_log_fn)(wskt_log_level level,
                            const char *message,
                            size_t message_len,
                            void *user_data);

/**
 * Sets the function that receives the log of the whole process.
 *
 * `level` is a wskt_log_level: lines of that level and of all before it are
 * passed on. WSKT_LOG_OFF, or NULL for `log`, is silence, as it is if never
 * set. wskt writes to nothing else, not to stderr either.
 *
 * `user_data` is passed on to the function. THERE IS NO DESTRUCTOR: another
 * thread may still be in the function that was set before when this returns,
 * so keep the user data for as long as the process runs.
 *
 * Any thread; legal in a callback.
 *
 * Returns:
 * - WSKT_OK
 * - WSKT_ERR_INVALID_ARGUMENT: `level` is not a wskt_log_level.
 * - WSKT_ERR_PANIC
 *
 * Since: 0.1.0
 */
WSKT_API
wskt_result wskt_log_set(int32_t level,
                         wskt_log_fn log,
                         void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* WSKT_H */
