package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Makes a new socket for each try, as long as one makes sense: for blocking calls
 * ({@link #Reconnector(String, Config, Tries)}), or for a listener ({@link #open}). A socket is
 * good until the next one is there.
 */
public final class Reconnector implements AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final AtomicLong KEYS = new AtomicLong();

    /**
     * How often, and after how long. Before a try it waits for a random time of up to the first
     * delay, twice as long before each further one in a row, up to the longest.
     *
     * @param first the first delay
     * @param longest the longest one; a connection that lasted for it begins a new row
     * @param most how many tries in a row; 0 is any number
     */
    public record Tries(Duration first, Duration longest, int most) {
        /** What is usual: a second, a minute, ten. */
        public static final Tries USUAL =
                new Tries(Duration.ofSeconds(1), Duration.ofMinutes(1), 10);
    }

    private final Handle handle;
    private final Config config;
    private final Listener listener;
    private final Consumer<Pointer> forget;
    /** Both are guarded by Hub.class. */
    private WebSocket socket;
    private boolean released;

    /** For blocking calls; null is the default configuration, and the usual tries. */
    public Reconnector(String url, Config config, Tries tries) throws IOException {
        this(url, config, tries, null, null);
    }

    private Reconnector(String url, Config config, Tries tries, Hub hub, Listener listener)
            throws IOException {
        this.config = config == null ? new Config() : config;
        this.listener = listener;
        Tries wanted = tries == null ? Tries.USUAL : tries;
        if (wanted.most < 0) {
            throw new WsktError.Argument(
                    Native.WSKT_ERR_INVALID_ARGUMENT, "tries: " + wanted.most);
        }
        long first = wanted.first.toMillis();
        long longest = wanted.longest.toMillis();
        long key = KEYS.incrementAndGet();
        Pointer pattern = WebSocket.pattern(url, this.config, hub);
        PointerByReference out = new PointerByReference();
        try {
            check(Native.LIB.wskt_socket_set_user_data(pattern, new Pointer(key), null));
            check(Native.LIB.wskt_reconnector_new(pattern, out));
        } catch (IOException | RuntimeException e) {
            Native.LIB.wskt_socket_free(pattern);
            throw e;
        }
        forget = hub == null ? socket -> { } : hub::forget;
        handle = new Handle(out.getValue(), Native.LIB::wskt_reconnector_stop, hub == null
                ? Native.LIB::wskt_reconnector_free : pointer -> hub.release(key, pointer));
        CLEANER.register(this, handle::free);
        try {
            check(handle.use(r -> Native.LIB.wskt_reconnector_set_delays(r, first, longest)));
            check(handle.use(r -> Native.LIB.wskt_reconnector_set_max_tries(r, wanted.most)));
            if (hub != null) {
                hub.add(key, this);
                check(handle.use(Native.LIB::wskt_reconnector_start));
            }
        } catch (IOException | RuntimeException e) {
            handle.free();
            throw e;
        }
    }

    /** Starts one; the listener hears of all its sockets. It ends by itself when it is over. */
    public static Reconnector open(String url, Config config, Tries tries, Listener listener)
            throws IOException {
        Objects.requireNonNull(listener);
        Hub hub = Hub.enter();
        try {
            return new Reconnector(url, config, tries, hub, listener);
        } finally {
            hub.leave();
        }
    }

    private static void check(int result) throws IOException {
        WsktError.check(result, "", null);
    }

    /**
     * Waits until a socket is open, through all delays and tries that takes; null waits without
     * limit, and a timeout ends nothing. If no try will follow it throws a {@link WsktError.Io}
     * with the last close event: WSKT_ERR_CONNECT_FAILED if none opened, else WSKT_ERR_CLOSED.
     */
    public WebSocket connect(Duration timeout) throws IOException {
        if (listener != null) {
            throw new WsktError.State(Native.WSKT_ERR_INVALID_STATE, "it has a listener");
        }
        WebSocket before = socket();
        WebSocket.Until until = new WebSocket.Until(timeout);
        PointerByReference out = new PointerByReference();
        int result;
        do {
            result = handle.use(r -> Native.LIB.wskt_reconnector_connect(r, until.left(), out));
        } while (result == Native.WSKT_ERR_INTERRUPTED);
        if (result != Native.WSKT_OK) {
            CloseEvent end = result == Native.WSKT_ERR_TIMEOUT ? null : lastEvent();
            WsktError.check(result, end == null ? "" : end.message(), end);
        }
        synchronized (Hub.class) {
            adopt(out.getValue());
        }
        if (before != null) {
            before.free();
        }
        return socket();
    }

    private CloseEvent lastEvent() throws IOException {
        return handle.use(r -> {
            Pointer newest = Native.LIB.wskt_reconnector_socket(r);
            Pointer end = newest == null ? null : Native.LIB.wskt_socket_close_event(newest);
            return end == null ? null : CloseEvent.of(end);
        });
    }

    /** The object of a new socket; who calls frees the one before, outside the lock. */
    WebSocket adopt(Pointer pointer) {
        Handle lent = new Handle.Lent(pointer, handle, forget);
        socket = new WebSocket(lent, config, listener, this);
        return socket;
    }

    boolean isReleased() {
        return released;
    }

    /** The newest socket; null before the first. */
    public WebSocket socket() {
        synchronized (Hub.class) {
            return socket;
        }
    }

    /** Ends trying; a socket that is open stays as it is. */
    public void stop() throws IOException {
        if (!handle.isFreed()) {
            check(handle.use(Native.LIB::wskt_reconnector_stop));
        }
    }

    /** Whether no try will follow: in onClose, whether this socket was the last. */
    public boolean isOver() {
        try {
            return handle.use(Native.LIB::wskt_reconnector_is_over) != 0;
        } catch (IOException freed) {
            return true;
        }
    }

    /** Lets go, without a closing handshake if a socket is open. */
    @Override
    public void close() {
        WebSocket last;
        synchronized (Hub.class) {
            released = true;
            last = socket;
        }
        if (last != null) {
            last.free();
        }
        handle.free();
    }
}
