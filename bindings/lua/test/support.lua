-- What the tests share: the scripted server of tests/support/server.
local ffi = require "ffi"
local native = require "wskt.native"
local wskt = require "wskt"

local LIMIT = 30
local MESSAGES = {
  { "Grüße, 世界", "text" }, { "\0\1\255", "binary" }, { "", "text" }, { "", "binary" },
  { "a\0b", "text" }, { ("xyz\0"):rep(20000), "binary" },
}
local ids = 0

local function env(name) return (assert(os.getenv(name), name)) end

local function url(port, path)
  local scheme = port:find("^wss") and "wss" or "ws"
  return ("%s://localhost:%s%s"):format(scheme, env("WSKT_PORT_" .. port:upper()), path or "/echo")
end

-- The URL that makes the server run a script.
local function script(text)
  ids = ids + 1
  local encoded = text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
  return url("ws", ("/s/%s?id=lua%d"):format(encoded, ids))
end

local function connect(address, options)
  options = options or {}
  options.timeout, options.ca_file = options.timeout or LIMIT, env "WSKT_CA"
  return wskt.connect(address, options)
end

local function same(got, expected, what)
  if got ~= expected then
    error(("%s: got %s, not %s"):format(what or "value", tostring(got), tostring(expected)), 2)
  end
end

local function is_end(event, code, reason, clean, cause)
  same(event.type, "close")
  same(event.code, code, "code")
  same(event.reason, reason, "reason")
  same(event.was_clean, clean, "was_clean")
  same(event.cause, cause, "cause")
  assert(clean or #event.message > 0)
end

-- The call raises; a number is the result it raises, text a part of the message.
local function raises(expected, call, ...)
  local fine, failure = pcall(call, ...)
  assert(not fine, "it did not raise")
  if type(expected) == "number" then
    same(getmetatable(failure), native.Error, tostring(failure))
    same(failure.result, expected, tostring(failure))
    local text = ffi.string(native.lib.wskt_result_text(expected))
    same(failure.text, text)
    same(tostring(failure):sub(1, #text), text)
  else
    assert(tostring(failure):find(expected, 1, true), tostring(failure))
  end
end

return {
  LIMIT = LIMIT, MESSAGES = MESSAGES, connect = connect, env = env, is_end = is_end,
  raises = raises, same = same, script = script, url = url,
}
