// wskt.h by koffi: every struct, constant and function that this package uses.
// test/interface.test.js holds all of it against the C compiler.
'use strict';

const koffi = require('koffi');

const SONAME = 'libwskt.so.0.1';
const VERSION_NUMBER = 0x000100;

const constants = {
  WSKT_OK: 0,
  WSKT_ERR_INVALID_ARGUMENT: -2,
  WSKT_ERR_INVALID_STATE: -3,
  WSKT_ERR_INVALID_URL: -4,
  WSKT_ERR_INVALID_SCHEME: -5,
  WSKT_ERR_INVALID_FRAGMENT: -6,
  WSKT_ERR_INVALID_PROTOCOL: -7,
  WSKT_ERR_DUPLICATE_PROTOCOL: -8,
  WSKT_ERR_INVALID_HEADER: -9,
  WSKT_ERR_INVALID_ACCESS: -12,
  WSKT_ERR_SYNTAX: -13,
  WSKT_ERR_BUFFER_FULL: -16,
  WSKT_ERR_CLOSED: -17,
  WSKT_ERR_TIMEOUT: -18,
  WSKT_ERR_INTERRUPTED: -19,
  WSKT_ERR_CONNECT_FAILED: -27,
  WSKT_CLOSE_REASON_MAX: 123,
  WSKT_CONNECTING: 0,
  WSKT_OPEN: 1,
  WSKT_CLOSING: 2,
  WSKT_CLOSED: 3,
  WSKT_EVENT_OPEN: 1,
  WSKT_EVENT_MESSAGE: 2,
  WSKT_EVENT_ERROR: 3,
  WSKT_EVENT_CLOSE: 4,
  WSKT_EVENT_DRAIN: 5,
  WSKT_EVENT_PING: 6,
  WSKT_EVENT_PONG: 7,
  WSKT_EVENT_MESSAGE_CHUNK: 8,
  WSKT_EVENT_ATTEMPT: 9,
  WSKT_EVENT_UNSENT: 10,
  WSKT_MESSAGE_TEXT: 1,
  WSKT_SEND_VALID_UTF8: 2,
  WSKT_TLS_1_2: 12,
  WSKT_TLS_1_3: 13,
};

const pointer = koffi.pointer('void');

const head = koffi.struct('wskt_event', {
  struct_size: 'size_t',
  type: 'int32_t',
  bubbles: 'bool',
  cancelable: 'bool',
  is_trusted: 'bool',
  type_name: pointer,
  target: pointer,
  timestamp: 'double',
});

const structs = {
  wskt_event: head,
  wskt_message_event: koffi.struct('wskt_message_event', {
    head, kind: 'int32_t', data: pointer, len: 'size_t',
  }),
  wskt_error_event: koffi.struct('wskt_error_event', {
    head,
    cause: 'int32_t',
    os_error: 'int32_t',
    http_status: 'uint16_t',
    message: pointer,
    message_len: 'size_t',
  }),
  wskt_close_event: koffi.struct('wskt_close_event', {
    head,
    was_clean: 'bool',
    code: 'uint16_t',
    reason: pointer,
    reason_len: 'size_t',
    peer_code: 'uint16_t',
    cause: 'int32_t',
    message: pointer,
    message_len: 'size_t',
  }),
  wskt_message_chunk_event: koffi.struct('wskt_message_chunk_event', {
    head, kind: 'int32_t', first: 'bool', last: 'bool', data: pointer, len: 'size_t',
  }),
  wskt_attempt_event: koffi.struct('wskt_attempt_event', {
    head, number: 'uint32_t', delay_ms: 'double', previous: pointer,
  }),
  wskt_unsent_event: koffi.struct('wskt_unsent_event', {
    head, kind: 'int32_t', data: pointer, len: 'size_t',
  }),
  // A wskt_pong_event is the same.
  wskt_ping_event: koffi.struct('wskt_ping_event', { head, data: pointer, len: 'size_t' }),
  wskt_stats: koffi.struct('wskt_stats', {
    struct_size: 'size_t',
    bytes_sent: 'uint64_t',
    bytes_received: 'uint64_t',
    frames_sent: 'uint64_t',
    frames_received: 'uint64_t',
    messages_sent: 'uint64_t',
    messages_received: 'uint64_t',
    payload_sent: 'uint64_t',
    payload_received: 'uint64_t',
    wire_payload_sent: 'uint64_t',
    wire_payload_received: 'uint64_t',
    dns_us: 'uint64_t',
    connect_us: 'uint64_t',
    tls_us: 'uint64_t',
    upgrade_us: 'uint64_t',
    proxy_us: 'uint64_t',
    round_trip_us: 'uint64_t',
  }),
};

koffi.alias('wskt_result', 'int32_t');
koffi.alias('wskt_destroy_fn', 'void *');
for (const name of ['wskt_config', 'wskt_loop', 'wskt_reconnector', 'wskt_socket']) {
  koffi.opaque(name);
}

// Result first, then the parameters, as in the header; _Out_ is koffi's.
const functions = {
  wskt_version_string: ['const char *'],
  wskt_version_number: ['uint32_t'],
  wskt_result_name: ['const char *', 'int32_t'],
  wskt_result_text: ['const char *', 'int32_t'],
  wskt_cause_name: ['const char *', 'int32_t'],
  wskt_close_code_may_send: ['bool', 'uint16_t'],
  wskt_handle_count: ['size_t'],
  wskt_config_new: ['wskt_result', '_Out_ wskt_config **'],
  wskt_config_free: ['void', 'wskt_config *'],
  wskt_config_error_text: ['const char *', 'const wskt_config *'],
  wskt_config_set_browser_mode: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_ping_events: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_add_header: ['wskt_result', 'wskt_config *', 'const char *', 'const char *'],
  wskt_config_set_origin: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_user_agent: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_cookie: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_basic_authorization: [
    'wskt_result', 'wskt_config *', 'const char *', 'const char *',
  ],
  wskt_config_set_bearer_authorization: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_host: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_allow_missing_protocol: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_add_ca_file: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_add_ca_pem: ['wskt_result', 'wskt_config *', 'const char *', 'size_t'],
  wskt_config_set_system_roots: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_add_pinned_public_key: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_min_tls_version: ['wskt_result', 'wskt_config *', 'int32_t'],
  wskt_config_set_max_tls_version: ['wskt_result', 'wskt_config *', 'int32_t'],
  wskt_config_set_tls_server_name: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_tls_sni: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_tls_alpn: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_danger_any_certificate: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_danger_any_host_name: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_client_certificate_file: [
    'wskt_result', 'wskt_config *', 'const char *', 'const char *',
  ],
  wskt_config_set_client_certificate_pem: [
    'wskt_result', 'wskt_config *', 'const char *', 'size_t', 'const char *', 'size_t',
  ],
  wskt_config_set_client_pkcs12_file: [
    'wskt_result', 'wskt_config *', 'const char *', 'const char *',
  ],
  wskt_config_set_client_pkcs12: [
    'wskt_result', 'wskt_config *', 'const void *', 'size_t', 'const char *',
  ],
  wskt_config_set_proxy: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_no_proxy: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_proxy_from_environment: ['wskt_result', 'wskt_config *'],
  wskt_config_add_connect_to: ['wskt_result', 'wskt_config *', 'const char *', 'const char *'],
  wskt_config_set_local_address: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_interface: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_unix_socket: ['wskt_result', 'wskt_config *', 'const char *'],
  wskt_config_set_tcp_keepalive: ['wskt_result', 'wskt_config *', 'int64_t', 'int64_t', 'uint32_t'],
  wskt_config_set_open_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_dns_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_connect_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_proxy_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_tls_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_upgrade_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_close_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_linger_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_send_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_idle_timeout: ['wskt_result', 'wskt_config *', 'int64_t'],
  wskt_config_set_heartbeat: ['wskt_result', 'wskt_config *', 'int64_t', 'int64_t'],
  wskt_config_set_max_message_size: ['wskt_result', 'wskt_config *', 'uint64_t'],
  wskt_config_set_max_fragments: ['wskt_result', 'wskt_config *', 'uint32_t'],
  wskt_config_set_read_buffer: ['wskt_result', 'wskt_config *', 'size_t'],
  wskt_config_set_water_marks: ['wskt_result', 'wskt_config *', 'size_t', 'size_t'],
  wskt_config_set_deflate: ['wskt_result', 'wskt_config *', 'bool'],
  wskt_config_set_deflate_no_context_takeover: ['wskt_result', 'wskt_config *', 'bool', 'bool'],
  wskt_config_set_deflate_max_window_bits: ['wskt_result', 'wskt_config *', 'int32_t', 'int32_t'],
  wskt_config_set_deflate_level: ['wskt_result', 'wskt_config *', 'int32_t'],
  wskt_config_set_deflate_min_size: ['wskt_result', 'wskt_config *', 'size_t'],
  wskt_loop_new: ['wskt_result', '_Out_ wskt_loop **'],
  wskt_loop_wake: ['wskt_result', 'wskt_loop *'],
  wskt_loop_next_event: ['wskt_result', 'wskt_loop *', 'int32_t', '_Out_ const wskt_event **'],
  wskt_socket_new: [
    'wskt_result', 'wskt_loop *', 'const char *', 'const wskt_config *', '_Out_ wskt_socket **',
  ],
  wskt_socket_free: ['void', 'wskt_socket *'],
  wskt_socket_add_protocol: ['wskt_result', 'wskt_socket *', 'const char *'],
  wskt_socket_set_message_chunks: ['wskt_result', 'wskt_socket *', 'bool'],
  wskt_socket_set_user_data: ['wskt_result', 'wskt_socket *', 'void *', 'wskt_destroy_fn'],
  wskt_socket_user_data: ['void *', 'const wskt_socket *'],
  wskt_socket_open: ['wskt_result', 'wskt_socket *'],
  wskt_socket_send: [
    'wskt_result', 'wskt_socket *', 'int32_t', 'const void *', 'size_t', 'uint32_t',
  ],
  wskt_socket_send_binary: ['wskt_result', 'wskt_socket *', 'const void *', 'size_t'],
  wskt_socket_ping: ['wskt_result', 'wskt_socket *', 'const void *', 'size_t'],
  wskt_socket_close: ['wskt_result', 'wskt_socket *', 'uint16_t', 'const char *', 'size_t'],
  wskt_socket_abort: ['wskt_result', 'wskt_socket *'],
  wskt_socket_buffered_amount: ['size_t', 'const wskt_socket *'],
  wskt_socket_url: ['const char *', 'const wskt_socket *', 'size_t *'],
  wskt_socket_protocol: ['const char *', 'const wskt_socket *', 'size_t *'],
  wskt_socket_extensions: ['const char *', 'const wskt_socket *', 'size_t *'],
  wskt_socket_response_status: ['uint16_t', 'const wskt_socket *'],
  wskt_socket_response_header_count: ['size_t', 'const wskt_socket *'],
  wskt_socket_response_header_at: [
    'wskt_result', 'const wskt_socket *', 'size_t', '_Out_ const char **', '_Out_ const char **',
  ],
  wskt_socket_response_body: ['const void *', 'const wskt_socket *', '_Out_ size_t *'],
  wskt_socket_stats: ['wskt_result', 'const wskt_socket *', '_Inout_ wskt_stats *'],
  wskt_reconnector_new: ['wskt_result', 'wskt_socket *', '_Out_ wskt_reconnector **'],
  wskt_reconnector_free: ['void', 'wskt_reconnector *'],
  wskt_reconnector_set_delays: ['wskt_result', 'wskt_reconnector *', 'int64_t', 'int64_t'],
  wskt_reconnector_set_max_tries: ['wskt_result', 'wskt_reconnector *', 'uint32_t'],
  wskt_reconnector_start: ['wskt_result', 'wskt_reconnector *'],
  wskt_reconnector_stop: ['wskt_result', 'wskt_reconnector *'],
  wskt_reconnector_is_over: ['bool', 'const wskt_reconnector *'],
};

function load() {
  const path = process.env.WSKT_LIBRARY || SONAME;
  let library;
  try {
    library = koffi.load(path);
  } catch (error) {
    throw new Error(
      `wskt: ${path} cannot be loaded (${error.message}); install libwskt, ` +
      'or set WSKT_LIBRARY to the path of libwskt.so');
  }
  const all = {};
  for (const [name, [result, ...parameters]] of Object.entries(functions)) {
    all[name] = library.func(name, result, parameters);
  }
  const have = all.wskt_version_number();
  if (have >> 8 !== VERSION_NUMBER >> 8 || have < VERSION_NUMBER) {
    throw new Error(
      `wskt: ${path} is version ${all.wskt_version_string()}; this package needs ${SONAME}`);
  }
  return all;
}

const lib = load();

/** A result of the library: `code` is its name, `result` its number. */
class WsktError extends Error {
  constructor(result, detail = '') {
    const text = lib.wskt_result_text(result);
    super(detail ? `${text}: ${detail}` : text);
    this.name = 'WsktError';
    this.result = result;
    this.code = lib.wskt_result_name(result);
  }
}

/** Throws unless the result is WSKT_OK. */
function check(result, detail) {
  if (result !== constants.WSKT_OK) throw new WsktError(result, detail);
}

/** What a ..._new hands out. */
function made(create, ...before) {
  const out = [null];
  check(create(...before, out));
  return out[0];
}

/** A copy of bytes that the library lends. */
function bytesAt(address, length) {
  const size = Number(length);
  return size === 0 ? Buffer.alloc(0) : Buffer.from(new Uint8Array(koffi.view(address, size)));
}

/** Text that the library lends. */
function textAt(address, length) {
  return bytesAt(address, length).toString('utf8');
}

module.exports = {
  WsktError, bytesAt, check, constants, functions, koffi, lib,
  libraryVersion: lib.wskt_version_string(), made, structs, textAt,
};
