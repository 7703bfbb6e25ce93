package wskt;

import com.sun.jna.Pointer;

/**
 * The connection failed; the close event follows at once.
 *
 * @param cause a word such as "dns", "tls" or "timeout"
 * @param message one line for a person
 * @param osError an errno, or 0
 * @param httpStatus the status that refused the upgrade, or 0
 */
public record ErrorEvent(String cause, String message, int osError, int httpStatus) {

    static ErrorEvent of(Pointer pointer) {
        Native.RawErrorEvent raw = new Native.RawErrorEvent(pointer);
        raw.read();
        return new ErrorEvent(Native.LIB.wskt_cause_name(raw.cause),
                Native.text(raw.message, raw.message_len), raw.os_error, raw.http_status & 0xffff);
    }
}
