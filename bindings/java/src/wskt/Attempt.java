package wskt;

import com.sun.jna.Pointer;
import java.time.Duration;

/**
 * A {@link Reconnector} has made a socket.
 *
 * @param number 1 for its first
 * @param delay how long it waits before it connects
 * @param previous how the socket before ended; null for the first
 */
public record Attempt(int number, Duration delay, CloseEvent previous) {

    static Attempt of(Pointer pointer) {
        Native.RawAttemptEvent raw = new Native.RawAttemptEvent(pointer);
        raw.read();
        return new Attempt(raw.number, Duration.ofNanos((long) (raw.delay_ms * 1e6)),
                raw.previous == null ? null : CloseEvent.of(raw.previous));
    }
}
