package wskt;

/**
 * Hears of a socket that {@link WebSocket#open} made, on the thread that serves all of them:
 * what waits here lets all of them wait. The calls of one socket come in this order: open,
 * messages, error, close; the last exactly once, unless the socket was freed before. A
 * {@link Reconnector} has one for all its sockets.
 *
 * <p>What a listener throws goes to the thread's uncaught exception handler, and the next call
 * comes all the same.
 */
public interface Listener {
    /** The connection is established: messages can be sent. */
    default void onOpen(WebSocket socket) throws Exception {
    }

    /** A whole message. */
    default void onMessage(WebSocket socket, Message message) throws Exception {
    }

    /** A part of a message; with {@link Config#messageChunks}, in place of onMessage. */
    default void onChunk(WebSocket socket, Chunk chunk) throws Exception {
    }

    /** A {@link Reconnector} has made the socket; its first call. */
    default void onAttempt(WebSocket socket, Attempt attempt) throws Exception {
    }

    /**
     * A message that a {@link Reconnector}'s socket had accepted and will not send: the peer
     * cannot have it. They come in their order before the error.
     */
    default void onUnsent(WebSocket socket, Message message) throws Exception {
    }

    /** The connection failed; the close event follows at once. */
    default void onError(WebSocket socket, ErrorEvent event) throws Exception {
    }

    /** The connection is closed; nothing follows. */
    default void onClose(WebSocket socket, CloseEvent event) throws Exception {
    }

    /** The send queue has room again, after a send was refused with WSKT_ERR_BUFFER_FULL. */
    default void onDrain(WebSocket socket) throws Exception {
    }

    /** The peer's ping, which is answered already; with {@link Config#pingEvents}. */
    default void onPing(WebSocket socket, byte[] data) throws Exception {
    }

    /** The peer's pong; with {@link Config#pingEvents}. */
    default void onPong(WebSocket socket, byte[] data) throws Exception {
    }
}
