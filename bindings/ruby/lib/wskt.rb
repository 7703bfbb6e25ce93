# frozen_string_literal: true

# The browser's WebSocket for Ruby, on libwskt. Events are pulled: Ruby is never
# called from C.
module Wskt
end

require_relative "wskt/loop"

module Wskt
  VERSION = "0.1.0"
  LIBRARY_VERSION = Native.wskt_version_string

  # Connects and waits until the socket is open. With a block, the socket is
  # closed politely at its end, or freed at once if it raises. Options: timeout
  # in seconds, protocols, message_chunks, and those of the configuration.
  def self.connect(url, timeout: nil, **options)
    socket = Socket.make(nil, url, **options).connect(timeout: timeout)
    return socket unless block_given?

    begin
      value = yield socket
      socket.close(1000) if socket.ready_state == :open
      socket.each {} unless socket.freed?
      value
    ensure
      socket.free
    end
  end

  # Makes a Reconnector for blocking calls. Options: delays, the first and the longest
  # in seconds; max_tries in a row, 0 for any number; and those of connect, but timeout.
  def self.reconnector(url, **options) = Reconnector.new(nil, url, **options)
end
