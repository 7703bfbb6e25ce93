# frozen_string_literal: true

require_relative "reconnector"

module Wskt
  # Drives many sockets, and gives their events one by one.
  class Loop
    def initialize
      pointer = Native.made(:wskt_loop_new)
      @handle = Handle.new(pointer, :wskt_loop_free, Native::ERR_LOOP_GONE) do |loop|
        Native.wskt_loop_wake(loop)
      end
      @sockets = {}
      @reconnectors = {}
    end

    # Opens a socket; what comes of it the events tell.
    def open(url, **options)
      @handle.use do |loop|
        socket = Socket.make(loop, url, **options)
        @sockets[socket.open] = socket
      end
    end

    # Starts a Reconnector, with the options of Wskt.reconnector. The events of its
    # sockets begin with an AttemptEvent; UnsentEvents have the messages that one had
    # accepted and could not send.
    def reconnect(url, **options)
      @handle.use do |loop|
        reconnector = Reconnector.new(loop, url, **options)
        @reconnectors[reconnector.start] = reconnector
      end
    end

    # The next event of any socket, which is its target. Raises TimeoutError after
    # that many seconds.
    def next_event(timeout: nil)
      ms = Waiting.timeout_ms(timeout)
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

    # Gives every event to the block until all sockets are closed and no reconnector
    # tries any more.
    def run
      forget_freed
      until @sockets.empty? && @reconnectors.empty?
        yield next_event
        forget_freed
      end
    end

    # The descriptor that is readable when there is an event, for IO.select.
    def fileno = @handle.use { |loop| Native.wskt_loop_fd(loop) }

    # Frees the loop. Its sockets get no event any more.
    def free = @handle.free

    private

    def take(pointer)
      head = Native::Event.new(pointer)
      address = head[:target].address
      adopt(head[:target]) if head[:type] == Native::EVENT_ATTEMPT
      socket = @sockets[address]
      event = socket&.take(pointer)
      if event.is_a?(CloseEvent)
        @sockets.delete(address)
        @reconnectors.delete_if { |_, reconnector| reconnector.over? }
      end
      event
    end

    def adopt(target)
      reconnector = @reconnectors[Native.wskt_socket_user_data(target).address]
      @sockets[target.address] = reconnector.adopt(target) if reconnector
    end

    def forget_freed
      @sockets.delete_if { |_, socket| socket.freed? }
      @reconnectors.delete_if { |_, reconnector| reconnector.freed? }
    end
  end
end
