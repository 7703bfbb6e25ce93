#include <iostream>
#include <wskt.hpp>

int main(int, char **argv)
{
    wskt::loop loop;
    wskt::socket ws(loop, argv[1]);
    ws.on_open([](wskt::socket_ref s) { s.send_text("hello"); });
    ws.on_message([](wskt::socket_ref s, wskt::message_event message) {
        std::cout << message.text() << '\n';
        s.close(wskt::close_code::normal, "thanks");
    });
    ws.on_close([](wskt::close_event end) {
        std::cout << "closed: " << static_cast<int>(end.code()) << " \"" << end.reason()
                  << "\" (" << name(end.cause()) << ")\n";
    });
    ws.open();
    loop.run();
}
