package wskt;

import com.sun.jna.Pointer;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A pointer, and how many calls on it are running: it is freed when it
 * was asked for and the last one has returned, whatever thread that is on.
 */
class Handle {
    interface Call<T> {
        T on(Pointer pointer);
    }

    private final Consumer<Pointer> wake;
    private final Consumer<Pointer> free;
    private Pointer pointer;
    private int calls;
    private boolean ending;

    /** `wake` ends a call that waits, `free` gets the pointer in the end. */
    Handle(Pointer pointer, Consumer<Pointer> wake, Consumer<Pointer> free) {
        this.pointer = pointer;
        this.wake = wake;
        this.free = free;
    }

    synchronized boolean isFreed() {
        return ending;
    }

    <T> T use(Call<T> call) throws IOException {
        Pointer used = enter();
        try {
            return call.on(used);
        } finally {
            leave();
        }
    }

    synchronized Pointer enter() throws IOException {
        if (ending) {
            throw new WsktError.Io(Native.WSKT_ERR_CLOSED, "it was freed", null);
        }
        calls++;
        return pointer;
    }

    synchronized void leave() {
        calls--;
        release();
    }

    /** Ends the handle; a call that waits on another thread returns. */
    synchronized void free() {
        ending = true;
        if (pointer != null && calls > 0) {
            wake.accept(pointer);
        }
        release();
    }

    private void release() {
        if (ending && calls == 0 && pointer != null) {
            free.accept(pointer);
            pointer = null;
        }
    }

    /** A socket of a reconnector, which lives as long as every call on it. */
    static final class Lent extends Handle {
        private final Handle owner;

        Lent(Pointer pointer, Handle owner, Consumer<Pointer> forget) {
            super(pointer, Native.LIB::wskt_socket_abort, socket -> {
                try {
                    owner.use(r -> Native.LIB.wskt_socket_abort(socket));
                } catch (IOException e) {
                    // It has gone with its owner.
                }
                forget.accept(socket);
            });
            this.owner = owner;
        }

        @Override
        synchronized boolean isFreed() {
            return super.isFreed() || owner.isFreed();
        }

        @Override
        Pointer enter() throws IOException {
            owner.enter();
            try {
                return super.enter();
            } catch (IOException e) {
                owner.leave();
                throw e;
            }
        }

        @Override
        void leave() {
            super.leave();
            owner.leave();
        }
    }
}
