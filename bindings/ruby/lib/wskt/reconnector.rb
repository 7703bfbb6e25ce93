# frozen_string_literal: true

require_relative "socket"

module Wskt
  # Makes a new socket for each try, after random delays, as long as one makes sense:
  # for blocking calls (Wskt.reconnector), or on a loop (Loop#reconnect). A socket is
  # good until the one after it is closed.
  class Reconnector
    include Enumerable

    # The newest socket, or nil.
    attr_reader :socket

    @keys = 0
    class << self
      # What names one in its sockets' user data.
      def next_key = @keys += 1
    end

    def initialize(loop, url, delays: [1, 60], max_tries: 10, **options)
      times = Wskt.want(Array, delays, "delays").map { |time| Config.milliseconds(time, "delays") }
      raise TypeError, "delays must be 2 values, not #{times.size}" unless times.size == 2

      unless Wskt.want(Integer, max_tries, "max_tries").between?(0, (1 << 32) - 1)
        raise Wskt.error(Native::ERR_INVALID_ARGUMENT, "max_tries: #{max_tries}")
      end
      @key = Reconnector.next_key
      @handle = Handle.new(made(Socket.pattern(loop, url, **options)),
                           :wskt_reconnector_free, Native::ERR_CLOSED) do |reconnector|
        Native.wskt_reconnector_stop(reconnector)
      end
      set(times, max_tries)
    end

    # Waits until a socket is open, through all delays and tries that takes. Raises
    # TimeoutError after that many seconds, which ends nothing; if no try follows,
    # ConnectError if none opened, with its close_event, else ClosedError.
    def connect(timeout: nil)
      out = FFI::MemoryPointer.new(:pointer)
      result = @handle.waiting(timeout) do |pointer, ms|
        Native.wskt_reconnector_connect(pointer, ms, out)
      end
      return adopt(out.read_pointer) if result == Native::OK

      error = Wskt.error(result)
      error.close_event = last_event if error.is_a?(ConnectError)
      raise error
    end

    # Each socket that opens, until no try follows. Raises ConnectError if the last one
    # did not open.
    def each
      return enum_for(:each) unless block_given?

      loop do
        yield begin
          connect
        rescue ConnectError
          raise
        rescue ClosedError
          return self
        end
      end
    end

    # Ends trying; a socket that is open stays as it is.
    def stop = Wskt.check(@handle.use { |pointer| Native.wskt_reconnector_stop(pointer) })

    # Whether no try will follow.
    def over? = freed? || @handle.use { |pointer| Native.wskt_reconnector_is_over(pointer) }

    # Lets go, without a closing handshake if a socket is open.
    def free
      @socket&.free
      @handle.free
    end

    def freed? = @handle.freed?

    # For loops: starts it.
    def start
      Wskt.check(@handle.use { |pointer| Native.wskt_reconnector_start(pointer) })
      @key
    end

    # For loops: the object of a socket that the library made.
    def adopt(pointer)
      @socket = Socket.new(LentHandle.new(pointer, @handle))
    end

    private

    def made(pattern)
      key = FFI::Pointer.new(@key)
      Wskt.check(Native.wskt_socket_set_user_data(pattern, key, nil))
      Native.made(:wskt_reconnector_new, pattern)
    rescue StandardError
      Native.wskt_socket_free(pattern)
      raise
    end

    def set(times, max_tries)
      @handle.use do |pointer|
        Wskt.check(Native.wskt_reconnector_set_delays(pointer, *times))
        Wskt.check(Native.wskt_reconnector_set_max_tries(pointer, max_tries))
      end
    rescue StandardError
      @handle.free
      raise
    end

    def last_event
      @handle.use do |pointer|
        socket = Native.wskt_reconnector_socket(pointer)
        event = socket.null? ? socket : Native.wskt_socket_close_event(socket)
        event.null? ? nil : Events.copy(event, nil)
      end
    end
  end
end
