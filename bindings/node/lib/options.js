// The third argument of the constructor, as a wskt_config.
'use strict';

const { WsktError, check, constants, lib, made } = require('./native.js');

// Browsers never refuse a send for what is queued already. Beyond this the
// connection ends, as WHATWG WebSockets says of a buffer that is full.
const HIGH_WATER = 256 * 1024 * 1024;
const LOW_WATER = 1024 * 1024;
const INT_MAX = 0x7fffffff;

/** Text without NUL, for C. */
function name(what, value, refusal) {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
  if (value.includes('\0')) throw new WsktError(refusal, `${what} has a NUL in it`);
  return value;
}

function whole(what, value) {
  if (typeof value !== 'number') throw new TypeError(`${what} must be a number`);
  if (!Number.isSafeInteger(value)) {
    throw new WsktError(constants.WSKT_ERR_INVALID_ARGUMENT, `${what}: ${value}`);
  }
  return value;
}

function atLeastZero(what, value, most = Number.MAX_SAFE_INTEGER) {
  if (whole(what, value) < 0 || value > most) {
    throw new WsktError(constants.WSKT_ERR_INVALID_ARGUMENT, `${what}: ${value}`);
  }
  return value;
}

/** [key, value] pairs of an object or of an iterable. */
function pairs(what, value) {
  if (value === null || typeof value !== 'object') {
    throw new TypeError(`${what} must be an object or pairs`);
  }
  return typeof value[Symbol.iterator] === 'function' ? [...value] : Object.entries(value);
}

function list(what, value) {
  if (!Array.isArray(value)) throw new TypeError(`${what} must be an array`);
  return value;
}

// What an option's value is for C, as the arguments it becomes.
const flag = (what, value) => {
  if (typeof value !== 'boolean') throw new TypeError(`${what} must be a boolean`);
  return [value];
};
const ms = (what, value) => [whole(what, value)];
const size = (what, value) => [atLeastZero(what, value)];
const int = (what, value) => [atLeastZero(what, value, INT_MAX)];
const count = (what, value) => [atLeastZero(what, value, 0xffffffff)];
const text = (what, value) => [name(what, value, constants.WSKT_ERR_INVALID_ARGUMENT)];
const header = (what, value) => [name(what, value, constants.WSKT_ERR_INVALID_HEADER)];
const bytes = (what, value) => {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be a Buffer`);
  return [value, value.length];
};
const pem = (what, value) => {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new TypeError(`${what} must be a string or a Buffer`);
  }
  return bytes(what, Buffer.from(value));
};
const VERSIONS = { 'TLSv1.2': constants.WSKT_TLS_1_2, 'TLSv1.3': constants.WSKT_TLS_1_3 };
const tls = (what, value) => {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
  // What is not known here the library refuses.
  return [VERSIONS[value] ?? -1];
};

/** One setter, with a converter for its value, or for each of its values. */
const one = (setter, ...converters) => (call, what, value) =>
  call(setter, ...parts(what, value, converters));

/** A setter that is called for each value. */
const each = (setter, values, ...converters) => (call, what, value) => {
  for (const item of values(what, value)) call(setter, ...parts(what, item, converters));
};

function parts(what, value, converters) {
  if (converters.length === 1) return converters[0](what, value);
  if (!Array.isArray(value) || value.length !== converters.length) {
    throw new TypeError(`${what} must be an array of ${converters.length}`);
  }
  return converters.flatMap((convert, i) => convert(what, value[i]));
}

/** All options, in the order they are set in. Times are milliseconds. */
const options = {
  headers: each('add_header', pairs, header, header),
  origin: one('set_origin', header),
  userAgent: one('set_user_agent', header),
  cookie: one('set_cookie', header),
  basicAuthorization: one('set_basic_authorization', text, text),
  bearerAuthorization: one('set_bearer_authorization', text),
  host: one('set_host', text),
  allowMissingProtocol: one('set_allow_missing_protocol', flag),
  caFile: one('add_ca_file', text),
  ca: one('add_ca_pem', pem),
  systemRoots: one('set_system_roots', flag),
  pinnedPublicKeys: each('add_pinned_public_key', list, text),
  minTlsVersion: one('set_min_tls_version', tls),
  maxTlsVersion: one('set_max_tls_version', tls),
  tlsServerName: one('set_tls_server_name', text),
  tlsSni: one('set_tls_sni', flag),
  tlsAlpn: one('set_tls_alpn', flag),
  dangerAnyCertificate: one('set_danger_any_certificate', flag),
  dangerAnyHostName: one('set_danger_any_host_name', flag),
  clientCertificateFile: one('set_client_certificate_file', text, text),
  clientCertificate: one('set_client_certificate_pem', pem, pem),
  clientPkcs12File: one('set_client_pkcs12_file', text, text),
  clientPkcs12: one('set_client_pkcs12', bytes, text),
  proxyFromEnvironment: (call, what, on) => {
    if (flag(what, on)[0]) call('set_proxy_from_environment');
  },
  proxy: one('set_proxy', text),
  noProxy: one('set_no_proxy', text),
  connectTo: each('add_connect_to', pairs, text, text),
  localAddress: one('set_local_address', text),
  interface: one('set_interface', text),
  unixSocket: one('set_unix_socket', text),
  tcpKeepalive: one('set_tcp_keepalive', ms, ms, count),
  openTimeout: one('set_open_timeout', ms),
  dnsTimeout: one('set_dns_timeout', ms),
  connectTimeout: one('set_connect_timeout', ms),
  proxyTimeout: one('set_proxy_timeout', ms),
  tlsTimeout: one('set_tls_timeout', ms),
  upgradeTimeout: one('set_upgrade_timeout', ms),
  closeTimeout: one('set_close_timeout', ms),
  lingerTimeout: one('set_linger_timeout', ms),
  sendTimeout: one('set_send_timeout', ms),
  idleTimeout: one('set_idle_timeout', ms),
  heartbeat: one('set_heartbeat', ms, ms),
  maxMessageSize: one('set_max_message_size', size),
  maxFragments: one('set_max_fragments', count),
  readBuffer: one('set_read_buffer', size),
  waterMarks: one('set_water_marks', size, size),
  deflate: one('set_deflate', flag),
  deflateLevel: one('set_deflate_level', int),
  deflateMinSize: one('set_deflate_min_size', size),
  // For our messages, and for the server's.
  deflateMaxWindowBits: one('set_deflate_max_window_bits', int, int),
  deflateNoContextTakeover: one('set_deflate_no_context_takeover', flag, flag),
  pingEvents: one('set_ping_events', flag),
  browserMode: one('set_browser_mode', flag),
};

/** Gives `use` a wskt_config for as long as it runs. */
function withConfig(wanted, use) {
  if (wanted === null || typeof wanted !== 'object') {
    throw new TypeError('options must be an object');
  }
  const config = made(lib.wskt_config_new);
  const call = (setter, ...values) => {
    const result = lib[`wskt_config_${setter}`](config, ...values);
    if (result !== constants.WSKT_OK) check(result, lib.wskt_config_error_text(config));
  };
  try {
    call('set_water_marks', LOW_WATER, HIGH_WATER);
    for (const what of Object.keys(wanted)) {
      if (!Object.hasOwn(options, what)) throw new TypeError(`there is no option ${what}`);
    }
    for (const [what, set] of Object.entries(options)) {
      if (wanted[what] !== undefined) set(call, what, wanted[what]);
    }
    return use(config);
  } finally {
    lib.wskt_config_free(config);
  }
}

module.exports = { withConfig };
