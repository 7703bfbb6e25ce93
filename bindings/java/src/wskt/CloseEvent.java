package wskt;

import com.sun.jna.Pointer;

/**
 * How a connection ended. The first three are the browser's.
 *
 * @param wasClean whether the closing handshake was completed
 * @param code the peer's close code; 1005, 1006 and 1015 are made up here
 * @param reason the peer's reason
 * @param peerCode the code the peer really sent, or 0
 * @param cause a word such as "peer", "tls" or "timeout"
 * @param message one line for a person
 */
public record CloseEvent(boolean wasClean, int code, String reason, int peerCode, String cause,
        String message) {

    static CloseEvent of(Pointer pointer) {
        Native.RawCloseEvent raw = new Native.RawCloseEvent(pointer);
        raw.read();
        return new CloseEvent(raw.was_clean != 0, raw.code & 0xffff,
                Native.text(raw.reason, raw.reason_len), raw.peer_code & 0xffff,
                Native.LIB.wskt_cause_name(raw.cause), Native.text(raw.message, raw.message_len));
    }
}
