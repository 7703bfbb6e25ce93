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

function flag(what, value) {
  if (typeof value !== 'boolean') throw new TypeError(`${what} must be a boolean`);
  return value;
}

function pairs(headers) {
  if (headers === null || typeof headers !== 'object') {
    throw new TypeError('headers must be an object or pairs');
  }
  return typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
}

/** [for our messages, for the server's]. */
function two(what, value, convert) {
  if (!Array.isArray(value) || value.length !== 2) throw new TypeError(`${what} must be a pair`);
  return value.map(convert);
}

const timeout = (setter) => (call, what, ms) => call(setter, whole(what, ms));

/** What each option calls. Times are milliseconds. */
const options = {
  openTimeout: timeout('set_open_timeout'),
  connectTimeout: timeout('set_connect_timeout'),
  tlsTimeout: timeout('set_tls_timeout'),
  upgradeTimeout: timeout('set_upgrade_timeout'),
  closeTimeout: timeout('set_close_timeout'),
  lingerTimeout: timeout('set_linger_timeout'),
  sendTimeout: timeout('set_send_timeout'),
  maxMessageSize: (call, what, size) => call('set_max_message_size', atLeastZero(what, size)),
  maxFragments: (call, what, n) => call('set_max_fragments', atLeastZero(what, n, 0xffffffff)),
  headers: (call, what, headers) => {
    for (const [key, value] of pairs(headers)) {
      const refusal = constants.WSKT_ERR_INVALID_HEADER;
      call('add_header', name("a header's name", key, refusal),
        name("a header's value", value, refusal));
    }
  },
  caFile: (call, what, path) =>
    call('add_ca_file', name(what, path, constants.WSKT_ERR_INVALID_ARGUMENT)),
  ca: (call, what, pem) => {
    if (typeof pem !== 'string' && !Buffer.isBuffer(pem)) {
      throw new TypeError(`${what} must be a string or a Buffer`);
    }
    const bytes = Buffer.from(pem);
    call('add_ca_pem', bytes, bytes.length);
  },
  deflate: (call, what, on) => call('set_deflate', flag(what, on)),
  deflateLevel: (call, what, n) => call('set_deflate_level', atLeastZero(what, n, INT_MAX)),
  deflateMinSize: (call, what, n) => call('set_deflate_min_size', atLeastZero(what, n)),
  deflateMaxWindowBits: (call, what, bits) =>
    call('set_deflate_max_window_bits', ...two(what, bits, (n) => atLeastZero(what, n, INT_MAX))),
  deflateNoContextTakeover: (call, what, sides) =>
    call('set_deflate_no_context_takeover', ...two(what, sides, (on) => flag(what, on))),
  allowMissingProtocol: (call, what, on) => call('set_allow_missing_protocol', flag(what, on)),
  browserMode: (call, what, on) => call('set_browser_mode', flag(what, on)),
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
    for (const [what, value] of Object.entries(wanted)) {
      if (!Object.hasOwn(options, what)) throw new TypeError(`there is no option ${what}`);
      if (value !== undefined) options[what](call, what, value);
    }
    return use(config);
  } finally {
    lib.wskt_config_free(config);
  }
}

module.exports = { withConfig };
