# frozen_string_literal: true

require "timeout"
require_relative "native"

module Wskt
  # In every exception of a result: `result` is its number, `name` its name,
  # `text` wskt_result_text; the message adds what the library knows besides.
  module Error
    attr_reader :result, :name, :text

    def initialize(result, detail = nil)
      @result = result
      @name = Native.wskt_result_name(result)
      @text = Native.wskt_result_text(result)
      super(detail.to_s.empty? ? @text : "#{@text}: #{detail}")
    end
  end

  # A value was refused: URL, subprotocol, header, option, close code, …
  class ArgumentError < ::ArgumentError
    include Error
  end

  # The call is not legal now, on this thread, or in this process.
  class StateError < ::RuntimeError
    include Error
  end

  # The connection is closing or closed, or the object was freed.
  class ClosedError < ::IOError
    include Error
  end

  # The connection did not come about; the close event tells why.
  class ConnectError < ClosedError
    attr_accessor :close_event
  end

  # Nothing came within the time given.
  class TimeoutError < ::Timeout::Error
    include Error
  end

  # The operating system refused, or memory ran out.
  class SystemError < ::IOError
    include Error
  end

  KINDS = {
    "WSKT_ERR_INVALID_STATE" => StateError, "WSKT_ERR_REENTRANT" => StateError,
    "WSKT_ERR_WRONG_THREAD" => StateError, "WSKT_ERR_FORKED" => StateError,
    "WSKT_ERR_PANIC" => StateError, "WSKT_ERR_IN_USE" => StateError,
    "WSKT_ERR_BUFFER_FULL" => StateError,
    "WSKT_ERR_LOOP_GONE" => ClosedError, "WSKT_ERR_CLOSED" => ClosedError,
    "WSKT_ERR_CONNECT_FAILED" => ConnectError,
    "WSKT_ERR_TIMEOUT" => TimeoutError, "WSKT_ERR_INTERRUPTED" => SystemError,
    "WSKT_ERR_IO" => SystemError, "WSKT_ERR_NO_MEMORY" => SystemError
  }.freeze
  private_constant :KINDS

  # The exception of a result.
  def self.error(result, detail = nil)
    KINDS.fetch(Native.wskt_result_name(result), ArgumentError).new(result, detail)
  end

  # Raises unless the result is WSKT_OK.
  def self.check(result, detail = nil)
    raise error(result, detail) unless result == Native::OK
  end

  # A value of the type that is wanted, as Ruby's own methods ask for it.
  def self.want(kind, value, what)
    return value if value.is_a?(kind)

    raise TypeError, "#{what} must be #{kind}, not #{value.class}"
  end

  # A name for C, which would not see what is behind a NUL.
  def self.name(value, what, refusal)
    raise error(refusal, "#{what} has a NUL in it") if want(String, value, what).include?("\0")

    value
  end
end
