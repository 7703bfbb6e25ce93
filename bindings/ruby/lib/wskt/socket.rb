# frozen_string_literal: true

require_relative "config"
require_relative "events"
require_relative "handle"

module Wskt
  # What was sent and received since a socket is open, and how long, in seconds,
  # the phases of opening took and the last ping that was answered; 0.0 is what did
  # not take place.
  Stats = Struct.new(*Native::Stats::COUNTERS, :dns_time, :connect_time, :tls_time,
                     :upgrade_time, :proxy_time, :round_trip_time, keyword_init: true)

  # One WebSocket: driven by blocking calls (Wskt.connect), or by a loop.
  class Socket
    include Enumerable

    STATES = %i[connecting open closing closed].freeze

    # The close event of a closed socket.
    attr_reader :close_event

    def initialize(handle)
      @handle = handle
    end

    # Makes one, driven by blocking calls or by a loop.
    def self.make(loop, url, **options)
      new(Handle.new(pattern(loop, url, **options), :wskt_socket_free, Native::ERR_CLOSED) { |s|
        Native.wskt_socket_abort(s)
      })
    end

    # A wskt_socket, which the caller frees.
    def self.pattern(loop, url, protocols: [], message_chunks: false, **options)
      Wskt.name(url, "url", Native::ERR_INVALID_URL)
      unless [true, false].include?(message_chunks)
        raise TypeError, "message_chunks must be true or false, not #{message_chunks.class}"
      end
      pointer = Config.with(options) do |config|
        Native.made(:wskt_socket_new, loop, url, config)
      end
      offer(pointer, protocols)
      Wskt.check(Native.wskt_socket_set_message_chunks(pointer, message_chunks))
      pointer
    rescue StandardError
      Native.wskt_socket_free(pointer) if pointer
      raise
    end

    def self.offer(pointer, protocols)
      protocols = [protocols] if protocols.is_a?(String)
      Wskt.want(Array, protocols, "protocols").each do |protocol|
        Wskt.name(protocol, "a subprotocol", Native::ERR_INVALID_PROTOCOL)
        Wskt.check(Native.wskt_socket_add_protocol(pointer, protocol))
      end
    end
    private_class_method :offer

    # Connects and waits until the socket is open. A socket that cannot is freed,
    # except with a ConnectError, whose close_event has it as its target.
    def connect(timeout: nil)
      result = waiting(timeout) { |socket, ms| Native.wskt_socket_connect(socket, ms) }
      return self if result == Native::OK

      remember_end
      error = Wskt.error(result, @close_event&.message)
      # Through its event, the server's answer can still be read.
      error.is_a?(ConnectError) ? error.close_event = @close_event : free
      raise error
    end

    # Sends a text message. What is not UTF-8 is refused.
    def send_text(data) = post(:wskt_socket_send_text, data)

    # Sends a binary message.
    def send_binary(data) = post(:wskt_socket_send_binary, data)

    # Sends a ping of at most 125 bytes; its pong is no event.
    def ping(data = "") = post(:wskt_socket_ping, data)

    # Starts the closing handshake; the close event follows. The code is 1000 or
    # in 3000 to 4999.
    def close(code = nil, reason = "")
      unless code.nil?
        Wskt.want(Integer, code, "code")
        raise Wskt.error(Native::ERR_INVALID_ACCESS) unless code.between?(1, 0xffff)
      end
      said = Wskt.want(String, reason, "reason")
      Wskt.check(use { |socket|
        Native.wskt_socket_close(socket, code || 0, Native.memory(said), said.bytesize)
      })
    end

    # Ends the connection at once, without a closing handshake.
    def abort = Wskt.check(use { |socket| Native.wskt_socket_abort(socket) })

    # The next event of a connected socket, or nil after the close event. Raises
    # TimeoutError after that many seconds. With message_chunks: true, messages are
    # MessageChunkEvents as they arrive; recv and each have none then.
    def next_event(timeout: nil)
      out = FFI::MemoryPointer.new(:pointer)
      event = nil
      result = waiting(timeout) do |socket, ms|
        result = Native.wskt_socket_recv(socket, ms, out)
        event = take(out.read_pointer) if result == Native::OK
        result
      end
      return nil if result == Native::ERR_CLOSED && @close_event

      Wskt.check(result)
      event
    end

    # The next message, or nil at the end; then close_event tells how it ended.
    def recv(timeout: nil)
      while (event = next_event(timeout: timeout))
        return event.data if event.is_a?(MessageEvent)
      end
    end

    # Every message until the close event.
    def each
      return enum_for(:each) unless block_given?

      while (message = recv)
        yield message
      end
      self
    end

    # :connecting, :open, :closing or :closed.
    def ready_state
      @handle.freed? ? :closed : STATES[use { |socket| Native.wskt_socket_ready_state(socket) }]
    end

    def url = use { |socket| Native.wskt_socket_url(socket, nil) }
    def protocol = use { |socket| Native.wskt_socket_protocol(socket, nil) }
    def buffered_amount = use { |socket| Native.wskt_socket_buffered_amount(socket) }
    def response_status = use { |socket| Native.wskt_socket_response_status(socket) }

    # Its counters, as Stats.
    def stats
      raw = Native::Stats.new
      raw[:struct_size] = Native::Stats.size
      Wskt.check(use { |socket| Native.wskt_socket_stats(socket, raw) })
      counters = Native::Stats::COUNTERS.to_h { |name| [name, raw[name]] }
      times = Native::Stats::TIMES.to_h do |name|
        [name.to_s.sub("_us", "_time").to_sym, raw[name] / 1e6]
      end
      Stats.new(**counters, **times)
    end

    # A header of the server's answer, or nil.
    def response_header(name)
      Wskt.name(name, "name", Native::ERR_INVALID_HEADER)
      use { |socket| Native.wskt_socket_response_header(socket, name, nil) }
    end

    # The body of an answer that refused the upgrade.
    def response_body
      use do |socket|
        size = FFI::MemoryPointer.new(:size_t)
        body = Native.wskt_socket_response_body(socket, size)
        body.read_bytes(size.read(:size_t))
      end
    end

    # Lets go, without a closing handshake if it is still open.
    def free = @handle.free

    def freed? = @handle.freed?

    # For loops.
    def open
      use do |socket|
        Wskt.check(Native.wskt_socket_open(socket))
        socket.address
      end
    end

    # For loops: the copy of an event that was lent.
    def take(pointer)
      event = Events.copy(pointer, self)
      @close_event = event if event.is_a?(CloseEvent)
      event
    end

    private

    def use(&block) = @handle.use(&block)
    def waiting(...) = @handle.waiting(...)

    def post(function, data)
      bytes = Wskt.want(String, data, "data")
      memory = Native.memory(bytes)
      result = Native::ERR_INTERRUPTED
      while result == Native::ERR_INTERRUPTED
        result = use { |socket| Native.public_send(function, socket, memory, bytes.bytesize) }
      end
      Wskt.check(result)
    end

    def remember_end
      use do |socket|
        pointer = Native.wskt_socket_close_event(socket)
        take(pointer) unless pointer.null?
      end
    end
  end
end
