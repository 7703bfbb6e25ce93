package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How to connect, for any number of sockets. A value is refused when it is used. */
public final class Config {
    private interface Setter {
        int set(Pointer config);
    }

    private final List<Setter> setters = new ArrayList<>();
    final List<byte[]> protocols = new ArrayList<>();

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

    /** Trusts the certificates of a PEM file besides the system's. */
    public Config caFile(String path) {
        byte[] name = Native.name("caFile", path, Native.WSKT_ERR_INVALID_ARGUMENT);
        return with(config -> Native.LIB.wskt_config_add_ca_file(config, name));
    }

    /** Trusts the certificates of a PEM text besides the system's. */
    public Config caPem(String pem) {
        byte[] text = Native.utf8(pem);
        return with(config ->
                Native.LIB.wskt_config_add_ca_pem(config, text, new Native.Size(text.length)));
    }

    /** Limits all of opening. */
    public Config openTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_open_timeout(config, ms));
    }

    /** Limits DNS and TCP. */
    public Config connectTimeout(Duration time) {
        long ms = ms(time);
        return with(config -> Native.LIB.wskt_config_set_connect_timeout(config, ms));
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

    /** Lets a server leave an offered subprotocol unanswered. */
    public Config allowMissingProtocol(boolean on) {
        return with(config -> Native.LIB.wskt_config_set_allow_missing_protocol(config, flag(on)));
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
