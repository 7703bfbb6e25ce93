package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.SocketTimeoutException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** All tests of the package, with the environment that tests/bindings.rs gives. */
public final class Tests {
    static final Duration LIMIT = Duration.ofSeconds(30);
    private static int ids;

    interface Code {
        void run() throws Exception;
    }

    static String url(String port, String path) {
        String scheme = port.startsWith("wss") ? "wss" : "ws";
        return scheme + "://localhost:" + System.getenv("WSKT_PORT_" + port.toUpperCase()) + path;
    }

    /** The URL that makes the server run a script. */
    static String script(String text) {
        return script("ws", text);
    }

    static String script(String port, String text) {
        String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
        return url(port, "/s/" + encoded + "?id=java" + ids++);
    }

    static WebSocket connect(String url) throws IOException {
        return WebSocket.connect(url, new Config().caFile(System.getenv("WSKT_CA")), LIMIT);
    }

    static void same(Object got, Object expected, Object what) {
        if (!Objects.equals(got, expected)) {
            throw new AssertionError(what + ": got " + got + ", not " + expected);
        }
    }

    static void isEnd(CloseEvent end, int code, String reason, boolean clean,
            String cause) {
        same(List.of(end.code(), end.reason(), end.wasClean(), end.cause()),
                List.of(code, reason, clean, cause), end);
        same(end.message().isEmpty(), clean, end);
    }

    /** A result, in a class that is one of Java's own, with the library's text. */
    static void refuses(int result, Class<?> kind, String detail, Code code)
            throws Exception {
        try {
            code.run();
        } catch (IOException | RuntimeException e) {
            if (!kind.isInstance(e) || !(e instanceof WsktError)) {
                throw e;
            }
            WsktError error = (WsktError) e;
            same(error.result(), result, e);
            same(error.text(), Native.LIB.wskt_result_text(result), e);
            same(e.getMessage().startsWith(error.text()), true, e);
            same(e.getMessage().contains(detail), true, e);
            return;
        }
        throw new AssertionError("it was not refused: " + result);
    }

    static Matcher find(String json, String pattern) {
        Matcher found = Pattern.compile(pattern).matcher(json);
        same(found.find(), true, pattern);
        return found;
    }

    static void theInterface() throws Exception {
        String json = Files.readString(Path.of(System.getenv("WSKT_INTERFACE")));
        Pointer nowhere = new com.sun.jna.Memory(256);
        Map<String, Native.Struct> structs = Map.of("wskt_event", new Native.Event(nowhere),
                "wskt_message_event", new Native.MessageEvent(nowhere),
                "wskt_close_event", new Native.RawCloseEvent(nowhere),
                "wskt_error_event", new Native.RawErrorEvent(nowhere),
                "wskt_ping_event", new Native.PingEvent(nowhere),
                "wskt_pong_event", new Native.PingEvent(nowhere),
                "wskt_message_chunk_event", new Native.MessageChunkEvent(nowhere),
                "wskt_attempt_event", new Native.RawAttemptEvent(nowhere),
                "wskt_unsent_event", new Native.MessageEvent(nowhere),
                "wskt_stats", new Native.RawStats());
        for (Map.Entry<String, Native.Struct> entry : structs.entrySet()) {
            Matcher header = find(json,
                    "\"" + entry.getKey() + "\": \\{\"size\": (\\d+), \"fields\": (\\{.*\\})");
            // The header may have grown at the end.
            same(entry.getValue().size() <= Integer.parseInt(header.group(1)), true, header);
            String[] order =
                    entry.getValue().getClass().getAnnotation(Structure.FieldOrder.class).value();
            for (String field : order) {
                Matcher place = find(header.group(2), "\"" + field + "\": \\[(\\d+), (\\d+)\\]");
                same(entry.getValue().offsetOf(field), Integer.parseInt(place.group(1)), field);
            }
        }
        int constants = 0;
        for (Field field : Native.class.getDeclaredFields()) {
            if (field.getName().startsWith("WSKT_")) {
                Matcher header = find(json, "\"" + field.getName() + "\": (-?\\d+)");
                same(field.getInt(null), Integer.parseInt(header.group(1)), field);
                constants++;
            }
        }
        same(constants > 10, true, "constants");
        Map<String, List<Class<?>>> types = new TreeMap<>(Map.of("void", List.of(void.class),
                "bool", List.of(byte.class), "size_t", List.of(Native.Size.class),
                "int32_t", List.of(int.class), "uint32_t", List.of(int.class),
                "int64_t", List.of(long.class), "uint64_t", List.of(long.class),
                "uint16_t", List.of(short.class), "wskt_result", List.of(int.class),
                "wskt_ready_state", List.of(int.class)));
        types.put("wskt_destroy_fn", List.of(Pointer.class));
        for (Method method : Functions.class.getDeclaredMethods()) {
            String list = find(json, "\"" + method.getName() + "\": \\[(.*?)\\]").group(1);
            String[] header = list.substring(1, list.length() - 1).split("\", \"");
            same(method.getParameterCount(), header.length - 1, method);
            for (int i = 0; i < header.length; i++) {
                Class<?> ours = i == 0 ? method.getReturnType() : method.getParameterTypes()[i - 1];
                same(header[i].contains("*") ? !ours.isPrimitive()
                        : types.get(header[i]).contains(ours), true, method);
            }
        }
        Matcher results = Pattern.compile("\"(WSKT_ERR_\\w+)\": (-\\d+)").matcher(json);
        while (results.find()) {
            int result = Integer.parseInt(results.group(2));
            refuses(result, Exception.class, "", () -> WsktError.check(result, "", null));
            same(Native.LIB.wskt_result_name(result), results.group(1), result);
        }
    }

    static void echo() throws Exception {
        for (String port : List.of("ws", "wss")) {
            WebSocket ws = connect(url(port, "/echo"));
            same(ws.url(), url(port, "/echo"), "url");
            same(ws.state(), WebSocket.State.OPEN, "state");
            for (String text : List.of("Grüße, 世界 🌍", "", "a\0b", "x".repeat(80000))) {
                ws.sendText(text);
                Message message = ws.receive(LIMIT);
                same(message.isText(), true, "kind");
                same(message.text(), text, "text");
                byte[] bytes = (text + "\0").getBytes(StandardCharsets.UTF_16);
                ws.sendBinary(bytes);
                message = ws.receive(LIMIT);
                same(message.isText(), false, "kind");
                same(Arrays.equals(message.bytes(), bytes), true, "bytes");
            }
            ws.ping(new byte[125]);
            refuses(-18, SocketTimeoutException.class, "", () -> ws.receive(Duration.ZERO));
            ws.close(3999, "tschüß");
            same(ws.receive(LIMIT), null, "end");
            isEnd(ws.closeEvent(), 3999, "tschüß", true, "local");
            same(ws.receive(), null, "after the end");
            refuses(-17, IOException.class, "", () -> ws.sendText("too late"));
            same(ws.bufferedAmount(), 8L, "what was refused is counted");
            ws.close();
        }
    }

    static void endings() throws Exception {
        record Row(String script, String messages, int code, String reason, boolean clean,
                String cause) {}
        for (Row row : List.of(
                new Row("text a;bin 62;close 4001 auf Wiedersehen;half-close", "ab", 4001,
                        "auf Wiedersehen", true, "peer"),
                new Row("close;half-close", "", 1005, "", true, "peer"),
                new Row("text a;rst", "a", 1006, "", false, "lost"),
                new Row("frame rsv=7 payload=text:a;expect-close;half-close", "", 1006, "", false,
                        "protocol"))) {
            try (WebSocket ws = connect(script(row.script))) {
                StringBuilder got = new StringBuilder();
                for (Message message; (message = ws.receive(LIMIT)) != null;) {
                    got.append(message.text());
                }
                same(got.toString(), row.messages, row);
                isEnd(ws.closeEvent(), row.code, row.reason, row.clean, row.cause);
            }
        }
        WebSocket left;
        try (WebSocket ws = connect(url("ws", "/echo"))) {
            left = ws;
        }
        isEnd(left.closeEvent(), 1000, "", true, "local");
        WebSocket ws = WebSocket.connect(
                script("accept protocol=b header=X-A:1;drain"), new Config().protocol("b")
                        .deflate(true).deflateLevel(9).deflateMinSize(0).deflateMaxWindowBits(9, 9)
                        .deflateNoContextTakeover(true, false), LIMIT);
        same(ws.protocol(), "b", "protocol");
        same(ws.responseHeader("x-a"), "1", "header");
        same(ws.responseHeader("x-b"), null, "header");
        ws.abort();
        same(ws.receive(), null, "end");
        isEnd(ws.closeEvent(), 1006, "", false, "abort");
        ws.free();
    }

    static void noConnection() throws Exception {
        record Row(String url, int code, String cause) {}
        for (Row row : List.of(new Row(url("refused", "/"), 1006, "connect"),
                new Row(url("wss_untrusted", "/"), 1015, "tls"),
                new Row(script("http 403 Forbidden"), 1006, "http"))) {
            refuses(-27, IOException.class, "", () -> connect(row.url));
            try {
                connect(row.url);
            } catch (WsktError.Io e) {
                isEnd(e.closeEvent(), row.code, "", false, row.cause);
                same(e.getMessage().endsWith(e.closeEvent().message()), true, e);
            }
        }
        Config quick = new Config().openTimeout(Duration.ofMillis(50));
        refuses(-18, SocketTimeoutException.class, "",
                () -> WebSocket.connect(url("blackhole", "/"), quick));
        refuses(-18, SocketTimeoutException.class, "",
                () -> WebSocket.connect(url("blackhole", "/"), null, Duration.ofMillis(50)));
    }

    static void values() throws Exception {
        Class<?> argument = IllegalArgumentException.class;
        record Url(String text, int result) {}
        for (Url row : List.of(new Url("ws:// x", -4), new Url("ftp://x", -5),
                new Url("ws://x/#y", -6), new Url("ws://x\0y", -4), new Url("ws://\ud800", -11))) {
            refuses(row.result, argument, "", () -> WebSocket.connect(row.text, null));
        }
        record Option(int result, Class<?> kind, String detail, java.util.function.Supplier<Config> config) {}
        for (Option row : List.of(
                new Option(-7, argument, "", () -> new Config().protocol("a b")),
                new Option(-7, argument, "NUL", () -> new Config().protocol("a\0")),
                new Option(-8, argument, "", () -> new Config().protocol("a").protocol("a")),
                new Option(-2, argument, "open_timeout: -1000 ms",
                        () -> new Config().openTimeout(Duration.ofSeconds(-1))),
                new Option(-2, argument, "max_message_size", () -> new Config().maxMessageSize(-1)),
                new Option(-2, argument, "max_fragments", () -> new Config().maxFragments(0)),
                new Option(-2, argument, "read_buffer: 4095 is not in",
                        () -> new Config().readBuffer(4095)),
                new Option(-2, argument, "read_buffer", () -> new Config().readBuffer(-1)),
                new Option(-2, argument, "water_marks", () -> new Config().waterMarks(2, 1)),
                new Option(-2, argument, "water_marks", () -> new Config().waterMarks(-1, 1)),
                new Option(-2, argument, "deflate_level", () -> new Config().deflateLevel(10)),
                new Option(-2, argument, "deflate_max_window_bits",
                        () -> new Config().deflateMaxWindowBits(8, 15)),
                new Option(-9, argument, "header", () -> new Config().header("a b", "c")),
                new Option(-9, argument, "NUL", () -> new Config().header("a", "b\0c")),
                new Option(-10, argument, "header", () -> new Config().header("Host", "c")),
                new Option(-14, argument, "ca_pem", () -> new Config().caPem("nothing")),
                new Option(-25, IOException.class, "ca_file", () -> new Config().caFile("/nowhere")))) {
            refuses(row.result, row.kind, row.detail,
                    () -> WebSocket.connect("ws://x", row.config.get()));
        }
        WebSocket ws = connect(url("ws", "/echo"));
        for (int code : new int[] {0, 999, 1001, 5000, 66536, -1}) {
            refuses(-12, argument, "", () -> ws.close(code, ""));
        }
        refuses(-13, argument, "", () -> ws.close(1000, "x".repeat(124)));
        refuses(-11, argument, "", () -> ws.close(1000, "\ud800"));
        refuses(-2, argument, "", () -> ws.close(WebSocket.NO_STATUS, "x"));
        refuses(-11, argument, "", () -> ws.sendText("\ud800"));
        refuses(-15, argument, "", () -> ws.ping(new byte[126]));
        refuses(-2, argument, "", () -> ws.receive(Duration.ofSeconds(-1)));
        for (Code code : List.<Code>of(() -> ws.sendText(null), () -> ws.sendBinary(null),
                () -> ws.ping(null), () -> ws.close(1000, null), () -> WebSocket.connect(null, null))) {
            try {
                code.run();
                throw new AssertionError("null was taken");
            } catch (NullPointerException expected) {
                // Java's own error for it.
            }
        }
        ws.sendText("unharmed");
        same(ws.receive(LIMIT).text(), "unharmed", "echo");
        ws.free();
    }

    static void deadHandles() throws Exception {
        WebSocket ws = connect(url("ws", "/echo"));
        ws.free();
        ws.free();
        for (Code code : List.<Code>of(() -> ws.sendText("x"), () -> ws.sendBinary(new byte[1]),
                () -> ws.ping(new byte[0]), () -> ws.close(1000, ""), ws::abort, ws::receive, ws::url,
                ws::protocol, ws::bufferedAmount, () -> ws.responseHeader("a"))) {
            refuses(-17, IOException.class, "it was freed", code);
        }
        same(ws.state(), WebSocket.State.CLOSED, "state");
        ws.close();
    }

    static void threads() throws Exception {
        WebSocket ws = connect(url("ws", "/echo"));
        Thread sender = new Thread(() -> {
            try {
                for (int i = 0; i < 500; i++) {
                    ws.sendText("" + i);
                }
            } catch (IOException e) {
                e.printStackTrace();
            }
        });
        sender.start();
        for (int i = 0; i < 500; i++) {
            same(ws.receive(LIMIT).text(), "" + i, "echo");
        }
        sender.join();
        // Freed while another thread waits for a message.
        Thread waiting = new Thread(() -> {
            try {
                ws.receive();
            } catch (IOException expected) {
                // It was between two calls.
            }
        });
        waiting.start();
        while (waiting.getState() == Thread.State.NEW) {
            Thread.onSpinWait();
        }
        ws.free();
        waiting.join(LIMIT.toMillis());
        same(waiting.isAlive(), false, "the thread that waited");
    }

    /** The thread of sockets with listeners frees what is left. */
    private static void nothingLeft() throws InterruptedException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (Native.LIB.wskt_handle_count().longValue() > 0 && System.nanoTime() < end) {
            Thread.sleep(1);
        }
        same(Native.LIB.wskt_handle_count().longValue(), 0L, "handles left");
    }

    public static void main(String[] args) {
        Map<String, Code> tests = new TreeMap<>(Map.of("the interface", Tests::theInterface,
                "echo", Tests::echo, "endings", Tests::endings, "no connection",
                Tests::noConnection, "values", Tests::values, "dead handles", Tests::deadHandles,
                "threads", Tests::threads));
        tests.putAll(OptionsTest.TESTS);
        tests.putAll(ListenerTest.TESTS);
        tests.putAll(ReconnectorTest.TESTS);
        int failed = 0;
        for (Map.Entry<String, Code> test : tests.entrySet()) {
            try {
                test.getValue().run();
                nothingLeft();
                System.out.println("ok " + test.getKey());
            } catch (Throwable e) {
                System.out.println("FAILED " + test.getKey());
                e.printStackTrace(System.out);
                failed++;
            }
        }
        System.out.println(tests.size() - failed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
