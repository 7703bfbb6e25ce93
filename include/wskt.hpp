/*
 * wskt.hpp - wskt for C++17. Header only: link what wskt.h wants, nothing
 * else.
 *
 *     #include <iostream>
 *     #include <wskt.hpp>
 *
 *     int main() {
 *         wskt::socket socket("wss://example.com/");
 *         socket.on_open([](wskt::socket_ref s) { s.send_text("hello"); });
 *         socket.on_message([](wskt::socket_ref s, wskt::message_event m) {
 *             std::cout << m.text() << '\n';
 *             s.close(wskt::close_code::normal);
 *         });
 *         socket.connect();
 *         socket.run();
 *     }
 *
 * The functions are those of wskt.h without the noun in front, and what their
 * manual says holds here too: threads, callbacks, units, defaults. This
 * header adds what C++ has and C has not:
 *
 * Ownership. socket, loop, config and synthetic_close_event own their handle,
 * can be moved and not copied. socket_ref borrows a socket, as string_view
 * borrows text. Event classes are views: they, and the text and bytes they
 * hand out, are lent as in C, in a handler until it returns, from recv and
 * next_event until the next such call.
 *
 * Errors. A call that is refused throws wskt::error with the result as its
 * code. What depends on the peer and on time is returned instead: sending on
 * a socket that is closing gives false, as do waits that were interrupted.
 * try_send_text, try_send_binary and try_ping never throw and return the
 * result.
 *
 * Handlers. Anything callable with (socket_ref, event), (event), (socket_ref)
 * or nothing. It is stored once and called through one function pointer.
 * Handlers are set before the socket is opened, or later on the thread that
 * drives it; replacing a handler inside itself is fine.
 *
 * Exceptions. One that leaves a handler is kept, ends the wait, and is thrown
 * again by the call that drives: loop::run, loop::dispatch, socket::run,
 * socket::dispatch. Other handlers that are due are still called before. A
 * second exception comes out of the next such call. A thread that wskt starts
 * has no caller: there the function given to loop::start gets the exception;
 * without one, as with a thread of the program, std::terminate is called.
 */

#ifndef WSKT_HPP
#define WSKT_HPP

#include "wskt.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif

namespace wskt {

/* Enumerations ----------------------------------------------------------- */

/* What a call came to: wskt_result. */
enum class result : std::int32_t {
    ok = WSKT_OK,
    null = WSKT_ERR_NULL,
    invalid_argument = WSKT_ERR_INVALID_ARGUMENT,
    invalid_state = WSKT_ERR_INVALID_STATE,
    invalid_url = WSKT_ERR_INVALID_URL,
    invalid_scheme = WSKT_ERR_INVALID_SCHEME,
    invalid_fragment = WSKT_ERR_INVALID_FRAGMENT,
    invalid_protocol = WSKT_ERR_INVALID_PROTOCOL,
    duplicate_protocol = WSKT_ERR_DUPLICATE_PROTOCOL,
    invalid_header = WSKT_ERR_INVALID_HEADER,
    forbidden_header = WSKT_ERR_FORBIDDEN_HEADER,
    invalid_utf8 = WSKT_ERR_INVALID_UTF8,
    invalid_access = WSKT_ERR_INVALID_ACCESS,
    syntax = WSKT_ERR_SYNTAX,
    invalid_certificate = WSKT_ERR_INVALID_CERTIFICATE,
    too_large = WSKT_ERR_TOO_LARGE,
    buffer_full = WSKT_ERR_BUFFER_FULL,
    closed = WSKT_ERR_CLOSED,
    timeout = WSKT_ERR_TIMEOUT,
    interrupted = WSKT_ERR_INTERRUPTED,
    reentrant = WSKT_ERR_REENTRANT,
    wrong_thread = WSKT_ERR_WRONG_THREAD,
    loop_gone = WSKT_ERR_LOOP_GONE,
    forked = WSKT_ERR_FORKED,
    no_memory = WSKT_ERR_NO_MEMORY,
    io = WSKT_ERR_IO,
    panic = WSKT_ERR_PANIC,
    connect_failed = WSKT_ERR_CONNECT_FAILED,
    in_use = WSKT_ERR_IN_USE,
    invalid_key = WSKT_ERR_INVALID_KEY,
    wrong_password = WSKT_ERR_WRONG_PASSWORD,
    invalid_delays = WSKT_ERR_INVALID_DELAYS,
};

/* What ended a connection: wskt_cause. */
enum class cause : std::int32_t {
    unknown = WSKT_CAUSE_UNKNOWN,
    peer = WSKT_CAUSE_PEER,
    local = WSKT_CAUSE_LOCAL,
    timeout = WSKT_CAUSE_TIMEOUT,
    dns = WSKT_CAUSE_DNS,
    connect = WSKT_CAUSE_CONNECT,
    proxy = WSKT_CAUSE_PROXY,
    tls = WSKT_CAUSE_TLS,
    http = WSKT_CAUSE_HTTP,
    handshake = WSKT_CAUSE_HANDSHAKE,
    protocol = WSKT_CAUSE_PROTOCOL,
    message_too_big = WSKT_CAUSE_MESSAGE_TOO_BIG,
    lost = WSKT_CAUSE_LOST,
    abort = WSKT_CAUSE_ABORT,
    internal = WSKT_CAUSE_INTERNAL,
};

/* A close code. Any number is a value, so close_code{4001} is yours. */
enum class close_code : std::uint16_t {
    normal = WSKT_CLOSE_NORMAL,
    going_away = WSKT_CLOSE_GOING_AWAY,
    protocol_error = WSKT_CLOSE_PROTOCOL_ERROR,
    unsupported = WSKT_CLOSE_UNSUPPORTED,
    reserved = WSKT_CLOSE_RESERVED,
    no_status = WSKT_CLOSE_NO_STATUS,
    abnormal = WSKT_CLOSE_ABNORMAL,
    invalid_payload = WSKT_CLOSE_INVALID_PAYLOAD,
    policy_violation = WSKT_CLOSE_POLICY_VIOLATION,
    too_large = WSKT_CLOSE_TOO_LARGE,
    missing_extension = WSKT_CLOSE_MISSING_EXTENSION,
    internal_error = WSKT_CLOSE_INTERNAL_ERROR,
    service_restart = WSKT_CLOSE_SERVICE_RESTART,
    try_again_later = WSKT_CLOSE_TRY_AGAIN_LATER,
    bad_gateway = WSKT_CLOSE_BAD_GATEWAY,
    tls_handshake = WSKT_CLOSE_TLS_HANDSHAKE,
    unused_first = WSKT_CLOSE_UNUSED_FIRST,
    unused_last = WSKT_CLOSE_UNUSED_LAST,
    reserved_first = WSKT_CLOSE_RESERVED_FIRST,
    reserved_last = WSKT_CLOSE_RESERVED_LAST,
    library_first = WSKT_CLOSE_LIBRARY_FIRST,
    library_last = WSKT_CLOSE_LIBRARY_LAST,
    application_first = WSKT_CLOSE_APPLICATION_FIRST,
    application_last = WSKT_CLOSE_APPLICATION_LAST,
};

/* The longest close reason that can be sent, in bytes. */
inline constexpr std::size_t close_reason_max = WSKT_CLOSE_REASON_MAX;

/* Who a close code belongs to: wskt_close_class. */
enum class close_class : std::int32_t {
    unused = WSKT_CLOSE_CLASS_UNUSED,
    protocol = WSKT_CLOSE_CLASS_PROTOCOL,
    reserved = WSKT_CLOSE_CLASS_RESERVED,
    library = WSKT_CLOSE_CLASS_LIBRARY,
    application = WSKT_CLOSE_CLASS_APPLICATION,
    invalid = WSKT_CLOSE_CLASS_INVALID,
};

/* Where a socket is in its life: wskt_ready_state. */
enum class ready_state : std::int32_t {
    connecting = WSKT_CONNECTING,
    open = WSKT_OPEN,
    closing = WSKT_CLOSING,
    closed = WSKT_CLOSED,
};

/* Which event it is: wskt_event_type. */
enum class event_type : std::int32_t {
    open = WSKT_EVENT_OPEN,
    message = WSKT_EVENT_MESSAGE,
    error = WSKT_EVENT_ERROR,
    close = WSKT_EVENT_CLOSE,
    drain = WSKT_EVENT_DRAIN,
    ping = WSKT_EVENT_PING,
    pong = WSKT_EVENT_PONG,
    message_chunk = WSKT_EVENT_MESSAGE_CHUNK,
    attempt = WSKT_EVENT_ATTEMPT,
    unsent = WSKT_EVENT_UNSENT,
};

/* Text or binary: wskt_message_kind. */
enum class message_kind : std::int32_t {
    text = WSKT_MESSAGE_TEXT,
    binary = WSKT_MESSAGE_BINARY,
};

/* How one message is sent: the flags of wskt_socket_send. */
enum class send_flags : std::uint32_t {
    none = 0,
    uncompressed = WSKT_SEND_UNCOMPRESSED,
    valid_utf8 = WSKT_SEND_VALID_UTF8,
    more = WSKT_SEND_MORE,
};

constexpr send_flags operator|(send_flags a, send_flags b) noexcept {
    return static_cast<send_flags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/* A version of TLS: wskt_tls_version. */
enum class tls_version : std::int32_t {
    tls_1_2 = WSKT_TLS_1_2,
    tls_1_3 = WSKT_TLS_1_3,
};

/* How much a line of the log matters: wskt_log_level. */
enum class log_level : std::int32_t {
    off = WSKT_LOG_OFF,
    error = WSKT_LOG_ERROR,
    warn = WSKT_LOG_WARN,
    info = WSKT_LOG_INFO,
    debug = WSKT_LOG_DEBUG,
    trace = WSKT_LOG_TRACE,
};

inline const char *name(result value) noexcept {
    return wskt_result_name(static_cast<std::int32_t>(value));
}
inline const char *text(result value) noexcept {
    return wskt_result_text(static_cast<std::int32_t>(value));
}
inline const char *name(cause value) noexcept {
    return wskt_cause_name(static_cast<std::int32_t>(value));
}
inline const char *name(close_code code) noexcept {
    return wskt_close_code_name(static_cast<std::uint16_t>(code));
}
inline const char *text(close_code code) noexcept {
    return wskt_close_code_text(static_cast<std::uint16_t>(code));
}
inline close_class class_of(close_code code) noexcept {
    return static_cast<close_class>(wskt_close_code_class(static_cast<std::uint16_t>(code)));
}
inline bool may_send(close_code code) noexcept {
    return wskt_close_code_may_send(static_cast<std::uint16_t>(code));
}
inline bool may_appear(close_code code) noexcept {
    return wskt_close_code_may_appear(static_cast<std::uint16_t>(code));
}

/* The running library; WSKT_VERSION_STRING is the header's. */
inline const char *version_string() noexcept {
    return wskt_version_string();
}
inline std::uint32_t version_number() noexcept {
    return wskt_version_number();
}

/* Objects that were made and not yet freed, for checks for leaks. */
inline std::size_t handle_count() noexcept {
    return wskt_handle_count();
}

/* Errors ----------------------------------------------------------------- */

/* The category of results as std::error_code. */
inline const std::error_category &category() noexcept {
    class results final : public std::error_category {
        const char *name() const noexcept override {
            return "wskt";
        }
        std::string message(int value) const override {
            return wskt_result_text(value);
        }
    };
    static const results instance;
    return instance;
}

inline std::error_code make_error_code(result value) noexcept {
    return {static_cast<int>(value), category()};
}

/* A call that was refused. what() names the call and says why; code()
   compares with a wskt::result. */
class error : public std::system_error {
public:
    error(result value, const std::string &call) : std::system_error(make_error_code(value), call) {}
};

namespace detail {

inline result as_result(wskt_result value) noexcept {
    return static_cast<result>(static_cast<std::int32_t>(value));
}

inline void check(wskt_result value, const char *call) {
    if (value != WSKT_OK) {
        throw error(as_result(value), call);
    }
}

/* For what C takes as NUL-terminated. */
inline std::string terminated(std::string_view text, const char *call) {
    if (text.find('\0') != std::string_view::npos) {
        throw error(result::invalid_argument, std::string(call) + ": NUL inside");
    }
    return std::string(text);
}

inline std::int32_t timeout(std::chrono::milliseconds time, const char *call) {
    if (time.count() > INT32_MAX || time.count() < -1) {
        throw error(result::invalid_argument, std::string(call) + ": timeout");
    }
    return static_cast<std::int32_t>(time.count());
}

/* Any pointer, NULL included, as C++ wants the text behind it. */
inline std::string_view lent(const char *text, std::size_t len) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text, len);
}

template <class Container, class = void> struct is_bytes : std::false_type {};
template <class Container>
struct is_bytes<Container, std::void_t<decltype(std::declval<const Container &>().data()),
                                       decltype(std::declval<const Container &>().size())>> {
    using element = std::remove_pointer_t<decltype(std::declval<const Container &>().data())>;
    static constexpr bool value = sizeof(element) == 1 && std::is_trivially_copyable_v<element>;
};

} // namespace detail

/* Waits without limit, for every timeout of a call. */
inline constexpr std::chrono::milliseconds forever{-1};

/* Bytes ------------------------------------------------------------------ */

/* Bytes of somebody else, as std::span<const std::byte> in C++20. Made from
   any container of one-byte elements: vector, array, string, string_view. */
class bytes_view {
public:
    constexpr bytes_view() noexcept = default;
    bytes_view(const void *data, std::size_t size) noexcept
        : data_(static_cast<const std::byte *>(data)), size_(size) {}
    template <class Container, class = std::enable_if_t<detail::is_bytes<Container>::value>>
    bytes_view(const Container &container) noexcept : bytes_view(container.data(), container.size()) {}

    const std::byte *data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }
    bool empty() const noexcept {
        return size_ == 0;
    }
    const std::byte *begin() const noexcept {
        return data_;
    }
    const std::byte *end() const noexcept {
        return data_ + size_;
    }
    const std::byte &operator[](std::size_t index) const noexcept {
        return data_[index];
    }
    explicit operator std::string_view() const noexcept {
        return {reinterpret_cast<const char *>(data_), size_};
    }
#if defined(__cpp_lib_span)
    operator std::span<const std::byte>() const noexcept {
        return {data_, size_};
    }
#endif

private:
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

/* Events ----------------------------------------------------------------- */

class socket_ref;

/* What all events have: wskt_event. */
template <class Event> class basic_event {
public:
    explicit basic_event(const Event *event) noexcept : event_(event) {}

    wskt::event_type type() const noexcept {
        return static_cast<wskt::event_type>(head().type);
    }
    const char *type_name() const noexcept {
        return head().type_name;
    }
    inline socket_ref target() const noexcept;
    /* On the clock of std::chrono::steady_clock, where that is the system's
       monotonic clock. */
    std::chrono::duration<double, std::milli> timestamp() const noexcept {
        return std::chrono::duration<double, std::milli>(head().timestamp);
    }
    bool bubbles() const noexcept {
        return head().bubbles;
    }
    bool cancelable() const noexcept {
        return head().cancelable;
    }
    bool is_trusted() const noexcept {
        return head().is_trusted;
    }
    /* The struct of wskt.h. */
    const Event *c_event() const noexcept {
        return event_;
    }

protected:
    const wskt_event &head() const noexcept {
        return *reinterpret_cast<const wskt_event *>(event_);
    }
    const Event *event_;
};

class open_event : public basic_event<wskt_open_event> {
public:
    using basic_event::basic_event;
};

class drain_event : public basic_event<wskt_drain_event> {
public:
    using basic_event::basic_event;
};

/* A ping or a pong: its payload. */
template <class Event> class control_event : public basic_event<Event> {
public:
    using basic_event<Event>::basic_event;

    std::string_view data() const noexcept {
        return {static_cast<const char *>(this->event_->data), this->event_->len};
    }
};
using ping_event = control_event<wskt_ping_event>;
using pong_event = control_event<wskt_pong_event>;

/* A message or a chunk of one: its payload. */
template <class Event> class payload_event : public basic_event<Event> {
public:
    using basic_event<Event>::basic_event;

    message_kind kind() const noexcept {
        return static_cast<message_kind>(this->event_->kind);
    }
    bool is_text() const noexcept {
        return kind() == message_kind::text;
    }
    /* The payload, of either kind, as text and as bytes. */
    std::string_view text() const noexcept {
        return {static_cast<const char *>(this->event_->data), this->event_->len};
    }
    bytes_view bytes() const noexcept {
        return {this->event_->data, this->event_->len};
    }
};
using message_event = payload_event<wskt_message_event>;

class message_chunk_event : public payload_event<wskt_message_chunk_event> {
public:
    using payload_event::payload_event;

    /* Whether the message begins, and ends, with it. */
    bool first() const noexcept {
        return event_->first;
    }
    bool last() const noexcept {
        return event_->last;
    }
};

/* A message that was accepted and will not be sent. */
using unsent_event = payload_event<wskt_unsent_event>;

class error_event : public basic_event<wskt_error_event> {
public:
    using basic_event::basic_event;

    wskt::cause cause() const noexcept {
        return static_cast<wskt::cause>(event_->cause);
    }
    std::string_view message() const noexcept {
        return {event_->message, event_->message_len};
    }
    /* errno, or 0. */
    int os_error() const noexcept {
        return event_->os_error;
    }
    std::uint16_t http_status() const noexcept {
        return event_->http_status;
    }
};

class close_event : public basic_event<wskt_close_event> {
public:
    using basic_event::basic_event;

    bool was_clean() const noexcept {
        return event_->was_clean;
    }
    close_code code() const noexcept {
        return static_cast<close_code>(event_->code);
    }
    std::string_view reason() const noexcept {
        return {event_->reason, event_->reason_len};
    }
    /* What the peer really sent; 0 if nothing. */
    std::uint16_t peer_code() const noexcept {
        return event_->peer_code;
    }
    wskt::cause cause() const noexcept {
        return static_cast<wskt::cause>(event_->cause);
    }
    std::string_view message() const noexcept {
        return {event_->message, event_->message_len};
    }
};

/* What a wait gave: an event, or the reason why there is none. Ask it as a
   bool before anything else. */
/* A reconnector has made the socket. */
class attempt_event : public basic_event<wskt_attempt_event> {
public:
    using basic_event::basic_event;

    std::uint32_t number() const noexcept {
        return event_->number;
    }
    std::chrono::duration<double, std::milli> delay() const noexcept {
        return std::chrono::duration<double, std::milli>(event_->delay_ms);
    }
    /* Of the socket before; none for the first. */
    std::optional<close_event> previous() const noexcept {
        if (event_->previous == nullptr) {
            return std::nullopt;
        }
        return close_event(event_->previous);
    }
};

class event : public basic_event<wskt_event> {
public:
    event(const wskt_event *got, result why) noexcept : basic_event(got), why_(why) {}

    explicit operator bool() const noexcept {
        return event_ != nullptr;
    }
    /* ok with an event; else timeout, interrupted, or, from socket::recv,
       closed: there will be none any more. */
    result why() const noexcept {
        return why_;
    }
    std::optional<open_event> as_open() const noexcept {
        return as<open_event, wskt_open_event>(WSKT_EVENT_OPEN);
    }
    std::optional<message_event> as_message() const noexcept {
        return as<message_event, wskt_message_event>(WSKT_EVENT_MESSAGE);
    }
    std::optional<error_event> as_error() const noexcept {
        return as<error_event, wskt_error_event>(WSKT_EVENT_ERROR);
    }
    std::optional<close_event> as_close() const noexcept {
        return as<close_event, wskt_close_event>(WSKT_EVENT_CLOSE);
    }
    std::optional<drain_event> as_drain() const noexcept {
        return as<drain_event, wskt_drain_event>(WSKT_EVENT_DRAIN);
    }
    std::optional<ping_event> as_ping() const noexcept {
        return as<ping_event, wskt_ping_event>(WSKT_EVENT_PING);
    }
    std::optional<pong_event> as_pong() const noexcept {
        return as<pong_event, wskt_pong_event>(WSKT_EVENT_PONG);
    }
    std::optional<message_chunk_event> as_message_chunk() const noexcept {
        return as<message_chunk_event, wskt_message_chunk_event>(WSKT_EVENT_MESSAGE_CHUNK);
    }
    std::optional<attempt_event> as_attempt() const noexcept {
        return as<attempt_event, wskt_attempt_event>(WSKT_EVENT_ATTEMPT);
    }
    std::optional<unsent_event> as_unsent() const noexcept {
        return as<unsent_event, wskt_unsent_event>(WSKT_EVENT_UNSENT);
    }

private:
    template <class View, class Struct> std::optional<View> as(wskt_event_type type) const noexcept {
        if (event_ == nullptr || event_->type != type) {
            return std::nullopt;
        }
        return View(reinterpret_cast<const Struct *>(event_));
    }
    result why_;
};

/* Exceptions and handlers ------------------------------------------------ */

namespace detail {

/* An event, or one of the results that are no errors for whoever waits. */
inline event event_of(wskt_result value, const wskt_event *got, const char *call) {
    switch (value) {
    case WSKT_OK: return {got, result::ok};
    case WSKT_ERR_TIMEOUT:
    case WSKT_ERR_CLOSED:
    case WSKT_ERR_INTERRUPTED: return {nullptr, as_result(value)};
    default: throw error(as_result(value), call);
    }
}

/* What outlives a call that drives: shared by a loop and its sockets, or of
   one socket. */
struct carrier {
    /* Set before the thread of a loop starts; empty: std::terminate. */
    std::function<void(std::exception_ptr)> on_exception;
    std::mutex mutex;
    /* Exceptions that wait for the next call that drives. */
    std::deque<std::exception_ptr> later;
    std::atomic<bool> waiting{false};
    /* By loop::start: on_exception must not change. */
    std::atomic<bool> started{false};
};

/* A call that drives, for as long as it runs: where handlers on this thread
   leave their exceptions. */
class driving {
public:
    explicit driving(std::shared_ptr<carrier> home) noexcept
        : home_(std::move(home)), outer_(std::exchange(current(), this)) {}
    driving(const driving &) = delete;
    driving &operator=(const driving &) = delete;
    ~driving() {
        current() = outer_;
    }
    /* The innermost of this thread, or NULL. */
    static driving *&current() noexcept {
        thread_local driving *innermost = nullptr;
        return innermost;
    }
    void keep(std::exception_ptr exception) noexcept {
        const std::lock_guard<std::mutex> lock(home_->mutex);
        home_->later.push_back(std::move(exception));
        home_->waiting = true;
    }
    /* Throws the oldest one that waits. */
    void rethrow() {
        if (home_ == nullptr || !home_->waiting) {
            return;
        }
        std::exception_ptr oldest;
        {
            const std::lock_guard<std::mutex> lock(home_->mutex);
            oldest = std::move(home_->later.front());
            home_->later.pop_front();
            home_->waiting = !home_->later.empty();
        }
        std::rethrow_exception(oldest);
    }

private:
    std::shared_ptr<carrier> home_;
    driving *outer_;
};

/* A callable object, whatever its type. */
using closure = std::unique_ptr<void, void (*)(void *)>;

inline closure no_closure() noexcept {
    return {nullptr, [](void *) {}};
}

enum slot : std::size_t {
    on_open,
    on_message,
    on_error,
    on_close,
    on_drain,
    on_ping,
    on_pong,
    on_message_chunk,
    on_attempt,
    on_unsent,
    slots
};

/* The user data of a socket made here. */
struct handlers {
    std::array<closure, slots> set{no_closure(), no_closure(), no_closure(), no_closure(),
                                   no_closure(), no_closure(), no_closure(), no_closure(),
                                   no_closure(), no_closure()};
    std::shared_ptr<carrier> exceptions;
    wskt_loop *loop = nullptr;
    /* How many handlers are running, and those replaced meanwhile. */
    int depth = 0;
    std::vector<closure> replaced;
    /* Of wskt, until it lets go of the user data. */
    std::shared_ptr<handlers> lent;

    void replace(slot which, closure with) {
        if (depth > 0) {
            replaced.push_back(std::move(set[which]));
        }
        set[which] = std::move(with);
    }
    void leave() noexcept {
        if (--depth == 0 && !replaced.empty()) {
            replaced.clear();
        }
    }
    /* In a catch block. */
    void caught(wskt_socket *socket, bool last) noexcept {
        if (driving *const call = driving::current()) {
            call->keep(std::current_exception());
            /* It shall return soon. */
            if (loop != nullptr) {
                static_cast<void>(wskt_loop_wake(loop));
            } else if (!last) {
                static_cast<void>(wskt_socket_interrupt(socket));
            }
        } else if (exceptions->on_exception) {
            exceptions->on_exception(std::current_exception());
        } else {
            std::terminate();
        }
    }
    static void destroy(void *self) noexcept {
        const std::shared_ptr<handlers> last = std::move(static_cast<handlers *>(self)->lent);
    }
};

template <class> inline constexpr bool never = false;

template <class F, class View, slot Which, class Event>
void call(wskt_socket *socket, const Event *event, void *user_data) noexcept;

} // namespace detail

/* Configuration ---------------------------------------------------------- */

/* How to connect: wskt_config. Setters throw for a bad value and can be
   chained. */
class config {
public:
    config() {
        wskt_config *made = nullptr;
        detail::check(wskt_config_new(&made), "config");
        handle_.reset(made);
    }

    config &set_open_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_open_timeout(c_config(), time.count()), "set_open_timeout");
    }
    config &set_dns_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_dns_timeout(c_config(), time.count()), "set_dns_timeout");
    }
    config &set_connect_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_connect_timeout(c_config(), time.count()), "set_connect_timeout");
    }
    config &set_proxy_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_proxy_timeout(c_config(), time.count()), "set_proxy_timeout");
    }
    config &set_tls_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_tls_timeout(c_config(), time.count()), "set_tls_timeout");
    }
    config &set_upgrade_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_upgrade_timeout(c_config(), time.count()), "set_upgrade_timeout");
    }
    config &set_close_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_close_timeout(c_config(), time.count()), "set_close_timeout");
    }
    config &set_linger_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_linger_timeout(c_config(), time.count()), "set_linger_timeout");
    }
    config &set_send_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_send_timeout(c_config(), time.count()), "set_send_timeout");
    }
    /* Proxies and addresses; nullptr removes what was set. */
    config &set_proxy(std::string_view value) {
        const char *call = "set_proxy";
        return set(wskt_config_set_proxy(c_config(), detail::terminated(value, call).c_str()), call);
    }
    config &set_proxy(std::nullptr_t) {
        return set(wskt_config_set_proxy(c_config(), nullptr), "set_proxy");
    }
    config &set_local_address(std::string_view value) {
        const char *call = "set_local_address";
        return set(wskt_config_set_local_address(c_config(), detail::terminated(value, call).c_str()), call);
    }
    config &set_local_address(std::nullptr_t) {
        return set(wskt_config_set_local_address(c_config(), nullptr), "set_local_address");
    }
    config &set_interface(std::string_view value) {
        const char *call = "set_interface";
        return set(wskt_config_set_interface(c_config(), detail::terminated(value, call).c_str()), call);
    }
    config &set_interface(std::nullptr_t) {
        return set(wskt_config_set_interface(c_config(), nullptr), "set_interface");
    }
    config &set_unix_socket(std::string_view value) {
        const char *call = "set_unix_socket";
        return set(wskt_config_set_unix_socket(c_config(), detail::terminated(value, call).c_str()), call);
    }
    config &set_unix_socket(std::nullptr_t) {
        return set(wskt_config_set_unix_socket(c_config(), nullptr), "set_unix_socket");
    }
    config &set_no_proxy(std::string_view value) {
        const char *call = "set_no_proxy";
        return set(wskt_config_set_no_proxy(c_config(), detail::terminated(value, call).c_str()), call);
    }
    config &set_proxy_from_environment() {
        return set(wskt_config_set_proxy_from_environment(c_config()), "set_proxy_from_environment");
    }
    config &add_connect_to(std::string_view from, std::string_view to) {
        const char *call = "add_connect_to";
        return set(wskt_config_add_connect_to(c_config(), detail::terminated(from, call).c_str(),
                                              detail::terminated(to, call).c_str()),
                   call);
    }
    config &set_tcp_keepalive(std::chrono::milliseconds idle, std::chrono::milliseconds interval,
                              std::uint32_t count) {
        return set(
            wskt_config_set_tcp_keepalive(c_config(), idle.count(), interval.count(), count),
            "set_tcp_keepalive");
    }
    config &set_idle_timeout(std::chrono::milliseconds time) {
        return set(wskt_config_set_idle_timeout(c_config(), time.count()), "set_idle_timeout");
    }
    config &set_heartbeat(std::chrono::milliseconds interval, std::chrono::milliseconds timeout) {
        return set(wskt_config_set_heartbeat(c_config(), interval.count(), timeout.count()),
                   "set_heartbeat");
    }
    config &set_ping_events(bool on) {
        return set(wskt_config_set_ping_events(c_config(), on), "set_ping_events");
    }
    config &set_max_message_size(std::uint64_t bytes) {
        return set(wskt_config_set_max_message_size(c_config(), bytes), "set_max_message_size");
    }
    config &set_max_fragments(std::uint32_t count) {
        return set(wskt_config_set_max_fragments(c_config(), count), "set_max_fragments");
    }
    config &set_read_buffer(std::size_t bytes) {
        return set(wskt_config_set_read_buffer(c_config(), bytes), "set_read_buffer");
    }
    config &set_water_marks(std::size_t low, std::size_t high) {
        return set(wskt_config_set_water_marks(c_config(), low, high), "set_water_marks");
    }
    config &add_ca_file(std::string_view path) {
        const char *call = "add_ca_file";
        return set(wskt_config_add_ca_file(c_config(), detail::terminated(path, call).c_str()), call);
    }
    config &add_ca_pem(std::string_view pem) {
        return set(wskt_config_add_ca_pem(c_config(), pem.data(), pem.size()), "add_ca_pem");
    }
    config &add_header(std::string_view name, std::string_view value) {
        const char *call = "add_header";
        return set(wskt_config_add_header(c_config(), detail::terminated(name, call).c_str(),
                                          detail::terminated(value, call).c_str()),
                   call);
    }
    config &set_origin(std::string_view origin) {
        const char *call = "set_origin";
        return set(wskt_config_set_origin(c_config(),
                                          detail::terminated(origin, call).c_str()),
                   call);
    }
    config &set_user_agent(std::string_view user_agent) {
        const char *call = "set_user_agent";
        return set(wskt_config_set_user_agent(c_config(),
                                              detail::terminated(user_agent, call).c_str()),
                   call);
    }
    config &set_cookie(std::string_view cookies) {
        const char *call = "set_cookie";
        return set(wskt_config_set_cookie(c_config(),
                                          detail::terminated(cookies, call).c_str()),
                   call);
    }
    config &set_basic_authorization(std::string_view user, std::string_view password) {
        const char *call = "set_basic_authorization";
        return set(wskt_config_set_basic_authorization(c_config(),
                                                       detail::terminated(user, call).c_str(),
                                                       detail::terminated(password, call).c_str()),
                   call);
    }
    config &set_bearer_authorization(std::string_view token) {
        const char *call = "set_bearer_authorization";
        return set(wskt_config_set_bearer_authorization(c_config(),
                                                        detail::terminated(token, call).c_str()),
                   call);
    }
    config &set_host(std::string_view host) {
        const char *call = "set_host";
        return set(wskt_config_set_host(c_config(), detail::terminated(host, call).c_str()), call);
    }
    config &set_system_roots(bool on) {
        return set(wskt_config_set_system_roots(c_config(), on), "set_system_roots");
    }
    config &add_pinned_public_key(std::string_view pin) {
        const char *call = "add_pinned_public_key";
        return set(wskt_config_add_pinned_public_key(c_config(), detail::terminated(pin, call).c_str()),
                   call);
    }
    config &set_min_tls_version(tls_version version) {
        return set(wskt_config_set_min_tls_version(c_config(), static_cast<std::int32_t>(version)),
                   "set_min_tls_version");
    }
    config &set_max_tls_version(tls_version version) {
        return set(wskt_config_set_max_tls_version(c_config(), static_cast<std::int32_t>(version)),
                   "set_max_tls_version");
    }
    config &set_tls_server_name(std::string_view name) {
        const char *call = "set_tls_server_name";
        return set(wskt_config_set_tls_server_name(c_config(),
                                                   detail::terminated(name, call).c_str()),
                   call);
    }
    config &set_tls_sni(bool on) {
        return set(wskt_config_set_tls_sni(c_config(), on), "set_tls_sni");
    }
    config &set_tls_alpn(bool on) {
        return set(wskt_config_set_tls_alpn(c_config(), on), "set_tls_alpn");
    }
    config &set_client_certificate_file(std::string_view certificate_path, std::string_view key_path) {
        const char *call = "set_client_certificate_file";
        return set(wskt_config_set_client_certificate_file(c_config(),
                                                           detail::terminated(certificate_path, call).c_str(),
                                                           detail::terminated(key_path, call).c_str()),
                   call);
    }
    config &set_client_certificate_pem(std::string_view certificate, std::string_view key) {
        return set(wskt_config_set_client_certificate_pem(c_config(), certificate.data(),
                                                          certificate.size(), key.data(), key.size()),
                   "set_client_certificate_pem");
    }
    config &set_client_pkcs12_file(std::string_view path, std::string_view password) {
        const char *call = "set_client_pkcs12_file";
        return set(wskt_config_set_client_pkcs12_file(c_config(), detail::terminated(path, call).c_str(),
                                       detail::terminated(password, call).c_str()),
                   call);
    }
    config &set_client_pkcs12(bytes_view archive, std::string_view password) {
        const char *call = "set_client_pkcs12";
        return set(wskt_config_set_client_pkcs12(c_config(), archive.data(), archive.size(),
                                                 detail::terminated(password, call).c_str()),
                   call);
    }
    config &set_danger_any_certificate(bool on) {
        return set(wskt_config_set_danger_any_certificate(c_config(), on), "set_danger_any_certificate");
    }
    config &set_danger_any_host_name(bool on) {
        return set(wskt_config_set_danger_any_host_name(c_config(), on), "set_danger_any_host_name");
    }
    config &set_allow_missing_protocol(bool allow) {
        return set(wskt_config_set_allow_missing_protocol(c_config(), allow),
                   "set_allow_missing_protocol");
    }
    config &set_browser_mode(bool on) {
        return set(wskt_config_set_browser_mode(c_config(), on), "set_browser_mode");
    }
    config &set_deflate(bool on) {
        return set(wskt_config_set_deflate(c_config(), on), "set_deflate");
    }
    config &set_deflate_no_context_takeover(bool client, bool server) {
        return set(wskt_config_set_deflate_no_context_takeover(c_config(), client, server),
                   "set_deflate_no_context_takeover");
    }
    config &set_deflate_max_window_bits(std::int32_t client, std::int32_t server) {
        return set(wskt_config_set_deflate_max_window_bits(c_config(), client, server),
                   "set_deflate_max_window_bits");
    }
    config &set_deflate_level(std::int32_t level) {
        return set(wskt_config_set_deflate_level(c_config(), level), "set_deflate_level");
    }
    config &set_deflate_min_size(std::size_t bytes) {
        return set(wskt_config_set_deflate_min_size(c_config(), bytes), "set_deflate_min_size");
    }

    /* One line about the last value that was refused; it is in the exception. */
    const char *error_text() const noexcept {
        const char *text = wskt_config_error_text(c_config());
        return text == nullptr ? "" : text;
    }

    /* The handle, for functions of wskt.h. */
    wskt_config *c_config() const noexcept {
        return handle_.get();
    }

private:
    struct freed {
        void operator()(wskt_config *handle) const noexcept {
            wskt_config_free(handle);
        }
    };
    config &set(wskt_result value, const char *call) {
        switch (value) {
        case WSKT_OK: return *this;
        case WSKT_ERR_NULL:
        case WSKT_ERR_FORKED:
        case WSKT_ERR_PANIC: throw error(detail::as_result(value), call);
        /* The others leave a line that names the option and the value. */
        default: throw error(detail::as_result(value), wskt_config_error_text(c_config()));
        }
    }
    std::unique_ptr<wskt_config, freed> handle_;
};

/* Loop ------------------------------------------------------------------- */

/* Drives many sockets on one thread: wskt_loop. It must not be destroyed in a
   handler of its own sockets: there it cannot be freed, and leaks. */
class loop {
public:
    loop() : exceptions_(std::make_shared<detail::carrier>()) {
        wskt_loop *made = nullptr;
        detail::check(wskt_loop_new(&made), "loop");
        handle_.reset(made);
    }

    /* Starts a thread; handlers run on it. An exception that leaves one ends
       the process. */
    void start() {
        start(std::function<void(std::exception_ptr)>());
    }
    /* The same; `on_exception` gets the exception, on that thread, and must
       not throw. */
    void start(std::function<void(std::exception_ptr)> on_exception) {
        if (exceptions_ == nullptr) {
            throw error(result::null, "start");
        }
        if (exceptions_->started) {
            throw error(result::invalid_state, "start");
        }
        exceptions_->on_exception = std::move(on_exception);
        detail::check(wskt_loop_start(c_loop()), "start");
        exceptions_->started = true;
    }
    /* Ends run, or the thread of start. */
    void stop() {
        detail::check(wskt_loop_stop(c_loop()), "stop");
        exceptions_->started = false;
    }
    /* Drives the loop here. True when stopped or when no socket is left
       unclosed; false if a signal or wake ended it: call again to go on. */
    bool run() {
        detail::driving here(exceptions_);
        const wskt_result value = wskt_loop_run(c_loop());
        here.rethrow();
        if (value == WSKT_ERR_INTERRUPTED) {
            return false;
        }
        detail::check(value, "run");
        return true;
    }
    /* Watch it for reading, then dispatch. */
    int fd() const noexcept {
        return wskt_loop_fd(c_loop());
    }
    /* When dispatch is due at the latest; -1 if no timeout runs. */
    std::chrono::milliseconds timeout() const noexcept {
        return std::chrono::milliseconds(wskt_loop_timeout_ms(c_loop()));
    }
    void dispatch() {
        detail::driving here(exceptions_);
        const wskt_result value = wskt_loop_dispatch(c_loop());
        here.rethrow();
        detail::check(value, "dispatch");
    }
    /* The next event of any socket; no handler is called. */
    event next_event(std::chrono::milliseconds timeout = forever) {
        const char *call = "next_event";
        const wskt_event *got = nullptr;
        const wskt_result value =
            wskt_loop_next_event(c_loop(), detail::timeout(timeout, call), &got);
        return detail::event_of(value, got, call);
    }
    void wake() {
        detail::check(wskt_loop_wake(c_loop()), "wake");
    }

    /* The handle, for functions of wskt.h. */
    wskt_loop *c_loop() const noexcept {
        return handle_.get();
    }

private:
    friend class socket;
    struct freed {
        void operator()(wskt_loop *handle) const noexcept {
            static_cast<void>(wskt_loop_free(handle));
        }
    };
    std::shared_ptr<detail::carrier> exceptions_;
    std::unique_ptr<wskt_loop, freed> handle_;
};

/* Socket ----------------------------------------------------------------- */

/* A socket of somebody else: all that is legal in a handler and on any
   thread. Valid as long as the socket. */
class socket_ref {
public:
    explicit socket_ref(wskt_socket *socket) noexcept : socket_(socket) {}

    /* Sends a message. False, as in browsers, if the socket is closing or
       closed; everything else that keeps it from being sent is thrown. */
    bool send_text(std::string_view text) const {
        return sent(try_send_text(text), "send_text");
    }
    bool send_binary(bytes_view data) const {
        return sent(try_send_binary(data), "send_binary");
    }
    bool send(message_kind kind, bytes_view data, send_flags flags = send_flags::none) const {
        return sent(try_send(kind, data, flags), "send");
    }
    bool ping(bytes_view data = {}) const {
        return sent(try_ping(data), "ping");
    }
    /* The same without exceptions: ok, or why it was not sent. */
    [[nodiscard]] result try_send_text(std::string_view text) const noexcept {
        return detail::as_result(wskt_socket_send_text(socket_, text.data(), text.size()));
    }
    [[nodiscard]] result try_send_binary(bytes_view data) const noexcept {
        return detail::as_result(wskt_socket_send_binary(socket_, data.data(), data.size()));
    }
    [[nodiscard]] result try_send(message_kind kind, bytes_view data,
                                  send_flags flags = send_flags::none) const noexcept {
        return detail::as_result(wskt_socket_send(socket_, static_cast<std::int32_t>(kind),
                                                  data.data(), data.size(),
                                                  static_cast<std::uint32_t>(flags)));
    }
    [[nodiscard]] result try_ping(bytes_view data = {}) const noexcept {
        return detail::as_result(wskt_socket_ping(socket_, data.data(), data.size()));
    }
    /* A message in chunks, each a fragment of it. */
    bool send_begin(message_kind kind, send_flags flags = send_flags::none) const {
        return sent(detail::as_result(wskt_socket_send_begin(
                        socket_, static_cast<std::int32_t>(kind), static_cast<std::uint32_t>(flags))),
                    "send_begin");
    }
    bool send_chunk(bytes_view data) const {
        return sent(detail::as_result(wskt_socket_send_chunk(socket_, data.data(), data.size())),
                    "send_chunk");
    }
    bool send_end() const {
        return sent(detail::as_result(wskt_socket_send_end(socket_)), "send_end");
    }
    /* A pong that answers no ping. */
    bool pong(bytes_view data = {}) const {
        return sent(try_pong(data), "pong");
    }
    [[nodiscard]] result try_pong(bytes_view data = {}) const noexcept {
        return detail::as_result(wskt_socket_pong(socket_, data.data(), data.size()));
    }
    /* How long the last answered ping took. */
    std::optional<std::chrono::duration<double, std::milli>> round_trip_time() const noexcept {
        const double ms = wskt_socket_round_trip_time(socket_);
        if (ms < 0) {
            return std::nullopt;
        }
        return std::chrono::duration<double, std::milli>(ms);
    }

    /* Starts the closing handshake without a code, as close() in a browser. */
    void close() const {
        detail::check(wskt_socket_close(socket_, 0, nullptr, 0), "close");
    }
    void close(close_code code, std::string_view reason = {}) const {
        detail::check(wskt_socket_close(socket_, static_cast<std::uint16_t>(code), reason.data(),
                                        reason.size()),
                      "close");
    }
    void abort() const {
        detail::check(wskt_socket_abort(socket_), "abort");
    }
    void pause() const {
        detail::check(wskt_socket_pause(socket_), "pause");
    }
    void resume() const {
        detail::check(wskt_socket_resume(socket_), "resume");
    }
    /* Ends the wait of a blocking call, or the next one. */
    void interrupt() const {
        detail::check(wskt_socket_interrupt(socket_), "interrupt");
    }

    wskt::ready_state ready_state() const noexcept {
        return static_cast<wskt::ready_state>(wskt_socket_ready_state(socket_));
    }
    std::size_t buffered_amount() const noexcept {
        return wskt_socket_buffered_amount(socket_);
    }
    /* Text is lent until the socket is destroyed. */
    std::string_view url() const noexcept {
        return lent(wskt_socket_url);
    }
    std::string_view protocol() const noexcept {
        return lent(wskt_socket_protocol);
    }
    std::string_view extensions() const noexcept {
        return lent(wskt_socket_extensions);
    }
    std::uint16_t response_status() const noexcept {
        return wskt_socket_response_status(socket_);
    }
    std::string_view response_reason() const noexcept {
        std::size_t len = 0;
        const char *reason = wskt_socket_response_reason(socket_, &len);
        return {reason, len};
    }
    std::optional<std::string_view> response_header(std::string_view name) const {
        std::size_t len = 0;
        const char *value = wskt_socket_response_header(
            socket_, detail::terminated(name, "response_header").c_str(), &len);
        return value == nullptr ? std::nullopt : std::optional(std::string_view(value, len));
    }
    /* Name and value of each, in the order they came. */
    std::vector<std::pair<std::string_view, std::string_view>> response_headers() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        const std::size_t count = wskt_socket_response_header_count(socket_);
        for (std::size_t i = 0; i < count; ++i) {
            const char *name = nullptr, *value = nullptr;
            detail::check(wskt_socket_response_header_at(socket_, i, &name, &value),
                          "response_headers");
            all.emplace_back(name, value);
        }
        return all;
    }
    /* In DER; empty without TLS. */
    bytes_view peer_certificate() const noexcept {
        std::size_t len = 0;
        const void *der = wskt_socket_peer_certificate(socket_, &len);
        return {der, len};
    }
    wskt_stats stats() const {
        wskt_stats stats{};
        stats.struct_size = sizeof stats;
        detail::check(wskt_socket_stats(socket_, &stats), "stats");
        return stats;
    }
    bytes_view response_body() const noexcept {
        std::size_t len = 0;
        const void *body = wskt_socket_response_body(socket_, &len);
        return {body, len};
    }
    /* There once the socket is closed. */
    std::optional<wskt::close_event> close_event() const noexcept {
        const wskt_close_event *event = wskt_socket_close_event(socket_);
        return event == nullptr ? std::nullopt : std::optional(wskt::close_event(event));
    }
    /* One line about the last call that this socket refused. */
    const char *error_text() const noexcept {
        const char *text = wskt_socket_error_text(socket_);
        return text == nullptr ? "" : text;
    }

    /* The handle, for functions of wskt.h. */
    wskt_socket *c_socket() const noexcept {
        return socket_;
    }
    friend bool operator==(const socket_ref &a, const socket_ref &b) noexcept {
        return a.socket_ == b.socket_;
    }
    friend bool operator!=(const socket_ref &a, const socket_ref &b) noexcept {
        return !(a == b);
    }

protected:
    wskt_socket *socket_;

private:
    static bool sent(result value, const char *call) {
        if (value != result::ok && value != result::closed) {
            throw error(value, call);
        }
        return value == result::ok;
    }
    std::string_view lent(const char *get(const wskt_socket *, std::size_t *)) const noexcept {
        std::size_t len = 0;
        const char *text = get(socket_, &len);
        return detail::lent(text, len);
    }
};

template <class Event> inline socket_ref basic_event<Event>::target() const noexcept {
    return socket_ref(head().target);
}

/* A close event of the program, to test close handlers without a server:
   wskt_close_event_new. */
class synthetic_close_event {
public:
    explicit synthetic_close_event(std::string_view type = "close", bool was_clean = false,
                                   close_code code = close_code{0}, std::string_view reason = {}) {
        const char *call = "synthetic_close_event";
        wskt_close_event *made = nullptr;
        detail::check(wskt_close_event_new(detail::terminated(type, call).c_str(), was_clean,
                                           static_cast<std::uint16_t>(code), reason.data(),
                                           reason.size(), &made),
                      call);
        handle_.reset(made);
    }
    /* initCloseEvent(): no effect once it was dispatched. */
    void init(std::string_view type, bool bubbles, bool cancelable, bool was_clean, close_code code,
              std::string_view reason) {
        const char *call = "init";
        detail::check(wskt_close_event_init(c_event(), detail::terminated(type, call).c_str(),
                                            bubbles, cancelable, was_clean,
                                            static_cast<std::uint16_t>(code), reason.data(),
                                            reason.size()),
                      call);
    }
    close_event view() const noexcept {
        return close_event(handle_.get());
    }
    wskt_close_event *c_event() const noexcept {
        return handle_.get();
    }

private:
    struct freed {
        void operator()(wskt_close_event *handle) const noexcept {
            wskt_close_event_free(handle);
        }
    };
    std::unique_ptr<wskt_close_event, freed> handle_;
};

/* One WebSocket: wskt_socket. Destroying it is wskt_socket_free: hard, and no
   handler of it begins afterwards. */
class socket : public socket_ref {
public:
    /* For blocking calls, or to be opened on the process's own loop. */
    explicit socket(std::string_view url) : socket(nullptr, url, nullptr) {}
    socket(std::string_view url, const config &with) : socket(nullptr, url, &with) {}
    /* To be opened on this loop. */
    socket(loop &on, std::string_view url) : socket(&on, url, nullptr) {}
    socket(loop &on, std::string_view url, const config &with) : socket(&on, url, &with) {}

    socket(socket &&from) noexcept
        : socket_ref(std::exchange(from.socket_, nullptr)), handlers_(std::move(from.handlers_)) {}
    socket &operator=(socket &&from) noexcept {
        socket taken(std::move(from));
        std::swap(socket_, taken.socket_);
        std::swap(handlers_, taken.handlers_);
        return *this;
    }
    socket(const socket &) = delete;
    socket &operator=(const socket &) = delete;
    ~socket() {
        wskt_socket_free(socket_);
    }

    /* Offers a subprotocol; best first. */
    void add_protocol(std::string_view protocol) {
        const char *call = "add_protocol";
        detail::check(
            wskt_socket_add_protocol(socket_, detail::terminated(protocol, call).c_str()), call);
    }

    /* Takes over a connection that the program made itself; if this throws,
       it is still the program's. */
    void adopt_fd(int fd) {
        detail::check(wskt_socket_adopt_fd(socket_, fd), "adopt_fd");
    }

    /* Sets a handler; nullptr removes it. */
    template <class F> void on_open(F &&f) {
        set<open_event, detail::on_open>(wskt_socket_set_on_open, std::forward<F>(f));
    }
    template <class F> void on_message(F &&f) {
        set<message_event, detail::on_message>(wskt_socket_set_on_message, std::forward<F>(f));
    }
    template <class F> void on_error(F &&f) {
        set<error_event, detail::on_error>(wskt_socket_set_on_error, std::forward<F>(f));
    }
    template <class F> void on_close(F &&f) {
        set<wskt::close_event, detail::on_close>(wskt_socket_set_on_close, std::forward<F>(f));
    }
    template <class F> void on_drain(F &&f) {
        set<drain_event, detail::on_drain>(wskt_socket_set_on_drain, std::forward<F>(f));
    }
    template <class F> void on_ping(F &&f) {
        set<ping_event, detail::on_ping>(wskt_socket_set_on_ping, std::forward<F>(f));
    }
    template <class F> void on_pong(F &&f) {
        set<pong_event, detail::on_pong>(wskt_socket_set_on_pong, std::forward<F>(f));
    }
    /* Whether messages are told in chunks as they arrive, instead of whole; a
       handler for chunks asks the same. */
    void set_message_chunks(bool on) {
        detail::check(wskt_socket_set_message_chunks(socket_, on), "set_message_chunks");
    }
    template <class F> void on_message_chunk(F &&f) {
        set<message_chunk_event, detail::on_message_chunk>(wskt_socket_set_on_message_chunk,
                                                           std::forward<F>(f));
    }

    /* For the sockets of a reconnector. */
    template <class F> void on_attempt(F &&f) {
        set<attempt_event, detail::on_attempt>(wskt_socket_set_on_attempt, std::forward<F>(f));
    }
    template <class F> void on_unsent(F &&f) {
        set<unsent_event, detail::on_unsent>(wskt_socket_set_on_unsent, std::forward<F>(f));
    }

    /* Opens it on its loop and returns at once; without one, on the process's
       own loop. */
    void open() {
        detail::check(wskt_socket_open(socket_), "open");
    }
    /* Connects and waits until it is open. False if a signal or interrupt
       ended the wait: call again to go on. Throws why it did not open. */
    bool connect(std::chrono::milliseconds timeout = forever) {
        const char *call = "connect";
        const wskt_result value = wskt_socket_connect(socket_, detail::timeout(timeout, call));
        if (value == WSKT_ERR_CONNECT_FAILED || value == WSKT_ERR_TIMEOUT) {
            const auto end = close_event();
            throw error(detail::as_result(value),
                        end ? std::string(end->message()) : std::string(call));
        }
        if (value == WSKT_ERR_INTERRUPTED) {
            return false;
        }
        detail::check(value, call);
        return true;
    }
    /* The next event of a connected socket; no handler is called. */
    event recv(std::chrono::milliseconds timeout = forever) {
        const char *call = "recv";
        const wskt_event *got = nullptr;
        const wskt_result value = wskt_socket_recv(socket_, detail::timeout(timeout, call), &got);
        return detail::event_of(value, got, call);
    }
    /* Drives a connected socket here until its close event; handlers run
       inside. False if a signal or interrupt ended it: call again to go on. */
    bool run() {
        /* A handler may destroy this socket. */
        detail::driving here(exceptions());
        const wskt_result value = wskt_socket_run(socket_);
        here.rethrow();
        if (value == WSKT_ERR_INTERRUPTED) {
            return false;
        }
        if (value != WSKT_ERR_CLOSED) {
            detail::check(value, "run");
        }
        return true;
    }
    /* Calls the close handler with an event of the program, here and now.
       What the handler throws comes out of this call. */
    void dispatch(synthetic_close_event &event) {
        detail::driving here(std::make_shared<detail::carrier>());
        const wskt_result value = wskt_socket_dispatch_close_event(socket_, event.c_event());
        here.rethrow();
        detail::check(value, "dispatch");
    }

private:
    friend class reconnector;

    socket(const loop *on, std::string_view url, const config *with)
        : socket_ref(nullptr), handlers_(std::make_shared<detail::handlers>()) {
        if (on != nullptr && on->c_loop() == nullptr) {
            throw error(result::null, "socket: a loop that was moved from");
        }
        handlers_->loop = on == nullptr ? nullptr : on->c_loop();
        handlers_->exceptions =
            on == nullptr ? std::make_shared<detail::carrier>() : on->exceptions_;
        detail::check(wskt_socket_new(handlers_->loop, detail::terminated(url, "socket").c_str(),
                                      with == nullptr ? nullptr : with->c_config(), &socket_),
                      "socket");
        handlers_->lent = handlers_;
        const wskt_result value =
            wskt_socket_set_user_data(socket_, handlers_.get(), detail::handlers::destroy);
        if (value != WSKT_OK) {
            handlers_->lent.reset();
            wskt_socket_free(socket_);
            detail::check(value, "socket");
        }
    }

    std::shared_ptr<detail::carrier> exceptions() const {
        return handlers_ == nullptr ? std::make_shared<detail::carrier>() : handlers_->exceptions;
    }

    template <class View, detail::slot Which, class Event, class F>
    void set(wskt_result put(wskt_socket *, void (*)(wskt_socket *, const Event *, void *)), F &&f) {
        if (handlers_ == nullptr) {
            throw error(result::null, "handler of a socket that was moved from");
        }
        if constexpr (std::is_null_pointer_v<std::decay_t<F>>) {
            detail::check(put(socket_, nullptr), "handler");
            handlers_->replace(Which, detail::no_closure());
        } else {
            using Stored = std::decay_t<F>;
            detail::closure made(new Stored(std::forward<F>(f)),
                                 [](void *it) { delete static_cast<Stored *>(it); });
            /* In this order no call can meet the wrong closure. */
            detail::check(put(socket_, nullptr), "handler");
            handlers_->replace(Which, std::move(made));
            detail::check(put(socket_, detail::call<Stored, View, Which, Event>), "handler");
        }
    }

    std::shared_ptr<detail::handlers> handlers_;
};

namespace detail {

/* What C calls. */
template <class F, class View, slot Which, class Event>
void call(wskt_socket *socket, const Event *event, void *user_data) noexcept {
    handlers &all = *static_cast<handlers *>(user_data);
    F &f = *static_cast<F *>(all.set[Which].get());
    ++all.depth;
    try {
        if constexpr (std::is_invocable_v<F &, socket_ref, View>) {
            f(socket_ref(socket), View(event));
        } else if constexpr (std::is_invocable_v<F &, View>) {
            f(View(event));
        } else if constexpr (std::is_invocable_v<F &, socket_ref>) {
            f(socket_ref(socket));
        } else if constexpr (std::is_invocable_v<F &>) {
            f();
        } else {
            static_assert(never<F>, "a handler takes (wskt::socket_ref, event), (event), "
                                    "(wskt::socket_ref) or nothing");
        }
    } catch (...) {
        all.caught(socket, Which == on_close);
    }
    all.leave();
}

} // namespace detail

/* Reconnector ------------------------------------------------------------ */

/* Makes a new socket for each try, after the one it is given: wskt_reconnector.
   The sockets are its own; handlers get them as socket_ref. */
class reconnector {
public:
    explicit reconnector(wskt::socket &&pattern) {
        detail::check(wskt_reconnector_new(pattern.socket_, &reconnector_), "reconnector");
        pattern.socket_ = nullptr;
        handlers_ = std::move(pattern.handlers_);
    }
    reconnector(reconnector &&from) noexcept
        : reconnector_(std::exchange(from.reconnector_, nullptr)),
          handlers_(std::move(from.handlers_)) {}
    reconnector &operator=(reconnector &&from) noexcept {
        reconnector taken(std::move(from));
        std::swap(reconnector_, taken.reconnector_);
        std::swap(handlers_, taken.handlers_);
        return *this;
    }
    reconnector(const reconnector &) = delete;
    reconnector &operator=(const reconnector &) = delete;
    ~reconnector() {
        wskt_reconnector_free(reconnector_);
    }

    reconnector &set_delays(std::chrono::milliseconds first, std::chrono::milliseconds max) {
        detail::check(wskt_reconnector_set_delays(reconnector_, first.count(), max.count()),
                      "set_delays");
        return *this;
    }
    /* 0 is any number. */
    reconnector &set_max_tries(std::uint32_t max) {
        detail::check(wskt_reconnector_set_max_tries(reconnector_, max), "set_max_tries");
        return *this;
    }
    /* Opens the first socket on its loop, and each further one by itself. */
    void start() {
        detail::check(wskt_reconnector_start(reconnector_), "start");
    }
    /* Waits until a socket is open, to be driven by recv and run of wskt.h's
       calls; none if that took too long, a signal came, or there will be no
       further try: is_over tells. */
    std::optional<socket_ref> connect(std::chrono::milliseconds timeout = forever) {
        const char *call = "connect";
        detail::driving here(handlers_ == nullptr ? std::make_shared<detail::carrier>()
                                                  : handlers_->exceptions);
        wskt_socket *made = nullptr;
        const wskt_result value =
            wskt_reconnector_connect(reconnector_, detail::timeout(timeout, call), &made);
        here.rethrow();
        switch (value) {
        case WSKT_ERR_TIMEOUT:
        case WSKT_ERR_INTERRUPTED:
        case WSKT_ERR_CONNECT_FAILED:
        case WSKT_ERR_CLOSED: return std::nullopt;
        default: detail::check(value, call); return socket_ref(made);
        }
    }
    /* No further try; an open socket stays as it is. */
    void stop() {
        detail::check(wskt_reconnector_stop(reconnector_), "stop");
    }
    bool is_over() const noexcept {
        return wskt_reconnector_is_over(reconnector_);
    }
    /* The newest socket, if there is one. */
    std::optional<socket_ref> socket() const noexcept {
        wskt_socket *const newest = wskt_reconnector_socket(reconnector_);
        if (newest == nullptr) {
            return std::nullopt;
        }
        return socket_ref(newest);
    }

private:
    wskt_reconnector *reconnector_ = nullptr;
    std::shared_ptr<detail::handlers> handlers_;
};

/* Log -------------------------------------------------------------------- */

/* Sends the log of the process to `log(log_level, std::string_view)`, which is
   called by several threads at once, must not use wskt and must not throw. It
   is kept as long as the process runs. */
template <class F> void set_log(log_level level, F &&log) {
    using Stored = std::decay_t<F>;
    static_assert(std::is_invocable_v<Stored &, log_level, std::string_view>);
    /* Never freed: another thread may be in it at any time. */
    static auto *const kept = new std::deque<std::unique_ptr<Stored>>;
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    kept->push_back(std::make_unique<Stored>(std::forward<F>(log)));
    detail::check(wskt_log_set(
                      static_cast<std::int32_t>(level),
                      [](wskt_log_level of, const char *message, std::size_t len,
                         void *it) noexcept {
                          (*static_cast<Stored *>(it))(static_cast<log_level>(of),
                                                       std::string_view(message, len));
                      },
                      kept->back().get()),
                  "set_log");
}

/* Silence, as in the beginning. */
inline void set_log_off() {
    detail::check(wskt_log_set(WSKT_LOG_OFF, nullptr, nullptr), "set_log_off");
}

} // namespace wskt

template <> struct std::is_error_code_enum<wskt::result> : std::true_type {};

#endif /* WSKT_HPP */
