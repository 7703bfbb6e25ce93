-- One WebSocket: driven by blocking calls, or by a loop.
local ffi = require "ffi"
local config = require "wskt.config"
local native = require "wskt.native"

local c, lib, want = native.constants, native.lib, native.want
local milliseconds = config.milliseconds

local STATES = { [0] = "connecting", "open", "closing", "closed" }
local LONGEST_MS = 2 ^ 31 - 1

local Socket = {}
Socket.__index = Socket

local function handle(self, what)
  if getmetatable(self) ~= Socket then
    error(("%s: a wskt socket expected, got %s"):format(what, type(self)), 3)
  end
  return self.pointer or native.refuse(c.ERR_CLOSED, "it was freed")
end

local function timeout_ms(seconds, what)
  if seconds == nil then return -1 end
  local ms = milliseconds(seconds, what)
  if ms < 0 then native.refuse(c.ERR_INVALID_ARGUMENT, ("%s: %s s"):format(what, seconds)) end
  return math.min(ms, LONGEST_MS)
end

local function text(pointer, len) return ffi.string(pointer, len) end

local function close_event(raw, target)
  return {
    type = "close",
    target = target,
    timestamp = raw.head.timestamp,
    was_clean = raw.was_clean,
    code = raw.code,
    reason = text(raw.reason, raw.reason_len),
    peer_code = raw.peer_code,
    cause = ffi.string(lib.wskt_cause_name(raw.cause)),
    message = text(raw.message, raw.message_len),
  }
end

-- A copy of an event that a pull has lent.
local function copy(raw, target)
  local kind = raw.type
  if kind == c.EVENT_CLOSE then
    local event = close_event(ffi.cast("const wskt_close_event *", raw), target)
    target.last = event
    return event
  end
  local event = {
    type = ffi.string(raw.type_name), target = target, timestamp = raw.timestamp,
  }
  if kind == c.EVENT_MESSAGE or kind == c.EVENT_UNSENT then
    -- The two are the same.
    local message = ffi.cast("const wskt_message_event *", raw)
    event.data = text(message.data, message.len)
    event.kind = message.kind == c.MESSAGE_TEXT and "text" or "binary"
  elseif kind == c.EVENT_MESSAGE_CHUNK then
    local chunk = ffi.cast("const wskt_message_chunk_event *", raw)
    event.data = text(chunk.data, chunk.len)
    event.kind = chunk.kind == c.MESSAGE_TEXT and "text" or "binary"
    event.first, event.last = chunk.first, chunk.last
  elseif kind == c.EVENT_ATTEMPT then
    local attempt = ffi.cast("const wskt_attempt_event *", raw)
    event.number, event.delay = attempt.number, attempt.delay_ms / 1000
  elseif kind == c.EVENT_PING or kind == c.EVENT_PONG then
    local ping = ffi.cast("const wskt_ping_event *", raw)
    event.data = text(ping.data, ping.len)
  elseif kind == c.EVENT_ERROR then
    local failure = ffi.cast("const wskt_error_event *", raw)
    event.cause = ffi.string(lib.wskt_cause_name(failure.cause))
    event.message = text(failure.message, failure.message_len)
    event.os_error = failure.os_error
    event.http_status = failure.http_status
  end
  return event
end

local function new(loop, url, options)
  native.name(url, "url", c.ERR_INVALID_URL)
  local settings = config.config(options)
  local out = ffi.new("wskt_socket *[1]")
  native.check(lib.wskt_socket_new(loop, url, settings, out))
  local self = setmetatable({ pointer = ffi.gc(out[0], lib.wskt_socket_free) }, Socket)
  local protocols = options.protocols or {}
  if type(protocols) == "string" then protocols = { protocols } end
  for _, protocol in ipairs(want("table", protocols, "protocols", 3)) do
    native.name(protocol, "a subprotocol", c.ERR_INVALID_PROTOCOL)
    native.check(lib.wskt_socket_add_protocol(self.pointer, protocol))
  end
  if options.message_chunks ~= nil then
    local chunks = want("boolean", options.message_chunks, "message_chunks", 3)
    native.check(lib.wskt_socket_set_message_chunks(self.pointer, chunks))
  end
  return self
end

-- Sends a text message. What is not UTF-8 is refused.
function Socket:send(data)
  local pointer = handle(self, "send")
  native.check(lib.wskt_socket_send_text(pointer, want("string", data, "data"), #data))
end

-- Sends a binary message.
function Socket:send_binary(data)
  local pointer = handle(self, "send_binary")
  native.check(lib.wskt_socket_send_binary(pointer, want("string", data, "data"), #data))
end

-- Sends a ping of at most 125 bytes; its pong is no event.
function Socket:ping(data)
  local pointer = handle(self, "ping")
  data = want("string", data or "", "data")
  native.check(lib.wskt_socket_ping(pointer, data, #data))
end

-- Starts the closing handshake; the close event follows. `code` is 1000 or in
-- 3000 to 4999. It does nothing on a closed socket.
function Socket:close(code, reason)
  if code ~= nil then
    want("number", code, "code")
    if code ~= math.floor(code) or code < 1 or code > 0xffff then
      native.refuse(c.ERR_INVALID_ACCESS)
    end
  end
  reason = want("string", reason or "", "reason")
  local pointer = handle(self, "close")
  native.check(lib.wskt_socket_close(pointer, code or 0, reason, #reason))
end

-- Ends the connection at once, without a closing handshake.
function Socket:abort() native.check(lib.wskt_socket_abort(handle(self, "abort"))) end

-- Stops reading, so that the peer must wait; resume undoes it.
function Socket:pause() native.check(lib.wskt_socket_pause(handle(self, "pause"))) end
function Socket:resume() native.check(lib.wskt_socket_resume(handle(self, "resume"))) end

-- The next event of a connected socket, or nil and "timeout" or "closed". With
-- message_chunks, messages are events "messagechunk" as they arrive: data, kind,
-- first, last; recv has none then.
function Socket:next_event(timeout)
  local pointer, ms = handle(self, "next_event"), timeout_ms(timeout, "timeout")
  local out, result = ffi.new("const wskt_event *[1]"), nil
  repeat
    result = lib.wskt_socket_recv(pointer, ms, out)
  until result ~= c.ERR_INTERRUPTED
  if result == c.ERR_TIMEOUT then return nil, "timeout" end
  if result == c.ERR_CLOSED then return nil, "closed" end
  native.check(result)
  return copy(out[0], self)
end

-- The next message and its kind, or nil and "timeout" or "closed".
function Socket:recv(timeout)
  while true do
    local event, why = self:next_event(timeout)
    if not event then return nil, why end
    if event.type == "message" then return event.data, event.kind end
    if event.type == "close" then return nil, "closed" end
  end
end

-- Messages until the close event: for data, kind in socket:messages() do.
function Socket:messages()
  return function() return self:recv() end
end

-- "connecting", "open", "closing" or "closed".
function Socket:ready_state()
  return self.pointer and STATES[lib.wskt_socket_ready_state(handle(self, "ready_state"))]
    or "closed"
end

-- The close event of a closed socket.
function Socket:close_event() return self.last end

function Socket:url() return ffi.string(lib.wskt_socket_url(handle(self, "url"), nil)) end

function Socket:protocol()
  return ffi.string(lib.wskt_socket_protocol(handle(self, "protocol"), nil))
end

function Socket:buffered_amount()
  return tonumber(lib.wskt_socket_buffered_amount(handle(self, "buffered_amount")))
end

local COUNTERS = {
  "bytes_sent", "bytes_received", "frames_sent", "frames_received", "messages_sent",
  "messages_received", "payload_sent", "payload_received", "wire_payload_sent",
  "wire_payload_received",
}

-- What was sent and received since the socket is open, and how long, in seconds,
-- the phases of opening took and the last ping that was answered: dns_time,
-- connect_time, proxy_time, tls_time, upgrade_time, round_trip_time.
function Socket:stats()
  local raw = ffi.new("wskt_stats")
  raw.struct_size = ffi.sizeof(raw)
  native.check(lib.wskt_socket_stats(handle(self, "stats"), raw))
  local stats = {}
  for _, name in ipairs(COUNTERS) do stats[name] = tonumber(raw[name]) end
  for _, phase in ipairs { "dns", "connect", "proxy", "tls", "upgrade", "round_trip" } do
    stats[phase .. "_time"] = tonumber(raw[phase .. "_us"]) / 1e6
  end
  return stats
end

-- The server's answer to the upgrade: status, 0 if none came, and the body of
-- a refusal.
function Socket:response()
  local pointer, size = handle(self, "response"), ffi.new("size_t[1]")
  local body = lib.wskt_socket_response_body(pointer, size)
  return lib.wskt_socket_response_status(pointer), text(body, size[0])
end

-- A header of that answer, or nil.
function Socket:response_header(name)
  local pointer = handle(self, "response_header")
  native.name(name, "name", c.ERR_INVALID_HEADER)
  local value = lib.wskt_socket_response_header(pointer, name, nil)
  if value ~= nil then return ffi.string(value) end
end

-- Lets go, without a closing handshake if it is still open. Calls raise then. A
-- reconnector ends with its socket, unless that is closed.
function Socket:free()
  local pointer = self.pointer
  if pointer then
    self.pointer = nil
    if self.loop then self.loop.sockets[tostring(pointer)] = nil end
    if not self.owner then
      lib.wskt_socket_free(ffi.gc(pointer, nil))
    elseif not self.last then
      self.owner:free()
    end
  end
end

return {
  Socket = Socket, close_event = close_event, copy = copy, new = new, timeout_ms = timeout_ms,
}
