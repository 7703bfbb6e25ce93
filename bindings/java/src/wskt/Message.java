package wskt;

import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;

/**
 * A whole message.
 *
 * @param isText whether it is text, whose bytes are UTF-8
 * @param bytes its payload
 */
public record Message(boolean isText, byte[] bytes) {
    /** Of a wskt_message_event or a wskt_unsent_event. */
    static Message of(Pointer pointer) {
        Native.MessageEvent raw = new Native.MessageEvent(pointer);
        raw.read();
        return new Message(raw.kind == Native.WSKT_MESSAGE_TEXT,
                raw.data.getByteArray(0, raw.len.intValue()));
    }

    /** The payload as text. */
    public String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
