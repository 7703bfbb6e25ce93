package wskt;

import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;

/**
 * A part of a message, or all of it. Text is cut between characters.
 *
 * @param isText whether it is text, whose bytes are UTF-8
 * @param bytes its payload
 * @param isFirst whether the message begins with it
 * @param isLast whether the message ends with it
 */
public record Chunk(boolean isText, byte[] bytes, boolean isFirst, boolean isLast) {
    /** The payload as text. */
    public String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    static Chunk of(Pointer pointer) {
        Native.MessageChunkEvent raw = new Native.MessageChunkEvent(pointer);
        raw.read();
        return new Chunk(raw.kind == Native.WSKT_MESSAGE_TEXT,
                raw.data.getByteArray(0, raw.len.intValue()), raw.first != 0, raw.last != 0);
    }
}
