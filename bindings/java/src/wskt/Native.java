package wskt;

import com.sun.jna.IntegerType;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * wskt.h by JNA: every struct and constant that this package uses, and the
 * library with its {@link Functions}. test/wskt/Tests.java holds all of it
 * against the C compiler.
 */
final class Native {
    static final String SONAME = "libwskt.so.0.1";
    static final int VERSION_NUMBER = 0x000100;

    static final int WSKT_OK = 0;
    static final int WSKT_ERR_INVALID_ARGUMENT = -2;
    static final int WSKT_ERR_INVALID_STATE = -3;
    static final int WSKT_ERR_INVALID_URL = -4;
    static final int WSKT_ERR_INVALID_PROTOCOL = -7;
    static final int WSKT_ERR_INVALID_HEADER = -9;
    static final int WSKT_ERR_INVALID_UTF8 = -11;
    static final int WSKT_ERR_INVALID_ACCESS = -12;
    static final int WSKT_ERR_CLOSED = -17;
    static final int WSKT_ERR_TIMEOUT = -18;
    static final int WSKT_ERR_INTERRUPTED = -19;
    static final int WSKT_ERR_REENTRANT = -20;
    static final int WSKT_EVENT_OPEN = 1;
    static final int WSKT_EVENT_MESSAGE = 2;
    static final int WSKT_EVENT_ERROR = 3;
    static final int WSKT_EVENT_CLOSE = 4;
    static final int WSKT_EVENT_DRAIN = 5;
    static final int WSKT_EVENT_PING = 6;
    static final int WSKT_EVENT_PONG = 7;
    static final int WSKT_EVENT_MESSAGE_CHUNK = 8;
    static final int WSKT_EVENT_ATTEMPT = 9;
    static final int WSKT_EVENT_UNSENT = 10;
    static final int WSKT_MESSAGE_TEXT = 1;
    static final int WSKT_SEND_VALID_UTF8 = 2;
    static final int WSKT_TLS_1_2 = 12;
    static final int WSKT_TLS_1_3 = 13;

    /** C's size_t. */
    public static final class Size extends IntegerType {
        private static final long serialVersionUID = 1;

        public Size() {
            this(0);
        }

        Size(long value) {
            super(com.sun.jna.Native.SIZE_T_SIZE, value, true);
        }
    }

    abstract static class Struct extends Structure {
        Struct() {
        }

        Struct(Pointer pointer) {
            super(pointer);
        }

        int offsetOf(String field) {
            return fieldOffset(field);
        }
    }

    @Structure.FieldOrder({"struct_size", "type", "bubbles", "cancelable", "is_trusted",
            "type_name", "target", "timestamp"})
    public static final class Event extends Struct {
        public Size struct_size;
        public int type;
        public byte bubbles;
        public byte cancelable;
        public byte is_trusted;
        public Pointer type_name;
        public Pointer target;
        public double timestamp;

        public Event(Pointer pointer) {
            super(pointer);
        }
    }

    /** A wskt_unsent_event is the same. */
    @Structure.FieldOrder({"head", "kind", "data", "len"})
    public static final class MessageEvent extends Struct {
        public Event head;
        public int kind;
        public Pointer data;
        public Size len;

        public MessageEvent(Pointer pointer) {
            super(pointer);
        }
    }

    @Structure.FieldOrder({"head", "cause", "os_error", "http_status", "message", "message_len"})
    public static final class RawErrorEvent extends Struct {
        public Event head;
        public int cause;
        public int os_error;
        public short http_status;
        public Pointer message;
        public Size message_len;

        public RawErrorEvent(Pointer pointer) {
            super(pointer);
        }
    }

    @Structure.FieldOrder({"head", "kind", "first", "last", "data", "len"})
    public static final class MessageChunkEvent extends Struct {
        public Event head;
        public int kind;
        public byte first;
        public byte last;
        public Pointer data;
        public Size len;

        public MessageChunkEvent(Pointer pointer) {
            super(pointer);
        }
    }

    @Structure.FieldOrder({"head", "number", "delay_ms", "previous"})
    public static final class RawAttemptEvent extends Struct {
        public Event head;
        public int number;
        public double delay_ms;
        public Pointer previous;

        public RawAttemptEvent(Pointer pointer) {
            super(pointer);
        }
    }

    /** A wskt_pong_event is the same. */
    @Structure.FieldOrder({"head", "data", "len"})
    public static final class PingEvent extends Struct {
        public Event head;
        public Pointer data;
        public Size len;

        public PingEvent(Pointer pointer) {
            super(pointer);
        }
    }

    @Structure.FieldOrder({"struct_size", "bytes_sent", "bytes_received", "frames_sent",
            "frames_received", "messages_sent", "messages_received", "payload_sent",
            "payload_received", "wire_payload_sent", "wire_payload_received", "dns_us",
            "connect_us", "tls_us", "upgrade_us", "proxy_us", "round_trip_us"})
    public static final class RawStats extends Struct {
        public Size struct_size;
        public long bytes_sent;
        public long bytes_received;
        public long frames_sent;
        public long frames_received;
        public long messages_sent;
        public long messages_received;
        public long payload_sent;
        public long payload_received;
        public long wire_payload_sent;
        public long wire_payload_received;
        public long dns_us;
        public long connect_us;
        public long tls_us;
        public long upgrade_us;
        public long proxy_us;
        public long round_trip_us;
    }

    @Structure.FieldOrder({"head", "was_clean", "code", "reason", "reason_len", "peer_code",
            "cause", "message", "message_len"})
    public static final class RawCloseEvent extends Struct {
        public Event head;
        public byte was_clean;
        public short code;
        public Pointer reason;
        public Size reason_len;
        public short peer_code;
        public int cause;
        public Pointer message;
        public Size message_len;

        public RawCloseEvent(Pointer pointer) {
            super(pointer);
        }
    }

    static final Functions LIB = load();

    private Native() {
    }

    private static Functions load() {
        String wanted = System.getenv("WSKT_LIBRARY");
        String path = wanted == null || wanted.isEmpty() ? SONAME : wanted;
        Functions lib;
        try {
            lib = com.sun.jna.Native.load(path, Functions.class);
        } catch (UnsatisfiedLinkError e) {
            throw new UnsatisfiedLinkError("wskt: " + path + " cannot be loaded (" + e.getMessage()
                    + "); install libwskt, or set WSKT_LIBRARY to the path of libwskt.so");
        }
        int have = lib.wskt_version_number();
        if (have >> 8 != VERSION_NUMBER >> 8 || have < VERSION_NUMBER) {
            throw new UnsatisfiedLinkError("wskt: " + path + " is version "
                    + lib.wskt_version_string() + "; this package needs " + SONAME);
        }
        return lib;
    }

    /** UTF-8, or what the library says of text that is none. */
    static byte[] utf8(String text) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (CharacterCodingException e) {
            throw new WsktError.Argument(WSKT_ERR_INVALID_UTF8, "");
        }
    }

    /** A name with a NUL behind it; C would not see what is behind one inside. */
    static byte[] name(String what, String text, int refusal) {
        if (text.indexOf('\0') >= 0) {
            throw new WsktError.Argument(refusal, what + " has a NUL in it");
        }
        byte[] bytes = utf8(text);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    static String text(Pointer pointer, Size length) {
        return new String(pointer.getByteArray(0, length.intValue()), StandardCharsets.UTF_8);
    }

    static String text(Pointer pointer) {
        return pointer == null ? null : pointer.getString(0, "UTF-8");
    }
}
