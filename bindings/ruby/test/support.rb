# frozen_string_literal: true

require "erb"
require "minitest/autorun"
require "wskt"

# What the tests share: the scripted server of tests/support/server.
module Support
  LIMIT = 30

  def teardown
    GC.start
    assert_equal 0, Wskt::Native.wskt_handle_count
  end

  def port(name) = ENV.fetch("WSKT_PORT_#{name.upcase}")

  def url(port, path = "/echo")
    "#{port.start_with?("wss") ? "wss" : "ws"}://localhost:#{port(port)}#{path}"
  end

  # The URL that makes the server run a script.
  def script(text, port = "ws")
    @@ids = (defined?(@@ids) ? @@ids : 0) + 1
    url(port, "/s/#{ERB::Util.url_encode(text)}?id=ruby#{Process.pid}-#{@@ids}")
  end

  # A result, in the class that is one of Ruby's own errors.
  def refuses(result, kind, detail = "")
    error = assert_raises(kind) { yield }
    assert_kind_of Wskt::Error, error
    assert_equal [result, Wskt::Native.wskt_result_text(result)], [error.result, error.text]
    assert error.message.start_with?(error.text), error.message
    assert_includes error.message, detail
  end
end
