-- Messages in chunks, and reconnectors.
local support = require "test.support"
local wskt = require "wskt"

local LIMIT, connect, env = support.LIMIT, support.connect, support.env
local is_end, raises, same = support.is_end, support.raises, support.same
local script, url = support.script, support.url

local tests = {}

local MANY = "frame fin=0 text=Gr%C3%BC;ping x;frame opcode=cont text=%C3%9Fe;binn 400000;text;"
  .. "close 1000;expect-close;half-close"
local GOING_AWAY = "text a;close 1001;expect-close;half-close"

local function quick(options)
  options = options or {}
  options.delays, options.max_tries = { 0.001, 60 }, 2
  return options
end

-- Puts chunks together, which begin and end where they should.
local function joiner()
  local messages, inside = {}, nil
  return function(event)
    same(event.first, inside == nil, "first")
    assert(#event.data <= 128 * 1024)
    inside = inside or {}
    inside[#inside + 1] = event.data
    if event.last then
      messages[#messages + 1] = event.kind .. table.concat(inside)
      if #inside[1] > 1000 then assert(#inside > 2) end
      inside = nil
    end
    return messages
  end
end

local function all_there(messages)
  same(#messages, 3)
  same(messages[1], "textGrüße")
  same(#messages[2], 400000 + #"binary")
  same(messages[2]:sub(7, 10), "\0\1\2\3")
  same(messages[3], "text")
end

function tests.chunks()
  local ws, join, messages = assert(connect(script(MANY), { message_chunks = true })), joiner(), nil
  while true do
    local event = ws:next_event(LIMIT)
    if not event then break end
    assert(event.type ~= "message")
    if event.type == "messagechunk" then messages = join(event) end
  end
  all_there(messages)
  ws:free()
  raises("boolean expected", wskt.connect, url "ws", { message_chunks = 1 })
end

function tests.chunks_on_a_loop()
  local loop, join, messages = wskt.loop(), joiner(), nil
  local ws = loop:open(script(MANY), { message_chunks = true })
  ws.on_messagechunk = function(_, event) messages = join(event) end
  loop:run()
  all_there(messages)
  ws:free()
  loop:free()
end

function tests.reconnector_blocking()
  local reconnector, codes, old = wskt.reconnector(script(GOING_AWAY), quick()), {}, nil
  for ws in reconnector:sockets() do
    same(ws:recv(LIMIT), "a")
    same(select(2, ws:recv(LIMIT)), "closed")
    codes[#codes + 1] = ("%d %s"):format(ws:close_event().code, tostring(reconnector:is_over()))
    if old then raises(-17, old.url, old) end
    old = ws
  end
  same(table.concat(codes, ","), "1001 false,1001 false,1001 true")
  local nothing, why, last = reconnector:connect(LIMIT)
  same(nothing, nil)
  assert(#why > 0)
  same(last.code, 1001)
  reconnector:free()
  raises(-17, reconnector.connect, reconnector)
  raises(-17, old.send, old, "too late")
end

function tests.reconnector_ends()
  local reconnector = wskt.reconnector(url "wss", quick { ca_file = env "WSKT_CA" })
  local ws = assert(reconnector:connect(LIMIT))
  ws:send "hello"
  same(ws:recv(LIMIT), "hello")
  raises(-3, reconnector.connect, reconnector)
  ws:close(1000, "bye")
  same(select(2, ws:recv(LIMIT)), "closed")
  is_end(ws:close_event(), 1000, "bye", true, "local")
  assert(reconnector:is_over())
  same(reconnector:connect(LIMIT), nil)
  reconnector:free()

  local refused = wskt.reconnector(url "refused", quick())
  raises(-27, refused:sockets())
  same(select(3, refused:connect()).cause, "connect")
  refused:free()

  local slow = wskt.reconnector(url "refused", { delays = { 60, 60 } })
  same(select(2, slow:connect(0.01)), "timeout")
  slow:stop()
  same(slow:connect(LIMIT), nil)
  slow:free()
end

function tests.reconnector_on_a_loop()
  local loop, log = wskt.loop(), {}
  local reconnector = loop:reconnect(script(GOING_AWAY), quick())
  reconnector.on_attempt = function(_, event)
    assert(event.delay <= 0.002)
    log[#log + 1] = event.number
  end
  reconnector.on_message = function(_, event) log[#log + 1] = event.data end
  reconnector.on_close = function(_, event) log[#log + 1] = event.code end
  loop:run()
  same(table.concat(log, " "), "1 a 1001 2 a 1001 3 a 1001")
  assert(reconnector:is_over())
  reconnector:free()
  loop:free()
end

function tests.what_was_not_sent_comes_back()
  local loop, back = wskt.loop(), {}
  local options = quick { water_marks = { 2 ^ 20, 2 ^ 26 } }
  local reconnector = loop:reconnect(script "rcvbuf 65536;stop-reading", options)
  reconnector.on_open = function(ws)
    for number = 1, 300 do ws:send_binary(("%03d"):format(number) .. ("x"):rep(40000)) end
    ws:abort()
  end
  reconnector.on_unsent = function(_, event)
    same(event.kind, "binary")
    back[#back + 1] = tonumber(event.data:sub(1, 3))
  end
  loop:run()
  for i, number in ipairs(back) do same(number, 300 - #back + i) end
  assert(#back > 0)
  reconnector:free()
  loop:free()
end

function tests.freed_sockets_end_their_reconnector()
  local loop = wskt.loop()
  local reconnector = loop:reconnect(url "ws", quick())
  reconnector.on_open = function(ws) ws:free() end
  loop:run()
  assert(reconnector:is_over())
  loop:free()
  local other = wskt.reconnector(url "ws", quick())
  assert(other:connect(LIMIT)):free()
  raises(-17, other.connect, other)
end

function tests.reconnector_bad_values()
  raises(-31, wskt.reconnector, url "ws", { delays = { 0, 1 } })
  raises(-31, wskt.reconnector, url "ws", { delays = { 2, 1 } })
  raises(-2, wskt.reconnector, url "ws", { max_tries = -1 })
  raises(-5, wskt.reconnector, "ftp://x")
  raises("number expected", wskt.reconnector, url "ws", { delays = { "1", 1 } })
  raises("number expected", wskt.reconnector, url "ws", { max_tries = "1" })
  raises("table expected", wskt.reconnector, url "ws", { delays = 1 })
  raises("no option delays", wskt.connect, url "ws", { delays = { 1, 1 } })
  raises("a wskt reconnector expected", wskt.Reconnector.connect, {})
end

-- Who forgets everything leaves nothing.
function tests.reconnector_garbage()
  local loop = wskt.loop()
  loop:reconnect(url "ws", quick())
  assert(loop:next_event(LIMIT).type == "attempt")
  assert(wskt.reconnector(url "ws", quick()):connect(LIMIT))
end

return tests
