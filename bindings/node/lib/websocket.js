// WHATWG WebSockets, the WebSocket interface.
'use strict';

const { Blob } = require('node:buffer');
const { CloseEvent, ErrorEvent, MessageChunkEvent, PingEvent } = require('./events.js');
const { unwatch, watch } = require('./loop.js');
const { bytesAt, check, constants: c, koffi, lib, textAt } = require('./native.js');
const { pattern, refusal, utf8 } = require('./pattern.js');

/** WebIDL: [Clamp] unsigned short. */
function clamped(value) {
  const number = Math.min(Math.max(Number(value), 0), 0xffff) || 0;
  const floor = Math.floor(number);
  const up = number - floor > 0.5 || (number - floor === 0.5 && floor % 2 === 1);
  return up ? floor + 1 : floor;
}

/** The counters of a socket; times are milliseconds. */
function statsOf(socket) {
  const raw = { struct_size: koffi.sizeof('wskt_stats') };
  check(lib.wskt_socket_stats(socket, raw));
  const { struct_size: _, ...counters } = raw;
  const stats = {};
  for (const [name, value] of Object.entries(counters)) {
    const number = Number(value);
    const key = name.replace(/_us$/, '_time').replace(/_(.)/g, (__, c) => c.toUpperCase());
    stats[key] = name.endsWith('_us') ? number / 1000 : number;
  }
  return stats;
}

/** What the server answered to the upgrade. */
function responseOf(socket) {
  const status = lib.wskt_socket_response_status(socket);
  if (status === 0) return null;
  const headers = [];
  for (let i = 0; i < Number(lib.wskt_socket_response_header_count(socket)); i++) {
    const [key, value] = [[null], [null]];
    check(lib.wskt_socket_response_header_at(socket, i, key, value));
    headers.push([key[0], value[0]]);
  }
  const length = [0];
  const body = lib.wskt_socket_response_body(socket, length);
  return { status, headers, body: bytesAt(body, length[0]) };
}

/** Ends the object of a socket that a reconnector frees. */
let lose;

/** In place of a URL: the socket is a reconnector's. */
const LENT = Symbol('lent');

class WebSocket extends EventTarget {
  /** The wskt_socket; null when the close event has come. */
  #socket = null;
  #readyState = c.WSKT_CONNECTING;
  #url;
  #protocol = '';
  #extensions = '';
  #binaryType = 'blob';
  #response = null;
  /** What a reconnector wants to know. */
  #owner = null;
  /** Its last counters, when the socket is gone. */
  #stats = null;
  #handlers = new Map();
  /** What bufferedAmount has at least until this task is over. */
  #held = null;
  /** Bytes that the library does not count: unsent, or refused at the end. */
  #uncounted = 0;
  /** The last Blob that is being read; what is sent after it waits. */
  #reading = null;

  /**
   * `options` is wskt's own; lib/options.js has them all.
   */
  constructor(url, protocols = [], options = {}) {
    if (arguments.length === 0) throw new TypeError('WebSocket: the url is missing');
    super();
    if (url === LENT) {
      this.#socket = protocols;
      this.#owner = options;
    } else {
      if (options === null || typeof options !== 'object') {
        throw new TypeError('options must be an object');
      }
      this.#socket = pattern(url, protocols, options);
      const result = lib.wskt_socket_open(this.#socket);
      if (result !== c.WSKT_OK) {
        lib.wskt_socket_free(this.#socket);
        check(result);
      }
    }
    const socket = this.#socket;
    this.#url = lib.wskt_socket_url(socket, null);
    watch(socket, (type, event) => this.#take(type, event));
  }

  get url() { return this.#url; }
  get readyState() { return this.#readyState; }
  get protocol() { return this.#protocol; }
  get extensions() { return this.#extensions; }

  get bufferedAmount() { return (this.#held ?? this.#native()) + this.#uncounted; }

  get binaryType() { return this.#binaryType; }

  set binaryType(type) {
    // WebIDL: a value that is not in the enumeration is ignored.
    if (`${type}` === 'blob' || `${type}` === 'arraybuffer') this.#binaryType = `${type}`;
  }

  /** Beyond the browser: {status, headers, body} of the server's answer, or null. */
  get response() { return this.#response; }

  /** Beyond the browser: what was sent and received, and how long opening took. */
  get stats() { return this.#stats ?? statsOf(this.#socket); }

  send(data) {
    if (arguments.length === 0) throw new TypeError('send: the data is missing');
    const [payload, isText] = this.#payload(data);
    if (this.#readyState === c.WSKT_CONNECTING) throw refusal(c.WSKT_ERR_INVALID_STATE);
    if (payload instanceof Blob) {
      this.#read(payload);
    } else if (this.#reading) {
      // A copy: the caller may change its buffer meanwhile.
      const copy = Buffer.from(payload);
      this.#later(copy.length, () => this.#post(copy, isText));
    } else {
      this.#post(payload, isText);
    }
  }

  close(code, reason) {
    const status = code === undefined ? undefined : clamped(code);
    const said = utf8(reason === undefined ? '' : `${reason}`);
    if (status !== undefined && !lib.wskt_close_code_may_send(status)) {
      throw refusal(c.WSKT_ERR_INVALID_ACCESS);
    }
    if (said.length > c.WSKT_CLOSE_REASON_MAX) throw refusal(c.WSKT_ERR_SYNTAX);
    if (this.#readyState >= c.WSKT_CLOSING) return;
    this.#readyState = c.WSKT_CLOSING;
    // A reason needs a code.
    const sent = status ?? (said.length > 0 ? 1000 : 0);
    const close = () => {
      if (this.#socket) check(lib.wskt_socket_close(this.#socket, sent, said, said.length));
    };
    if (this.#reading) this.#reading = this.#reading.then(close);
    else close();
  }

  /** Beyond the browser: ends the connection at once, without a closing handshake. */
  abort() {
    if (this.#readyState < c.WSKT_CLOSED) this.#readyState = c.WSKT_CLOSING;
    if (this.#socket) check(lib.wskt_socket_abort(this.#socket));
  }

  /** Beyond the browser: sends a ping of at most 125 bytes. */
  ping(data = '') {
    const [payload] = this.#payload(data);
    if (payload instanceof Blob) throw new TypeError('ping: a Blob cannot be sent');
    if (this.#readyState === c.WSKT_CONNECTING) throw refusal(c.WSKT_ERR_INVALID_STATE);
    if (!this.#socket) throw refusal(c.WSKT_ERR_CLOSED);
    const result = lib.wskt_socket_ping(this.#socket, payload, payload.length);
    if (result !== c.WSKT_OK) throw refusal(result);
  }

  /** The bytes of what can be sent, and whether they are text. */
  #payload(data) {
    if (data instanceof Blob) return [data, false];
    if (data instanceof ArrayBuffer) return [new Uint8Array(data), false];
    if (ArrayBuffer.isView(data)) {
      return [new Uint8Array(data.buffer, data.byteOffset, data.byteLength), false];
    }
    return [utf8(`${data}`), true];
  }

  #native() {
    return this.#socket ? Number(lib.wskt_socket_buffered_amount(this.#socket)) : 0;
  }

  #post(payload, isText) {
    if (!this.#socket || this.#readyState > c.WSKT_CLOSING) {
      this.#uncounted += payload.length;
      return;
    }
    // bufferedAmount falls between tasks only.
    if (this.#held === null) {
      this.#held = this.#native();
      setImmediate(() => { this.#held = null; });
    }
    // utf8() has made the text.
    const result = isText
      ? lib.wskt_socket_send(
        this.#socket, c.WSKT_MESSAGE_TEXT, payload, payload.length, c.WSKT_SEND_VALID_UTF8,
      )
      : lib.wskt_socket_send_binary(this.#socket, payload, payload.length);
    if (result === c.WSKT_OK || result === c.WSKT_ERR_CLOSED) {
      this.#held += payload.length;
    } else if (result === c.WSKT_ERR_BUFFER_FULL) {
      this.#uncounted += payload.length;
      this.abort();
    } else {
      throw refusal(result);
    }
  }

  #read(blob) {
    const before = this.#reading ?? Promise.resolve();
    const bytes = blob.arrayBuffer();
    this.#reading = before;
    this.#later(blob.size, async () => this.#post(new Uint8Array(await bytes), false));
  }

  /** Does it when what is being read has been sent. */
  #later(size, send) {
    this.#uncounted += size;
    const mine = this.#reading.then(() => {
      this.#uncounted -= size;
      return send();
    }).then(() => {
      if (this.#reading === mine) this.#reading = null;
    });
    this.#reading = mine;
  }

  #take(type, address) {
    if (type === c.WSKT_EVENT_OPEN) {
      this.#protocol = lib.wskt_socket_protocol(this.#socket, null);
      this.#extensions = lib.wskt_socket_extensions(this.#socket, null);
      this.#response = responseOf(this.#socket);
      // A close that was called meanwhile has been too late to prevent it.
      if (this.#readyState === c.WSKT_CONNECTING) {
        this.#readyState = c.WSKT_OPEN;
        this.dispatchEvent(new Event('open'));
        this.#owner?.opened(this);
      }
    } else if (type === c.WSKT_EVENT_MESSAGE) {
      if (this.#readyState === c.WSKT_OPEN) this.dispatchEvent(this.#message(address));
    } else if (type === c.WSKT_EVENT_MESSAGE_CHUNK) {
      if (this.#readyState === c.WSKT_OPEN) {
        const chunk = koffi.decode(address, 'wskt_message_chunk_event');
        const { first, last } = chunk;
        this.dispatchEvent(
          new MessageChunkEvent('messagechunk', { data: this.#data(chunk), first, last }));
      }
    } else if (type === c.WSKT_EVENT_ATTEMPT) {
      this.#owner.attempt(this, koffi.decode(address, 'wskt_attempt_event'));
    } else if (type === c.WSKT_EVENT_UNSENT) {
      this.#owner.unsent(this, this.#data(koffi.decode(address, 'wskt_unsent_event')));
    } else if (type === c.WSKT_EVENT_DRAIN) {
      this.dispatchEvent(new Event('drain'));
    } else if (type === c.WSKT_EVENT_PING || type === c.WSKT_EVENT_PONG) {
      const { data, len } = koffi.decode(address, 'wskt_ping_event');
      const name = type === c.WSKT_EVENT_PING ? 'ping' : 'pong';
      this.dispatchEvent(new PingEvent(name, { data: bytesAt(data, len) }));
    } else if (type === c.WSKT_EVENT_ERROR) {
      this.#fail(koffi.decode(address, 'wskt_error_event'));
    } else if (type === c.WSKT_EVENT_CLOSE) {
      this.#end(koffi.decode(address, 'wskt_close_event'));
    }
  }

  #message(address) {
    const data = this.#data(koffi.decode(address, 'wskt_message_event'));
    const { origin } = new URL(this.#url);
    return new MessageEvent('message', { data, origin });
  }

  /** What a struct with a payload has, as the browser gives it. */
  #data(message) {
    const bytes = bytesAt(message.data, message.len);
    if (message.kind === c.WSKT_MESSAGE_TEXT) return bytes.toString('utf8');
    if (this.#binaryType === 'blob') return new Blob([bytes]);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }

  #fail(error) {
    this.#readyState = c.WSKT_CLOSED;
    this.#response ??= responseOf(this.#socket);
    this.dispatchEvent(new ErrorEvent('error', {
      cause: lib.wskt_cause_name(error.cause),
      message: textAt(error.message, error.message_len),
      osError: error.os_error,
      httpStatus: error.http_status,
    }));
  }

  #end(end) {
    const event = new CloseEvent('close', {
      wasClean: end.was_clean,
      code: end.code,
      reason: textAt(end.reason, end.reason_len),
      peerCode: end.peer_code,
      cause: lib.wskt_cause_name(end.cause),
      message: textAt(end.message, end.message_len),
    });
    this.#readyState = c.WSKT_CLOSED;
    this.#response ??= responseOf(this.#socket);
    // It does not fall when the connection is closed.
    this.#uncounted += this.#native();
    this.#held = null;
    this.#stats = statsOf(this.#socket);
    unwatch(this.#socket);
    if (!this.#owner) lib.wskt_socket_free(this.#socket);
    this.#socket = null;
    this.dispatchEvent(event);
    this.#owner?.closed(this, event);
  }

  /** It is gone with its reconnector, and has no event any more. */
  #lose() {
    if (!this.#socket) return;
    unwatch(this.#socket);
    this.#stats = statsOf(this.#socket);
    this.#readyState = c.WSKT_CLOSED;
    this.#socket = null;
  }

  /** An event handler attribute: HTML, event handlers. */
  static #attribute(type) {
    Object.defineProperty(WebSocket.prototype, `on${type}`, {
      configurable: true,
      enumerable: true,
      get() { return this.#handlers.get(type)?.handler ?? null; },
      set(value) {
        const isObject = typeof value === 'function' ||
          (typeof value === 'object' && value !== null);
        const have = this.#handlers.get(type);
        if (!isObject) {
          if (have) this.removeEventListener(type, have.listener);
          this.#handlers.delete(type);
        } else if (have) {
          // It keeps its place among the listeners.
          have.handler = value;
        } else {
          const entry = { handler: value };
          entry.listener = (event) => {
            if (typeof entry.handler === 'function') entry.handler.call(this, event);
          };
          this.#handlers.set(type, entry);
          this.addEventListener(type, entry.listener);
        }
      },
    });
  }

  static {
    lose = (socket) => socket.#lose();
    const types = ['open', 'message', 'messagechunk', 'error', 'close', 'drain', 'ping', 'pong'];
    for (const type of types) {
      WebSocket.#attribute(type);
    }
    for (const [index, name] of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].entries()) {
      const constant = { value: index, enumerable: true };
      Object.defineProperty(WebSocket, name, constant);
      Object.defineProperty(WebSocket.prototype, name, constant);
    }
    const enumerable = { enumerable: true };
    const own = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol', 'binaryType',
      'send', 'close'];
    for (const name of own) Object.defineProperty(WebSocket.prototype, name, enumerable);
    Object.defineProperty(WebSocket.prototype, Symbol.toStringTag, {
      value: 'WebSocket', configurable: true,
    });
    // As WebIDL counts: what is required.
    Object.defineProperty(WebSocket, 'length', { value: 1, configurable: true });
    Object.defineProperty(WebSocket.prototype.close, 'length', { value: 0, configurable: true });
  }
}

/** The object of a reconnector's socket. */
const adopt = (socket, owner) => new WebSocket(LENT, socket, owner);

module.exports = { WebSocket, adopt, lose: (socket) => lose(socket) };
