package wskt;

import java.nio.charset.StandardCharsets;

/**
 * A whole message.
 *
 * @param isText whether it is text, whose bytes are UTF-8
 * @param bytes its payload
 */
public record Message(boolean isText, byte[] bytes) {
    /** The payload as text. */
    public String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
