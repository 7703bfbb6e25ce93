package wskt;

import static wskt.Tests.LIMIT;
import static wskt.Tests.isEnd;
import static wskt.Tests.refuses;
import static wskt.Tests.same;
import static wskt.Tests.script;
import static wskt.Tests.url;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** Sockets that a listener hears of, all served by one thread. */
final class ListenerTest {
    static final Map<String, Tests.Code> TESTS = Map.of(
            "listeners: echo", ListenerTest::echo,
            "listeners: endings", ListenerTest::endings,
            "listeners: throw", ListenerTest::whatTheyThrow,
            "listeners: pings", ListenerTest::pings,
            "listeners: backpressure", ListenerTest::backpressure,
            "listeners: freed", ListenerTest::freed,
            "listeners: bad use", ListenerTest::badUse);

    private ListenerTest() {
    }

    private static CloseEvent end(WebSocket ws) throws Exception {
        return ws.closed().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    /** Writes down what it hears, and on which threads. */
    private static class Log implements Listener {
        final List<String> log = Collections.synchronizedList(new ArrayList<>());
        final List<Thread> threads = Collections.synchronizedList(new ArrayList<>());

        void add(String what) {
            log.add(what);
            threads.add(Thread.currentThread());
        }

        @Override
        public void onOpen(WebSocket socket) throws IOException {
            add("open");
        }

        @Override
        public void onMessage(WebSocket socket, Message message) throws IOException {
            add(message.text());
        }

        @Override
        public void onError(WebSocket socket, ErrorEvent event) {
            add("error " + event.cause() + " " + event.httpStatus());
        }

        @Override
        public void onClose(WebSocket socket, CloseEvent event) {
            same(socket.closeEvent(), event, "close event");
            same(socket.closed().isDone(), false, "it is told before");
            add("close " + event.code());
        }
    }

    static void echo() throws Exception {
        class Echo extends Log {
            @Override
            public void onOpen(WebSocket socket) throws IOException {
                super.onOpen(socket);
                socket.sendText("grün");
            }

            @Override
            public void onMessage(WebSocket socket, Message message) throws IOException {
                super.onMessage(socket, message);
                socket.close(4000, "bye");
            }
        }

        Config config = new Config().caFile(System.getenv("WSKT_CA")).protocol("b")
                .allowMissingProtocol(true);
        List<Echo> listeners = List.of(new Echo(), new Echo(), new Echo());
        List<WebSocket> sockets = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            sockets.add(WebSocket.open(url(i == 2 ? "wss" : "ws", "/echo"), config, listeners.get(i)));
        }
        for (int i = 0; i < 3; i++) {
            isEnd(end(sockets.get(i)), 4000, "bye", true, "local");
            same(listeners.get(i).log, List.of("open", "grün", "close 4000"), "log");
            // All on one thread, which is not this one.
            for (Thread thread : listeners.get(i).threads) {
                same(thread, listeners.get(0).threads.get(0), "thread");
                same(thread != Thread.currentThread(), true, "thread");
            }
            same(sockets.get(i).state(), WebSocket.State.CLOSED, "state");
            same(sockets.get(i).stats().messagesReceived(), 1L, "stats");
            sockets.get(i).free();
        }
        // A block closes politely, from whatever state.
        Log log = new Log();
        WebSocket left;
        try (WebSocket ws = WebSocket.open(url("ws", "/echo"), null, log)) {
            left = ws;
        }
        isEnd(left.closeEvent(), 1006, "", false, "local");
        same(log.log.get(log.log.size() - 1), "close 1006", "log");
    }

    static void endings() throws Exception {
        for (Map.Entry<String, List<String>> row : Map.of(
                script("text a;close 4001 x;half-close"), List.of("open", "a", "close 4001"),
                script("accept;rst"), List.of("open", "error lost 0", "close 1006"),
                script("http 403 Forbidden"), List.of("error http 403", "close 1006"),
                url("refused", "/"), List.of("error connect 0", "close 1006"),
                url("wss_untrusted", "/"), List.of("error tls 0", "close 1015")).entrySet()) {
            Log log = new Log();
            WebSocket ws = WebSocket.open(row.getKey(), null, log);
            end(ws);
            same(log.log, row.getValue(), row);
            ws.free();
        }
    }

    static void whatTheyThrow() throws Exception {
        List<Throwable> uncaught = Collections.synchronizedList(new ArrayList<>());
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
        try {
            WebSocket ws = WebSocket.open(script("text a;close;half-close"), null, new Log() {
                @Override
                public void onMessage(WebSocket socket, Message message) throws IOException {
                    super.onMessage(socket, message);
                    throw new IOException("mine");
                }

                @Override
                public void onClose(WebSocket socket, CloseEvent event) {
                    throw new AssertionError("mine too");
                }
            });
            isEnd(end(ws), 1005, "", true, "peer");
            // The handler hears of the last one after the future.
            for (long until = System.nanoTime() + LIMIT.toNanos();
                    uncaught.size() < 2 && System.nanoTime() < until;) {
                Thread.sleep(1);
            }
            same(uncaught.stream().map(Throwable::getMessage).toList(), List.of("mine", "mine too"),
                    uncaught);
            ws.free();
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(null);
        }
    }

    static void pings() throws Exception {
        List<String> seen = new ArrayList<>();
        WebSocket ws = WebSocket.open(script("ping hi;expect-pong hi;pong oh;close;half-close"),
                new Config().pingEvents(true), new Listener() {
                    @Override
                    public void onPing(WebSocket socket, byte[] data) {
                        seen.add("ping " + new String(data));
                    }

                    @Override
                    public void onPong(WebSocket socket, byte[] data) {
                        seen.add("pong " + new String(data));
                    }
                });
        end(ws);
        same(seen, List.of("ping hi", "pong oh"), "pings");
        ws.free();
    }

    static void backpressure() throws Exception {
        Semaphore drains = new Semaphore(0);
        CountDownLatch open = new CountDownLatch(1);
        WebSocket ws = WebSocket.open(script("stop-reading;wait java-reads;resume-reading;drain"),
                new Config().waterMarks(1, 2), new Listener() {
                    @Override
                    public void onOpen(WebSocket socket) {
                        open.countDown();
                    }

                    @Override
                    public void onDrain(WebSocket socket) {
                        drains.release();
                    }
                });
        same(open.await(LIMIT.toSeconds(), TimeUnit.SECONDS), true, "open");
        byte[] much = new byte[1 << 20];
        // Until the kernels have taken all they can.
        do {
            refuses(-16, IllegalStateException.class, "", () -> {
                for (;;) {
                    ws.sendBinary(much);
                }
            });
        } while (drains.tryAcquire(100, TimeUnit.MILLISECONDS));
        var signal = java.net.URI.create("http://127.0.0.1:" + System.getenv("WSKT_PORT_WS")
                + "/signal/java-reads").toURL();
        signal.openStream().close();
        same(drains.tryAcquire(LIMIT.toSeconds(), TimeUnit.SECONDS), true, "drain");
        ws.sendBinary(much);
        ws.free();
        // Whoever does not read makes the peer wait.
        Log log = new Log() {
            @Override
            public void onOpen(WebSocket socket) throws IOException {
                super.onOpen(socket);
                socket.pause();
                socket.resume();
            }
        };
        WebSocket flood = WebSocket.open(url("ws", "/flood?n=100&size=10&kind=text"), null, log);
        end(flood);
        same(log.log.size(), 102, "messages");
        flood.free();
    }

    static void freed() throws Exception {
        Log log = new Log();
        WebSocket ws = WebSocket.open(url("ws", "/echo"), null, log);
        CompletableFuture<CloseEvent> closed = ws.closed();
        ws.free();
        ws.free();
        try {
            closed.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            throw new AssertionError("it ended");
        } catch (ExecutionException e) {
            same(((WsktError) e.getCause()).result(), -17, e);
        }
        for (Tests.Code code : List.<Tests.Code>of(() -> ws.sendText("x"), ws::pause, ws::resume,
                ws::stats, () -> ws.close(1000, ""))) {
            refuses(-17, IOException.class, "it was freed", code);
        }
        same(log.log.contains("close 1006"), false, "nothing is told");
        // A listener may free its socket, and hears nothing more.
        CompletableFuture<WebSocket> opened = new CompletableFuture<>();
        Log other = new Log() {
            @Override
            public void onOpen(WebSocket socket) throws IOException {
                super.onOpen(socket);
                socket.free();
                opened.complete(socket);
            }
        };
        WebSocket.open(script("text a;close;half-close"), null, other);
        opened.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        same(other.log, List.of("open"), "log");
    }

    static void badUse() throws Exception {
        try {
            WebSocket.open(url("ws", "/echo"), null, null);
            throw new AssertionError("null was taken");
        } catch (NullPointerException expected) {
            // Java's own error for it.
        }
        refuses(-4, IllegalArgumentException.class, "", () -> WebSocket.open("ws:// x", null, new Log()));
        refuses(-8, IllegalArgumentException.class, "", () ->
                WebSocket.open(url("ws", "/"), new Config().protocol("a").protocol("a"), new Log()));
        List<Exception> refused = new ArrayList<>();
        WebSocket ws = WebSocket.open(url("ws", "/echo"), null, new Log() {
            @Override
            public void onOpen(WebSocket socket) throws IOException {
                try {
                    socket.close();
                } catch (IllegalStateException e) {
                    refused.add(e);
                }
                socket.close(1000, "");
            }
        });
        refuses(-3, IllegalStateException.class, "", ws::receive);
        end(ws);
        same(((WsktError) refused.get(0)).result(), -20, refused);
        ws.free();
    }
}
