# frozen_string_literal: true

require "timeout"
require_relative "support"

class SocketTest < Minitest::Test
  include Support

  MESSAGES = ["Grüße, 世界", "\x00\x01\xff".b, "", "".b, "a\0b", ("xyz\0" * 20_000).b].freeze

  def connect(address, **options, &block)
    Wskt.connect(address, timeout: LIMIT, ca_file: ENV.fetch("WSKT_CA"), **options, &block)
  end

  def assert_end(event, code, reason, clean, cause)
    assert_instance_of Wskt::CloseEvent, event
    got = [event.code, event.reason, event.was_clean?, event.cause]
    assert_equal [code, reason, clean, cause], got, event.message
    refute_empty event.message unless clean
  end

  def test_echo
    %w[ws wss].each do |port|
      ws = connect(url(port))
      assert_equal [:open, url(port)], [ws.ready_state, ws.url]
      MESSAGES.each do |message|
        message.encoding == Encoding::UTF_8 ? ws.send_text(message) : ws.send_binary(message)
        got = ws.recv(timeout: LIMIT)
        assert_equal [message, message.encoding], [got, got.encoding]
      end
      ws.ping("there?")
      assert_raises(Timeout::Error) { ws.recv(timeout: 0) }
      ws.close(3999, "tschüß")
      assert_nil ws.recv(timeout: LIMIT)
      assert_end ws.close_event, 3999, "tschüß", true, :local
      assert_nil ws.next_event
      assert_equal [:closed, 0], [ws.ready_state, ws.buffered_amount]
      refuses(-17, IOError) { ws.send_text("too late") }
      ws.close
      ws.free
    end
  end

  def test_a_block_closes
    socket = nil
    assert_equal 5, connect(url("ws")) { |ws| (socket = ws) && 5 }
    assert_end socket.close_event, 1000, "", true, :local
    assert_raises(ZeroDivisionError) { connect(url("ws")) { |ws| (socket = ws) && 1 / 0 } }
    assert socket.freed?
  end

  def end_of(text)
    ws = connect(script(text))
    messages = ws.to_a
    ws.free
    [messages, ws.close_event]
  end

  def test_endings
    messages, event = end_of("text a;bin 62;close 4001 auf Wiedersehen;half-close")
    assert_equal %w[a b], messages
    assert_end event, 4001, "auf Wiedersehen", true, :peer
    assert_end end_of("close;half-close")[1], 1005, "", true, :peer
    assert_end end_of("text a;rst")[1], 1006, "", false, :lost
    bad = "frame rsv=7 payload=text:a;expect-close;half-close"
    assert_end end_of(bad)[1], 1006, "", false, :protocol
  end

  def test_no_connection
    { url("refused") => [1006, :connect], url("wss_untrusted") => [1015, :tls],
      script("http 403 Forbidden") => [1006, :http] }.each do |address, (code, cause)|
      error = assert_raises(Wskt::ConnectError) { connect(address) }
      assert_end error.close_event, code, "", false, cause
      assert_includes error.message, error.close_event.message
      assert_equal cause == :http ? 403 : 0, error.close_event.target.response_status
      error.close_event.target.free
    end
    refuses(-18, Timeout::Error) { connect(url("blackhole"), open_timeout: 0.05) }
    refuses(-18, Wskt::TimeoutError) { Wskt.connect(url("blackhole"), timeout: 0.05) }
  end

  def test_loop
    loop = Wskt::Loop.new
    assert_operator loop.fileno, :>, 0
    options = { ca_file: ENV.fetch("WSKT_CA") }
    refused = script("http 403 Forbidden body=nobody header=X-Why:so")
    sockets = [url("ws"), url("wss"), script("accept protocol=b;text a;close 4000;half-close"), refused]
              .map { |address| loop.open(address, protocols: address.include?("protocol") ? %w[a b] : [], **options) }
    refuses(-3, RuntimeError) { sockets[0].send_text("too early") }
    logs = Hash.new { |all, socket| all[socket] = [] }
    loop.run do |event|
      logs[event.target] << event.type
      if event.type == "open" && event.target.url.end_with?("/echo")
        event.target.send_text("x")
      elsif event.type == "message" && event.data == "x"
        event.target.close(1000, "bye")
      end
    end
    echo = %w[open message close]
    assert_equal [echo, echo, echo, %w[error close]], logs.values_at(*sockets)
    assert_equal([1000, 1000, 4000, 1006], sockets.map { |ws| ws.close_event.code })
    assert_equal "b", sockets[2].protocol
    assert_equal [403, "nobody", "so", nil],
                 [sockets[3].response_status, sockets[3].response_body,
                  sockets[3].response_header("x-why"), sockets[3].response_header("x-not")]
    assert_raises(Timeout::Error) { loop.next_event(timeout: 0) }
    sockets.each(&:free)
    loop.free
  end

  def test_values
    refuses(-4, ArgumentError) { Wskt.connect("ws:// x") }
    refuses(-5, ArgumentError) { Wskt.connect("ftp://x") }
    refuses(-6, ArgumentError) { Wskt.connect("ws://x/#y") }
    refuses(-4, ArgumentError, "NUL") { Wskt.connect("ws://x\0y") }
    refuses(-11, ArgumentError) { Wskt.connect("ws://\xff") }
    refuses(-7, ArgumentError) { Wskt.connect("ws://x", protocols: "a b") }
    refuses(-8, ArgumentError) { Wskt.connect("ws://x", protocols: %w[a a]) }
    refuses(-2, ArgumentError, "timeout") { Wskt.connect(url("ws"), timeout: -1) }
    [[-2, { open_timeout: -1 }, "open_timeout: -1000 ms"], [-2, { max_message_size: 0 }, "max_message_size"],
     [-2, { max_fragments: 1 << 32 }, "max_fragments: 4294967296"], [-2, { water_marks: [2, 1] }, "water_marks"],
     [-2, { read_buffer: 4095 }, "read_buffer: 4095 is not in"], [-2, { read_buffer: -1 }, "read_buffer: -1"],
     [-2, { deflate_level: 10 }, "deflate_level"],
     [-2, { deflate_max_window_bits: [8, 15] }, "deflate_max_window_bits"],
     [-9, { headers: { "a b" => "c" } }, "header"], [-10, { headers: [%w[Host c]] }, "header"],
     [-9, { headers: { "a" => "b\0c" } }, "NUL"], [-14, { ca_pem: "nothing" }, "ca_pem"]]
      .each { |result, options, detail| refuses(result, ArgumentError, detail) { Wskt.connect("ws://x", **options) } }
    refuses(-25, IOError, "ca_file") { Wskt.connect("ws://x", ca_file: "/nowhere") }
    ws = connect(url("ws"), deflate: true, deflate_level: 9, deflate_min_size: 0,
                            deflate_max_window_bits: [9, 9], deflate_no_context_takeover: [true, false])
    [0, 999, 1001, 5000, 66_536, -1].each { |code| refuses(-12, ArgumentError) { ws.close(code) } }
    refuses(-13, ArgumentError) { ws.close(1000, "x" * 124) }
    refuses(-11, ArgumentError) { ws.close(1000, "\xff") }
    refuses(-2, ArgumentError) { ws.close(nil, "x") }
    refuses(-11, ArgumentError) { ws.send_text("\xff") }
    refuses(-15, ArgumentError) { ws.ping("x" * 126) }
    ws.send_text("unharmed")
    assert_equal "unharmed", ws.recv(timeout: LIMIT)
    ws.free
  end

  def test_types
    [5, nil, :a, []].each do |value|
      assert_raises(TypeError) { Wskt.connect(value) }
      assert_raises(TypeError) { Wskt.connect("ws://x", protocols: value == [] ? [5] : value) }
    end
    [{ open_timeout: "1" }, { deflate: 1 }, { deflate_no_context_takeover: [1, true] }, { max_fragments: 1.5 }, { read_buffer: 4096.5 }, { water_marks: 5 }, { headers: 5 },
     { headers: { "a" => 5 } }, { ca_file: 5 }, { ca_pem: 5 }, { browser_mode: 1 }]
      .each { |options| assert_raises(TypeError, options) { Wskt.connect("ws://x", **options) } }
    assert_raises(ArgumentError) { Wskt.connect("ws://x", nonsense: 1) }
    ws = connect(url("ws"))
    assert_raises(TypeError) { ws.send_text(5) }
    assert_raises(TypeError) { ws.send_binary(nil) }
    assert_raises(TypeError) { ws.close("1000") }
    assert_raises(TypeError) { ws.close(1000, 5) }
    assert_raises(TypeError) { ws.recv(timeout: "soon") }
    ws.free
  end

  def test_dead_handles
    ws = connect(url("ws"))
    loop = Wskt::Loop.new
    late = loop.open(url("ws"))
    2.times { ws.free }
    %i[send_text send_binary ping].each { |method| refuses(-17, IOError) { ws.public_send(method, "x") } }
    %i[close abort recv next_event url protocol buffered_amount response_body]
      .each { |method| refuses(-17, IOError) { ws.public_send(method) } }
    assert_equal :closed, ws.ready_state
    2.times { loop.free }
    refuses(-22, IOError) { loop.next_event(timeout: 0) }
    refuses(-22, IOError) { loop.open(url("ws")) }
    refuses(-22, IOError) { late.send_text("x") }
    late.free
  end

  def test_threads
    ws = connect(url("ws"))
    waiting = Thread.new { ws.recv }
    waiting.report_on_exception = false
    Thread.pass until waiting.status == "sleep"
    # Another thread sends meanwhile; its answer is what the first one waits for.
    ws.send_text("x")
    assert_equal "x", waiting.value
    interrupted = Thread.new { Timeout.timeout(0.05) { ws.recv } }
    interrupted.report_on_exception = false
    assert_raises(Timeout::Error) { interrupted.value }
    waiting = Thread.new do
      ws.each {}
    rescue Wskt::ClosedError
      # It was between two calls when its socket was freed.
    end
    Thread.pass until waiting.status == "sleep"
    ws.free
    assert waiting.join(LIMIT)
  end
end
