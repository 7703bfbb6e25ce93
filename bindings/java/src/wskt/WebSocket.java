package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * One WebSocket: driven by blocking calls ({@link #connect}), or heard by a {@link Listener}
 * ({@link #open}). Any thread may send, ping, close and abort at any time; of blocking sockets,
 * one thread receives. Java is never called from C.
 */
public final class WebSocket implements AutoCloseable {
    /** The browser's ready states. */
    public enum State { CONNECTING, OPEN, CLOSING, CLOSED }

    private static final Cleaner CLEANER = Cleaner.create();
    /** For {@link #close(int, String)}: a Close frame without a code. */
    public static final int NO_STATUS = 1005;

    private final Handle handle;
    private final Listener listener;
    private final boolean inChunks;
    @SuppressWarnings({"unused", "FieldCanBeLocal"})
    private final Reconnector owner;
    private final CompletableFuture<CloseEvent> closed = new CompletableFuture<>();
    private volatile CloseEvent closeEvent;

    /** A socket of the hub has a listener, a blocking one has neither. */
    private WebSocket(String url, Config config, Hub hub, Listener listener) throws IOException {
        this(new Handle(pattern(url, config, hub), Native.LIB::wskt_socket_abort,
                hub == null ? Native.LIB::wskt_socket_free : hub::release), config, listener, null);
        if (hub != null) {
            try {
                hub.add(handle.use(s -> s), this);
                check(handle.use(Native.LIB::wskt_socket_open));
            } catch (IOException | RuntimeException e) {
                handle.free();
                throw e;
            }
        }
    }

    /** Of a socket that is there; its owner, if it has one, lives as long. */
    WebSocket(Handle handle, Config config, Listener listener, Reconnector owner) {
        this.handle = handle;
        this.owner = owner;
        this.listener = listener;
        inChunks = config.messageChunks;
        CLEANER.register(this, handle::free);
    }

    /** A wskt_socket that is not open yet, which the caller frees. */
    static Pointer pattern(String url, Config config, Hub hub) throws IOException {
        byte[] address = Native.name("url", url, Native.WSKT_ERR_INVALID_URL);
        PointerByReference out = new PointerByReference();
        Pointer settings = config.make();
        Pointer loop = hub == null ? null : hub.loop();
        try {
            check(Native.LIB.wskt_socket_new(loop, address, settings, out));
        } finally {
            Native.LIB.wskt_config_free(settings);
        }
        Pointer pointer = out.getValue();
        try {
            for (byte[] protocol : config.protocols) {
                check(Native.LIB.wskt_socket_add_protocol(pointer, protocol));
            }
            byte chunks = (byte) (config.messageChunks ? 1 : 0);
            check(Native.LIB.wskt_socket_set_message_chunks(pointer, chunks));
        } catch (IOException | RuntimeException e) {
            Native.LIB.wskt_socket_free(pointer);
            throw e;
        }
        return pointer;
    }

    /** Connects and waits until the connection is open; null is the default configuration. */
    public static WebSocket connect(String url, Config config) throws IOException {
        return connect(url, config, null);
    }

    /** The same within a time; null waits as long as the configuration allows. */
    public static WebSocket connect(String url, Config config, Duration timeout)
            throws IOException {
        WebSocket socket = new WebSocket(url, config == null ? new Config() : config, null, null);
        try {
            Until until = new Until(timeout);
            int result;
            do {
                result = socket.handle.use(s -> Native.LIB.wskt_socket_connect(s, until.left()));
            } while (result == Native.WSKT_ERR_INTERRUPTED);
            if (result != Native.WSKT_OK) {
                Pointer end = socket.handle.use(Native.LIB::wskt_socket_close_event);
                CloseEvent event = end == null ? null : CloseEvent.of(end);
                WsktError.check(result, event == null ? "" : event.message(), event);
            }
            return socket;
        } catch (IOException | RuntimeException e) {
            socket.handle.free();
            throw e;
        }
    }

    /**
     * Starts to connect, and returns; the listener hears what comes of it. A configuration that
     * is null is the default one.
     */
    public static WebSocket open(String url, Config config, Listener listener)
            throws IOException {
        Objects.requireNonNull(listener);
        Hub hub = Hub.enter();
        try {
            return new WebSocket(url, config == null ? new Config() : config, hub, listener);
        } finally {
            hub.leave();
        }
    }

    /** An event, on the hub's thread. */
    void hear(int type, Pointer event) throws Exception {
        if (type == Native.WSKT_EVENT_CLOSE) {
            closeEvent = CloseEvent.of(event);
            try {
                tell(type, event);
            } finally {
                closed.complete(closeEvent);
            }
        } else {
            tell(type, event);
        }
    }

    private void tell(int type, Pointer event) throws Exception {
        if (handle.isFreed()) {
            return;
        }
        switch (type) {
            case Native.WSKT_EVENT_OPEN -> listener.onOpen(this);
            case Native.WSKT_EVENT_MESSAGE -> listener.onMessage(this, Message.of(event));
            case Native.WSKT_EVENT_MESSAGE_CHUNK -> listener.onChunk(this, Chunk.of(event));
            case Native.WSKT_EVENT_ATTEMPT -> listener.onAttempt(this, Attempt.of(event));
            case Native.WSKT_EVENT_UNSENT -> listener.onUnsent(this, Message.of(event));
            case Native.WSKT_EVENT_ERROR -> listener.onError(this, ErrorEvent.of(event));
            case Native.WSKT_EVENT_CLOSE -> listener.onClose(this, closeEvent);
            case Native.WSKT_EVENT_DRAIN -> listener.onDrain(this);
            case Native.WSKT_EVENT_PING -> listener.onPing(this, payload(event));
            case Native.WSKT_EVENT_PONG -> listener.onPong(this, payload(event));
            default -> { } // of a later version
        }
    }

    private static byte[] payload(Pointer event) {
        Native.PingEvent raw = new Native.PingEvent(event);
        raw.read();
        return raw.data.getByteArray(0, raw.len.intValue());
    }

    private static void check(int result) throws IOException {
        WsktError.check(result, "", null);
    }

    /**
     * The next message, or null at the end; then {@link #closeEvent} tells how it ended. Only
     * for sockets that {@link #connect} made.
     */
    public Message receive() throws IOException {
        return receive(null);
    }

    /** The same within a time. */
    public Message receive(Duration timeout) throws IOException {
        if (inChunks) {
            throw new WsktError.State(Native.WSKT_ERR_INVALID_STATE, "messages come in chunks");
        }
        Chunk whole = receiveChunk(timeout);
        return whole == null ? null : new Message(whole.isText(), whole.bytes());
    }

    /**
     * The next part of a message with {@link Config#messageChunks}, a whole one without; null at
     * the end. A timeout that is null waits without limit.
     */
    public Chunk receiveChunk(Duration timeout) throws IOException {
        Until until = new Until(timeout);
        PointerByReference out = new PointerByReference();
        Chunk[] message = new Chunk[1];
        while (message[0] == null) {
            int result = handle.use(s -> {
                int got = Native.LIB.wskt_socket_recv(s, until.left(), out);
                if (got == Native.WSKT_OK) {
                    message[0] = take(out.getValue());
                }
                return got;
            });
            if (result == Native.WSKT_ERR_CLOSED && closeEvent != null) {
                return null;
            }
            if (result != Native.WSKT_ERR_INTERRUPTED) {
                check(result);
            }
        }
        return message[0];
    }

    private Chunk take(Pointer pointer) {
        int type = new Native.Event(pointer).offsetOf("type");
        switch (pointer.getInt(type)) {
            case Native.WSKT_EVENT_MESSAGE:
                Message whole = Message.of(pointer);
                return new Chunk(whole.isText(), whole.bytes(), true, true);
            case Native.WSKT_EVENT_MESSAGE_CHUNK:
                return Chunk.of(pointer);
            case Native.WSKT_EVENT_CLOSE:
                closeEvent = CloseEvent.of(pointer);
                closed.complete(closeEvent);
                return null;
            default:
                return null;
        }
    }

    /**
     * Sends a text message. If the queue is full, a blocking socket waits; one with a listener
     * throws a {@link WsktError.State}, and {@link Listener#onDrain} tells when to go on.
     */
    public void sendText(String text) throws IOException {
        byte[] bytes = Native.utf8(text);
        Native.Size length = new Native.Size(bytes.length);
        // What Native.utf8 has made is UTF-8.
        send(s -> Native.LIB.wskt_socket_send(
                s, Native.WSKT_MESSAGE_TEXT, bytes, length, Native.WSKT_SEND_VALID_UTF8));
    }

    /** Sends a binary message. */
    public void sendBinary(byte[] data) throws IOException {
        Objects.requireNonNull(data);
        send(s -> Native.LIB.wskt_socket_send_binary(s, data, new Native.Size(data.length)));
    }

    /** Sends a ping of at most 125 bytes; its pong is not reported. */
    public void ping(byte[] data) throws IOException {
        Objects.requireNonNull(data);
        send(s -> Native.LIB.wskt_socket_ping(s, data, new Native.Size(data.length)));
    }

    private void send(Handle.Call<Integer> call) throws IOException {
        int result;
        do {
            result = handle.use(call);
        } while (result == Native.WSKT_ERR_INTERRUPTED);
        check(result);
    }

    /**
     * Starts the closing handshake; {@link #receive} gives null when it is done. The code is
     * 1000, in 3000 to 4999, or {@link #NO_STATUS}.
     */
    public void close(int code, String reason) throws IOException {
        if (code != NO_STATUS && (code <= 0 || code > 0xffff)) {
            throw new WsktError.Argument(Native.WSKT_ERR_INVALID_ACCESS, "");
        }
        short sent = (short) (code == NO_STATUS ? 0 : code);
        byte[] said = Native.utf8(reason);
        check(handle.use(s ->
                Native.LIB.wskt_socket_close(s, sent, said, new Native.Size(said.length))));
    }

    /** Ends the connection at once, without a closing handshake. */
    public void abort() throws IOException {
        check(handle.use(Native.LIB::wskt_socket_abort));
    }

    /** Stops reading, so that the peer has to wait; {@link #resume} undoes it. */
    public void pause() throws IOException {
        check(handle.use(Native.LIB::wskt_socket_pause));
    }

    /** Undoes {@link #pause}. */
    public void resume() throws IOException {
        check(handle.use(Native.LIB::wskt_socket_resume));
    }

    /**
     * Closes with 1000 if it is open, waits for the close event, and frees the socket. Not for a
     * listener, which cannot wait: {@link #close(int, String)}.
     */
    @Override
    public void close() throws IOException {
        if (handle.isFreed()) {
            return;
        }
        if (listener != null && Hub.isMyThread()) {
            throw new WsktError.State(Native.WSKT_ERR_REENTRANT, "");
        }
        try {
            if (state() == State.OPEN || state() == State.CONNECTING) {
                close(1000, "");
            }
            if (listener == null) {
                while (receiveChunk(null) != null) {
                    // Nobody wants it any more.
                }
            } else {
                // A socket that is paused would not hear of its end.
                handle.use(Native.LIB::wskt_socket_resume);
                closed.handle((event, freed) -> null).join();
            }
        } finally {
            handle.free();
        }
    }

    /** Lets go, without a closing handshake if it is still open. */
    public void free() {
        handle.free();
        closed.completeExceptionally(new WsktError.Io(Native.WSKT_ERR_CLOSED, "it was freed", null));
    }

    /** Completes with the close event; exceptionally if the socket is freed before. */
    public CompletableFuture<CloseEvent> closed() {
        return closed.copy();
    }

    /** The close event, once it has come; null before. */
    public CloseEvent closeEvent() {
        return closeEvent;
    }

    public State state() {
        try {
            return State.values()[handle.use(Native.LIB::wskt_socket_ready_state)];
        } catch (IOException freed) {
            return State.CLOSED;
        }
    }

    /** The address as the URL standard writes it. */
    public String url() throws IOException {
        return handle.use(s -> Native.text(Native.LIB.wskt_socket_url(s, null)));
    }

    /** The subprotocol the server picked, or empty. */
    public String protocol() throws IOException {
        return handle.use(s -> Native.text(Native.LIB.wskt_socket_protocol(s, null)));
    }

    /** Bytes of messages that were accepted and have not left. */
    public long bufferedAmount() throws IOException {
        return handle.use(Native.LIB::wskt_socket_buffered_amount).longValue();
    }

    /** What was sent and received, and how long opening took. */
    public Stats stats() throws IOException {
        Native.RawStats raw = new Native.RawStats();
        raw.struct_size = new Native.Size(raw.size());
        check(handle.use(s -> Native.LIB.wskt_socket_stats(s, raw)));
        return Stats.of(raw);
    }

    /** A header of the server's answer, or null. */
    public String responseHeader(String name) throws IOException {
        byte[] key = Native.name("name", name, Native.WSKT_ERR_INVALID_HEADER);
        return handle.use(s -> Native.text(Native.LIB.wskt_socket_response_header(s, key, null)));
    }

    /** What is left of a timeout, in milliseconds; -1 is no limit. */
    static final class Until {
        private final long end;

        Until(Duration timeout) {
            if (timeout != null && timeout.isNegative()) {
                throw new WsktError.Argument(
                        Native.WSKT_ERR_INVALID_ARGUMENT, "timeout: " + timeout);
            }
            end = timeout == null ? -1 : System.nanoTime() + timeout.toNanos();
        }

        int left() {
            long ms = (end - System.nanoTime() + 999_999) / 1_000_000;
            return end == -1 ? -1 : (int) Math.min(Math.max(ms, 0), Integer.MAX_VALUE);
        }
    }
}
