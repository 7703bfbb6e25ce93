package wskt;

import java.io.IOException;
import java.net.SocketTimeoutException;

/** What every exception of a result has; each is also one of Java's own. */
public interface WsktError {
    /** The number of the wskt_result. */
    int result();

    /** Its name, such as WSKT_ERR_CLOSED. */
    default String resultName() {
        return Native.LIB.wskt_result_name(result());
    }

    /** wskt_result_text; the message adds what the library knows besides. */
    default String text() {
        return Native.LIB.wskt_result_text(result());
    }

    /** A value was refused: URL, subprotocol, header, option, close code, … */
    final class Argument extends IllegalArgumentException implements WsktError {
        private static final long serialVersionUID = 1;
        private final int result;

        Argument(int result, String detail) {
            super(message(result, detail));
            this.result = result;
        }

        @Override
        public int result() {
            return result;
        }
    }

    /** The call is not legal now, on this thread, or in this process. */
    final class State extends IllegalStateException implements WsktError {
        private static final long serialVersionUID = 1;
        private final int result;

        State(int result, String detail) {
            super(message(result, detail));
            this.result = result;
        }

        @Override
        public int result() {
            return result;
        }
    }

    /** Closed, freed, not connected, or refused by the operating system. */
    final class Io extends IOException implements WsktError {
        private static final long serialVersionUID = 1;
        private final int result;
        private final transient CloseEvent closeEvent;

        Io(int result, String detail, CloseEvent closeEvent) {
            super(message(result, detail));
            this.result = result;
            this.closeEvent = closeEvent;
        }

        @Override
        public int result() {
            return result;
        }

        /** Why a connection did not come about; null elsewhere. */
        public CloseEvent closeEvent() {
            return closeEvent;
        }
    }

    /** Nothing came within the time given. */
    final class Timeout extends SocketTimeoutException implements WsktError {
        private static final long serialVersionUID = 1;

        Timeout(String detail) {
            super(message(Native.WSKT_ERR_TIMEOUT, detail));
        }

        @Override
        public int result() {
            return Native.WSKT_ERR_TIMEOUT;
        }
    }

    private static String message(int result, String detail) {
        String text = Native.LIB.wskt_result_text(result);
        return detail.isEmpty() ? text : text + ": " + detail;
    }

    /** Throws unless the result is WSKT_OK. */
    static void check(int result, String detail, CloseEvent closeEvent) throws IOException {
        switch (Native.LIB.wskt_result_name(result)) {
            case "WSKT_OK":
                return;
            case "WSKT_ERR_TIMEOUT":
                throw new Timeout(detail);
            case "WSKT_ERR_INVALID_STATE", "WSKT_ERR_REENTRANT", "WSKT_ERR_WRONG_THREAD",
                    "WSKT_ERR_FORKED", "WSKT_ERR_PANIC", "WSKT_ERR_IN_USE",
                    "WSKT_ERR_LOOP_GONE", "WSKT_ERR_BUFFER_FULL":
                throw new State(result, detail);
            case "WSKT_ERR_CLOSED", "WSKT_ERR_CONNECT_FAILED", "WSKT_ERR_IO",
                    "WSKT_ERR_NO_MEMORY", "WSKT_ERR_INTERRUPTED", "unknown":
                throw new Io(result, detail, closeEvent);
            default:
                throw new Argument(result, detail);
        }
    }
}
