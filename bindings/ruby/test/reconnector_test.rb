# frozen_string_literal: true

require_relative "support"

# Messages in chunks, and reconnectors.
class ReconnectorTest < Minitest::Test
  include Support

  MANY = "frame fin=0 text=Gr%C3%BC;ping x;frame opcode=cont text=%C3%9Fe;binn 400000;text;" \
         "close 1000;expect-close;half-close"
  GOING_AWAY = "text a;close 1001;expect-close;half-close"
  QUICK = { delays: [0.001, 60], max_tries: 2 }.freeze

  # Chunks begin and end where they should, and are all there.
  def assert_chunks(chunks)
    messages = chunks.slice_after(&:last).map do |parts|
      assert_equal [true] + [false] * (parts.size - 1), parts.map(&:first)
      assert parts.all? { |part| part.data.bytesize <= 128 * 1024 }
      parts.map(&:data).reduce(:+)
    end
    big = (0...400_000).map { |i| i % 251 }.pack("C*")
    assert_equal ["Grüße", big, ""], messages
    assert_equal [Encoding::UTF_8, Encoding::BINARY, Encoding::UTF_8], messages.map(&:encoding)
    assert_operator chunks.size, :>, 5
  end

  def test_chunks
    ws = Wskt.connect(script(MANY), timeout: LIMIT, message_chunks: true)
    events = []
    while (event = ws.next_event(timeout: LIMIT))
      events << event
    end
    assert_chunks(events.grep(Wskt::MessageChunkEvent))
    assert_empty events.grep(Wskt::MessageEvent)
    ws.free
    assert_raises(TypeError) { Wskt.connect(url("ws"), message_chunks: 1) }
  end

  def test_chunks_on_a_loop
    loop = Wskt::Loop.new
    ws = loop.open(script(MANY), message_chunks: true)
    chunks = []
    loop.run { |event| chunks << event if event.type == "messagechunk" }
    assert_chunks(chunks)
    ws.free
    loop.free
  end

  def test_each_socket
    reconnector = Wskt.reconnector(script(GOING_AWAY), **QUICK)
    ends = reconnector.map do |ws|
      assert_equal ["a"], ws.to_a
      [ws.close_event.code, reconnector.over?]
    end
    assert_equal [[1001, false], [1001, false], [1001, true]], ends
    refuses(-17, IOError) { reconnector.connect(timeout: LIMIT) }
    last = reconnector.socket
    2.times { reconnector.free }
    assert reconnector.over?
    refuses(-17, IOError) { last.send_text("too late") }
    refuses(-17, IOError) { reconnector.connect }
    assert_equal [:closed, 1001], [last.ready_state, last.close_event.code]
  end

  def test_the_program_ends_it
    reconnector = Wskt.reconnector(url("wss"), ca_file: ENV.fetch("WSKT_CA"), **QUICK)
    ws = reconnector.connect(timeout: LIMIT)
    ws.send_text("hello")
    assert_equal "hello", ws.recv(timeout: LIMIT)
    refuses(-3, RuntimeError) { reconnector.connect }
    ws.close(1000, "bye")
    assert_nil ws.recv(timeout: LIMIT)
    assert_equal ["bye", true], [ws.close_event.reason, reconnector.over?]
    reconnector.free
  end

  def test_no_connection
    reconnector = Wskt.reconnector(url("refused"), **QUICK)
    error = assert_raises(Wskt::ConnectError) { reconnector.to_a }
    assert_equal :connect, error.close_event.cause
    reconnector.free
    slow = Wskt.reconnector(url("refused"), delays: [60, 60])
    refuses(-18, Timeout::Error) { slow.connect(timeout: 0.01) }
    slow.stop
    assert_raises(Wskt::ClosedError) { slow.connect(timeout: LIMIT) }
    slow.free
  end

  def test_on_a_loop
    loop = Wskt::Loop.new
    reconnector = loop.reconnect(script(GOING_AWAY), **QUICK)
    log = []
    loop.run do |event|
      case event
      when Wskt::AttemptEvent
        assert_operator event.delay, :<=, 0.002
        log << event.number << event.previous&.code
      when Wskt::MessageEvent then log << event.data
      when Wskt::CloseEvent then log << event.target.ready_state
      end
    end
    assert_equal [1, nil, "a", :closed, 2, 1001, "a", :closed, 3, 1001, "a", :closed], log
    reconnector.free
    loop.free
  end

  def test_what_was_not_sent_comes_back
    loop = Wskt::Loop.new
    reconnector = loop.reconnect(script("rcvbuf 65536;stop-reading"),
                                 water_marks: [1 << 20, 1 << 26], **QUICK)
    back = []
    loop.run do |event|
      if event.type == "open"
        300.times { |number| event.target.send_text(format("%03d", number) + "x" * 40_000) }
        event.target.abort
      end
      back << event.data[0, 3].to_i if event.is_a?(Wskt::UnsentEvent)
    end
    refute_empty back
    assert_equal [*back.first...300], back
    reconnector.free
    loop.free
  end

  def test_free_while_it_goes_on
    loop = Wskt::Loop.new
    reconnector = loop.reconnect(url("ws"), **QUICK)
    ws = nil
    loop.run do |event|
      if event.type == "open"
        ws = event.target
        reconnector.free
      end
    end
    assert_equal :closed, ws.ready_state
    # A socket that is freed ends its reconnector, on a loop and elsewhere.
    other = loop.reconnect(url("ws"), **QUICK)
    loop.run { |event| event.target.free if event.type == "open" }
    assert other.over?
    other = Wskt.reconnector(url("ws"), **QUICK)
    other.connect(timeout: LIMIT).free
    assert_raises(Wskt::ClosedError) { other.connect }
    waiting = Wskt.reconnector(url("refused"), delays: [60, 60])
    thread = Thread.new { waiting.connect }
    thread.report_on_exception = false
    Thread.pass until thread.status == "sleep"
    waiting.free
    assert_raises(Wskt::ClosedError) { thread.value }
    loop.free
  end

  def test_values
    refuses(-31, ArgumentError) { Wskt.reconnector(url("ws"), delays: [0, 1]) }
    refuses(-31, ArgumentError) { Wskt.reconnector(url("ws"), delays: [2, 1]) }
    refuses(-2, ArgumentError) { Wskt.reconnector(url("ws"), max_tries: -1) }
    refuses(-5, ArgumentError) { Wskt.reconnector("ftp://x") }
    [{ delays: 1 }, { delays: [1] }, { delays: ["1", 2] }, { max_tries: 1.5 }]
      .each { |options| assert_raises(TypeError) { Wskt.reconnector(url("ws"), **options) } }
    assert_raises(ArgumentError) { Wskt.connect(url("ws"), delays: [1, 1]) }
  end
end
