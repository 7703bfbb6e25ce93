/* Prints size, alignment and offsets of every public struct, one a line.
   tests/abi.rs prints the same from the Rust side and compares. Compiles as C
   and as C++. */
#include <wskt.h>

#include <stdio.h>

#define FIELD(type, field) \
    printf("%s.%s %zu\n", #type, #field, offsetof(type, field))
#define SIZE(type) printf("%s size %zu\n", #type, sizeof(type))

/* The offset of a type behind one byte is its alignment. */
#define STRUCT(type)                                                        \
    do {                                                                    \
        struct behind_a_byte {                                              \
            char byte;                                                      \
            type value;                                                     \
        };                                                                  \
        printf("%s size %zu align %zu\n", #type, sizeof(type),              \
               offsetof(struct behind_a_byte, value));                      \
    } while (0)

int main(void) {
    STRUCT(wskt_event);
    FIELD(wskt_event, struct_size);
    FIELD(wskt_event, type);
    FIELD(wskt_event, bubbles);
    FIELD(wskt_event, cancelable);
    FIELD(wskt_event, is_trusted);
    FIELD(wskt_event, type_name);
    FIELD(wskt_event, target);
    FIELD(wskt_event, timestamp);

    STRUCT(wskt_open_event);
    FIELD(wskt_open_event, head);

    STRUCT(wskt_message_event);
    FIELD(wskt_message_event, head);
    FIELD(wskt_message_event, kind);
    FIELD(wskt_message_event, data);
    FIELD(wskt_message_event, len);

    STRUCT(wskt_error_event);
    FIELD(wskt_error_event, head);
    FIELD(wskt_error_event, cause);
    FIELD(wskt_error_event, os_error);
    FIELD(wskt_error_event, http_status);
    FIELD(wskt_error_event, message);
    FIELD(wskt_error_event, message_len);

    STRUCT(wskt_close_event);
    FIELD(wskt_close_event, head);
    FIELD(wskt_close_event, was_clean);
    FIELD(wskt_close_event, code);
    FIELD(wskt_close_event, reason);
    FIELD(wskt_close_event, reason_len);
    FIELD(wskt_close_event, peer_code);
    FIELD(wskt_close_event, cause);
    FIELD(wskt_close_event, message);
    FIELD(wskt_close_event, message_len);

    STRUCT(wskt_drain_event);
    FIELD(wskt_drain_event, head);
    STRUCT(wskt_ping_event);
    FIELD(wskt_ping_event, head);
    FIELD(wskt_ping_event, data);
    FIELD(wskt_ping_event, len);
    STRUCT(wskt_pong_event);
    FIELD(wskt_pong_event, head);
    FIELD(wskt_pong_event, data);
    FIELD(wskt_pong_event, len);

    STRUCT(wskt_message_chunk_event);
    FIELD(wskt_message_chunk_event, head);
    FIELD(wskt_message_chunk_event, kind);
    FIELD(wskt_message_chunk_event, first);
    FIELD(wskt_message_chunk_event, last);
    FIELD(wskt_message_chunk_event, data);
    FIELD(wskt_message_chunk_event, len);

    STRUCT(wskt_attempt_event);
    FIELD(wskt_attempt_event, head);
    FIELD(wskt_attempt_event, number);
    FIELD(wskt_attempt_event, delay_ms);
    FIELD(wskt_attempt_event, previous);
    STRUCT(wskt_unsent_event);
    FIELD(wskt_unsent_event, head);
    FIELD(wskt_unsent_event, kind);
    FIELD(wskt_unsent_event, data);
    FIELD(wskt_unsent_event, len);

    STRUCT(wskt_stats);
    FIELD(wskt_stats, struct_size);
    FIELD(wskt_stats, bytes_sent);
    FIELD(wskt_stats, bytes_received);
    FIELD(wskt_stats, frames_sent);
    FIELD(wskt_stats, frames_received);
    FIELD(wskt_stats, messages_sent);
    FIELD(wskt_stats, messages_received);
    FIELD(wskt_stats, payload_sent);
    FIELD(wskt_stats, payload_received);
    FIELD(wskt_stats, wire_payload_sent);
    FIELD(wskt_stats, wire_payload_received);
    FIELD(wskt_stats, dns_us);
    FIELD(wskt_stats, connect_us);
    FIELD(wskt_stats, tls_us);
    FIELD(wskt_stats, upgrade_us);
    FIELD(wskt_stats, proxy_us);
    FIELD(wskt_stats, round_trip_us);

    SIZE(wskt_result);
    SIZE(wskt_cause);
    SIZE(wskt_close_class);
    SIZE(wskt_ready_state);
    SIZE(wskt_event_type);
    SIZE(wskt_message_kind);
    SIZE(wskt_log_level);
    SIZE(wskt_on_message_fn);
    SIZE(wskt_destroy_fn);
    return 0;
}
