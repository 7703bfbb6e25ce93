import java.io.IOException;
import wskt.Listener;
import wskt.Message;
import wskt.WebSocket;

public class EchoListener {
    public static void main(String[] args) throws Exception {
        WebSocket ws = WebSocket.open(args[0], null, new Listener() {
            @Override
            public void onOpen(WebSocket socket) throws IOException {
                socket.sendText("hello");
            }

            @Override
            public void onMessage(WebSocket socket, Message message) throws IOException {
                System.out.println(message.text());
                socket.close(1000, "thanks");
            }
        });
        var end = ws.closed().get();
        System.out.printf("closed: %d \"%s\" (%s)%n", end.code(), end.reason(), end.cause());
    }
}
