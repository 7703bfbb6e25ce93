# frozen_string_literal: true

require "ffi"

module Wskt
  # wskt.h by the ffi gem: every struct, constant and function that this package
  # uses. test/interface_test.rb holds all of it against the C compiler.
  module Native
    extend FFI::Library

    SONAME = "libwskt.so.0.1"
    VERSION_NUMBER = 0x000100
    LIBRARY = ENV.fetch("WSKT_LIBRARY", SONAME)
    begin
      ffi_lib LIBRARY
    rescue LoadError => e
      raise LoadError, "wskt: #{LIBRARY} cannot be loaded (#{e.message}); install libwskt, " \
                       "or set WSKT_LIBRARY to the path of libwskt.so"
    end

    CONSTANTS = {
      OK: 0, ERR_INVALID_ARGUMENT: -2, ERR_INVALID_STATE: -3, ERR_INVALID_URL: -4,
      ERR_INVALID_PROTOCOL: -7, ERR_INVALID_HEADER: -9, ERR_INVALID_ACCESS: -12,
      ERR_CLOSED: -17, ERR_TIMEOUT: -18, ERR_INTERRUPTED: -19, ERR_LOOP_GONE: -22,
      ERR_CONNECT_FAILED: -27,
      EVENT_MESSAGE: 2, EVENT_ERROR: 3, EVENT_CLOSE: 4, EVENT_PING: 6, EVENT_PONG: 7,
      EVENT_MESSAGE_CHUNK: 8, EVENT_ATTEMPT: 9, EVENT_UNSENT: 10,
      MESSAGE_TEXT: 1, CLOSED: 3, TLS_1_2: 12, TLS_1_3: 13
    }.freeze
    CONSTANTS.each { |name, value| const_set(name, value) }

    class Event < FFI::Struct
      layout :struct_size, :size_t, :type, :int32, :bubbles, :bool, :cancelable, :bool,
             :is_trusted, :bool, :type_name, :pointer, :target, :pointer, :timestamp, :double
    end

    # A wskt_unsent_event is the same.
    class MessageEvent < FFI::Struct
      layout :head, Event, :kind, :int32, :data, :pointer, :len, :size_t
    end

    class ErrorEvent < FFI::Struct
      layout :head, Event, :cause, :int32, :os_error, :int32, :http_status, :uint16,
             :message, :pointer, :message_len, :size_t
    end

    class CloseEvent < FFI::Struct
      layout :head, Event, :was_clean, :bool, :code, :uint16, :reason, :pointer,
             :reason_len, :size_t, :peer_code, :uint16, :cause, :int32, :message, :pointer,
             :message_len, :size_t
    end

    # A wskt_pong_event is the same.
    class PingEvent < FFI::Struct
      layout :head, Event, :data, :pointer, :len, :size_t
    end

    class MessageChunkEvent < FFI::Struct
      layout :head, Event, :kind, :int32, :first, :bool, :last, :bool, :data, :pointer,
             :len, :size_t
    end

    class AttemptEvent < FFI::Struct
      layout :head, Event, :number, :uint32, :delay_ms, :double, :previous, :pointer
    end

    class Stats < FFI::Struct
      COUNTERS = %i[bytes_sent bytes_received frames_sent frames_received messages_sent
                    messages_received payload_sent payload_received wire_payload_sent
                    wire_payload_received].freeze
      TIMES = %i[dns_us connect_us tls_us upgrade_us proxy_us round_trip_us].freeze
      layout :struct_size, :size_t, *(COUNTERS + TIMES).flat_map { |name| [name, :uint64] }
    end

    # Result first, then the parameters.
    FUNCTIONS = {
      wskt_version_string: %i[string],
      wskt_version_number: %i[uint32],
      wskt_result_name: %i[string int32],
      wskt_result_text: %i[string int32],
      wskt_cause_name: %i[string int32],
      wskt_handle_count: %i[size_t],
      wskt_config_new: %i[int32 pointer],
      wskt_config_free: %i[void pointer],
      wskt_config_error_text: %i[string pointer],
      wskt_config_set_browser_mode: %i[int32 pointer bool],
      wskt_config_set_ping_events: %i[int32 pointer bool],
      wskt_config_add_header: %i[int32 pointer string string],
      wskt_config_set_origin: %i[int32 pointer string],
      wskt_config_set_user_agent: %i[int32 pointer string],
      wskt_config_set_cookie: %i[int32 pointer string],
      wskt_config_set_basic_authorization: %i[int32 pointer string string],
      wskt_config_set_bearer_authorization: %i[int32 pointer string],
      wskt_config_set_host: %i[int32 pointer string],
      wskt_config_set_allow_missing_protocol: %i[int32 pointer bool],
      wskt_config_add_ca_file: %i[int32 pointer string],
      wskt_config_add_ca_pem: %i[int32 pointer pointer size_t],
      wskt_config_set_system_roots: %i[int32 pointer bool],
      wskt_config_add_pinned_public_key: %i[int32 pointer string],
      wskt_config_set_min_tls_version: %i[int32 pointer int32],
      wskt_config_set_max_tls_version: %i[int32 pointer int32],
      wskt_config_set_tls_server_name: %i[int32 pointer string],
      wskt_config_set_tls_sni: %i[int32 pointer bool],
      wskt_config_set_tls_alpn: %i[int32 pointer bool],
      wskt_config_set_danger_any_certificate: %i[int32 pointer bool],
      wskt_config_set_danger_any_host_name: %i[int32 pointer bool],
      wskt_config_set_client_certificate_file: %i[int32 pointer string string],
      wskt_config_set_client_certificate_pem: %i[int32 pointer pointer size_t pointer size_t],
      wskt_config_set_client_pkcs12_file: %i[int32 pointer string string],
      wskt_config_set_client_pkcs12: %i[int32 pointer pointer size_t string],
      wskt_config_set_proxy: %i[int32 pointer string],
      wskt_config_set_no_proxy: %i[int32 pointer string],
      wskt_config_set_proxy_from_environment: %i[int32 pointer],
      wskt_config_add_connect_to: %i[int32 pointer string string],
      wskt_config_set_local_address: %i[int32 pointer string],
      wskt_config_set_interface: %i[int32 pointer string],
      wskt_config_set_unix_socket: %i[int32 pointer string],
      wskt_config_set_tcp_keepalive: %i[int32 pointer int64 int64 uint32],
      wskt_config_set_open_timeout: %i[int32 pointer int64],
      wskt_config_set_dns_timeout: %i[int32 pointer int64],
      wskt_config_set_connect_timeout: %i[int32 pointer int64],
      wskt_config_set_proxy_timeout: %i[int32 pointer int64],
      wskt_config_set_tls_timeout: %i[int32 pointer int64],
      wskt_config_set_upgrade_timeout: %i[int32 pointer int64],
      wskt_config_set_close_timeout: %i[int32 pointer int64],
      wskt_config_set_linger_timeout: %i[int32 pointer int64],
      wskt_config_set_send_timeout: %i[int32 pointer int64],
      wskt_config_set_idle_timeout: %i[int32 pointer int64],
      wskt_config_set_heartbeat: %i[int32 pointer int64 int64],
      wskt_config_set_max_message_size: %i[int32 pointer uint64],
      wskt_config_set_max_fragments: %i[int32 pointer uint32],
      wskt_config_set_read_buffer: %i[int32 pointer size_t],
      wskt_config_set_water_marks: %i[int32 pointer size_t size_t],
      wskt_config_set_deflate: %i[int32 pointer bool],
      wskt_config_set_deflate_no_context_takeover: %i[int32 pointer bool bool],
      wskt_config_set_deflate_max_window_bits: %i[int32 pointer int32 int32],
      wskt_config_set_deflate_level: %i[int32 pointer int32],
      wskt_config_set_deflate_min_size: %i[int32 pointer size_t],
      wskt_loop_new: %i[int32 pointer],
      wskt_loop_free: %i[int32 pointer],
      wskt_loop_fd: %i[int pointer],
      wskt_loop_next_event: %i[int32 pointer int32 pointer],
      wskt_loop_wake: %i[int32 pointer],
      wskt_socket_new: %i[int32 pointer string pointer pointer],
      wskt_socket_free: %i[void pointer],
      wskt_socket_add_protocol: %i[int32 pointer string],
      wskt_socket_set_message_chunks: %i[int32 pointer bool],
      wskt_socket_set_user_data: %i[int32 pointer pointer pointer],
      wskt_socket_user_data: %i[pointer pointer],
      wskt_socket_open: %i[int32 pointer],
      wskt_socket_connect: %i[int32 pointer int32],
      wskt_socket_recv: %i[int32 pointer int32 pointer],
      wskt_socket_send_text: %i[int32 pointer pointer size_t],
      wskt_socket_send_binary: %i[int32 pointer pointer size_t],
      wskt_socket_ping: %i[int32 pointer pointer size_t],
      wskt_socket_close: %i[int32 pointer uint16 pointer size_t],
      wskt_socket_abort: %i[int32 pointer],
      wskt_socket_ready_state: %i[int32 pointer],
      wskt_socket_buffered_amount: %i[size_t pointer],
      wskt_socket_url: %i[string pointer pointer],
      wskt_socket_protocol: %i[string pointer pointer],
      wskt_socket_response_status: %i[uint16 pointer],
      wskt_socket_response_header: %i[string pointer string pointer],
      wskt_socket_response_body: %i[pointer pointer pointer],
      wskt_socket_close_event: %i[pointer pointer],
      wskt_socket_stats: %i[int32 pointer pointer],
      wskt_reconnector_new: %i[int32 pointer pointer],
      wskt_reconnector_free: %i[void pointer],
      wskt_reconnector_set_delays: %i[int32 pointer int64 int64],
      wskt_reconnector_set_max_tries: %i[int32 pointer uint32],
      wskt_reconnector_start: %i[int32 pointer],
      wskt_reconnector_connect: %i[int32 pointer int32 pointer],
      wskt_reconnector_stop: %i[int32 pointer],
      wskt_reconnector_is_over: %i[bool pointer],
      wskt_reconnector_socket: %i[pointer pointer]
    }.freeze
    # These wait, and let other threads of Ruby run meanwhile.
    WAITING = %i[wskt_loop_next_event wskt_socket_connect wskt_socket_recv wskt_socket_send_text
                 wskt_socket_send_binary wskt_socket_ping wskt_reconnector_connect].freeze
    FUNCTIONS.each do |name, (result, *parameters)|
      attach_function name, parameters, result, blocking: WAITING.include?(name)
    end

    have = wskt_version_number
    if have >> 8 != VERSION_NUMBER >> 8 || have < VERSION_NUMBER
      raise LoadError, "wskt: #{LIBRARY} is version #{wskt_version_string}; " \
                       "this package needs #{SONAME}"
    end

    # What a ..._new hands out.
    def self.made(function, *before)
      out = FFI::MemoryPointer.new(:pointer)
      Wskt.check(public_send(function, *before, out))
      out.read_pointer
    end

    # Bytes for C.
    def self.memory(bytes)
      FFI::MemoryPointer.new(:char, [bytes.bytesize, 1].max).put_bytes(0, bytes)
    end

    # A copy of text that the library lends.
    def self.text(pointer, length)
      pointer.null? ? "" : pointer.read_bytes(length).force_encoding(Encoding::UTF_8)
    end
  end
end
