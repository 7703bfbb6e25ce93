package wskt;

import static wskt.Tests.LIMIT;
import static wskt.Tests.isEnd;
import static wskt.Tests.refuses;
import static wskt.Tests.same;
import static wskt.Tests.script;
import static wskt.Tests.url;

import com.sun.jna.Library;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Every option does what it says: seen by the server, or in how it ends. */
final class OptionsTest {
    static final Map<String, Tests.Code> TESTS = Map.of(
            "options: a method for each setter", OptionsTest::aMethodForEachSetter,
            "options of the request", OptionsTest::theRequest,
            "options of TLS", OptionsTest::whomTlsTrusts,
            "options of our certificate", OptionsTest::ourCertificate,
            "options of the way", OptionsTest::theWay,
            "options of time", OptionsTest::time,
            "the read buffer", OptionsTest::readBuffer,
            "options refused", OptionsTest::refused,
            "stats", OptionsTest::stats);

    private OptionsTest() {
    }

    private static String at(String name) {
        return System.getenv("WSKT_DIR") + "/" + name;
    }

    private static String file(String name) throws IOException {
        return Files.readString(Path.of(at(name)));
    }

    private static String host(String port) {
        return "localhost:" + System.getenv("WSKT_PORT_" + port.toUpperCase());
    }

    /** What the server saw on the connection of a script. */
    private static String report(String id) throws IOException {
        URI ask = URI.create("http://127.0.0.1:" + System.getenv("WSKT_PORT_WS") + "/report/" + id
                + "?wait=20");
        try (var in = ask.toURL().openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String echoes(String url, Config config) throws IOException {
        try (WebSocket ws = WebSocket.connect(url, config, LIMIT)) {
            ws.sendText("there?");
            same(ws.receive(LIMIT).text(), "there?", url);
        }
        int id = url.indexOf("id=");
        return id < 0 ? "" : report(url.substring(id + 3));
    }

    private static void fails(String cause, String url, Config config) throws IOException {
        try {
            WebSocket.connect(url, config, LIMIT);
        } catch (WsktError.Io e) {
            same(e.closeEvent().cause(), cause, e);
            return;
        }
        throw new AssertionError(url + " came about");
    }

    private static void has(String json, String part) {
        same(json.contains(part), true, part + " in " + json);
    }

    static void aMethodForEachSetter() throws IOException {
        List<String> methods = Arrays.stream(Config.class.getMethods()).map(Method::getName)
                .collect(Collectors.toList());
        Matcher setters = Pattern.compile("\"wskt_config_(?:set|add)_(\\w+)\": ").matcher(
                Files.readString(Path.of(System.getenv("WSKT_INTERFACE"))));
        int found = 0;
        for (; setters.find(); found++) {
            String name = Pattern.compile("_(.)").matcher(setters.group(1))
                    .replaceAll(letter -> letter.group(1).toUpperCase());
            // "interface" is a word of Java's.
            same(methods.contains(name.equals("interface") ? "interfaceName" : name), true, name);
        }
        same(found > 50, true, found);
    }

    static void theRequest() throws IOException {
        String seen = echoes(script("accept;echo-until-close"), new Config()
                .header("X-A", "1").header("X-A", "2").origin("https://example.com")
                .userAgent("me/1").cookie("a=b").host("other.example:1")
                .basicAuthorization("us", "er").allowMissingProtocol(true));
        for (String pair : List.of("X-A\",\"1", "X-A\",\"2", "Origin\",\"https://example.com",
                "User-Agent\",\"me/1", "Cookie\",\"a=b", "Host\",\"other.example:1",
                "Authorization\",\"Basic dXM6ZXI=")) {
            has(seen, "[\"" + pair + "\"]");
        }
        seen = echoes(script("accept;echo-until-close"), new Config().bearerAuthorization("t0ken"));
        has(seen, "[\"Authorization\",\"Bearer t0ken\"]");
    }

    static void whomTlsTrusts() throws IOException {
        String wss = url("wss", "/echo");
        String untrusted = url("wss_untrusted", "/echo");
        String wrongHost = url("wss_wrong_host", "/echo");
        // The environment names the server's CA as the system's.
        echoes(wss, null);
        fails("tls", wss, new Config().systemRoots(false));
        echoes(wss, new Config().systemRoots(false).caPem(file("ca.pem")));
        fails("tls", untrusted, null);
        echoes(untrusted, new Config().caFile(at("other-ca.pem")));
        echoes(untrusted, new Config().dangerAnyCertificate(true));
        fails("tls", wrongHost, null);
        echoes(wrongHost, new Config().dangerAnyHostName(true));
        echoes(wrongHost, new Config().tlsServerName("other.example"));
        Config pinned = new Config().pinnedPublicKey(file("other-pin").strip());
        fails("tls", wss, pinned);
        echoes(wss, pinned.pinnedPublicKey(file("pin").strip()));
        fails("tls", url("wss_tls12", "/echo"), new Config().minTlsVersion("TLSv1.3"));
        fails("tls", url("wss_tls13", "/echo"), new Config().maxTlsVersion("TLSv1.2"));
        has(echoes(script("wss", "accept;echo-until-close"), null),
                "\"server_name\":\"localhost\",\"alpn\":\"http/1.1\"");
        has(echoes(script("wss", "accept;echo-until-close"),
                new Config().tlsSni(false).tlsAlpn(false)), "\"server_name\":\"\",\"alpn\":\"\"");
    }

    static void ourCertificate() throws IOException {
        String password = "correct horse";
        fails("tls", url("wss_client_tls12", "/echo"), null);
        byte[] archive = Files.readAllBytes(Path.of(at("client.p12")));
        for (Config config : List.of(
                new Config().clientCertificateFile(at("client.pem"), at("client.key")),
                new Config().clientCertificatePem(file("client.pem"), file("client.key")),
                new Config().clientPkcs12File(at("client.p12"), password),
                new Config().clientPkcs12(archive, password))) {
            echoes(url("wss_client_tls13", "/echo"), config);
        }
    }

    /** Java cannot change its environment itself. */
    interface LibC extends Library {
        LibC LIB = com.sun.jna.Native.load("c", LibC.class);

        int setenv(String name, String value, int overwrite);

        int unsetenv(String name);
    }

    static void theWay() throws Exception {
        String ws = url("ws", "/echo");
        String proxy = "http://java-proxy:@" + host("ws");
        String nowhere = "http://" + host("refused");
        echoes(ws, new Config().proxy(proxy));
        has(report("java-proxy"), "\"target\":\"" + host("ws") + "\"");
        fails("connect", ws, new Config().proxy(nowhere));
        echoes(ws, new Config().proxy(nowhere).noProxy("localhost"));
        LibC.LIB.setenv("all_proxy", nowhere, 1);
        fails("connect", ws, new Config().proxyFromEnvironment());
        echoes(ws, null);
        echoes(ws, new Config().proxyFromEnvironment().proxy(proxy));
        LibC.LIB.unsetenv("all_proxy");
        refuses(-18, IOException.class, "proxy", () -> WebSocket.connect(ws, new Config()
                .proxy("http://" + host("blackhole")).proxyTimeout(Duration.ofMillis(50)), LIMIT));
        echoes("ws://nowhere.invalid:81/echo",
                new Config().connectTo("nowhere.invalid:81", host("ws")));
        echoes("ws://nowhere.invalid/echo", new Config().unixSocket(at("ws.sock")));
        echoes(ws, new Config().localAddress("127.0.0.1").interfaceName("lo")
                .tcpKeepalive(Duration.ofSeconds(10), Duration.ofSeconds(5), 3));
        fails("connect", ws, new Config().localAddress("192.0.2.1"));
        fails("connect", ws, new Config().interfaceName("nowhere0"));
    }

    private static CloseEvent endOf(String script, Config config) throws IOException {
        try (WebSocket ws = WebSocket.connect(script(script), config, LIMIT)) {
            while (ws.receive(LIMIT) != null) {
                // Only the end counts.
            }
            return ws.closeEvent();
        }
    }

    static void time() throws Exception {
        Duration before = Duration.ofSeconds(-1);
        Map<String, Config> limits = Map.of("open", new Config().openTimeout(before),
                "dns", new Config().dnsTimeout(before),
                "connect", new Config().connectTimeout(before),
                "proxy", new Config().proxyTimeout(before),
                "tls", new Config().tlsTimeout(before),
                "upgrade", new Config().upgradeTimeout(before),
                "close", new Config().closeTimeout(before),
                "linger", new Config().lingerTimeout(before),
                "send", new Config().sendTimeout(before),
                "idle", new Config().idleTimeout(before));
        for (Map.Entry<String, Config> limit : limits.entrySet()) {
            refuses(-2, IllegalArgumentException.class, limit.getKey() + "_timeout: -1000 ms",
                    () -> WebSocket.connect("ws://x", limit.getValue()));
        }
        isEnd(endOf("accept;drain", new Config().idleTimeout(Duration.ofMillis(50))), 1006, "",
                false, "timeout");
        isEnd(endOf("expect-ping;expect-ping;close;half-close",
                new Config().heartbeat(Duration.ofMillis(20), LIMIT)), 1005, "", true, "peer");
    }

    static void readBuffer() throws Exception {
        String text = "x".repeat(100_000);
        for (long size : List.of(4096L, 1L << 20)) {
            Config config = new Config().readBuffer(size).deflate(false);
            try (WebSocket ws = WebSocket.connect(url("ws", "/echo"), config, LIMIT)) {
                for (int n = 0; n < 3; n++) {
                    ws.sendText(text);
                }
                for (int n = 0; n < 3; n++) {
                    same(ws.receive(LIMIT).text(), text, size);
                }
            }
        }
    }

    static void refused() throws Exception {
        record Row(int result, String detail, Supplier<Config> config) {}
        Duration second = Duration.ofSeconds(1);
        for (Row row : List.of(
                new Row(-9, "origin", () -> new Config().origin("a\nb")),
                new Row(-9, "cookie has a NUL", () -> new Config().cookie("a\0b")),
                new Row(-9, "user_agent", () -> new Config().userAgent("a\nb")),
                new Row(-2, "basic", () -> new Config().basicAuthorization("a:b", "c")),
                new Row(-2, "bearer", () -> new Config().bearerAuthorization("a b")),
                new Row(-2, "host", () -> new Config().host("a b")),
                new Row(-2, "pinned_public_key", () -> new Config().pinnedPublicKey("md5//")),
                new Row(-2, "min_tls_version", () -> new Config().minTlsVersion("TLSv1.1")),
                new Row(-2, "tls_server_name", () -> new Config().tlsServerName("a b")),
                new Row(-25, "client", () -> new Config().clientCertificateFile("/no", "/no")),
                new Row(-14, "client", () -> new Config().clientCertificatePem("no", "no")),
                new Row(-14, "client", () -> new Config().clientPkcs12(new byte[9], "")),
                new Row(-2, "proxy", () -> new Config().proxy("ftp://x")),
                new Row(-2, "no_proxy", () -> new Config().noProxy("a/b")),
                new Row(-2, "connect_to", () -> new Config().connectTo("a", "b")),
                new Row(-2, "local_address", () -> new Config().localAddress("localhost")),
                new Row(-2, "interface", () -> new Config().interfaceName("x".repeat(16))),
                new Row(-2, "unix_socket", () -> new Config().unixSocket("")),
                new Row(-2, "tcp_keepalive", () -> new Config().tcpKeepalive(second, second, -1)),
                new Row(-2, "heartbeat", () -> new Config().heartbeat(second, Duration.ZERO)))) {
            refuses(row.result, Exception.class, row.detail,
                    () -> WebSocket.connect("ws://x", row.config.get()));
        }
    }

    static void stats() throws Exception {
        WebSocket ws = WebSocket.connect(url("wss", "/echo"), new Config().deflate(false), LIMIT);
        same(ws.stats().roundTrip(), Duration.ZERO, "before a ping");
        ws.ping(new byte[0]);
        for (String text : List.of("x".repeat(10), "y".repeat(1000))) {
            ws.sendText(text);
            same(ws.receive(LIMIT).text(), text, "echo");
        }
        Stats stats = ws.stats();
        // Six and eight bytes of head; the server masks nothing. The ping is empty.
        same(List.of(stats.bytesSent(), stats.bytesReceived(), stats.framesSent(),
                stats.framesReceived(), stats.messagesSent(), stats.messagesReceived(),
                stats.payloadSent(), stats.payloadReceived(), stats.wirePayloadSent(),
                stats.wirePayloadReceived()),
                List.of(1030L, 1018L, 3L, 3L, 2L, 2L, 1010L, 1010L, 1010L, 1010L), stats);
        for (Duration time : List.of(stats.connect(), stats.tls(), stats.upgrade(),
                stats.roundTrip())) {
            same(time.compareTo(Duration.ZERO) > 0 && time.compareTo(LIMIT) < 0, true, stats);
        }
        ws.free();
        refuses(-17, IOException.class, "it was freed", ws::stats);
        same(stats.proxy(), Duration.ZERO, stats);
        Config proxy = new Config().proxy("http://" + host("ws"));
        try (WebSocket tunnel = WebSocket.connect(url("ws", "/echo"), proxy, LIMIT)) {
            same(tunnel.stats().proxy().isZero(), false, "proxy");
        }
    }
}
