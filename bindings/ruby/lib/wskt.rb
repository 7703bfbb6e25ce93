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
  # in seconds, protocols, and those of the configuration.
  def self.connect(url, timeout: nil, protocols: [], **options)
    socket = Socket.new(nil, url, protocols, options).connect(timeout: timeout)
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
end
