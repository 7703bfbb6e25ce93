# frozen_string_literal: true

require_relative "errors"

module Wskt
  # "open" and "drain". `target` is the socket, `timestamp` milliseconds of the
  # system's monotonic clock.
  Event = Struct.new(:type, :target, :timestamp, keyword_init: true)

  # `data` is UTF-8 for text and binary (ASCII-8BIT) otherwise.
  MessageEvent = Struct.new(:type, :target, :timestamp, :data, keyword_init: true)

  # A part of a message as it arrives, with message_chunks: true. `first` and `last`
  # tell where the message begins and ends; text is cut between characters.
  MessageChunkEvent = Struct.new(:type, :target, :timestamp, :data, :first, :last,
                                 keyword_init: true)

  # A message that a reconnector's socket had accepted and will not send.
  UnsentEvent = Struct.new(:type, :target, :timestamp, :data, keyword_init: true)

  # A reconnector has made this socket, its `number`th, which connects after `delay`
  # seconds. `previous` is the close event of the one before, or nil.
  AttemptEvent = Struct.new(:type, :target, :timestamp, :number, :delay, :previous,
                            keyword_init: true)

  # The peer's ping, which is answered already, or its pong; with the option
  # ping_events. `data` is binary.
  PingEvent = Struct.new(:type, :target, :timestamp, :data, keyword_init: true)

  # `cause` is a symbol such as :dns, :tls or :timeout, `message` a line for a
  # person, `os_error` an errno or 0, `http_status` the refusal or 0.
  ErrorEvent = Struct.new(:type, :target, :timestamp, :cause, :message, :os_error, :http_status,
                          keyword_init: true)

  # `was_clean`, `code` and `reason` are the browser's; `peer_code` is the code
  # the peer really sent, or 0.
  CloseEvent = Struct.new(:type, :target, :timestamp, :was_clean, :code, :reason, :peer_code,
                          :cause, :message, keyword_init: true) do
    alias_method :was_clean?, :was_clean
  end

  # Copies of the events that a pull has lent.
  module Events
    def self.copy(pointer, target)
      head = Native::Event.new(pointer)
      common = { type: head[:type_name].read_string, target: target, timestamp: head[:timestamp] }
      case head[:type]
      when Native::EVENT_MESSAGE then MessageEvent.new(**common, data: data(pointer))
      when Native::EVENT_UNSENT then UnsentEvent.new(**common, data: data(pointer))
      when Native::EVENT_MESSAGE_CHUNK then MessageChunkEvent.new(**common, **chunk(pointer))
      when Native::EVENT_ATTEMPT then AttemptEvent.new(**common, **attempt(pointer))
      when Native::EVENT_ERROR then ErrorEvent.new(**common, **failure(pointer))
      when Native::EVENT_CLOSE then CloseEvent.new(**common, **ending(pointer))
      when Native::EVENT_PING, Native::EVENT_PONG then PingEvent.new(**common, data: ping(pointer))
      else Event.new(**common)
      end
    end

    def self.data(pointer) = payload(Native::MessageEvent.new(pointer))

    def self.payload(raw)
      bytes = raw[:data].read_bytes(raw[:len])
      raw[:kind] == Native::MESSAGE_TEXT ? bytes.force_encoding(Encoding::UTF_8) : bytes
    end

    def self.chunk(pointer)
      raw = Native::MessageChunkEvent.new(pointer)
      { data: payload(raw), first: raw[:first], last: raw[:last] }
    end

    def self.attempt(pointer)
      raw = Native::AttemptEvent.new(pointer)
      previous = raw[:previous].null? ? nil : copy(raw[:previous], nil)
      { number: raw[:number], delay: raw[:delay_ms] / 1000, previous: previous }
    end

    def self.ping(pointer)
      raw = Native::PingEvent.new(pointer)
      raw[:data].read_bytes(raw[:len])
    end

    def self.failure(pointer)
      raw = Native::ErrorEvent.new(pointer)
      { cause: cause(raw), message: Native.text(raw[:message], raw[:message_len]),
        os_error: raw[:os_error], http_status: raw[:http_status] }
    end

    def self.ending(pointer)
      raw = Native::CloseEvent.new(pointer)
      { was_clean: raw[:was_clean], code: raw[:code], peer_code: raw[:peer_code],
        reason: Native.text(raw[:reason], raw[:reason_len]), cause: cause(raw),
        message: Native.text(raw[:message], raw[:message_len]) }
    end

    def self.cause(raw) = Native.wskt_cause_name(raw[:cause]).to_sym

    private_class_method :data, :payload, :chunk, :attempt, :ping, :failure, :ending, :cause
  end
  private_constant :Events
end
