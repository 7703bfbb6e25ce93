# frozen_string_literal: true

require_relative "errors"

module Wskt
  # Options as a wskt_config. Times are seconds.
  module Config
    # Each option: what its value is, or each of its values.
    OPTIONS = {
      headers: %i[header header],
      origin: :header, user_agent: :header, cookie: :header,
      basic_authorization: %i[text text], bearer_authorization: :text, host: :text,
      allow_missing_protocol: :flag,
      ca_file: :text, ca_pem: :bytes, system_roots: :flag, pinned_public_keys: :text,
      min_tls_version: :tls, max_tls_version: :tls, tls_server_name: :text, tls_sni: :flag,
      tls_alpn: :flag, danger_any_certificate: :flag, danger_any_host_name: :flag,
      client_certificate_file: %i[text text], client_certificate_pem: %i[bytes bytes],
      client_pkcs12_file: %i[text text], client_pkcs12: %i[bytes text],
      # What is given replaces what the environment has.
      proxy_from_environment: nil, proxy: :text, no_proxy: :text,
      connect_to: %i[text text], local_address: :text, interface: :text, unix_socket: :text,
      tcp_keepalive: %i[time time count],
      open_timeout: :time, dns_timeout: :time, connect_timeout: :time, proxy_timeout: :time,
      tls_timeout: :time, upgrade_timeout: :time, close_timeout: :time, linger_timeout: :time,
      send_timeout: :time, idle_timeout: :time, heartbeat: %i[time time],
      max_message_size: :size, max_fragments: :count, read_buffer: :size,
      water_marks: %i[size size],
      deflate: :flag, deflate_level: :int, deflate_min_size: :size,
      # For our messages, and for the server's.
      deflate_max_window_bits: %i[int int], deflate_no_context_takeover: %i[flag flag],
      ping_events: :flag, browser_mode: :flag
    }.freeze
    # Those that take any number of values, and what adds one.
    MANY = { headers: "add_header", pinned_public_keys: "add_pinned_public_key",
             connect_to: "add_connect_to" }.freeze
    ADDED = { ca_file: "add_ca_file", ca_pem: "add_ca_pem" }.freeze
    VERSIONS = { TLS1_2: Native::TLS_1_2, TLS1_3: Native::TLS_1_3 }.freeze

    # Gives the block a configuration for as long as it runs.
    def self.with(options)
      options.each_key do |what|
        raise ::ArgumentError, "there is no option #{what}" unless OPTIONS.key?(what)
      end
      handle = Native.made(:wskt_config_new)
      OPTIONS.each_key { |what| set(handle, what, options[what]) unless options[what].nil? }
      yield handle
    ensure
      Native.wskt_config_free(handle) if handle
    end

    def self.milliseconds(seconds, what)
      Wskt.want(Numeric, seconds, what)
      unless seconds.abs < 1e15
        raise Wskt.error(Native::ERR_INVALID_ARGUMENT, "#{what}: #{seconds} s")
      end

      # What is above 0 stays above 0: 0 has a meaning of its own.
      ms = (seconds * 1000).round
      seconds.positive? ? [ms, 1].max : ms
    end

    def self.set(handle, what, value)
      if what == :proxy_from_environment
        call(handle, "set_proxy_from_environment") if flag(what, value).first
      elsif MANY.key?(what)
        unless value.is_a?(Hash) || value.is_a?(Array)
          raise TypeError, "#{what} must be a Hash or an Array, not #{value.class}"
        end

        value.each { |*item| call(handle, MANY[what], *arguments(what, item.flatten(1))) }
      else
        values = OPTIONS[what].is_a?(Array) ? Wskt.want(Array, value, what) : [value]
        call(handle, ADDED.fetch(what) { "set_#{what}" }, *arguments(what, values))
      end
    end

    # The values of an option for C.
    def self.arguments(what, values)
      kinds = Array(OPTIONS[what])
      unless values.size == kinds.size
        raise TypeError, "#{what} must be #{kinds.size} values, not #{values.size}"
      end

      kinds.zip(values).flat_map { |kind, value| send(kind, what, value) }
    end

    def self.text(what, value) = [Wskt.name(value, what, Native::ERR_INVALID_ARGUMENT)]
    def self.header(what, value) = [Wskt.name(value, what, Native::ERR_INVALID_HEADER)]
    def self.time(what, value) = [milliseconds(value, what)]
    def self.size(what, value) = whole(what, value, 64)
    def self.count(what, value) = whole(what, value, 32)
    def self.int(what, value) = whole(what, value, 31)

    # What is not known here the library refuses.
    def self.tls(what, value) = [VERSIONS.fetch(Wskt.want(Symbol, value, what), -1)]

    def self.bytes(what, value)
      [Native.memory(Wskt.want(String, value, what)), value.bytesize]
    end

    def self.whole(what, value, bits)
      Wskt.want(Integer, value, what)
      return [value] if value >= 0 && value < 1 << bits

      raise Wskt.error(Native::ERR_INVALID_ARGUMENT, "#{what}: #{value}")
    end

    def self.flag(what, value)
      return [value] if [true, false].include?(value)

      raise TypeError, "#{what} must be true or false, not #{value.class}"
    end

    def self.call(handle, setter, *values)
      result = Native.public_send("wskt_config_#{setter}", handle, *values)
      Wskt.check(result, Native.wskt_config_error_text(handle)) unless result == Native::OK
    end

    private_class_method :set, :arguments, :text, :header, :time, :size, :count, :int, :tls,
                         :bytes, :whole, :flag, :call
  end
  private_constant :Config
end
