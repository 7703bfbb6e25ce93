-- The browser's WebSocket for LuaJIT, on libwskt. Events are pulled: no
-- function of Lua is ever called from C.
local ffi = require "ffi"
local native = require "wskt.native"
local reconnectors = require "wskt.reconnector"
local sockets = require "wskt.socket"

local c, lib, want = native.constants, native.lib, native.want
local close_event, copy, new = sockets.close_event, sockets.copy, sockets.new
local timeout_ms = sockets.timeout_ms
local wskt = {
  Reconnector = reconnectors.Reconnector, Socket = sockets.Socket,
  version = ffi.string(lib.wskt_version_string()),
}

-- Connects and waits until the socket is open. Options: timeout in seconds,
-- protocols, message_chunks, and those of the configuration. Gives nil, a message and the close
-- event if it does not come about.
function wskt.connect(url, options)
  options = want("table", options or {}, "options")
  local self = new(nil, url, options)
  local until_ms = timeout_ms(options.timeout, "timeout")
  local result
  repeat
    result = lib.wskt_socket_connect(self.pointer, until_ms)
  until result ~= c.ERR_INTERRUPTED
  if result == c.OK then return self end
  local raw = lib.wskt_socket_close_event(self.pointer)
  if raw == nil then native.check(result) end
  self.last = close_event(raw, self)
  return nil, tostring(native.error(result, self.last.message)), self.last
end

-- Loops ----------------------------------------------------------------------

local Loop = {}
Loop.__index = Loop
wskt.Loop = Loop

-- A loop drives many sockets, and gives their events one by one.
function wskt.loop()
  local out = ffi.new("wskt_loop *[1]")
  native.check(lib.wskt_loop_new(out))
  local pointer = ffi.gc(out[0], lib.wskt_loop_free)
  return setmetatable({ pointer = pointer, sockets = {}, reconnectors = {} }, Loop)
end

local function loop_handle(self, what)
  if getmetatable(self) ~= Loop then
    error(("%s: a wskt loop expected, got %s"):format(what, type(self)), 3)
  end
  return self.pointer or native.refuse(c.ERR_LOOP_GONE, "it was freed")
end

-- Opens a socket; what comes of it the events tell. Options as for connect,
-- without timeout.
function Loop:open(url, options)
  local pointer = loop_handle(self, "open")
  local socket = new(pointer, url, want("table", options or {}, "options"))
  native.check(lib.wskt_socket_open(socket.pointer))
  socket.loop = self
  self.sockets[tostring(socket.pointer)] = socket
  return socket
end

-- The next event of any socket, which is its target, or nil and "timeout".
function Loop:next_event(timeout)
  local pointer, ms = loop_handle(self, "next_event"), timeout_ms(timeout, "timeout")
  local out = ffi.new("const wskt_event *[1]")
  local result
  repeat
    result = lib.wskt_loop_next_event(pointer, ms, out)
  until result ~= c.ERR_INTERRUPTED
  if result == c.ERR_TIMEOUT then return nil, "timeout" end
  native.check(result)
  local target = out[0].target
  if out[0].type == c.EVENT_ATTEMPT then
    local key = tonumber(ffi.cast("intptr_t", lib.wskt_socket_user_data(target)))
    self.sockets[tostring(target)] = self.reconnectors[key]:adopt(target)
  end
  local socket = self.sockets[tostring(target)]
  local event = copy(out[0], socket)
  if event.type == "close" then
    self.sockets[tostring(target)] = nil
    if socket.owner and socket.owner:is_over() then self.reconnectors[socket.owner.key] = nil end
  end
  return event
end

-- Calls on_open, on_message, on_messagechunk, on_error, on_close, on_drain, on_ping
-- and on_pong of the sockets, where they are set, until all are closed and no
-- reconnector tries any more. Of a reconnector's sockets, its own are called as
-- well, on_attempt and on_unsent among them.
function Loop:run()
  loop_handle(self, "run")
  while next(self.sockets) or next(self.reconnectors) do
    local event = self:next_event()
    local name, owner = "on_" .. event.type, event.target.owner
    local handler = event.target[name] or owner and owner[name]
    if handler then handler(event.target, event) end
  end
end

-- The descriptor that is readable when there is an event.
function Loop:fd() return lib.wskt_loop_fd(loop_handle(self, "fd")) end

-- Frees the loop. Its sockets get no event any more.
function Loop:free()
  local pointer = self.pointer
  if pointer then
    self.pointer = nil
    native.check(lib.wskt_loop_free(ffi.gc(pointer, nil)))
  end
end

-- Makes a new socket for each try, for blocking calls. Options: delays, which are
-- the first and the longest in seconds; max_tries in a row, 0 for any number; and
-- those of connect, but timeout.
function wskt.reconnector(url, options) return reconnectors.new(nil, url, options) end

-- The same on a loop, which tells the sockets' events: "attempt" first, with number
-- and delay, and "unsent" with data and kind of each message that a socket had
-- accepted and could not send.
function Loop:reconnect(url, options)
  local self_pointer = loop_handle(self, "reconnect")
  local made = reconnectors.new(self_pointer, url, options)
  made.loop = self
  native.check(lib.wskt_reconnector_start(made.pointer))
  self.reconnectors[made.key] = made
  return made
end

return wskt
