-- A reconnector makes a new socket for each try.
local ffi = require "ffi"
local config = require "wskt.config"
local native = require "wskt.native"
local sockets = require "wskt.socket"

local c, lib, want = native.constants, native.lib, native.want
local milliseconds = config.milliseconds
local Socket, close_event, new = sockets.Socket, sockets.close_event, sockets.new
local timeout_ms = sockets.timeout_ms

local Reconnector = {}
Reconnector.__index = Reconnector

local function tries(self, what)
  if getmetatable(self) ~= Reconnector then
    error(("%s: a wskt reconnector expected, got %s"):format(what, type(self)), 3)
  end
  return self.pointer or native.refuse(c.ERR_CLOSED, "it was freed")
end

local keys = 0

local function new_reconnector(loop, url, options)
  local rest = {}
  for name, value in pairs(want("table", options or {}, "options", 3)) do rest[name] = value end
  local delays, max_tries = rest.delays or { 1, 60 }, rest.max_tries or 10
  rest.delays, rest.max_tries = nil, nil
  want("table", delays, "delays", 3)
  local first, longest = milliseconds(delays[1], "delays"), milliseconds(delays[2], "delays")
  native.whole(max_tries, "max_tries", 2 ^ 32 - 1)
  if max_tries < 0 then native.refuse(c.ERR_INVALID_ARGUMENT, "max_tries: " .. max_tries) end
  local pattern = new(loop, url, rest)
  keys = keys + 1
  native.check(lib.wskt_socket_set_user_data(pattern.pointer, ffi.cast("void *", keys), nil))
  local out = ffi.new("wskt_reconnector *[1]")
  native.check(lib.wskt_reconnector_new(pattern.pointer, out))
  ffi.gc(pattern.pointer, nil)
  pattern.pointer = nil
  local pointer = ffi.gc(out[0], lib.wskt_reconnector_free)
  native.check(lib.wskt_reconnector_set_delays(pointer, first, longest))
  native.check(lib.wskt_reconnector_set_max_tries(pointer, max_tries))
  return setmetatable({ pointer = pointer, key = keys }, Reconnector)
end

-- The object of a socket the library made; the one before it is over.
function Reconnector:adopt(pointer)
  if self.socket then self.socket.pointer = nil end
  self.socket = setmetatable({ pointer = pointer, owner = self, loop = self.loop }, Socket)
  return self.socket
end

local function await(self, timeout)
  local pointer, ms = tries(self, "connect"), timeout_ms(timeout, "timeout")
  local out, result = ffi.new("wskt_socket *[1]"), nil
  repeat
    result = lib.wskt_reconnector_connect(pointer, ms, out)
  until result ~= c.ERR_INTERRUPTED
  if result == c.OK then return result, self:adopt(out[0]) end
  if result ~= c.ERR_CLOSED and result ~= c.ERR_CONNECT_FAILED then return result end
  local newest, last = lib.wskt_reconnector_socket(pointer), nil
  local raw = newest ~= nil and lib.wskt_socket_close_event(newest) or nil
  if raw ~= nil then last = close_event(raw, self.socket) end
  return result, native.error(result, last and last.message), last
end

-- Waits until a socket is open, through all delays and tries that takes; it is good
-- until the next call. nil and "timeout" after that many seconds, which ends nothing;
-- nil, a message and the last close event if no try follows.
function Reconnector:connect(timeout)
  local result, value, last = await(self, timeout)
  if result == c.OK then return value end
  if result == c.ERR_TIMEOUT then return nil, "timeout" end
  if not value then native.check(result) end
  return nil, tostring(value), last
end

-- Each socket that opens, until no try follows: for ws in reconnector:sockets() do.
-- It raises if the last one did not open.
function Reconnector:sockets()
  return function()
    local result, value = await(self)
    if result == c.ERR_CLOSED then return nil end
    if result == c.ERR_CONNECT_FAILED then error(value, 0) end
    native.check(result)
    return value
  end
end

-- Ends trying; a socket that is open stays as it is.
function Reconnector:stop() native.check(lib.wskt_reconnector_stop(tries(self, "stop"))) end

-- Whether no try will follow.
function Reconnector:is_over()
  return not self.pointer or lib.wskt_reconnector_is_over(tries(self, "is_over"))
end

-- Lets go, without a closing handshake if a socket is open.
function Reconnector:free()
  local pointer = self.pointer
  if pointer then
    self.pointer = nil
    if self.socket then
      local socket = self.socket.pointer
      self.socket.pointer = nil
      if self.loop and socket then self.loop.sockets[tostring(socket)] = nil end
    end
    if self.loop then self.loop.reconnectors[self.key] = nil end
    lib.wskt_reconnector_free(ffi.gc(pointer, nil))
  end
end

return { Reconnector = Reconnector, new = new_reconnector }
