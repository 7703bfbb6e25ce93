// A wskt_socket out of what a constructor was given, and what that refuses.
'use strict';

const { loop } = require('./loop.js');
const { WsktError, check, constants: c, lib } = require('./native.js');
const { withConfig } = require('./options.js');

const KINDS = new Map([
  [c.WSKT_ERR_INVALID_URL, 'SyntaxError'],
  [c.WSKT_ERR_INVALID_SCHEME, 'SyntaxError'],
  [c.WSKT_ERR_INVALID_FRAGMENT, 'SyntaxError'],
  [c.WSKT_ERR_INVALID_PROTOCOL, 'SyntaxError'],
  [c.WSKT_ERR_DUPLICATE_PROTOCOL, 'SyntaxError'],
  [c.WSKT_ERR_SYNTAX, 'SyntaxError'],
  [c.WSKT_ERR_INVALID_ACCESS, 'InvalidAccessError'],
  [c.WSKT_ERR_INVALID_STATE, 'InvalidStateError'],
]);

/** A result as WHATWG has it thrown, with the library's text. */
function refusal(result) {
  const kind = KINDS.get(result);
  return kind ? new DOMException(lib.wskt_result_text(result), kind) : new WsktError(result);
}

/** The text of a USVString as UTF-8: lone surrogates become U+FFFD. */
const utf8 = (text) => Buffer.from(text, 'utf8');

/** A name for C. The library would not see what is behind a NUL. */
function named(text, result) {
  if (text.includes('\0')) throw refusal(result);
  return utf8(`${text}\0`).toString('utf8').slice(0, -1);
}

/** WebIDL: (DOMString or sequence<DOMString>). */
function protocolList(protocols) {
  const isSequence = protocols !== null && typeof protocols === 'object' &&
    protocols[Symbol.iterator] !== undefined;
  return isSequence ? Array.from(protocols, (p) => `${p}`) : [`${protocols}`];
}

/** A wskt_socket that is not open yet, which the caller frees. */
function pattern(url, protocols, { messageChunks = false, ...options }) {
  if (typeof messageChunks !== 'boolean') throw new TypeError('messageChunks must be a boolean');
  const address = named(`${url}`, c.WSKT_ERR_INVALID_URL);
  const offered = protocolList(protocols);
  const out = [null];
  const result = withConfig(options, (config) =>
    lib.wskt_socket_new(loop(), address, config, out));
  if (result !== c.WSKT_OK) throw refusal(result);
  const socket = out[0];
  try {
    for (const protocol of offered) {
      const added = lib.wskt_socket_add_protocol(
        socket, named(protocol, c.WSKT_ERR_INVALID_PROTOCOL));
      if (added !== c.WSKT_OK) throw refusal(added);
    }
    check(lib.wskt_socket_set_message_chunks(socket, messageChunks));
  } catch (error) {
    lib.wskt_socket_free(socket);
    throw error;
  }
  return socket;
}

module.exports = { pattern, refusal, utf8 };
