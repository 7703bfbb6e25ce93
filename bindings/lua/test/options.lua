-- Every option does what it says: seen by the server, or in how it ends.
local ffi = require "ffi"
local native = require "wskt.native"
local wskt = require "wskt"
local support = require "test.support"

local LIMIT, connect, env = support.LIMIT, support.connect, support.env
local raises, same, script, url = support.raises, support.same, support.script, support.url

local tests = {}

local function read(name)
  local file = assert(io.open(env "WSKT_DIR" .. "/" .. name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- What the server saw on the connection of a script, or of a proxy's user.
local function report(name)
  local ask = io.popen(("python3 -c %q %s %s"):format(
    "import sys, urllib.request as u; p, n = sys.argv[1:]; "
      .. "print(u.urlopen(f'http://127.0.0.1:{p}/report/{n}?wait=20').read().decode())",
    env "WSKT_PORT_WS", name))
  local text = ask:read "*a"
  ask:close()
  return text
end

local function echoes(address, options)
  options = options or {}
  options.timeout = LIMIT
  local ws = assert(wskt.connect(address, options))
  ws:send "there?"
  same(ws:recv(LIMIT), "there?")
  ws:close(1000)
  while ws:recv(LIMIT) do end
  ws:free()
  local id = address:match "id=(.*)"
  return id and report(id)
end

local function fails(cause, address, options)
  options = options or {}
  options.timeout = LIMIT
  local ws, _, event = wskt.connect(address, options)
  same(ws, nil, address)
  same(event.cause, cause, event.message)
  event.target:free()
end

function tests.options_of_the_request()
  local echo = "accept;echo-until-close"
  local seen = echoes(script(echo), {
    headers = { ["X-A"] = { "1", "2" }, ["X-B"] = "3" }, origin = "https://example.com",
    user_agent = "me/1", cookie = "a=b", host = "other.example:1",
    basic_authorization = { "us", "er" }, allow_missing_protocol = true,
  })
  for _, pair in ipairs { '["X-A","1"]', '["X-A","2"]', '["X-B","3"]',
    '["Origin","https://example.com"]', '["User-Agent","me/1"]', '["Cookie","a=b"]',
    '["Host","other.example:1"]', '["Authorization","Basic dXM6ZXI="]' } do
    assert(seen:find(pair, 1, true), pair .. " is not in " .. seen)
  end
  seen = echoes(script(echo), { bearer_authorization = "t0ken" })
  assert(seen:find('["Authorization","Bearer t0ken"]', 1, true), seen)
end

function tests.options_of_tls()
  -- The environment names the server's CA as the system's.
  echoes(url "wss")
  fails("tls", url "wss", { system_roots = false })
  echoes(url "wss", { system_roots = false, ca_pem = read "ca.pem" })
  fails("tls", url "wss_untrusted")
  echoes(url "wss_untrusted", { danger_any_certificate = true })
  fails("tls", url "wss_wrong_host")
  echoes(url "wss_wrong_host", { danger_any_host_name = true })
  echoes(url "wss_wrong_host", { tls_server_name = "other.example" })
  local other, pin = read("other-pin"):match "%S+", read("pin"):match "%S+"
  echoes(url "wss", { pinned_public_keys = { other, pin } })
  fails("tls", url "wss", { pinned_public_keys = { other } })
  fails("tls", url "wss_tls12", { min_tls_version = "1.3" })
  fails("tls", url "wss_tls13", { max_tls_version = "1.2" })
  local echo = "accept;echo-until-close"
  local address = script(echo):gsub("^ws://localhost:%d+", "wss://localhost:" .. env "WSKT_PORT_WSS")
  local seen = echoes(address)
  assert(seen:find('"server_name":"localhost","alpn":"http/1.1"', 1, true), seen)
  address = script(echo):gsub("^ws://localhost:%d+", "wss://localhost:" .. env "WSKT_PORT_WSS")
  seen = echoes(address, { tls_sni = false, tls_alpn = false })
  assert(seen:find('"server_name":"","alpn":""', 1, true), seen)
end

function tests.options_of_our_certificate()
  local dir, password = env "WSKT_DIR", "correct horse"
  fails("tls", url "wss_client_tls12")
  for _, options in ipairs {
    { client_certificate_file = { dir .. "/client.pem", dir .. "/client.key" } },
    { client_certificate_pem = { read "client.pem", read "client.key" } },
    { client_pkcs12_file = { dir .. "/client.p12", password } },
    { client_pkcs12 = { read "client.p12", password } },
  } do
    echoes(url "wss_client_tls13", options)
  end
end

ffi.cdef "int setenv(const char *, const char *, int); int unsetenv(const char *);"

function tests.options_of_the_way()
  local there = "localhost:" .. env "WSKT_PORT_WS"
  local proxy, nowhere = "http://lua-proxy:@" .. there, "http://localhost:" .. env "WSKT_PORT_REFUSED"
  echoes(url "ws", { proxy = proxy })
  local told = report "lua-proxy"
  assert(told:find('"target":"' .. there .. '"', 1, true), told)
  fails("connect", url "ws", { proxy = nowhere })
  echoes(url "ws", { proxy = nowhere, no_proxy = "localhost" })
  ffi.C.setenv("all_proxy", nowhere, 1)
  fails("connect", url "ws", { proxy_from_environment = true })
  echoes(url "ws", { proxy_from_environment = false })
  echoes(url "ws", { proxy_from_environment = true, proxy = proxy })
  ffi.C.unsetenv "all_proxy"
  fails("timeout", url "ws", {
    proxy = "http://localhost:" .. env "WSKT_PORT_BLACKHOLE", proxy_timeout = 0.05,
  })
  echoes("ws://nowhere.invalid:81/echo", { connect_to = { ["nowhere.invalid:81"] = there } })
  echoes("ws://nowhere.invalid/echo", { unix_socket = env "WSKT_DIR" .. "/ws.sock" })
  echoes(url "ws", {
    local_address = "127.0.0.1", interface = "lo", tcp_keepalive = { 10, 5, 3 },
  })
  fails("connect", url "ws", { local_address = "192.0.2.1" })
  fails("connect", url "ws", { interface = "nowhere0" })
end

function tests.read_buffer()
  for _, size in ipairs { 4096, 2 ^ 20 } do
    local ws = assert(connect(url "ws", { read_buffer = size, deflate = false }))
    local data = ("x"):rep(100000)
    for _ = 1, 3 do ws:send_binary(data) end
    for _ = 1, 3 do same(ws:recv(LIMIT), data) end
    ws:free()
  end
end

function tests.options_of_time()
  for _, phase in ipairs { "open", "dns", "connect", "proxy", "tls", "upgrade", "close", "linger",
    "send", "idle" } do
    raises(phase .. "_timeout: -1000 ms", wskt.connect, "ws://x", { [phase .. "_timeout"] = -1 })
  end
  local function cause(text, options)
    local ws = assert(wskt.connect(script(text), options))
    local kinds = {}
    repeat
      local event = ws:next_event(LIMIT)
      kinds[#kinds + 1] = event.type .. (event.data or "")
    until event.type == "close"
    ws:free()
    return ws:close_event().cause, table.concat(kinds, " ")
  end
  same(cause("accept;drain", { idle_timeout = 0.05 }), "timeout")
  local heartbeat = { 0.02, LIMIT }
  same(cause("expect-ping;expect-ping;close;half-close", { heartbeat = heartbeat }), "peer")
  local pings = "ping hi;expect-pong hi;pong oh;close;half-close"
  same(select(2, cause(pings, { ping_events = true })), "open pinghi pongoh close")
end

function tests.options_refused()
  for what, value in pairs {
    origin = "a\nb", cookie = "a\0b", basic_authorization = { "a:b", "c" },
    bearer_authorization = "a b", host = "a b", min_tls_version = "1.1", tls_server_name = "a b",
    client_certificate_file = { "/nowhere", "/nowhere" },
    client_certificate_pem = { "nothing", "nothing" }, client_pkcs12 = { "nothing", "" },
    proxy = "ftp://x", no_proxy = "a/b", connect_to = { a = "b" }, local_address = "localhost",
    interface = ("x"):rep(16), unix_socket = "", tcp_keepalive = { 0, 1, 1 }, heartbeat = { 1, -1 },
    pinned_public_keys = { "md5//" },
  } do
    local fine, failure = pcall(wskt.connect, "ws://x", { [what] = value })
    assert(not fine and getmetatable(failure) == native.Error, what)
    same(failure.text, ffi.string(native.lib.wskt_result_text(failure.result)))
    what = what:gsub("_file$", ""):gsub("_pem$", ""):gsub("keys$", "key")
    assert(tostring(failure):find(what, 1, true), tostring(failure))
  end
  for what, value in pairs {
    origin = 5, basic_authorization = "user", system_roots = 1, pinned_public_keys = "sha256//",
    min_tls_version = 12, client_pkcs12 = { 5, "" }, connect_to = { 5 }, tcp_keepalive = { 1, 1 },
    heartbeat = { "a", 1 }, proxy_from_environment = "yes", ping_events = 1,
    client_certificate_file = { "/nowhere" },
  } do
    raises("expected, got", wskt.connect, "ws://x", { [what] = value })
  end
end

function tests.stats()
  local ws = assert(connect(url "wss", { deflate = false }))
  same(ws:stats().round_trip_time, 0)
  ws:ping()
  for _, data in ipairs { ("x"):rep(10), ("y"):rep(1000) } do
    ws:send_binary(data)
    same(ws:recv(LIMIT), data)
  end
  local stats = ws:stats()
  for name, value in pairs {
    -- Six and eight bytes of head; the server masks nothing. The ping is empty.
    bytes_sent = 1030, bytes_received = 1018, frames_sent = 3, frames_received = 3,
    messages_sent = 2, messages_received = 2, payload_sent = 1010, payload_received = 1010,
    wire_payload_sent = 1010, wire_payload_received = 1010, proxy_time = 0,
  } do
    same(stats[name], value, name)
  end
  for _, phase in ipairs { "connect_time", "tls_time", "upgrade_time", "round_trip_time" } do
    assert(stats[phase] > 0 and stats[phase] < LIMIT, phase)
  end
  assert(stats.dns_time >= 0)
  ws:free()
  raises(-17, ws.stats, ws)
  ws = assert(connect(url "ws", { proxy = "http://localhost:" .. env "WSKT_PORT_WS" }))
  assert(ws:stats().proxy_time > 0)
  ws:free()
end

return tests
