// include/wskt.hpp as a C++ program uses it: ownership, handlers, views,
// errors, and exceptions on their way to the call that drives.
#include <poll.h>

#include <list>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "wskt.hpp"

extern "C" {
#include "../c/support/support.h"
}

using namespace std::chrono_literals;

namespace {

// The URL of a script, and the name of its report.
struct script {
    explicit script(const char *text, const char *port_name = "ws") : id(new_id()) {
        char *made = script_url(port_name, text, id);
        url = made;
        free(made);
    }
    // What the client sent, one frame a line, of a server without complaints.
    std::string frames() const {
        report seen{};
        get_report(&seen, id);
        CHECK_STR(seen.errors, "[]");
        std::string all = text_of(&seen.frames);
        free_report(&seen);
        return all;
    }
    const char *id;
    std::string url;
};

// The result a call throws; ok if it throws none.
template <class F> wskt::result thrown(F &&call) {
    try {
        call();
    } catch (const wskt::error &refused) {
        CHECK(std::string(refused.what()).find(wskt_result_text(refused.code().value())) !=
              std::string::npos);
        return static_cast<wskt::result>(refused.code().value());
    }
    return wskt::result::ok;
}

void dispatch_until(wskt::loop &loop, const bool &over) {
    while (!over) {
        pollfd fd{loop.fd(), POLLIN, 0};
        CHECK(poll(&fd, 1, limit_ms()) > 0);
        loop.dispatch();
    }
}

// -- ownership ---------------------------------------------------------------

template <class T>
constexpr bool move_only = std::is_move_constructible_v<T> && std::is_move_assignable_v<T> &&
                           !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(move_only<wskt::socket> && move_only<wskt::loop> && move_only<wskt::config> &&
              move_only<wskt::synthetic_close_event>);
static_assert(std::is_nothrow_move_constructible_v<wskt::socket>);
static_assert(std::is_trivially_copyable_v<wskt::socket_ref>);
// No handler is behind a std::function, and a closure is one pointer away.
static_assert(sizeof(wskt::detail::closure) <= 2 * sizeof(void *));

void moved_sockets_keep_their_handlers() {
    const script talk("text one;expect-text two;answer-close;fin");
    wskt::loop first;
    wskt::loop loop = std::move(first);
    std::list<std::string> seen;
    wskt::socket made(loop, talk.url);
    made.on_message([&seen](wskt::socket_ref s, wskt::message_event m) {
        seen.emplace_back(m.text());
        CHECK(s.send_text("two"));
        s.close(wskt::close_code::normal, "done");
    });
    made.open();
    wskt::socket socket = std::move(made);
    made = std::move(socket);
    socket = std::move(made);
    CHECK(loop.run());
    CHECK(seen == std::list<std::string>{"one"});
    CHECK(socket.close_event()->was_clean());
    CHECK(socket.close_event()->reason() == "done");
    CHECK_STR(talk.frames().c_str(), "text \"two\"\nclose 1000 \"done\"\n");

    // What was moved from refuses and does not crash.
    CHECK(thrown([&] { made.open(); }) == wskt::result::null);
    CHECK(thrown([&] { made.on_open([] {}); }) == wskt::result::null);
    CHECK(thrown([&] { first.dispatch(); }) == wskt::result::null);
    CHECK(thrown([&] { first.start(); }) == wskt::result::null);
    CHECK(thrown([&] { first.stop(); }) == wskt::result::null);
    CHECK(thrown([&] { wskt::socket(first, talk.url); }) == wskt::result::null);
    CHECK(made.try_send_text("x") == wskt::result::null);
    CHECK(made.url().empty() && made.response_body().empty() && !made.close_event());
}

void assignment_frees_what_was_there() {
    wskt::socket one("ws://one/"), two("ws://two/");
    CHECK_INT(wskt::handle_count(), 2);
    one = std::move(two);
    CHECK_INT(wskt::handle_count(), 1);
    CHECK(one.url() == "ws://two/");
    wskt::socket &same = one;
    one = std::move(same);
    CHECK(one.url() == "ws://two/");
}

void a_handler_may_destroy_its_socket() {
    for (const bool on_a_loop : {true, false}) {
        const script talk("text one;drain");
        std::optional<wskt::loop> loop;
        std::optional<wskt::socket> socket;
        if (on_a_loop) {
            socket.emplace(loop.emplace(), talk.url);
        } else {
            socket.emplace(talk.url);
        }
        auto witness = std::make_shared<int>(1);
        bool closed = false, over = false;
        socket->on_message([&socket, &over, witness] {
            socket.reset();
            over = true;
            CHECK_INT(*witness, 1);
        });
        socket->on_close([&closed] { closed = true; });
        if (on_a_loop) {
            socket->open();
            dispatch_until(*loop, over);
        } else {
            CHECK(socket->connect(60s));
            CHECK(socket->run());
        }
        CHECK(over && !closed);
        CHECK_INT(witness.use_count(), 1);
    }
}

void a_handler_may_replace_itself() {
    const script talk("text one;text two;text three;close 1000;expect-close;fin");
    wskt::socket socket(talk.url);
    std::string seen;
    auto witness = std::make_shared<int>(0);
    socket.on_message([&, witness](wskt::message_event first) {
        seen += first.text();
        socket.on_message([&](wskt::message_event second) {
            seen += second.text();
            socket.on_message(nullptr);
        });
        CHECK_INT(witness.use_count(), 2);
    });
    socket.connect();
    CHECK(socket.run());
    CHECK(seen == "onetwo");
    CHECK_INT(witness.use_count(), 1);
    CHECK(socket.run());
}

// -- views -------------------------------------------------------------------

void every_kind_of_handler_and_every_view() {
    const script talk("accept protocol=b header=X-One:1;text gr%C3%BC%C3%9Fe;bin 00ff;"
                      "expect-ping p;expect-bin 0102;close 4001 enough;expect-close;fin");
    wskt::loop loop;
    wskt::config config;
    config.set_open_timeout(60s).set_connect_timeout(60s).set_tls_timeout(60s)
        .set_upgrade_timeout(60s).set_close_timeout(60s).set_linger_timeout(60s)
        .set_send_timeout(60s).set_max_message_size(1000).set_max_fragments(10)
        .set_read_buffer(4096).set_water_marks(10, 1000).set_allow_missing_protocol(false)
        .set_browser_mode(false).add_header("X-Two", "2");
    wskt::socket socket(loop, talk.url, config);
    socket.add_protocol("a");
    socket.add_protocol("b");
    std::string log;
    socket.on_open([&](wskt::socket_ref s) {
        CHECK(s == socket && s.ready_state() == wskt::ready_state::open);
        CHECK(s.protocol() == "b" && s.extensions().empty() && s.url() == talk.url);
        CHECK_INT(s.response_status(), 101);
        CHECK(s.response_header("x-one") == "1" && !s.response_header("x-three"));
        std::set<std::string_view> names;
        for (const auto &[name, value] : s.response_headers()) {
            names.insert(name);
        }
        CHECK_INT(names.count("X-One"), 1);
        CHECK(s.response_body().empty());
        CHECK(s.ping(std::string("p")));
        CHECK(s.try_send_binary(std::array<unsigned char, 2>{1, 2}) == wskt::result::ok);
        s.pause();
        s.resume();
        log += "open ";
    });
    socket.on_message([&](wskt::socket_ref s, wskt::message_event m) {
        CHECK(m.target() == s && m.type() == wskt::event_type::message);
        CHECK(m.is_trusted() && !m.bubbles() && !m.cancelable() && m.timestamp() > 0ms);
        if (m.is_text()) {
            CHECK(m.text() == "gr\u00fc\u00dfe");
            log += "text ";
        } else {
            CHECK(m.kind() == wskt::message_kind::binary);
            const std::vector<std::byte> bytes(m.bytes().begin(), m.bytes().end());
            CHECK((bytes == std::vector<std::byte>{std::byte{0}, std::byte{255}}));
            CHECK(m.bytes()[1] == std::byte{255});
            CHECK(static_cast<std::string_view>(m.bytes()) == m.text());
            log += "binary ";
        }
    });
    socket.on_error([&] { log += "error "; });
    socket.on_drain([&] { log += "drain "; });
    socket.on_close([&](wskt::close_event end) {
        CHECK(end.was_clean() && end.code() == wskt::close_code{4001} && end.reason() == "enough");
        CHECK_INT(end.peer_code(), 4001);
        CHECK(end.cause() == wskt::cause::peer && end.message().empty());
        CHECK_STR(end.type_name(), "close");
        log += "close";
    });
    socket.open();
    CHECK(loop.run());
    CHECK_STR(log.c_str(), "open text binary close");
    CHECK_INT(socket.buffered_amount(), 0);
    talk.frames();
}

void names_and_numbers() {
    CHECK_STR(wskt::name(wskt::result::buffer_full), "WSKT_ERR_BUFFER_FULL");
    CHECK_STR(wskt::text(wskt::result::ok), wskt_result_text(0));
    CHECK_STR(wskt::name(wskt::cause::message_too_big), "message_too_big");
    CHECK_STR(wskt::name(wskt::close_code::going_away), "CLOSE_GOING_AWAY");
    CHECK_STR(wskt::text(wskt::close_code::normal), wskt_close_code_text(1000));
    CHECK(wskt::class_of(wskt::close_code{3500}) == wskt::close_class::library);
    CHECK(wskt::may_send(wskt::close_code::normal) && !wskt::may_send(wskt::close_code::abnormal));
    CHECK(wskt::may_appear(wskt::close_code::going_away));
    CHECK_STR(wskt::version_string(), WSKT_VERSION_STRING);
    CHECK_INT(wskt::version_number(), WSKT_VERSION_NUMBER);
    const std::error_code code = wskt::result::closed;
    CHECK(code == wskt::result::closed && code != wskt::result::timeout);
    CHECK_STR(code.category().name(), "wskt");

    const std::vector<std::uint8_t> vector{1, 2, 3};
    const std::string string("abc");
    CHECK_INT(wskt::bytes_view(vector).size() + wskt::bytes_view(string).size(), 6);
    CHECK(wskt::bytes_view().empty() && wskt::bytes_view("ab", 2)[1] == std::byte{'b'});
    static_assert(!std::is_convertible_v<std::vector<int>, wskt::bytes_view>);
    static_assert(!std::is_convertible_v<const char *, wskt::bytes_view>);
}

// -- events as values --------------------------------------------------------

void blocking() {
    const script talk("expect-text hello;text 'and you';close;expect-close;fin");
    wskt::socket socket(talk.url);
    CHECK(socket.connect(60s));
    CHECK(socket.send_text("hello"));
    std::string log;
    while (const wskt::event event = socket.recv(60s)) {
        CHECK(event.why() == wskt::result::ok && event.target() == socket);
        if (event.as_open()) {
            log += "open ";
        }
        if (const auto message = event.as_message()) {
            log += message->text();
        }
        if (const auto end = event.as_close()) {
            CHECK(end->code() == wskt::close_code::no_status);
            log += " close";
        }
        CHECK(!event.as_error() && !event.as_drain());
    }
    CHECK_STR(log.c_str(), "open and you close");
    CHECK(socket.recv(0ms).why() == wskt::result::closed);
    CHECK(!socket.recv(0ms).as_message());
    // As in browsers, a message to a closed socket goes nowhere.
    CHECK(!socket.send_text("late"));
    CHECK(socket.try_ping() == wskt::result::closed);
    CHECK_INT(socket.buffered_amount(), 4);
    socket.close();
    socket.abort();

    const script quiet("mark up;drain");
    wskt::socket waits(quiet.url);
    waits.connect();
    CHECK(waits.recv().as_open());
    CHECK(waits.recv(1ms).why() == wskt::result::timeout);
    waits.interrupt();
    CHECK(waits.recv().why() == wskt::result::interrupted);
    waits.interrupt();
    CHECK(!waits.run());
}

void compression_is_a_setting_and_a_flag() {
    const script talk("expect-text plain;expect-text later;expect-text %FF;answer-close;fin");
    wskt::config config;
    config.set_deflate(true).set_deflate_no_context_takeover(true, true)
        .set_deflate_max_window_bits(10, 12).set_deflate_level(1).set_deflate_min_size(1);
    wskt::socket socket(talk.url, config);
    socket.connect();
    CHECK(socket.send(wskt::message_kind::text, std::string("plain"),
                      wskt::send_flags::uncompressed));
    CHECK(socket.send(wskt::message_kind::text, std::string("later"), wskt::send_flags::more));
    CHECK_INT(socket.buffered_amount(), 5);
    CHECK(socket.send_begin(wskt::message_kind::text,
                            wskt::send_flags::uncompressed | wskt::send_flags::valid_utf8));
    CHECK(socket.send_chunk(std::string("\xff")) && socket.send_end());
    CHECK(socket.try_send(static_cast<wskt::message_kind>(9), {}) ==
          wskt::result::invalid_argument);
    socket.close(wskt::close_code::normal);
    CHECK(socket.run());
    CHECK_STR(talk.frames().c_str(), "text \"plain\"\ntext \"later\"\ntext fin=0 \"\\xff\"\n"
                                    "continuation \"\"\nclose 1000 \"\"\n");
}

void pulled() {
    const script talk("text a;close 1000;expect-close;fin");
    wskt::loop loop;
    wskt::socket one(loop, talk.url), two(loop, talk.url + "2");
    one.open();
    two.open();
    int messages = 0, closes = 0;
    while (closes < 2) {
        const wskt::event event = loop.next_event(60s);
        CHECK(event && (event.target() == one || event.target() == two));
        messages += event.as_message().has_value();
        closes += event.as_close().has_value();
    }
    CHECK_INT(messages, 2);
    CHECK(loop.next_event(0ms).why() == wskt::result::timeout);
    loop.wake();
    CHECK(loop.next_event().why() == wskt::result::interrupted);
    CHECK(wskt::loop().timeout() == wskt::forever && wskt::loop().fd() >= 0);
}

// -- errors ------------------------------------------------------------------

void what_is_refused_is_thrown() {
    using wskt::result;
    CHECK(thrown([] { wskt::socket("ftp://x"); }) == result::invalid_scheme);
    CHECK(thrown([] { wskt::socket(std::string_view("ws://x\0y", 8)); }) ==
          result::invalid_argument);
    wskt::config config;
    CHECK(thrown([&] { config.set_open_timeout(0ms); }) == result::invalid_argument);
    CHECK(thrown([&] { config.set_read_buffer(4095); }) == result::invalid_argument);
    CHECK(thrown([&] { config.add_header("Host", "x"); }) == result::forbidden_header);
    CHECK(thrown([&] { config.add_header("X", std::string("a\0b", 3)); }) ==
          result::invalid_argument);
    CHECK(thrown([&] { config.add_ca_file("/nonexistent"); }) == result::io);
    CHECK(thrown([&] { config.add_ca_pem("nothing"); }) == result::invalid_certificate);
    CHECK(thrown([&] { config.set_host("a b"); }) == result::invalid_argument);
    CHECK(thrown([&] { config.set_min_tls_version(static_cast<wskt::tls_version>(1)); }) ==
          result::invalid_argument);
    CHECK(thrown([&] { config.set_client_pkcs12({}, "x"); }) == result::invalid_certificate);
    config.set_origin("https://example.com").set_tls_sni(false).set_tls_server_name("localhost");
    try {
        config.set_water_marks(2, 1);
        FAIL("not refused");
    } catch (const std::system_error &refused) {
        // The option, what was wrong with it, and what the result means.
        CHECK(std::string(refused.what()) ==
              std::string(config.error_text()) + ": " + wskt_result_text(WSKT_ERR_INVALID_ARGUMENT));
        CHECK(std::string(refused.what()).rfind("water_marks: ", 0) == 0);
    }

    wskt::socket socket("ws://127.0.0.1:" + std::to_string(port("refused")));
    CHECK(thrown([&] { socket.add_protocol(""); }) == result::invalid_protocol);
    CHECK(thrown([&] { socket.send_text("early"); }) == result::invalid_state);
    CHECK(thrown([&] { socket.recv(); }) == result::invalid_state);
    CHECK(thrown([&] { socket.connect(-2ms); }) == result::invalid_argument);
    CHECK(thrown([&] { socket.connect(std::chrono::hours(24 * 365)); }) ==
          result::invalid_argument);
    try {
        socket.connect();
        FAIL("connected");
    } catch (const wskt::error &refused) {
        CHECK(refused.code() == result::connect_failed);
        const std::string why(socket.close_event()->message());
        CHECK(!why.empty() && std::string(refused.what()).rfind(why, 0) == 0);
    }
    const wskt::event event = socket.recv();
    CHECK(event.as_error()->cause() == wskt::cause::connect);
    CHECK(event.as_error()->os_error() != 0 && event.as_error()->http_status() == 0);
    CHECK(!event.as_error()->message().empty());
    CHECK(thrown([&] { socket.close(wskt::close_code::going_away); }) == result::invalid_access);
    CHECK_STR(socket.error_text() != std::string() ? "told" : "", "told");
}

void a_full_queue_is_told() {
    const script talk("stop-reading;wait go;resume-reading;recvn 2;answer-close;fin");
    wskt::loop loop;
    wskt::config config;
    config.set_water_marks(1, 1);
    wskt::socket socket(loop, talk.url, config);
    bool drained = false, full = false;
    socket.on_open([&](wskt::socket_ref s) {
        CHECK(s.send_binary(std::vector<char>(8 << 20)));
        CHECK(thrown([&] { s.send_text("no"); }) == wskt::result::buffer_full);
        full = s.try_send_text("no") == wskt::result::buffer_full;
        signal_server("go");
    });
    socket.on_drain([&](wskt::socket_ref s) {
        drained = true;
        s.send_text("again");
        s.close();
    });
    socket.open();
    CHECK(loop.run());
    CHECK(full && drained && socket.close_event()->was_clean());
}

void a_message_goes_in_chunks() {
    const script talk("echo 1;close 1000;expect-close;fin");
    wskt::socket socket(talk.url);
    socket.connect();
    CHECK(socket.recv().as_open());
    CHECK(socket.send_begin(wskt::message_kind::text));
    CHECK(socket.send_chunk(std::string("gr\xc3")));
    CHECK(thrown([&] { socket.send_text("no"); }) == wskt::result::invalid_state);
    CHECK(socket.send_chunk(std::string("\xbc\xc3\x9f" "e")));
    CHECK(socket.send_end());
    CHECK(thrown([&] { socket.send_end(); }) == wskt::result::invalid_state);
    const wskt::event event = socket.recv();
    CHECK(event.as_message() && event.as_message()->text() == "gr\u00fc\u00dfe");
    CHECK(socket.recv().as_close());
    CHECK(!socket.send_begin(wskt::message_kind::binary));
}

void a_message_comes_in_chunks() {
    const script talk("frame fin=0 payload=6772c3;frame opcode=cont payload=bc6e;text next;close 1000;expect-close;fin");
    for (const bool pulled : {true, false}) {
        wskt::socket socket(talk.url);
        std::string seen;
        const auto take = [&](const wskt::message_chunk_event &chunk) {
            CHECK(chunk.is_text() && chunk.bytes().size() == chunk.text().size());
            seen += chunk.first() ? "<" : "";
            seen += chunk.text();
            seen += chunk.last() ? ">" : "";
        };
        if (pulled) {
            socket.set_message_chunks(true);
            socket.connect();
            while (const wskt::event event = socket.recv()) {
                if (const auto chunk = event.as_message_chunk()) {
                    CHECK(!event.as_message());
                    take(*chunk);
                }
            }
        } else {
            socket.on_message([](const wskt::message_event &) { CHECK(false); });
            socket.on_message_chunk([&](wskt::socket_ref s, const wskt::message_chunk_event &chunk) {
                CHECK(s == chunk.target());
                take(chunk);
            });
            socket.connect();
            CHECK(socket.run());
        }
        CHECK(seen == "<gr\u00fcn><next>");
        CHECK(socket.close_event()->was_clean());
    }
}

// -- exceptions --------------------------------------------------------------

struct oops : std::runtime_error {
    using runtime_error::runtime_error;
};

template <class F> std::string caught(F &&call) {
    try {
        call();
    } catch (const oops &exception) {
        return exception.what();
    }
    return "none";
}

void from_a_handler_to_run() {
    const script talk("text one;text two;close 1000;expect-close;fin");
    for (const bool on_a_loop : {true, false}) {
        std::optional<wskt::loop> loop;
        std::optional<wskt::socket> socket;
        if (on_a_loop) {
            socket.emplace(loop.emplace(), talk.url + (on_a_loop ? "a" : "b"));
        } else {
            socket.emplace(talk.url);
        }
        const auto run = [&] { return on_a_loop ? loop->run() : socket->run(); };
        socket->on_open([] { throw oops("open"); });
        socket->on_message([](wskt::message_event m) { throw oops(std::string(m.text())); });
        socket->on_close([] { throw oops("close"); });
        if (on_a_loop) {
            socket->open();
        } else {
            socket->connect();
        }
        CHECK_STR(caught(run).c_str(), "open");
        CHECK_STR(caught(run).c_str(), "one");
        CHECK_STR(caught(run).c_str(), "two");
        CHECK_STR(caught(run).c_str(), "close");
        bool ended = false;
        CHECK_STR(caught([&] { while (!(ended = run())) {} }).c_str(), "none");
        CHECK(ended && socket->close_event()->was_clean());
    }
}

void from_a_handler_to_dispatch() {
    const script talk("text one;close 1000;expect-close;fin");
    wskt::loop loop;
    wskt::socket socket(loop, talk.url);
    bool over = false;
    socket.on_message([] { throw oops("message"); });
    socket.on_close([&] { over = true; });
    socket.open();
    int exceptions = 0;
    while (!over) {
        exceptions += caught([&] { dispatch_until(loop, over); }) == "message";
    }
    CHECK_INT(exceptions, 1);
}

void on_a_thread_the_function_of_start_gets_it() {
    const script talk("text one;close 1000;expect-close;fin");
    wskt::loop loop;
    wskt::socket socket(loop, talk.url);
    std::atomic<int> caught_there{0};
    std::thread::id there;
    socket.on_message([] { throw oops("on the thread"); });
    std::atomic<bool> over{false};
    socket.on_close([&] { over = true; });
    loop.start([&](std::exception_ptr exception) {
        there = std::this_thread::get_id();
        caught_there += caught([&] { std::rethrow_exception(exception); }) == "on the thread";
    });
    CHECK(thrown([&] { loop.start(); }) == wskt::result::invalid_state);
    socket.open();
    while (!over) {
        std::this_thread::yield();
    }
    loop.stop();
    CHECK_INT(caught_there, 1);
    CHECK(there != std::this_thread::get_id());
}

void a_synthetic_close_event_throws_where_it_is_dispatched() {
    const script talk("text one;close 1000;expect-close;fin");
    wskt::loop loop;
    wskt::socket socket(loop, talk.url);
    wskt::synthetic_close_event event("close", true, wskt::close_code{4999}, "made up");
    CHECK(event.view().code() == wskt::close_code{4999});
    event.init("close", true, true, false, wskt::close_code{4998}, "changed");
    CHECK(event.view().reason() == "changed" && event.view().bubbles());
    bool over = false, inside = false;
    socket.on_close([&](wskt::close_event end) {
        if (!end.is_trusted()) {
            CHECK(end.code() == wskt::close_code{4998});
            throw oops("handler");
        }
        over = true;
    });
    CHECK_STR(caught([&] { socket.dispatch(event); }).c_str(), "handler");
    socket.on_message([&] {
        inside = caught([&] { socket.dispatch(event); }) == "handler";
    });
    socket.open();
    dispatch_until(loop, over);
    CHECK(inside);
}

// -- log ---------------------------------------------------------------------

void the_log_takes_a_lambda() {
    // It outlives this function: what it captures must, too.
    static std::atomic<int> lines;
    wskt::set_log(wskt::log_level::trace, [count = &lines](wskt::log_level, std::string_view line) {
        *count += !line.empty();
    });
    const script talk("close 1000;expect-close;fin");
    wskt::socket socket(talk.url);
    socket.connect();
    CHECK(socket.run());
    wskt::set_log_off();
    CHECK(lines > 0);
}

// Never returns.
[[noreturn]] void terminate_without_a_caller() {
    const script talk("text one;drain");
    wskt::loop loop;
    wskt::socket socket(loop, talk.url);
    socket.on_message([] { throw oops("nobody"); });
    std::set_terminate([] { _Exit(77); });
    loop.start();
    socket.open();
    pause_ms(limit_ms());
    FAIL("it went on");
}

void a_reconnector_makes_sockets_after_one() {
    const script where("close 1001; expect-close; half-close");
    wskt::loop loop;
    std::string log;
    wskt::socket pattern(loop, where.url);
    pattern.on_attempt([&](const wskt::attempt_event &attempt) {
        log += "attempt " + std::to_string(attempt.number());
        if (const auto previous = attempt.previous()) {
            log += " after " + std::to_string(static_cast<int>(previous->code()));
        }
        log += attempt.delay().count() < 100 ? "\n" : " late\n";
    });
    pattern.on_unsent([&](const wskt::unsent_event &unsent) { log += unsent.text(); });
    pattern.on_open([&](wskt::socket_ref s) { s.send_text("hello"); });
    wskt::reconnector again(std::move(pattern));
    CHECK(!again.socket());
    again.set_delays(1ms, 60000ms).set_max_tries(1);
    again.start();
    CHECK(loop.run());
    CHECK(again.is_over() && again.socket());
    CHECK_STR(log.c_str(), "attempt 1\nattempt 2 after 1001\n");
    wskt::reconnector moved(std::move(again));
    moved.stop();

    wskt::reconnector blocking{wskt::socket(where.url)};
    blocking.set_delays(1ms, 60000ms);
    const auto open = blocking.connect();
    CHECK(open && open->ready_state() == wskt::ready_state::open);
    wskt::reconnector never{wskt::socket("ws://127.0.0.1:1/")};
    never.set_delays(1ms, 1ms).set_max_tries(1);
    CHECK(!never.connect() && never.is_over());
    CHECK(thrown([] { wskt::reconnector(wskt::socket("ws://a/")).set_delays(2ms, 1ms); }) ==
          wskt::result::invalid_delays);
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::string(argv[1]) == "terminate") {
        terminate_without_a_caller();
    }
    begin();
    RUN(moved_sockets_keep_their_handlers);
    RUN(assignment_frees_what_was_there);
    RUN(a_handler_may_destroy_its_socket);
    RUN(a_handler_may_replace_itself);
    RUN(every_kind_of_handler_and_every_view);
    RUN(names_and_numbers);
    RUN(blocking);
    RUN(compression_is_a_setting_and_a_flag);
    RUN(pulled);
    RUN(what_is_refused_is_thrown);
    RUN(a_full_queue_is_told);
    RUN(a_message_goes_in_chunks);
    RUN(a_message_comes_in_chunks);
    RUN(from_a_handler_to_run);
    RUN(from_a_handler_to_dispatch);
    RUN(on_a_thread_the_function_of_start_gets_it);
    RUN(a_synthetic_close_event_throws_where_it_is_dispatched);
    RUN(a_reconnector_makes_sockets_after_one);
    RUN(the_log_takes_a_lambda);
    return end();
}
