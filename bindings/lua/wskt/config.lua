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

-- What an option's value is for C: each gives the arguments it becomes.

local function size(value, what, most)
  native.whole(value, what, most or 2 ^ 53)
  if value < 0 then native.refuse(c.ERR_INVALID_ARGUMENT, ("%s: %d"):format(what, value)) end
  return value
end

local function count(value, what) return size(value, what, 2 ^ 32 - 1) end

local function int(value, what) return size(value, what, 2 ^ 31 - 1) end

local function flag(value, what) return native.want("boolean", value, what, 3) end

local function text(value, what) return native.name(value, what, c.ERR_INVALID_ARGUMENT) end

local function header(value, what) return native.name(value, what, c.ERR_INVALID_HEADER) end

local function bytes(value, what) return native.want("string", value, what, 3), #value end

local VERSIONS = { ["1.2"] = c.TLS_1_2, ["1.3"] = c.TLS_1_3 }

-- What is not known here the library refuses.
local function tls(value, what) return VERSIONS[native.want("string", value, what, 3)] or -1 end

-- One setter, with a converter for its value, or for each of its values.
local function one(setter, ...)
  local converters = { ... }
  return function(call, value, what)
    local values = #converters == 1 and { value } or native.want("table", value, what, 3)
    local args = {}
    for i, convert in ipairs(converters) do
      for _, arg in ipairs { convert(values[i], what) } do args[#args + 1] = arg end
    end
    call(setter, unpack(args))
  end
end

-- In the order they are set in.
local options = {
  { "headers", function(call, headers, what)
    for name, values in pairs(native.want("table", headers, what, 3)) do
      -- A table is a header that is sent more than once.
      for _, value in ipairs(type(values) == "table" and values or { values }) do
        call("add_header", header(name, "a header's name"), header(value, "a header's value"))
      end
    end
  end },
  { "origin", one("set_origin", header) },
  { "user_agent", one("set_user_agent", header) },
  { "cookie", one("set_cookie", header) },
  { "basic_authorization", one("set_basic_authorization", text, text) },
  { "bearer_authorization", one("set_bearer_authorization", text) },
  { "host", one("set_host", text) },
  { "allow_missing_protocol", one("set_allow_missing_protocol", flag) },
  { "ca_file", one("add_ca_file", text) },
  { "ca_pem", one("add_ca_pem", bytes) },
  { "system_roots", one("set_system_roots", flag) },
  { "pinned_public_keys", function(call, pins, what)
    for _, pin in ipairs(native.want("table", pins, what, 3)) do
      call("add_pinned_public_key", text(pin, what))
    end
  end },
  { "min_tls_version", one("set_min_tls_version", tls) },
  { "max_tls_version", one("set_max_tls_version", tls) },
  { "tls_server_name", one("set_tls_server_name", text) },
  { "tls_sni", one("set_tls_sni", flag) },
  { "tls_alpn", one("set_tls_alpn", flag) },
  { "danger_any_certificate", one("set_danger_any_certificate", flag) },
  { "danger_any_host_name", one("set_danger_any_host_name", flag) },
  { "client_certificate_file", one("set_client_certificate_file", text, text) },
  { "client_certificate_pem", one("set_client_certificate_pem", bytes, bytes) },
  { "client_pkcs12_file", one("set_client_pkcs12_file", text, text) },
  { "client_pkcs12", one("set_client_pkcs12", bytes, text) },
  { "proxy_from_environment", function(call, on, what)
    if flag(on, what) then call("set_proxy_from_environment") end
  end },
  { "proxy", one("set_proxy", text) },
  { "no_proxy", one("set_no_proxy", text) },
  { "connect_to", function(call, places, what)
    for from, to in pairs(native.want("table", places, what, 3)) do
      call("add_connect_to", text(from, what), text(to, what))
    end
  end },
  { "local_address", one("set_local_address", text) },
  { "interface", one("set_interface", text) },
  { "unix_socket", one("set_unix_socket", text) },
  { "tcp_keepalive", one("set_tcp_keepalive", milliseconds, milliseconds, count) },
  { "heartbeat", one("set_heartbeat", milliseconds, milliseconds) },
  { "max_message_size", one("set_max_message_size", size) },
  { "max_fragments", one("set_max_fragments", count) },
  { "read_buffer", one("set_read_buffer", size) },
  { "water_marks", one("set_water_marks", size, size) },
  { "deflate", one("set_deflate", flag) },
  { "deflate_level", one("set_deflate_level", int) },
  { "deflate_min_size", one("set_deflate_min_size", size) },
  -- For our messages, and for the server's.
  { "deflate_max_window_bits", one("set_deflate_max_window_bits", int, int) },
  { "deflate_no_context_takeover", one("set_deflate_no_context_takeover", flag, flag) },
  { "ping_events", one("set_ping_events", flag) },
  { "browser_mode", one("set_browser_mode", flag) },
}
for _, phase in ipairs { "open", "dns", "connect", "proxy", "tls", "upgrade", "close", "linger",
  "send", "idle" } do
  local name = phase .. "_timeout"
  options[#options + 1] = { name, one("set_" .. name, milliseconds) }
end

-- These three are not for the configuration.
local known = { protocols = true, timeout = true, message_chunks = true }
for _, option in ipairs(options) do known[option[1]] = true end

-- A wskt_config that is freed when nothing refers to it.
local function config(wanted)
  for what in pairs(wanted) do
    if not known[what] then error(("there is no option %s"):format(tostring(what)), 0) end
  end
  local out = ffi.new("wskt_config *[1]")
  native.check(lib.wskt_config_new(out))
  local handle = ffi.gc(out[0], lib.wskt_config_free)
  local function call(setter, ...)
    local result = lib["wskt_config_" .. setter](handle, ...)
    if result ~= c.OK then
      native.check(result, ffi.string(lib.wskt_config_error_text(handle)))
    end
  end
  for _, option in ipairs(options) do
    local what, set = option[1], option[2]
    if wanted[what] ~= nil then set(call, wanted[what], what) end
  end
  return handle
end

return { config = config, known = known, milliseconds = milliseconds }
