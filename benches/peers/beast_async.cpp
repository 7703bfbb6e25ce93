// Boost.Beast, asynchronous, one thread: one read and one write under way at a
// time on a socket, as its documentation asks for. Settings as in beast.cpp.
#include "../clients/bench.h"

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;

static bench work;
static asio::io_context context{1};
static uint64_t sent, done;

class Session : public std::enable_shared_from_this<Session> {
  public:
    Session() : stream_(context) {
        // The handshakes come before the clock: blocking is simplest.
        auto &socket = stream_.next_layer();
        socket.connect({asio::ip::make_address(work.host), static_cast<unsigned short>(work.port)});
        socket.set_option(tcp::no_delay(true));
        stream_.auto_fragment(false);
        stream_.write_buffer_bytes(std::clamp<std::size_t>(work.size + 16, 4096, 1 << 20));
        stream_.read_message_max(64u << 20);
        stream_.handshake(work.host, work.path);
        stream_.binary(work.kind[0] == 'b');
    }

    void read() {
        buffer_.consume(buffer_.size());
        stream_.async_read(buffer_, beast::bind_front_handler(&Session::on_read, shared_from_this()));
    }

    // Writes queue up behind the one that is under way.
    void send(std::size_t messages) {
        waiting_ += messages;
        if (!writing_ && waiting_ > 0)
            write();
    }

    void go() {
        stream_.async_write(asio::buffer("go", 2), [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (error)
                bench_die("write: %s", error.message().c_str());
        });
    }

  private:
    void write() {
        writing_ = true;
        waiting_--;
        sent++;
        stream_.async_write(asio::buffer(work.payload, work.size),
                            beast::bind_front_handler(&Session::on_write, shared_from_this()));
    }

    void on_write(beast::error_code error, std::size_t) {
        if (error)
            bench_die("write: %s", error.message().c_str());
        writing_ = false;
        send(0);
    }

    void on_read(beast::error_code error, std::size_t) {
        if (error)
            bench_die("read: %s", error.message().c_str());
        if (bench_is(&work, "send")) {
            bench_check_sink(&work, buffer_.data().data(), buffer_.size());
            context.stop();
            return;
        }
        bench_check(&work, buffer_.data().data(), buffer_.size());
        if (++done == work.count) {
            context.stop();
            return;
        }
        if (bench_is(&work, "fan") || (!bench_is(&work, "receive") && sent + waiting_ < work.count))
            send(1);
        read();
    }

    websocket::stream<tcp::socket> stream_;
    beast::flat_buffer buffer_;
    std::size_t waiting_ = 0;
    bool writing_ = false;
};

int main(int argc, char **argv) {
    std::vector<std::shared_ptr<Session>> all;
    bench_init(&work, argc, argv);
    const bool known = bench_is(&work, "pingpong") || bench_is(&work, "pipeline") || bench_is(&work, "receive") ||
                       bench_is(&work, "send") || bench_is(&work, "fan");
    if (work.tls || !known)
        return BENCH_UNSUPPORTED;
    for (std::size_t i = 0; i < work.connections; i++) {
        all.push_back(std::make_shared<Session>());
        all.back()->read();
    }
    bench_begin(&work);
    if (bench_is(&work, "receive"))
        all[0]->go();
    else if (bench_is(&work, "send"))
        all[0]->send(work.count);
    else
        all[0]->send(bench_is(&work, "pipeline") ? BENCH_WINDOW : 1);
    context.run();
    bench_end(&work);
    std::_Exit(0);
}
