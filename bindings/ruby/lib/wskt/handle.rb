# frozen_string_literal: true

require_relative "errors"

module Wskt
  # A pointer, and how many calls on it are running: it is freed when it was
  # asked for and the last one has returned, whatever thread that is on.
  class Handle
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
end
