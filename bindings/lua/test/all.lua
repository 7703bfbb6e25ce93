-- All tests of the module: luajit test/all.lua, with the environment that
-- tests/bindings.rs gives.
local ffi = require "ffi"
local config = require "wskt.config"
local native = require "wskt.native"
local support = require "test.support"
local wskt = require "wskt"

local LIMIT, MESSAGES, connect, env = support.LIMIT, support.MESSAGES, support.connect, support.env
local is_end, raises, same = support.is_end, support.raises, support.same
local script, url = support.script, support.url

local tests = require "test.options"

function tests.interface()
  local file = assert(io.open(env "WSKT_INTERFACE"))
  local json = file:read("*a"):gsub("%[", "{"):gsub("%]", "}"):gsub('("[%w_]+"):', "[%1]=")
  file:close()
  local header = assert(loadstring("return " .. json))()

  local structs = 0
  for name, body in native.declarations:gmatch("typedef struct ([%w_]+) (%b{})") do
    local ours = 0
    for field in body:gmatch("([%w_]+);") do
      local place = assert(header.structs[name].fields[field], field)
      same(ffi.offsetof(name, field), place[1], name .. "." .. field)
      ours = ours + 1
    end
    assert(ours >= 3)
    -- The header may have grown at the end.
    assert(ffi.sizeof(name) <= header.structs[name].size, name)
    structs = structs + 1
  end
  same(structs, 9)

  local functions = 0
  for result, name, parameters in
    native.declarations:gmatch("\n([%w_ ]-[ *]+)(wskt_[%w_]+)(%b())") do
    local types = { (result:gsub(" +$", "")) }
    for kind in parameters:sub(2, -2):gmatch("[^,]+") do
      if kind ~= "void" then types[#types + 1] = (kind:gsub("^%s+", "")) end
    end
    same(table.concat(types, ", "), table.concat(header.functions[name], ", "), name)
    functions = functions + 1
  end
  assert(functions > 75, functions)
  local plural = { header = "headers", pinned_public_key = "pinned_public_keys" }
  for name in pairs(header.functions) do
    local option = name:match "^wskt_config_set_(.+)" or name:match "^wskt_config_add_(.+)"
    assert(not option or config.known[plural[option] or option], option)
  end

  for name, value in pairs(native.constants) do
    same(value, header.constants["WSKT_" .. name], name)
  end
  for name, value in pairs(header.constants) do
    if name:find("^WSKT_ERR_") then same(native.error(value).name, name) end
  end
end

function tests.echo()
  for _, port in ipairs { "ws", "wss" } do
    local ws = connect(url(port))
    same(ws:ready_state(), "open")
    same(ws:url(), url(port))
    for _, message in ipairs(MESSAGES) do
      (message[2] == "text" and ws.send or ws.send_binary)(ws, message[1])
      local data, kind = ws:recv(LIMIT)
      same(data, message[1])
      same(kind, message[2])
    end
    ws:ping("still there?")
    same(ws:buffered_amount(), 0)
    local nothing, why = ws:recv(0)
    same(nothing, nil)
    same(why, "timeout")
    ws:close(3999, "tschüß")
    same(select(2, ws:recv(LIMIT)), "closed")
    is_end(ws:close_event(), 3999, "tschüß", true, "local")
    same(select(2, ws:next_event()), "closed")
    same(ws:ready_state(), "closed")
    raises(-17, ws.send, ws, "too late")
    ws:close()
    ws:free()
  end
end

function tests.endings()
  local function last(text)
    local ws = assert(connect(script(text)))
    local log = {}
    for data in ws:messages() do log[#log + 1] = data end
    ws:free()
    return ws:close_event(), table.concat(log, ",")
  end
  local event, log = last "text a;bin 62;close 4001 auf Wiedersehen;half-close"
  same(log, "a,b")
  is_end(event, 4001, "auf Wiedersehen", true, "peer")
  is_end(last "close;half-close", 1005, "", true, "peer")
  is_end(last "text a;rst", 1006, "", false, "lost")
  is_end(last "frame rsv=7 payload=text:a;expect-close;half-close", 1006, "", false, "protocol")
end

function tests.compression()
  local ws = assert(connect(script "accept;echo-until-close", { deflate = true, deflate_level = 9,
    deflate_min_size = 0, deflate_max_window_bits = { 9, 9 },
    deflate_no_context_takeover = { true, false } }))
  ws:send "not compressed: the server did not agree"
  same(#ws:recv(LIMIT), 40)
  ws:free()
end

function tests.no_connection()
  local function fails(address, code, cause, options)
    local ws, message, event = connect(address, options)
    same(ws, nil)
    is_end(event, code, "", false, cause)
    assert(message:find(event.message, 1, true), message)
    return event.target
  end
  fails(url "refused", 1006, "connect")
  fails(url "wss_untrusted", 1015, "tls")
  fails(url "blackhole", 1006, "timeout", { open_timeout = 0.05 })
  fails(url "blackhole", 1006, "timeout", { timeout = 0.05 })
  local ws = fails(script "http 403 Forbidden body=nobody header=X-Why:so", 1006, "http")
  local status, body = ws:response()
  same(status, 403)
  same(body, "nobody")
  same(ws:response_header "x-why", "so")
  same(ws:response_header "x-not", nil)
end

function tests.loop_pulled()
  local loop = wskt.loop()
  assert(loop:fd() >= 0)
  local logs, left = {}, 0
  for _, address in ipairs { url "ws", url "wss", url "refused", script "text a;rst" } do
    local ws = loop:open(address, { ca_file = env "WSKT_CA", protocols = {} })
    logs[ws], left = {}, left + 1
  end
  while left > 0 do
    local event = assert(loop:next_event(LIMIT))
    local log = logs[event.target]
    log[#log + 1] = event.type
    if event.type == "open" and event.target:url():find "/echo" then event.target:send "hello" end
    if event.type == "message" and event.data == "hello" then event.target:close(1000) end
    if event.type == "close" then left = left - 1 end
  end
  local seen = {}
  for ws, log in pairs(logs) do
    seen[#seen + 1] = table.concat(log, " ") .. " " .. ws:close_event().code
    ws:free()
  end
  table.sort(seen)
  same(table.concat(seen, "; "), "error close 1006; open message close 1000; "
    .. "open message close 1000; open message error close 1006")
  same(select(2, loop:next_event(0)), "timeout")
  loop:free()
end

function tests.loop_with_handlers()
  local loop, log = wskt.loop(), {}
  local ws = loop:open(script "accept protocol=b;echo-until-close", { protocols = { "a", "b" } })
  raises(-3, ws.send, ws, "too early")
  same(ws:ready_state(), "connecting")
  ws.on_open = function(self)
    log[#log + 1] = self:protocol()
    self:send("x")
  end
  ws.on_message = function(self, event)
    log[#log + 1] = event.data
    self:close(4000, "done")
  end
  ws.on_close = function(_, event) log[#log + 1] = event.reason end
  loop:run()
  same(table.concat(log, " "), "b x done")
  -- What a handler raises comes out of run, and nothing is lost.
  local other = loop:open(url "ws")
  other.on_open = function() error("mine", 0) end
  raises("mine", loop.run, loop)
  other:close(1000)
  loop:run()
  is_end(other:close_event(), 1000, "", true, "local")
  ws:free()
  other:free()
  loop:free()
end

function tests.bad_values()
  raises(-4, wskt.connect, "ws:// x")
  raises(-5, wskt.connect, "ftp://x")
  raises(-6, wskt.connect, "ws://x/#y")
  raises(-4, wskt.connect, "ws://x\0y")
  raises(-11, wskt.connect, "ws://\255")
  raises(-7, wskt.connect, url "ws", { protocols = "a b" })
  raises(-8, wskt.connect, url "ws", { protocols = { "a", "a" } })
  raises("open_timeout: -1000 ms", wskt.connect, url "ws", { open_timeout = -1 })
  raises("max_message_size: 0", wskt.connect, url "ws", { max_message_size = 0 })
  raises("max_fragments: 1.5", wskt.connect, url "ws", { max_fragments = 1.5 })
  raises("read_buffer: 4095 is not in", wskt.connect, url "ws", { read_buffer = 4095 })
  raises("water_marks", wskt.connect, url "ws", { water_marks = { 2, 1 } })
  raises("deflate_level: ", wskt.connect, url "ws", { deflate_level = 10 })
  raises("deflate_max_window_bits", wskt.connect, url "ws", { deflate_max_window_bits = { 8, 15 } })
  raises("boolean expected", wskt.connect, url "ws", { deflate_no_context_takeover = { 1, true } })
  raises(-9, wskt.connect, url "ws", { headers = { ["a b"] = "c" } })
  raises(-10, wskt.connect, url "ws", { headers = { Host = "c" } })
  raises(-9, wskt.connect, url "ws", { headers = { a = "b\0c" } })
  raises(-25, wskt.connect, url "ws", { ca_file = "/nowhere" })
  raises(-14, wskt.connect, url "ws", { ca_pem = "nothing" })
  raises(-2, wskt.connect, url "ws", { timeout = -1 })
  local ws = assert(connect(url "ws"))
  for _, code in ipairs { 0, 999, 1001, 5000, 66536, -1, 1000.5, 0 / 0, 1 / 0 } do
    raises(-12, ws.close, ws, code)
  end
  raises(-13, ws.close, ws, 1000, ("x"):rep(124))
  raises(-11, ws.close, ws, 1000, "\255")
  raises(-11, ws.send, ws, "\255")
  raises(-15, ws.ping, ws, ("x"):rep(126))
  ws:send("unharmed")
  same(ws:recv(LIMIT), "unharmed")
  ws:free()
end

function tests.bad_types()
  for _, value in ipairs { 5, true, {}, print } do
    raises("string expected", wskt.connect, value)
    raises("string expected", wskt.connect, url "ws", { ca_file = value })
  end
  raises("table expected", wskt.connect, url "ws", 5)
  raises("table expected", wskt.connect, url "ws", { protocols = 5 })
  raises("string expected", wskt.connect, url "ws", { protocols = { 5 } })
  raises("table expected", wskt.connect, url "ws", { headers = 5 })
  raises("number expected", wskt.connect, url "ws", { open_timeout = "1" })
  raises("boolean expected", wskt.connect, url "ws", { browser_mode = 1 })
  raises("no option nonsense", wskt.connect, url "ws", { nonsense = 1 })
  local ws, loop = assert(connect(url "ws")), wskt.loop()
  raises("string expected", ws.send, ws, 5)
  raises("string expected", ws.send_binary, ws, {})
  raises("number expected", ws.close, ws, "1000")
  raises("string expected", ws.close, ws, 1000, 5)
  raises("number expected", ws.recv, ws, "soon")
  raises("a wskt socket expected", ws.send, loop, "x")
  raises("a wskt socket expected", ws.send, "x", "x")
  raises("a wskt loop expected", loop.open, ws, url "ws")
  loop:free()
  ws:free()
end

function tests.dead_handles()
  local ws, loop = assert(connect(url "ws")), wskt.loop()
  local late = loop:open(url "ws")
  ws:free()
  ws:free()
  for _, method in ipairs { "send", "send_binary", "ping" } do raises(-17, ws[method], ws, "x") end
  for _, method in ipairs { "close", "abort", "pause", "resume", "recv", "next_event", "url",
    "protocol", "buffered_amount", "response" } do
    raises(-17, ws[method], ws)
  end
  same(ws:ready_state(), "closed")
  loop:free()
  loop:free()
  raises(-22, loop.next_event, loop, 0)
  raises(-22, loop.open, loop, url "ws")
  raises(-22, loop.fd, loop)
  raises(-22, late.send, late, "x")
  late:free()
end

function tests.garbage()
  do
    assert(connect(url "ws"))
    local loop = wskt.loop()
    loop:open(url "ws")
  end
end

for name, test in pairs(require "test.reconnecting") do tests[name] = test end

local names = {}
for name in pairs(tests) do names[#names + 1] = name end
table.sort(names)
local failed = 0
for _, name in ipairs(names) do
  local fine, failure = xpcall(tests[name], function(e)
    return debug.traceback(tostring(e), 2)
  end)
  collectgarbage()
  collectgarbage()
  local left = tonumber(native.lib.wskt_handle_count())
  if fine and left > 0 then fine, failure = false, left .. " handles are left" end
  print((fine and "ok " or "FAILED ") .. name .. (fine and "" or ": " .. failure))
  failed = failed + (fine and 0 or 1)
end
print(("%d passed, %d failed"):format(#names - failed, failed))
os.exit(failed == 0 and 0 or 1)
