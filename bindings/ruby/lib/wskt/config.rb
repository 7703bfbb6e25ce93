# frozen_string_literal: true

require_relative "errors"

module Wskt
  # Options as a wskt_config. Times are seconds.
  module Config
    TIMES = %i[open connect tls upgrade close linger send].map { |t| :"#{t}_timeout" }.freeze

    # Gives the block a configuration for as long as it runs.
    def self.with(options)
      handle = Native.made(:wskt_config_new)
      options.each { |what, value| set(handle, what, value) unless value.nil? }
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
      case what
      when *TIMES then call(handle, "set_#{what}", milliseconds(value, what))
      when :max_message_size, :deflate_min_size then call(handle, "set_#{what}", whole(value, what, 64))
      when :max_fragments then call(handle, "set_#{what}", whole(value, what, 32))
      when :deflate_level then call(handle, "set_#{what}", whole(value, what, 31))
      when :water_marks then two(handle, what, value) { |mark| whole(mark, what, 64) }
      when :deflate_max_window_bits then two(handle, what, value) { |bits| whole(bits, what, 31) }
      when :deflate_no_context_takeover then two(handle, what, value) { |on| flag(on, what) }
      when :ca_file
        call(handle, "add_ca_file", Wskt.name(value, what, Native::ERR_INVALID_ARGUMENT))
      when :ca_pem
        pem = Wskt.want(String, value, what)
        call(handle, "add_ca_pem", Native.memory(pem), pem.bytesize)
      when :headers then headers(handle, value)
      when :allow_missing_protocol, :browser_mode, :deflate
        call(handle, "set_#{what}", flag(value, what))
      else raise ::ArgumentError, "there is no option #{what}"
      end
    end

    # For our messages, and for the server's.
    def self.two(handle, what, pair)
      first, second = Wskt.want(Array, pair, what)
      call(handle, "set_#{what}", yield(first), yield(second))
    end

    def self.headers(handle, headers)
      headers.each do |name, value|
        call(handle, "add_header",
             Wskt.name(name, "a header's name", Native::ERR_INVALID_HEADER),
             Wskt.name(value, "a header's value", Native::ERR_INVALID_HEADER))
      end
    rescue NoMethodError
      raise TypeError, "headers must be a Hash or pairs, not #{headers.class}"
    end

    def self.whole(value, what, bits)
      Wskt.want(Integer, value, what)
      return value if value >= 0 && value < 1 << bits

      raise Wskt.error(Native::ERR_INVALID_ARGUMENT, "#{what}: #{value}")
    end

    def self.flag(value, what)
      return value if [true, false].include?(value)

      raise TypeError, "#{what} must be true or false, not #{value.class}"
    end

    def self.call(handle, setter, *values)
      result = Native.public_send("wskt_config_#{setter}", handle, *values)
      Wskt.check(result, Native.wskt_config_error_text(handle)) unless result == Native::OK
    end

    private_class_method :set, :two, :headers, :whole, :flag, :call
  end
  private_constant :Config
end
