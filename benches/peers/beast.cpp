// Boost.Beast, synchronous. Its documentation's advice for speed is followed:
// auto_fragment off, the write buffer as large as a message up to 1 MiB, one
// flat_buffer used again and again.
#include "../clients/bench.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Plain = websocket::stream<tcp::socket>;
using Tls = websocket::stream<asio::ssl::stream<tcp::socket>>;

static bench work;
static asio::io_context context;
static asio::ssl::context tls{asio::ssl::context::tls_client};

template <class Stream> std::unique_ptr<Stream> open_one() {
    std::unique_ptr<Stream> stream;
    if constexpr (std::is_same_v<Stream, Plain>)
        stream = std::make_unique<Plain>(context);
    else
        stream = std::make_unique<Tls>(context, tls);
    auto &socket = beast::get_lowest_layer(*stream);
    socket.connect({asio::ip::make_address(work.host), static_cast<unsigned short>(work.port)});
    socket.set_option(tcp::no_delay(true));
    if constexpr (std::is_same_v<Stream, Tls>)
        stream->next_layer().handshake(asio::ssl::stream_base::client);
    if (bench_is(&work, "deflate")) {
        websocket::permessage_deflate option;
        option.client_enable = true;
        stream->set_option(option);
    }
    stream->auto_fragment(false);
    stream->write_buffer_bytes(std::clamp<std::size_t>(work.size + 16, 4096, 1 << 20));
    stream->read_message_max(64u << 20);
    stream->handshake(work.host, work.path);
    stream->binary(work.kind[0] == 'b');
    return stream;
}

template <class Stream> void send_one(Stream &stream) {
    stream.write(asio::buffer(work.payload, work.size));
}

template <class Stream> void read_one(Stream &stream, beast::flat_buffer &buffer) {
    buffer.consume(buffer.size());
    stream.read(buffer);
}

template <class Stream> int run() {
    beast::flat_buffer buffer;
    if (bench_is(&work, "openclose")) {
        bench_begin(&work);
        for (uint64_t i = 0; i < work.count; i++)
            open_one<Stream>()->close(websocket::close_code::normal);
        bench_end(&work);
        return 0;
    }
    if (bench_is(&work, "idle")) {
        std::vector<std::unique_ptr<Stream>> all;
        work.rss_began = bench_rss();
        bench_begin(&work);
        for (uint64_t i = 0; i < work.count; i++)
            all.push_back(open_one<Stream>());
        bench_end(&work);
        return 0;
    }
    auto owner = open_one<Stream>();
    auto &stream = *owner;
    if (bench_is(&work, "pingpong") || bench_is(&work, "pipeline")) {
        const uint64_t window = bench_is(&work, "pipeline") ? BENCH_WINDOW : 1;
        uint64_t sent = 0;
        bench_begin(&work);
        for (; sent < window; sent++)
            send_one(stream);
        for (uint64_t done = 0; done < work.count; done++) {
            read_one(stream, buffer);
            bench_check(&work, buffer.data().data(), buffer.size());
            if (sent < work.count) {
                send_one(stream);
                sent++;
            }
        }
    } else if (bench_is(&work, "receive")) {
        bench_begin(&work);
        stream.write(asio::buffer("go", 2));
        for (uint64_t done = 0; done < work.count; done++) {
            read_one(stream, buffer);
            bench_check(&work, buffer.data().data(), buffer.size());
        }
    } else if (bench_is(&work, "send")) {
        bench_begin(&work);
        for (uint64_t sent = 0; sent < work.count; sent++)
            send_one(stream);
        read_one(stream, buffer);
        bench_check_sink(&work, buffer.data().data(), buffer.size());
    } else if (bench_is(&work, "deflate")) {
        char json[BENCH_JSON];
        bench_begin(&work);
        for (uint64_t done = 0; done < work.count; done++) {
            bench_json(json, done);
            stream.write(asio::buffer(json));
            read_one(stream, buffer);
            if (buffer.size() != sizeof json || memcmp(buffer.data().data(), json, sizeof json) != 0)
                bench_die("a wrong message");
        }
    } else {
        return BENCH_UNSUPPORTED;
    }
    bench_end(&work);
    return 0;
}

int main(int argc, char **argv) {
    bench_init(&work, argc, argv);
    if (!work.tls)
        return run<Plain>();
    tls.load_verify_file(work.ca);
    tls.set_verify_mode(asio::ssl::verify_peer);
    return run<Tls>();
}
