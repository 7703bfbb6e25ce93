package wskt;

import java.time.Duration;

/**
 * What a socket has sent and received since it is open, and how long the phases of opening
 * took; zero is one that did not take place.
 *
 * @param bytesSent frames with their headers
 * @param bytesReceived frames with their headers
 * @param framesSent Close, ping and pong included
 * @param framesReceived Close, ping and pong included
 * @param messagesSent whole messages
 * @param messagesReceived whole messages
 * @param payloadSent bytes of messages as the program gave them
 * @param payloadReceived bytes of messages as the program gets them
 * @param wirePayloadSent the same compressed
 * @param wirePayloadReceived the same compressed
 * @param dns name resolution
 * @param connect TCP
 * @param tls the TLS handshake
 * @param upgrade the HTTP upgrade
 * @param proxy the talk with a proxy
 * @param roundTrip the last ping that was answered
 */
public record Stats(long bytesSent, long bytesReceived, long framesSent, long framesReceived,
        long messagesSent, long messagesReceived, long payloadSent, long payloadReceived,
        long wirePayloadSent, long wirePayloadReceived, Duration dns, Duration connect,
        Duration tls, Duration upgrade, Duration proxy, Duration roundTrip) {

    static Stats of(Native.RawStats raw) {
        return new Stats(raw.bytes_sent, raw.bytes_received, raw.frames_sent, raw.frames_received,
                raw.messages_sent, raw.messages_received, raw.payload_sent, raw.payload_received,
                raw.wire_payload_sent, raw.wire_payload_received, us(raw.dns_us),
                us(raw.connect_us), us(raw.tls_us), us(raw.upgrade_us), us(raw.proxy_us),
                us(raw.round_trip_us));
    }

    private static Duration us(long microseconds) {
        return Duration.ofNanos(microseconds * 1000);
    }
}
