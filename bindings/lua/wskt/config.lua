-- A table of options as a wskt_config.
local ffi = require "ffi"
local native = require "wskt.native"

local c, lib = native.constants, native.lib

-- What above 0 stays above 0: 0 has a meaning of its own.
local function milliseconds(seconds, what)
  native.want("number", seconds, what, 3)
  if not (seconds > -1e15 and seconds < 1e15) then
    native.refuse(c.ERR_INVALID_ARGUMENT, ("%s: %s s"):format(what, seconds))
  end
  local ms = math.floor(seconds * 1000 + 0.5)
  return seconds > 0 and math.max(ms, 1) or ms
end

local function size(value, what, most)
  native.whole(value, what, most or 2 ^ 53)
  if value < 0 then native.refuse(c.ERR_INVALID_ARGUMENT, ("%s: %d"):format(what, value)) end
  return value
end

local function flag(value, what) return native.want("boolean", value, what, 3) end

local function one(setter, convert)
  return function(call, value, what) call(setter, convert(value, what)) end
end

local function two(setter, convert)
  return function(call, pair, what)
    native.want("table", pair, what, 3)
    call(setter, convert(pair[1], what), convert(pair[2], what))
  end
end

local function int(value, what) return size(value, what, 2 ^ 31 - 1) end

local options = {
  allow_missing_protocol = one("set_allow_missing_protocol", flag),
  browser_mode = one("set_browser_mode", flag),
  max_message_size = one("set_max_message_size", size),
  max_fragments = one("set_max_fragments", function(n, what) return size(n, what, 2 ^ 32 - 1) end),
  water_marks = two("set_water_marks", size),
  deflate = one("set_deflate", flag),
  deflate_level = one("set_deflate_level", int),
  deflate_min_size = one("set_deflate_min_size", size),
  -- For our messages, and for the server's.
  deflate_max_window_bits = two("set_deflate_max_window_bits", int),
  deflate_no_context_takeover = two("set_deflate_no_context_takeover", flag),
  ca_file = one("add_ca_file", function(path, what)
    return native.name(path, what, c.ERR_INVALID_ARGUMENT)
  end),
  ca_pem = function(call, pem, what)
    call("add_ca_pem", native.want("string", pem, what, 3), #pem)
  end,
  headers = function(call, headers, what)
    for name, value in pairs(native.want("table", headers, what, 3)) do
      call("add_header", native.name(name, "a header's name", c.ERR_INVALID_HEADER),
        native.name(value, "a header's value", c.ERR_INVALID_HEADER))
    end
  end,
}
for _, phase in ipairs { "open", "connect", "tls", "upgrade", "close", "linger", "send" } do
  options[phase .. "_timeout"] = one("set_" .. phase .. "_timeout", milliseconds)
end

-- Not for the configuration.
local others = { protocols = true, timeout = true }

-- A wskt_config that is freed when nothing refers to it.
local function config(wanted)
  local out = ffi.new("wskt_config *[1]")
  native.check(lib.wskt_config_new(out))
  local handle = ffi.gc(out[0], lib.wskt_config_free)
  local function call(setter, ...)
    local result = lib["wskt_config_" .. setter](handle, ...)
    if result ~= c.OK then
      native.check(result, ffi.string(lib.wskt_config_error_text(handle)))
    end
  end
  for what, value in pairs(wanted) do
    local set = options[what]
    if set then
      set(call, value, what)
    elseif not others[what] then
      error(("there is no option %s"):format(tostring(what)), 0)
    end
  end
  return handle
end

return { config = config, milliseconds = milliseconds }
