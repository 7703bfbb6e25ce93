package wskt;

import static wskt.Tests.LIMIT;
import static wskt.Tests.isEnd;
import static wskt.Tests.refuses;
import static wskt.Tests.same;
import static wskt.Tests.script;
import static wskt.Tests.url;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Messages in chunks, and reconnectors. */
final class ReconnectorTest {
    static final Map<String, Tests.Code> TESTS = Map.of(
            "chunks", ReconnectorTest::chunks,
            "chunks: listener", ReconnectorTest::chunksForAListener,
            "reconnector: each socket", ReconnectorTest::eachSocket,
            "reconnector: the program ends it", ReconnectorTest::theProgramEndsIt,
            "reconnector: no connection", ReconnectorTest::noConnection,
            "reconnector: listener", ReconnectorTest::forAListener,
            "reconnector: unsent", ReconnectorTest::unsent,
            "reconnector: closed at any time", ReconnectorTest::closedAtAnyTime,
            "reconnector: values", ReconnectorTest::values);
    private static final String MANY = "frame fin=0 text=Gr%C3%BC;ping x;"
            + "frame opcode=cont text=%C3%9Fe;binn 400000;text;"
            + "close 1000;expect-close;half-close";
    private static final String GOING_AWAY = "text a;close 1001;expect-close;half-close";
    private static final Reconnector.Tries QUICK =
            new Reconnector.Tries(Duration.ofMillis(1), Duration.ofMinutes(1), 2);

    private ReconnectorTest() {
    }

    private static Config config() {
        return new Config().caFile(System.getenv("WSKT_CA"));
    }

    /** They begin and end where they should, and are all there. */
    private static void whole(List<Chunk> chunks) {
        List<byte[]> messages = new ArrayList<>();
        ByteArrayOutputStream inside = null;
        for (Chunk chunk : chunks) {
            same(chunk.isFirst(), inside == null, "first");
            same(chunk.bytes().length <= 128 << 10, true, "length");
            same(chunk.isText(), messages.size() != 1, "kind");
            inside = inside == null ? new ByteArrayOutputStream() : inside;
            inside.writeBytes(chunk.bytes());
            if (chunk.isLast()) {
                messages.add(inside.toByteArray());
                inside = null;
            }
        }
        same(messages.size(), 3, "messages");
        same(chunks.size() > 5, true, chunks.size());
        same(new String(messages.get(0), StandardCharsets.UTF_8), "Grüße", "text");
        same(messages.get(2).length, 0, "empty");
        same(messages.get(1).length, 400000, "binary");
        for (int i = 0; i < 400000; i++) {
            same(messages.get(1)[i], (byte) (i % 251), i);
        }
    }

    static void chunks() throws Exception {
        Config chunked = config().messageChunks(true);
        try (WebSocket ws = WebSocket.connect(script(MANY), chunked, LIMIT)) {
            refuses(-3, IllegalStateException.class, "chunks", () -> ws.receive(LIMIT));
            List<Chunk> all = new ArrayList<>();
            for (Chunk chunk; (chunk = ws.receiveChunk(LIMIT)) != null;) {
                all.add(chunk);
            }
            whole(all);
        }
        try (WebSocket ws = Tests.connect(url("ws", "/echo"))) {
            ws.sendText("whole");
            Chunk chunk = ws.receiveChunk(LIMIT);
            same(List.of(chunk.text(), chunk.isFirst(), chunk.isLast()),
                    List.of("whole", true, true), chunk);
        }
    }

    static void chunksForAListener() throws Exception {
        List<Chunk> all = Collections.synchronizedList(new ArrayList<>());
        Listener listener = new Listener() {
            @Override
            public void onMessage(WebSocket socket, Message message) {
                throw new AssertionError(message);
            }

            @Override
            public void onChunk(WebSocket socket, Chunk chunk) {
                all.add(chunk);
            }
        };
        Config chunked = config().messageChunks(true);
        WebSocket ws = WebSocket.open(script(MANY), chunked, listener);
        same(ws.closed().get(LIMIT.toSeconds(), TimeUnit.SECONDS).code(), 1000, "code");
        whole(all);
        ws.free();
    }

    static void eachSocket() throws Exception {
        List<String> log = new ArrayList<>();
        WebSocket last = null;
        try (Reconnector reconnector = new Reconnector(script(GOING_AWAY), config(), QUICK)) {
            for (int i = 0; i < 3; i++) {
                WebSocket ws = reconnector.connect(LIMIT);
                if (last != null) {
                    refuses(-17, IOException.class, "", last::url);
                }
                last = ws;
                same(ws.receive(LIMIT).text(), "a", "message");
                same(ws.receive(LIMIT), null, "end");
                log.add(ws.closeEvent().code() + " " + reconnector.isOver());
            }
            same(log, List.of("1001 false", "1001 false", "1001 true"), "log");
            refuses(-17, IOException.class, "", () -> reconnector.connect(LIMIT));
            try {
                reconnector.connect(LIMIT);
            } catch (WsktError.Io e) {
                same(e.closeEvent().code(), 1001, "close event");
            }
        }
        WebSocket late = last;
        refuses(-17, IOException.class, "", () -> late.sendText("too late"));
        same(late.closeEvent().code(), 1001, "close event");
    }

    static void theProgramEndsIt() throws Exception {
        try (Reconnector reconnector = new Reconnector(url("wss", "/echo"), config(), QUICK)) {
            WebSocket ws = reconnector.connect(LIMIT);
            ws.sendText("hello");
            same(ws.receive(LIMIT).text(), "hello", "message");
            refuses(-3, IllegalStateException.class, "", () -> reconnector.connect(LIMIT));
            ws.close(1000, "bye");
            same(ws.receive(LIMIT), null, "end");
            isEnd(ws.closeEvent(), 1000, "bye", true, "local");
            same(reconnector.isOver(), true, "over");
        }
    }

    static void noConnection() throws Exception {
        try (Reconnector reconnector = new Reconnector(url("refused", "/"), null, QUICK)) {
            refuses(-27, IOException.class, "", () -> reconnector.connect(LIMIT));
        }
        Reconnector.Tries slow =
                new Reconnector.Tries(Duration.ofMinutes(1), Duration.ofMinutes(1), 0);
        try (Reconnector reconnector = new Reconnector(url("refused", "/"), null, slow)) {
            refuses(-18, SocketTimeoutException.class, "",
                    () -> reconnector.connect(Duration.ofMillis(10)));
            reconnector.stop();
            refuses(-17, IOException.class, "", () -> reconnector.connect(LIMIT));
        }
    }

    static void forAListener() throws Exception {
        List<String> log = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<String> over = new CompletableFuture<>();
        CompletableFuture<Reconnector> made = new CompletableFuture<>();
        Reconnector reconnector = Reconnector.open(script(GOING_AWAY), config(), QUICK,
                new Listener() {
                    @Override
                    public void onAttempt(WebSocket socket, Attempt attempt) throws Exception {
                        same(attempt.delay().toMillis() <= 2, true, attempt);
                        same(made.get().socket(), socket, "socket");
                        log.add(attempt.number() + " " + (attempt.previous() == null ? "-"
                                : attempt.previous().code()));
                    }

                    @Override
                    public void onMessage(WebSocket socket, Message message) {
                        log.add(message.text());
                    }

                    @Override
                    public void onClose(WebSocket socket, CloseEvent event) throws Exception {
                        log.add("close");
                        if (made.get().isOver()) {
                            over.complete(event.code() + "");
                        }
                    }
                });
        made.complete(reconnector);
        same(over.get(LIMIT.toSeconds(), TimeUnit.SECONDS), "1001", "the last code");
        same(log, List.of("1 -", "a", "close", "2 1001", "a", "close", "3 1001", "a", "close"),
                "log");
        refuses(-3, IllegalStateException.class, "listener", () -> reconnector.connect(LIMIT));
        reconnector.close();
    }

    static void unsent() throws Exception {
        List<String> back = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<CloseEvent> end = new CompletableFuture<>();
        Config config = config().waterMarks(1 << 20, 1 << 26);
        Reconnector reconnector = Reconnector.open(script("rcvbuf 65536;stop-reading"), config,
                QUICK, new Listener() {
                    @Override
                    public void onOpen(WebSocket socket) throws Exception {
                        for (int i = 0; i < 300; i++) {
                            socket.sendText(String.format("%03d", i) + "x".repeat(40000));
                        }
                        socket.abort();
                    }

                    @Override
                    public void onUnsent(WebSocket socket, Message message) {
                        back.add(message.text().substring(0, 3));
                    }

                    @Override
                    public void onClose(WebSocket socket, CloseEvent event) {
                        end.complete(event);
                    }
                });
        isEnd(end.get(LIMIT.toSeconds(), TimeUnit.SECONDS), 1006, "", false, "abort");
        same(back.isEmpty(), false, "nothing came back");
        for (int i = 0; i < back.size(); i++) {
            same(back.get(i), String.format("%03d", 300 - back.size() + i), back);
        }
        reconnector.close();
    }

    static void closedAtAnyTime() throws Exception {
        CompletableFuture<WebSocket> opened = new CompletableFuture<>();
        Reconnector one = Reconnector.open(url("ws", "/echo"), null, null, new Listener() {
            @Override
            public void onOpen(WebSocket socket) {
                opened.complete(socket);
            }

            @Override
            public void onClose(WebSocket socket, CloseEvent event) {
                throw new AssertionError(event);
            }
        });
        WebSocket ws = opened.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        one.close();
        one.close();
        one.stop();
        same(one.isOver(), true, "over");
        same(ws.state(), WebSocket.State.CLOSED, "state");
        same(ws.closed().isCompletedExceptionally(), true, "future");

        // Inside a call of its listener, between two sockets.
        CompletableFuture<Reconnector> made = new CompletableFuture<>();
        CompletableFuture<Integer> second = new CompletableFuture<>();
        made.complete(Reconnector.open(url("refused", "/"), null, QUICK, new Listener() {
            @Override
            public void onAttempt(WebSocket socket, Attempt attempt) throws Exception {
                if (attempt.number() == 2) {
                    made.get().close();
                    second.complete(2);
                }
            }
        }));
        second.get(LIMIT.toSeconds(), TimeUnit.SECONDS);

        // While another thread waits.
        Reconnector.Tries slow =
                new Reconnector.Tries(Duration.ofMinutes(1), Duration.ofMinutes(1), 0);
        Reconnector waiting = new Reconnector(url("refused", "/"), null, slow);
        CompletableFuture<Throwable> got = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                waiting.connect(null);
            } catch (IOException | RuntimeException e) {
                got.complete(e);
            }
        });
        thread.start();
        waiting.close();
        same(got.get(LIMIT.toSeconds(), TimeUnit.SECONDS) instanceof WsktError.Io, true, "thrown");
        thread.join();
    }

    static void values() throws Exception {
        Duration one = Duration.ofSeconds(1);
        refuses(-31, IllegalArgumentException.class, "", () -> new Reconnector("ws://x", null,
                new Reconnector.Tries(Duration.ZERO, one, 1)));
        refuses(-31, IllegalArgumentException.class, "", () -> new Reconnector("ws://x", null,
                new Reconnector.Tries(one, Duration.ofMillis(1), 1)));
        refuses(-2, IllegalArgumentException.class, "tries", () -> new Reconnector("ws://x", null,
                new Reconnector.Tries(one, one, -1)));
        refuses(-5, IllegalArgumentException.class, "", () -> new Reconnector("ftp://x", null,
                null));
    }
}
