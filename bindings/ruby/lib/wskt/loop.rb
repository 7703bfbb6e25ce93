# frozen_string_literal: true

require_relative "socket"

module Wskt
  # Drives many sockets, and gives their events one by one.
  class Loop
    def initialize
      pointer = Native.made(:wskt_loop_new)
      @handle = Handle.new(pointer, :wskt_loop_free, Native::ERR_LOOP_GONE) do |loop|
        Native.wskt_loop_wake(loop)
      end
      @sockets = {}
    end

    # Opens a socket; what comes of it the events tell.
    def open(url, protocols: [], **options)
      @handle.use do |loop|
        socket = Socket.new(loop, url, protocols, options)
        @sockets[socket.open] = socket
      end
    end

    # The next event of any socket, which is its target. Raises TimeoutError after
    # that many seconds.
    def next_event(timeout: nil)
      ms = Socket.timeout_ms(timeout)
      out = FFI::MemoryPointer.new(:pointer)
      loop do
        @handle.use do |handle|
          result = Native.wskt_loop_next_event(handle, ms, out)
          next if result == Native::ERR_INTERRUPTED

          Wskt.check(result)
          event = take(out.read_pointer)
          return event if event
        end
      end
    end

    # Gives every event to the block until all sockets are closed.
    def run
      @sockets.delete_if { |_, socket| socket.freed? }
      until @sockets.empty?
        yield next_event
        @sockets.delete_if { |_, socket| socket.freed? }
      end
    end

    # The descriptor that is readable when there is an event, for IO.select.
    def fileno = @handle.use { |loop| Native.wskt_loop_fd(loop) }

    # Frees the loop. Its sockets get no event any more.
    def free = @handle.free

    private

    def take(pointer)
      address = Native::Event.new(pointer)[:target].address
      socket = @sockets[address]
      event = socket&.take(pointer)
      @sockets.delete(address) if event.is_a?(CloseEvent)
      event
    end
  end
end
