package wskt;

import com.sun.jna.Pointer;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A socket's pointer, and how many calls on it are running: it is freed when it
 * was asked for and the last one has returned, whatever thread that is on.
 */
final class Handle {
    interface Call<T> {
        T on(Pointer socket);
    }

    private final Consumer<Pointer> free;
    private Pointer pointer;
    private int calls;
    private boolean ending;

    /** `free` gets the pointer in the end. */
    Handle(Pointer pointer, Consumer<Pointer> free) {
        this.pointer = pointer;
        this.free = free;
    }

    synchronized boolean isFreed() {
        return ending;
    }

    <T> T use(Call<T> call) throws IOException {
        Pointer socket;
        synchronized (this) {
            if (ending) {
                throw new WsktError.Io(Native.WSKT_ERR_CLOSED, "it was freed", null);
            }
            calls++;
            socket = pointer;
        }
        try {
            return call.on(socket);
        } finally {
            synchronized (this) {
                calls--;
                release();
            }
        }
    }

    /** Ends the handle; a call that waits on another thread returns. */
    synchronized void free() {
        ending = true;
        if (pointer != null && calls > 0) {
            Native.LIB.wskt_socket_abort(pointer);
        }
        release();
    }

    private void release() {
        if (ending && calls == 0 && pointer != null) {
            free.accept(pointer);
            pointer = null;
        }
    }
}
