import java.time.Duration;
import wskt.Message;
import wskt.WebSocket;

public class Echo {
    public static void main(String[] args) throws Exception {
        WebSocket ws = WebSocket.connect(args[0], null, Duration.ofSeconds(10));
        ws.sendText("hello");
        for (Message message; (message = ws.receive()) != null;) {
            System.out.println(message.text());
            ws.close(1000, "thanks");
        }
        var end = ws.closeEvent();
        System.out.printf("closed: %d \"%s\" (%s)%n", end.code(), end.reason(), end.cause());
    }
}
