# frozen_string_literal: true

# Every option does what it says: seen by the server, or in how it ends.

require "json"
require "net/http"
require_relative "support"

class OptionsTest < Minitest::Test
  include Support

  ECHO = "accept;echo-until-close"

  def at(name) = File.join(ENV.fetch("WSKT_DIR"), name)
  def file(name) = File.binread(at(name))

  # What the server saw on the connection of a script.
  def report(id)
    answer = Net::HTTP.new("127.0.0.1", port("ws").to_i, nil).get("/report/#{id}?wait=20")
    JSON.parse(answer.body)
  end

  def echoes(address, **options)
    Wskt.connect(address, timeout: LIMIT, **options) do |ws|
      ws.send_text("there?")
      assert_equal "there?", ws.recv(timeout: LIMIT)
    end
    report(address[/id=(.*)/, 1]) if address.include?("id=")
  end

  def fails(cause, address, **options)
    kind = cause == :timeout ? Wskt::TimeoutError : Wskt::ConnectError
    error = assert_raises(kind, address) { Wskt.connect(address, timeout: LIMIT, **options) }
    return if cause == :timeout

    assert_equal cause, error.close_event.cause
    error.close_event.target.free
  end

  def test_the_request
    seen = echoes(script(ECHO), headers: [%w[X-A 1], %w[X-A 2]], origin: "https://example.com",
                                user_agent: "me/1", cookie: "a=b", host: "other.example:1",
                                basic_authorization: %w[us er], allow_missing_protocol: true)
    [%w[X-A 1], %w[X-A 2], ["Origin", "https://example.com"], %w[User-Agent me/1], %w[Cookie a=b],
     ["Host", "other.example:1"], ["Authorization", "Basic dXM6ZXI="]]
      .each { |pair| assert_includes seen["request"]["headers"], pair }
    seen = echoes(script(ECHO), bearer_authorization: "t0ken", headers: { "X-B" => "3" })
    [["Authorization", "Bearer t0ken"], %w[X-B 3]]
      .each { |pair| assert_includes seen["request"]["headers"], pair }
  end

  def test_whom_tls_trusts
    # The environment names the server's CA as the system's.
    echoes(url("wss"))
    fails(:tls, url("wss"), system_roots: false)
    echoes(url("wss"), system_roots: false, ca_pem: file("ca.pem"))
    fails(:tls, url("wss_untrusted"))
    echoes(url("wss_untrusted"), ca_file: at("other-ca.pem"))
    echoes(url("wss_untrusted"), danger_any_certificate: true)
    fails(:tls, url("wss_wrong_host"))
    echoes(url("wss_wrong_host"), danger_any_host_name: true)
    echoes(url("wss_wrong_host"), tls_server_name: "other.example")
    pins = [file("other-pin").strip, file("pin").strip]
    echoes(url("wss"), pinned_public_keys: pins)
    fails(:tls, url("wss"), pinned_public_keys: pins[..0])
  end

  def test_what_tls_offers
    fails(:tls, url("wss_tls12"), min_tls_version: :TLS1_3)
    fails(:tls, url("wss_tls13"), max_tls_version: :TLS1_2)
    assert_equal %w[localhost http/1.1], echoes(script(ECHO, "wss"))["tls"].values_at("server_name", "alpn")
    quiet = echoes(script(ECHO, "wss"), tls_sni: false, tls_alpn: false)
    assert_equal ["", ""], quiet["tls"].values_at("server_name", "alpn")
  end

  def test_our_certificate
    password = "correct horse"
    fails(:tls, url("wss_client_tls12"))
    [{ client_certificate_file: [at("client.pem"), at("client.key")] },
     { client_certificate_pem: [file("client.pem"), file("client.key")] },
     { client_pkcs12_file: [at("client.p12"), password] },
     { client_pkcs12: [file("client.p12"), password] }]
      .each { |options| echoes(url("wss_client_tls13"), **options) }
  end

  def test_proxies
    proxy = "http://ruby-proxy:@localhost:#{port("ws")}"
    echoes(url("ws"), proxy: proxy)
    assert_equal "localhost:#{port("ws")}", report("ruby-proxy")["request"]["target"]
    nowhere = "http://localhost:#{port("refused")}"
    fails(:connect, url("ws"), proxy: nowhere)
    echoes(url("ws"), proxy: nowhere, no_proxy: "localhost")
    ENV["all_proxy"] = nowhere
    fails(:connect, url("ws"), proxy_from_environment: true)
    echoes(url("ws"), proxy_from_environment: false)
    echoes(url("ws"), proxy: proxy, proxy_from_environment: true)
    ENV.delete("all_proxy")
    fails(:timeout, url("ws"), proxy: "http://localhost:#{port("blackhole")}", proxy_timeout: 0.05)
  end

  def test_addresses
    echoes("ws://nowhere.invalid:81/echo", connect_to: { "nowhere.invalid:81" => "localhost:#{port("ws")}" })
    echoes("ws://nowhere.invalid/echo", unix_socket: at("ws.sock"))
    echoes(url("ws"), local_address: "127.0.0.1", interface: "lo", tcp_keepalive: [10, 5, 3])
    fails(:connect, url("ws"), local_address: "192.0.2.1")
    fails(:connect, url("ws"), interface: "nowhere0")
  end

  def test_read_buffer
    data = "x" * 100_000
    [4096, 1 << 20].each do |size|
      Wskt.connect(url("ws"), timeout: LIMIT, read_buffer: size, deflate: false) do |ws|
        3.times { ws.send_binary(data) }
        3.times { assert_equal data, ws.recv(timeout: LIMIT) }
      end
    end
  end

  def events_of(text, **options)
    ws = Wskt.connect(script(text), timeout: LIMIT, **options)
    events = []
    while (event = ws.next_event(timeout: LIMIT))
      events << event
    end
    ws.free
    events
  end

  def test_time
    %i[open dns connect proxy tls upgrade close linger send idle].each do |phase|
      refuses(-2, ArgumentError, "#{phase}_timeout: -1000 ms") do
        Wskt.connect("ws://x", "#{phase}_timeout": -1)
      end
    end
    assert_equal :timeout, events_of("accept;drain", idle_timeout: 0.05).last.cause
    answer = "expect-ping;expect-ping;close;half-close"
    assert_equal :peer, events_of(answer, heartbeat: [0.02, LIMIT]).last.cause
  end

  def test_pings
    events = events_of("ping hi;expect-pong hi;pong oh;close;half-close", ping_events: true)
    assert_equal(%w[open ping pong close], events.map(&:type))
    assert_equal(%w[hi oh], events.grep(Wskt::PingEvent).map(&:data))
  end

  def test_what_is_refused
    { origin: "a\nb", cookie: "a\0b", basic_authorization: ["a:b", "c"],
      bearer_authorization: "a b", host: "a b", pinned_public_keys: ["md5//"],
      min_tls_version: :TLS1_1, tls_server_name: "a b", client_certificate_pem: %w[nothing nothing],
      client_pkcs12: ["nothing", ""], proxy: "ftp://x", no_proxy: "a/b", connect_to: { "a" => "b" },
      local_address: "localhost", interface: "x" * 16, unix_socket: "", tcp_keepalive: [0, 1, 1],
      heartbeat: [1, -1] }.each do |what, value|
      error = assert_raises(Wskt::ArgumentError, what) { Wskt.connect("ws://x", what => value) }
      assert error.message.start_with?(error.text)
      assert_includes error.message, what.to_s.sub(/_pem$/, "").sub(/keys$/, "key")
    end
    refuses(-25, IOError, "client_certificate") do
      Wskt.connect("ws://x", client_certificate_file: %w[/nowhere /nowhere])
    end
    { origin: 5, basic_authorization: "user", system_roots: 1, pinned_public_keys: "sha256//",
      min_tls_version: "1.2", client_pkcs12: [5, ""], connect_to: ["ab"], tcp_keepalive: [1, 1],
      heartbeat: ["a", 1], proxy_from_environment: "yes", ping_events: 1,
      client_certificate_file: ["/nowhere"] }.each do |what, value|
      assert_raises(TypeError, what) { Wskt.connect("ws://x", what => value) }
    end
  end

  def test_stats
    stats = Wskt.connect(url("wss"), timeout: LIMIT, deflate: false) do |ws|
      assert_equal 0.0, ws.stats.round_trip_time
      ws.ping
      ["x" * 10, "y" * 1000].each do |data|
        ws.send_text(data)
        assert_equal data, ws.recv(timeout: LIMIT)
      end
      ws.stats
    end
    # Six and eight bytes of head; the server masks nothing. The ping is empty.
    assert_equal [1030, 1018], [stats.bytes_sent, stats.bytes_received]
    assert_equal [3, 3, 2, 2], [stats.frames_sent, stats.frames_received, stats.messages_sent, stats.messages_received]
    assert_equal [1010] * 4, [stats.payload_sent, stats.payload_received,
                              stats.wire_payload_sent, stats.wire_payload_received]
    [stats.connect_time, stats.tls_time, stats.upgrade_time, stats.round_trip_time]
      .each { |time| assert_includes 1e-6..LIMIT, time }
    assert_equal 0.0, stats.proxy_time
    proxy = "http://localhost:#{port("ws")}"
    took = Wskt.connect(url("ws"), timeout: LIMIT, proxy: proxy) { |ws| ws.stats.proxy_time }
    assert_includes 1e-6..LIMIT, took
  end
end
