package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * How to connect, for any number of sockets. A value is refused when it is used. The man page
 * of wskt_config_set_NAME has all there is to say about each.
 */
public final class Config {
    private interface Setter {
        int set(Pointer config);
    }

    private final List<Setter> setters = new ArrayList<>();
    final List<byte[]> protocols = new ArrayList<>();
    boolean messageChunks;

    private Config with(Setter setter) {
        setters.add(setter);
        return this;
    }

    private static long ms(Duration time) {
        // What is above 0 stays above 0: 0 has a meaning of its own.
        return time.toMillis() == 0 && !time.isZero() ? time.compareTo(Duration.ZERO) : time.toMillis();
    }

    private static byte flag(boolean on) {
        return (byte) (on ? 1 : 0);
    }

    private static byte[] text(String what, String text) {
        return Native.name(what, text, Native.WSKT_ERR_INVALID_ARGUMENT);
    }

    private static Native.Size size(byte[] data) {
        return new Native.Size(data.length);
    }

    /** What is not known here the library refuses. */
    private static int tls(String version) {
        return switch (version) {
            case "TLSv1.2" -> Native.WSKT_TLS_1_2;
            case "TLSv1.3" -> Native.WSKT_TLS_1_3;
            default -> -1;
        };
    }

    /** Offers a subprotocol, best first. */
    public Config protocol(String name) {
        protocols.add(Native.name("a subprotocol", name, Native.WSKT_ERR_INVALID_PROTOCOL));
        return this;
    }

    /** Adds a header to the upgrade request. */
    public Config header(String name, String value) {
        byte[] key = Native.name("a header's name", name, Native.WSKT_ERR_INVALID_HEADER);
        byte[] text = Native.name("a header's value", value, Native.WSKT_ERR_INVALID_HEADER);
        return with(config -> Native.LIB.wskt_config_add_header(config, key, text));
    }

    /** Sets the Origin header. */
    public Config origin(String origin) {
        byte[] text = Native.name("origin", origin, Native.WSKT_ERR_INVALID_HEADER);
        return with(config -> Native.LIB.wskt_config_set_origin(config, text));
    }

    /** Sets the User-Agent header. */
    public Config userAgent(String userAgent) {
        byte[] text = Native.name("userAgent", userAgent, Native.WSKT_ERR_INVALID_HEADER);
        return with(config -> Native.LIB.wskt_config_set_user_agent(config, text));
    }

    /** Sets the Cookie header, such as "a=b; c=d". */
    public Config cookie(String cookies) {
        byte[] text = Native.name("cookie", cookies, Native.WSKT_ERR_INVALID_HEADER);
        return with(config -> Native.LIB.wskt_config_set_cookie(config, text));
    }

    /** Tells the server a user's name and password. */
    public Config basicAuthorization(String user, String password) {
        byte[] name = text("user", user);
        byte[] secret = text("password", password);
        return with(config ->
                Native.LIB.wskt_config_set_basic_authorization(config, name, secret));
    }

    /** Shows the server a Bearer token. */
    public Config bearerAuthorization(String token) {
        byte[] text = text("token", token);
        return with(config -> Native.LIB.wskt_config_set_bearer_authorization(config, text));
    }

    /** Replaces the URL's host and port in the Host header. */
    public Config host(String host) {
        byte[] text = text("host", host);
        return with(config -> Native.LIB.wskt_config_set_host(config, text));
    }

    /** Lets a server leave an offered subprotocol unanswered. */
    public Config allowMissingProtocol(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_allow_missing_protocol(config, flag(on)));
    }

    /** Trusts the certificates of a PEM file besides the system's. */
    public Config caFile(String path) {
        byte[] name = text("caFile", path);
        return with(config -> Native.LIB.wskt_config_add_ca_file(config, name));
    }

    /** Trusts the certificates of a PEM text besides the system's. */
    public Config caPem(String pem) {
        byte[] text = Native.utf8(pem);
        return with(config -> Native.LIB.wskt_config_add_ca_pem(config, text, size(text)));
    }

    /** Trusts what the system trusts, as it does unless this is called. */
    public Config systemRoots(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_system_roots(config, flag(on)));
    }

    /** Adds a public key that the server may have, "sha256//…"; any other fails TLS. */
    public Config pinnedPublicKey(String pin) {
        byte[] text = text("pinnedPublicKey", pin);
        return with(config -> Native.LIB.wskt_config_add_pinned_public_key(config, text));
    }

    /** Sets the oldest version that is good enough: "TLSv1.2" or "TLSv1.3". */
    public Config minTlsVersion(String version) {
        int number = tls(version);
        return with(config -> Native.LIB.wskt_config_set_min_tls_version(config, number));
    }

    /** Sets the newest version that is offered: "TLSv1.2" or "TLSv1.3". */
    public Config maxTlsVersion(String version) {
        int number = tls(version);
        return with(config -> Native.LIB.wskt_config_set_max_tls_version(config, number));
    }

    /** Replaces the URL's host in TLS. */
    public Config tlsServerName(String name) {
        byte[] text = text("tlsServerName", name);
        return with(config -> Native.LIB.wskt_config_set_tls_server_name(config, text));
    }

    /** Sends the server's name in the TLS handshake, as it does unless this is called. */
    public Config tlsSni(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_tls_sni(config, flag(on)));
    }

    /** Offers "http/1.1" in the TLS handshake, as it does unless this is called. */
    public Config tlsAlpn(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_tls_alpn(config, flag(on)));
    }

    /** Accepts every certificate: whoever is on the way can read and change everything. */
    public Config dangerAnyCertificate(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_danger_any_certificate(config, flag(on)));
    }

    /** Accepts a certificate for another host. */
    public Config dangerAnyHostName(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_danger_any_host_name(config, flag(on)));
    }

    /** Shows a certificate to servers that ask for one: two PEM files. */
    public Config clientCertificateFile(String certificate, String key) {
        byte[] first = text("certificate", certificate);
        byte[] second = text("key", key);
        return with(config ->
                Native.LIB.wskt_config_set_client_certificate_file(config, first, second));
    }

    /** The same from two PEM texts. */
    public Config clientCertificatePem(String certificate, String key) {
        byte[] first = Native.utf8(certificate);
        byte[] second = Native.utf8(key);
        return with(config -> Native.LIB.wskt_config_set_client_certificate_pem(
                config, first, size(first), second, size(second)));
    }

    /** The same from a PKCS #12 file. */
    public Config clientPkcs12File(String path, String password) {
        byte[] name = text("path", path);
        byte[] secret = text("password", password);
        return with(config ->
                Native.LIB.wskt_config_set_client_pkcs12_file(config, name, secret));
    }

    /** The same from a PKCS #12 archive. */
    public Config clientPkcs12(byte[] archive, String password) {
        byte[] copy = archive.clone();
        byte[] secret = text("password", password);
        return with(config ->
                Native.LIB.wskt_config_set_client_pkcs12(config, copy, size(copy), secret));
    }

    /** Goes through a proxy, a URL: http, https or socks5. */
    public Config proxy(String url) {
        byte[] text = text("proxy", url);
        return with(config -> Native.LIB.wskt_config_set_proxy(config, text));
    }

    /** Sets which servers are reached without the proxy. */
    public Config noProxy(String list) {
        byte[] text = text("noProxy", list);
        return with(config -> Native.LIB.wskt_config_set_no_proxy(config, text));
    }

    /** Takes both from the environment, and replaces what was set before. */
    public Config proxyFromEnvironment() {
        return with(Native.LIB::wskt_config_set_proxy_from_environment);
    }

    /** Goes to another place, "host:port", for that of a URL. */
    public Config connectTo(String from, String to) {
        byte[] here = text("from", from);
        byte[] there = text("to", to);
        return with(config -> Native.LIB.wskt_config_add_connect_to(config, here, there));
    }

    /** Sets the local IP address that connections come from. */
    public Config localAddress(String address) {
        byte[] text = text("localAddress", address);
        return with(config -> Native.LIB.wskt_config_set_local_address(config, text));
    }

    /** Sets the network interface that connections leave by. */
    public Config interfaceName(String name) {
        byte[] text = text("interfaceName", name);
        return with(config -> Native.LIB.wskt_config_set_interface(config, text));
    }

    /** Connects to a Unix-domain socket instead of the URL's host. */
    public Config unixSocket(String path) {
        byte[] text = text("unixSocket", path);
        return with(config -> Native.LIB.wskt_config_set_unix_socket(config, text));
    }

    /** Lets the kernel probe a silent peer. */
    public Config tcpKeepalive(Duration idle, Duration interval, int count) {
        long first = ms(idle);
        long next = ms(interval);
        return with(config ->
                Native.LIB.wskt_config_set_tcp_keepalive(config, first, next, count));
    }

    /** Limits all of opening. */
    public Config openTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_open_timeout(config, ms));
    }

    /** Limits name resolution. */
    public Config dnsTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_dns_timeout(config, ms));
    }

    /** Limits TCP. */
    public Config connectTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_connect_timeout(config, ms));
    }

    /** Limits the talk with a proxy. */
    public Config proxyTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_proxy_timeout(config, ms));
    }

    /** Limits the TLS handshake. */
    public Config tlsTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_tls_timeout(config, ms));
    }

    /** Limits the HTTP upgrade. */
    public Config upgradeTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_upgrade_timeout(config, ms));
    }

    /** Limits the wait for the peer's answer to our Close. */
    public Config closeTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_close_timeout(config, ms));
    }

    /** Limits the wait for the peer's FIN after that. */
    public Config lingerTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_linger_timeout(config, ms));
    }

    /** Limits how long the peer may take no byte; zero is off. */
    public Config sendTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_send_timeout(config, ms));
    }

    /** Limits how long the peer may send nothing; zero is off. */
    public Config idleTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_idle_timeout(config, ms));
    }

    /** Pings the peer, and ends the connection if nothing comes within the timeout. */
    public Config heartbeat(Duration interval, Duration timeout) {
        long pause = ms(interval);
        long patience = ms(timeout);
        return with(config -> Native.LIB.wskt_config_set_heartbeat(config, pause, patience));
    }

    /** Limits a received message, in bytes. */
    public Config maxMessageSize(long bytes) {
        long size = Math.max(bytes, 0); // C has no sign there, and refuses 0
        return with(config -> Native.LIB.wskt_config_set_max_message_size(config, size));
    }

    /** Limits the continuation frames of a received message. */
    public Config maxFragments(int count) {
        int most = Math.max(count, 0);
        return with(config -> Native.LIB.wskt_config_set_max_fragments(config, most));
    }

    /** Sets what one read takes from the kernel at most, in bytes; 0 leaves it to wskt. */
    public Config readBuffer(long bytes) {
        // C has no sign there, and refuses 1.
        Native.Size size = new Native.Size(bytes < 0 ? 1 : bytes);
        return with(config -> Native.LIB.wskt_config_set_read_buffer(config, size));
    }

    /** Sets the water marks of the send queue, in bytes. */
    public Config waterMarks(long low, long high) {
        // A negative low mark is above every high mark in C.
        Native.Size top = new Native.Size(Math.max(high, 0));
        return with(config ->
                Native.LIB.wskt_config_set_water_marks(config, new Native.Size(low), top));
    }

    /** Offers to compress messages, as it does unless this is called. */
    public Config deflate(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_deflate(config, flag(on)));
    }

    /** How hard compression tries, 1 to 9. */
    public Config deflateLevel(int level) {
        return with(config -> Native.LIB.wskt_config_set_deflate_level(config, level));
    }

    /** The size in bytes from which on a message is compressed. */
    public Config deflateMinSize(long bytes) {
        Native.Size size = new Native.Size(Math.max(bytes, 0));
        return with(config -> Native.LIB.wskt_config_set_deflate_min_size(config, size));
    }

    /** Limits the windows of our compression and of the server's. */
    public Config deflateMaxWindowBits(int client, int server) {
        return with(config ->
                Native.LIB.wskt_config_set_deflate_max_window_bits(config, client, server));
    }

    /** Compresses each message by itself: ours, the server's. */
    public Config deflateNoContextTakeover(boolean client, boolean server) {
        return with(config -> Native.LIB.wskt_config_set_deflate_no_context_takeover(
                config, flag(client), flag(server)));
    }

    /** Has the listener told of the peer's pings and pongs. */
    public Config pingEvents(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_ping_events(config, flag(on)));
    }

    /** Has messages come in parts as they arrive, however large: {@link Chunk}. */
    public Config messageChunks(boolean on) {
        messageChunks = on;
        return this;
    }

    /** Hides from the program what browsers hide from scripts. */
    public Config browserMode(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_browser_mode(config, flag(on)));
    }

    /** A wskt_config that the caller frees. */
    Pointer make() throws IOException {
        PointerByReference out = new PointerByReference();
        WsktError.check(Native.LIB.wskt_config_new(out), "", null);
        Pointer config = out.getValue();
        try {
            for (Setter setter : setters) {
                int result = setter.set(config);
                if (result != Native.WSKT_OK) {
                    WsktError.check(result, Native.LIB.wskt_config_error_text(config), null);
                }
            }
            return config;
        } catch (IOException | RuntimeException e) {
            Native.LIB.wskt_config_free(config);
            throw e;
        }
    }
}
