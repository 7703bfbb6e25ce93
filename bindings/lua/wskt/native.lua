-- wskt.h by LuaJIT's FFI: every struct and function that this module uses.
-- test/all.lua holds all of it against the C compiler.
local ffi = require "ffi"

local native = {}

native.declarations = [[
typedef int32_t wskt_result;
typedef int32_t wskt_ready_state;
typedef struct wskt_config wskt_config;
typedef struct wskt_loop wskt_loop;
typedef struct wskt_socket wskt_socket;
typedef struct wskt_reconnector wskt_reconnector;
typedef void (*wskt_destroy_fn)(void *);
typedef struct wskt_event {
    size_t struct_size;
    int32_t type;
    bool bubbles;
    bool cancelable;
    bool is_trusted;
    const char *type_name;
    wskt_socket *target;
    double timestamp;
} wskt_event;
typedef struct wskt_message_event {
    struct wskt_event head;
    int32_t kind;
    const void *data;
    size_t len;
} wskt_message_event;
typedef struct wskt_error_event {
    struct wskt_event head;
    int32_t cause;
    int32_t os_error;
    uint16_t http_status;
    const char *message;
    size_t message_len;
} wskt_error_event;
typedef struct wskt_close_event {
    struct wskt_event head;
    bool was_clean;
    uint16_t code;
    const char *reason;
    size_t reason_len;
    uint16_t peer_code;
    int32_t cause;
    const char *message;
    size_t message_len;
} wskt_close_event;
typedef struct wskt_message_chunk_event {
    struct wskt_event head;
    int32_t kind;
    bool first;
    bool last;
    const void *data;
    size_t len;
} wskt_message_chunk_event;
typedef struct wskt_attempt_event {
    struct wskt_event head;
    uint32_t number;
    double delay_ms;
    const struct wskt_close_event *previous;
} wskt_attempt_event;
typedef struct wskt_unsent_event {
    struct wskt_event head;
    int32_t kind;
    const void *data;
    size_t len;
} wskt_unsent_event;
typedef struct wskt_ping_event {
    struct wskt_event head;
    const void *data;
    size_t len;
} wskt_ping_event;
typedef struct wskt_stats {
    size_t struct_size;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint64_t frames_sent;
    uint64_t frames_received;
    uint64_t messages_sent;
    uint64_t messages_received;
    uint64_t payload_sent;
    uint64_t payload_received;
    uint64_t wire_payload_sent;
    uint64_t wire_payload_received;
    uint64_t dns_us;
    uint64_t connect_us;
    uint64_t tls_us;
    uint64_t upgrade_us;
    uint64_t proxy_us;
    uint64_t round_trip_us;
} wskt_stats;
const char *wskt_version_string(void);
uint32_t wskt_version_number(void);
const char *wskt_result_name(int32_t);
const char *wskt_result_text(int32_t);
const char *wskt_cause_name(int32_t);
size_t wskt_handle_count(void);
wskt_result wskt_config_new(wskt_config **);
void wskt_config_free(wskt_config *);
const char *wskt_config_error_text(const wskt_config *);
wskt_result wskt_config_set_browser_mode(wskt_config *, bool);
wskt_result wskt_config_set_ping_events(wskt_config *, bool);
wskt_result wskt_config_add_header(wskt_config *, const char *, const char *);
wskt_result wskt_config_set_origin(wskt_config *, const char *);
wskt_result wskt_config_set_user_agent(wskt_config *, const char *);
wskt_result wskt_config_set_cookie(wskt_config *, const char *);
wskt_result wskt_config_set_basic_authorization(wskt_config *, const char *, const char *);
wskt_result wskt_config_set_bearer_authorization(wskt_config *, const char *);
wskt_result wskt_config_set_host(wskt_config *, const char *);
wskt_result wskt_config_set_allow_missing_protocol(wskt_config *, bool);
wskt_result wskt_config_add_ca_file(wskt_config *, const char *);
wskt_result wskt_config_add_ca_pem(wskt_config *, const char *, size_t);
wskt_result wskt_config_set_system_roots(wskt_config *, bool);
wskt_result wskt_config_add_pinned_public_key(wskt_config *, const char *);
wskt_result wskt_config_set_min_tls_version(wskt_config *, int32_t);
wskt_result wskt_config_set_max_tls_version(wskt_config *, int32_t);
wskt_result wskt_config_set_tls_server_name(wskt_config *, const char *);
wskt_result wskt_config_set_tls_sni(wskt_config *, bool);
wskt_result wskt_config_set_tls_alpn(wskt_config *, bool);
wskt_result wskt_config_set_danger_any_certificate(wskt_config *, bool);
wskt_result wskt_config_set_danger_any_host_name(wskt_config *, bool);
wskt_result wskt_config_set_client_certificate_file(wskt_config *, const char *, const char *);
wskt_result wskt_config_set_client_certificate_pem(wskt_config *, const char *,
    size_t, const char *, size_t);
wskt_result wskt_config_set_client_pkcs12_file(wskt_config *, const char *, const char *);
wskt_result wskt_config_set_client_pkcs12(wskt_config *, const void *, size_t, const char *);
wskt_result wskt_config_set_proxy(wskt_config *, const char *);
wskt_result wskt_config_set_no_proxy(wskt_config *, const char *);
wskt_result wskt_config_set_proxy_from_environment(wskt_config *);
wskt_result wskt_config_add_connect_to(wskt_config *, const char *, const char *);
wskt_result wskt_config_set_local_address(wskt_config *, const char *);
wskt_result wskt_config_set_interface(wskt_config *, const char *);
wskt_result wskt_config_set_unix_socket(wskt_config *, const char *);
wskt_result wskt_config_set_tcp_keepalive(wskt_config *, int64_t, int64_t, uint32_t);
wskt_result wskt_config_set_open_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_dns_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_connect_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_proxy_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_tls_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_upgrade_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_close_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_linger_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_send_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_idle_timeout(wskt_config *, int64_t);
wskt_result wskt_config_set_heartbeat(wskt_config *, int64_t, int64_t);
wskt_result wskt_config_set_max_message_size(wskt_config *, uint64_t);
wskt_result wskt_config_set_max_fragments(wskt_config *, uint32_t);
wskt_result wskt_config_set_read_buffer(wskt_config *, size_t);
wskt_result wskt_config_set_water_marks(wskt_config *, size_t, size_t);
wskt_result wskt_config_set_deflate(wskt_config *, bool);
wskt_result wskt_config_set_deflate_no_context_takeover(wskt_config *, bool, bool);
wskt_result wskt_config_set_deflate_max_window_bits(wskt_config *, int32_t, int32_t);
wskt_result wskt_config_set_deflate_level(wskt_config *, int32_t);
wskt_result wskt_config_set_deflate_min_size(wskt_config *, size_t);
wskt_result wskt_loop_new(wskt_loop **);
wskt_result wskt_loop_free(wskt_loop *);
int wskt_loop_fd(const wskt_loop *);
wskt_result wskt_loop_next_event(wskt_loop *, int32_t, const wskt_event **);
wskt_result wskt_socket_new(wskt_loop *, const char *, const wskt_config *, wskt_socket **);
void wskt_socket_free(wskt_socket *);
wskt_result wskt_socket_add_protocol(wskt_socket *, const char *);
wskt_result wskt_socket_set_message_chunks(wskt_socket *, bool);
wskt_result wskt_socket_set_user_data(wskt_socket *, void *, wskt_destroy_fn);
void *wskt_socket_user_data(const wskt_socket *);
wskt_result wskt_socket_open(wskt_socket *);
wskt_result wskt_socket_connect(wskt_socket *, int32_t);
wskt_result wskt_socket_recv(wskt_socket *, int32_t, const wskt_event **);
wskt_result wskt_socket_send_text(wskt_socket *, const char *, size_t);
wskt_result wskt_socket_send_binary(wskt_socket *, const void *, size_t);
wskt_result wskt_socket_ping(wskt_socket *, const void *, size_t);
wskt_result wskt_socket_close(wskt_socket *, uint16_t, const char *, size_t);
wskt_result wskt_socket_abort(wskt_socket *);
wskt_result wskt_socket_pause(wskt_socket *);
wskt_result wskt_socket_resume(wskt_socket *);
wskt_ready_state wskt_socket_ready_state(const wskt_socket *);
size_t wskt_socket_buffered_amount(const wskt_socket *);
const char *wskt_socket_url(const wskt_socket *, size_t *);
const char *wskt_socket_protocol(const wskt_socket *, size_t *);
uint16_t wskt_socket_response_status(const wskt_socket *);
const char *wskt_socket_response_header(const wskt_socket *, const char *, size_t *);
const void *wskt_socket_response_body(const wskt_socket *, size_t *);
const wskt_close_event *wskt_socket_close_event(const wskt_socket *);
wskt_result wskt_socket_stats(const wskt_socket *, wskt_stats *);
wskt_result wskt_reconnector_new(wskt_socket *, wskt_reconnector **);
void wskt_reconnector_free(wskt_reconnector *);
wskt_result wskt_reconnector_set_delays(wskt_reconnector *, int64_t, int64_t);
wskt_result wskt_reconnector_set_max_tries(wskt_reconnector *, uint32_t);
wskt_result wskt_reconnector_start(wskt_reconnector *);
wskt_result wskt_reconnector_connect(wskt_reconnector *, int32_t, wskt_socket **);
wskt_result wskt_reconnector_stop(wskt_reconnector *);
bool wskt_reconnector_is_over(const wskt_reconnector *);
wskt_socket *wskt_reconnector_socket(const wskt_reconnector *);
]]
ffi.cdef(native.declarations)

native.constants = {
  OK = 0,
  ERR_INVALID_ARGUMENT = -2,
  ERR_INVALID_STATE = -3,
  ERR_INVALID_URL = -4,
  ERR_INVALID_PROTOCOL = -7,
  ERR_INVALID_HEADER = -9,
  ERR_INVALID_ACCESS = -12,
  ERR_CLOSED = -17,
  ERR_TIMEOUT = -18,
  ERR_INTERRUPTED = -19,
  ERR_LOOP_GONE = -22,
  ERR_CONNECT_FAILED = -27,
  EVENT_OPEN = 1,
  EVENT_MESSAGE = 2,
  EVENT_ERROR = 3,
  EVENT_CLOSE = 4,
  EVENT_DRAIN = 5,
  EVENT_PING = 6,
  EVENT_PONG = 7,
  EVENT_MESSAGE_CHUNK = 8,
  EVENT_ATTEMPT = 9,
  EVENT_UNSENT = 10,
  MESSAGE_TEXT = 1,
  TLS_1_2 = 12,
  TLS_1_3 = 13,
}

local soname, version = "libwskt.so.0.1", 0x000100
local path = os.getenv("WSKT_LIBRARY") or soname
local found, lib = pcall(ffi.load, path)
if not found then
  error(("wskt: %s cannot be loaded (%s); install libwskt, or set WSKT_LIBRARY to the path of "
    .. "libwskt.so"):format(path, lib), 0)
end
local have = lib.wskt_version_number()
if bit.rshift(have, 8) ~= bit.rshift(version, 8) or have < version then
  error(("wskt: %s is version %s; this module needs %s"):format(
    path, ffi.string(lib.wskt_version_string()), soname), 0)
end
native.lib = lib

-- What a call refused, as an error: tostring gives wskt_result_text, with what
-- the library knows besides behind a colon.
local Error = {}
Error.__index = Error
Error.__tostring = function(e) return e.detail and e.text .. ": " .. e.detail or e.text end
native.Error = Error

function native.error(result, detail)
  return setmetatable({
    result = result,
    name = ffi.string(lib.wskt_result_name(result)),
    text = ffi.string(lib.wskt_result_text(result)),
    detail = detail,
  }, Error)
end

function native.refuse(result, detail) error(native.error(result, detail), 0) end

function native.check(result, detail)
  if result ~= 0 then native.refuse(result, detail) end
end

-- A value of the type that is wanted. `level` is the caller to blame.
function native.want(kind, value, what, level)
  if type(value) ~= kind then
    error(("%s: %s expected, got %s"):format(what, kind, type(value)), (level or 2) + 1)
  end
  return value
end

-- A name for C, which would not see what is behind a NUL.
function native.name(value, what, result)
  native.want("string", value, what, 3)
  if value:find("\0", 1, true) then native.refuse(result, what .. " has a NUL in it") end
  return value
end

function native.whole(value, what, most)
  native.want("number", value, what, 3)
  if value ~= math.floor(value) or value < -most or value > most then
    native.refuse(native.constants.ERR_INVALID_ARGUMENT, ("%s: %s"):format(what, value))
  end
  return value
end

return native
