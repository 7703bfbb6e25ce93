# frozen_string_literal: true

require_relative "config"

module Wskt
  # Calls that wait.
  module Waiting
    LONGEST_MS = (1 << 31) - 1
    private_constant :LONGEST_MS

    def self.timeout_ms(timeout)
      return -1 if timeout.nil?

      ms = Config.milliseconds(timeout, "timeout")
      raise Wskt.error(Native::ERR_INVALID_ARGUMENT, "timeout: #{timeout} s") if ms.negative?

      [ms, LONGEST_MS].min
    end

    # Calls until something else than a signal ended it. Ruby has served its own
    # interrupts by then.
    def waiting(timeout)
      ms = Waiting.timeout_ms(timeout)
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
      left = ms
      loop do
        result = use { |pointer| yield pointer, left }
        return result unless result == Native::ERR_INTERRUPTED

        now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
        left = [ms - (now - started), 0].max unless ms.negative?
      end
    end
  end
  private_constant :Waiting

  # A pointer, and how many calls on it are running: it is freed when it was
  # asked for and the last one has returned, whatever thread that is on.
  class Handle
    include Waiting

    def initialize(pointer, free, gone, &wake)
      @pointer = FFI::AutoPointer.new(pointer, Native.method(free))
      @gone = gone
      @wake = wake
      @lock = Mutex.new
      @calls = 0
      @ending = false
    end

    def freed? = @ending

    def use
      pointer = @lock.synchronize do
        raise Wskt.error(@gone, "it was freed") if @ending

        @calls += 1
        @pointer
      end
      begin
        yield pointer
      ensure
        @lock.synchronize do
          @calls -= 1
          release
        end
      end
    end

    # Ends the handle; a call that waits on another thread returns.
    def free
      @lock.synchronize do
        return if @ending

        @ending = true
        @wake.call(@pointer) if @calls.positive?
        release
      end
    end

    private

    def release
      @pointer.free if @ending && @calls.zero?
    end
  end
  private_constant :Handle

  # A reconnector's socket: the reconnector lives as long as every call on it.
  class LentHandle
    include Waiting

    def initialize(pointer, owner)
      @pointer = pointer
      @owner = owner
      @ending = false
    end

    def freed? = @ending || @owner.freed?

    def use
      @owner.use do
        raise Wskt.error(Native::ERR_CLOSED, "it was freed") if @ending

        yield @pointer
      end
    end

    # Ends the reconnector too, unless the socket is closed.
    def free
      return if freed?

      if use { |socket| Native.wskt_socket_ready_state(socket) } != Native::CLOSED
        use { |socket| Native.wskt_socket_abort(socket) }
        @owner.free
      end
      @ending = true
    end
  end
  private_constant :LentHandle
end
