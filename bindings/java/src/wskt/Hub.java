package wskt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Drives all sockets that have a listener: one loop of the library, whose events one daemon
 * thread pulls. Both are there while a socket is. Java is never called from C.
 */
final class Hub implements Runnable {
    private static Hub current;
    private static final ThreadLocal<Boolean> HERE = new ThreadLocal<>();

    /** All below is guarded by Hub.class. */
    private final Pointer loop;
    private final Map<Pointer, WebSocket> sockets = new HashMap<>();
    /** Only the thread frees sockets: what it reads of an event is lent until their end. */
    private final List<Pointer> doomed = new ArrayList<>();
    /** By the number in their sockets' user data. */
    private final Map<Long, Reconnector> reconnectors = new HashMap<>();
    private final List<Pointer> doomedReconnectors = new ArrayList<>();
    private int guests;
    private boolean over;

    private Hub() throws IOException {
        PointerByReference out = new PointerByReference();
        WsktError.check(Native.LIB.wskt_loop_new(out), "", null);
        loop = out.getValue();
    }

    /** Whether a listener is being called. */
    static boolean isMyThread() {
        return HERE.get() != null;
    }

    /** The hub, which stays until {@link #leave}. */
    static Hub enter() throws IOException {
        synchronized (Hub.class) {
            if (current == null) {
                current = new Hub();
                Thread thread = new Thread(current, "wskt");
                thread.setDaemon(true);
                thread.start();
            }
            current.guests++;
            return current;
        }
    }

    void leave() {
        synchronized (Hub.class) {
            guests--;
            Native.LIB.wskt_loop_wake(loop);
        }
    }

    Pointer loop() {
        return loop;
    }

    void add(Pointer pointer, WebSocket socket) {
        synchronized (Hub.class) {
            sockets.put(pointer, socket);
        }
    }

    void add(long key, Reconnector reconnector) {
        synchronized (Hub.class) {
            reconnectors.put(key, reconnector);
        }
    }

    /** Forgets a socket, which its reconnector frees. */
    void forget(Pointer pointer) {
        synchronized (Hub.class) {
            if (sockets.remove(pointer) != null) {
                Native.LIB.wskt_loop_wake(loop);
            }
        }
    }

    /** Frees a reconnector. */
    void release(long key, Pointer pointer) {
        synchronized (Hub.class) {
            reconnectors.remove(key);
            doomedReconnectors.add(pointer);
            Native.LIB.wskt_loop_wake(loop);
        }
    }

    /** Frees a socket, whatever its state. */
    void release(Pointer pointer) {
        synchronized (Hub.class) {
            sockets.remove(pointer);
            if (over) {
                Native.LIB.wskt_socket_free(pointer);
            } else {
                doomed.add(pointer);
                Native.LIB.wskt_loop_wake(loop);
            }
        }
    }

    /** Frees what was let go of; whether the loop is still needed. */
    private boolean bury() {
        synchronized (Hub.class) {
            doomed.forEach(Native.LIB::wskt_socket_free);
            doomed.clear();
            doomedReconnectors.forEach(Native.LIB::wskt_reconnector_free);
            doomedReconnectors.clear();
            over = sockets.isEmpty() && reconnectors.isEmpty() && guests == 0;
            if (over) {
                current = null;
                Native.LIB.wskt_loop_free(loop);
            }
            return !over;
        }
    }

    private WebSocket socketOf(Pointer target, Reconnector owner, int type) {
        synchronized (Hub.class) {
            if (owner != null && type == Native.WSKT_EVENT_ATTEMPT && !owner.isReleased()) {
                sockets.put(target, owner.adopt(target));
            }
            return type == Native.WSKT_EVENT_CLOSE ? sockets.remove(target) : sockets.get(target);
        }
    }

    private Reconnector ownerOf(Pointer target) {
        synchronized (Hub.class) {
            Pointer key = Native.LIB.wskt_socket_user_data(target);
            return key == null ? null : reconnectors.get(Pointer.nativeValue(key));
        }
    }

    @Override
    public void run() {
        HERE.set(true);
        PointerByReference out = new PointerByReference();
        while (bury()) {
            int result = Native.LIB.wskt_loop_next_event(loop, -1, out);
            if (result == Native.WSKT_ERR_INTERRUPTED) {
                continue;
            }
            if (result != Native.WSKT_OK) {
                // The system refuses to wait: nothing can be driven any more.
                throw new WsktError.State(result, "");
            }
            Pointer event = out.getValue();
            int type = event.getInt(TYPE);
            Pointer target = event.getPointer(TARGET);
            Reconnector owner = ownerOf(target);
            WebSocket before = owner == null ? null : owner.socket();
            WebSocket socket = socketOf(target, owner, type);
            if (type == Native.WSKT_EVENT_ATTEMPT && before != null) {
                before.free();
            }
            if (socket != null) {
                try {
                    socket.hear(type, event);
                } catch (Exception | Error e) {
                    Thread me = Thread.currentThread();
                    me.getUncaughtExceptionHandler().uncaughtException(me, e);
                }
            }
            if (owner != null && type == Native.WSKT_EVENT_CLOSE && owner.isOver()) {
                owner.close();
            }
        }
    }

    /** Where an event has its type and its socket. */
    private static final int TYPE = new Native.Event(Pointer.NULL).offsetOf("type");
    private static final int TARGET = new Native.Event(Pointer.NULL).offsetOf("target");
}
