// A reconnector of the library: a new WebSocket for each try.
'use strict';

const { AttemptEvent, UnsentEvent } = require('./events.js');
const { release, unwatchReconnector, watchReconnector } = require('./loop.js');
const { WsktError, check, constants: c, lib } = require('./native.js');
const { pattern } = require('./pattern.js');
const { adopt, lose } = require('./websocket.js');

let keys = 0;

function whole(what, value, most) {
  if (typeof value !== 'number') throw new TypeError(`${what} must be a number`);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new WsktError(c.WSKT_ERR_INVALID_ARGUMENT, `${what}: ${value}`);
}

/**
 * Its events are "attempt", for each socket before it connects, and "unsent", for each message
 * that a socket had accepted and could not send. It is iterable: each socket that opens.
 */
class Reconnector extends EventTarget {
  #handle = null;
  #key = ++keys;
  #socket = null;
  #opened = false;
  #previous = null;
  /** Sockets that opened and nobody has asked for; who has asked. */
  #ready = [];
  #asking = [];
  #failure = null;
  #over = false;

  /** `options` are those of a WebSocket, and delays and maxTries. */
  constructor(url, protocols = [], options = {}) {
    super();
    const { delays = [1000, 60000], maxTries = 10, ...rest } = options;
    if (!Array.isArray(delays) || delays.length !== 2) {
      throw new TypeError('delays must be two numbers of milliseconds');
    }
    const [first, longest] = delays.map((ms) => whole('delays', ms, Number.MAX_SAFE_INTEGER));
    whole('maxTries', maxTries, 0xffffffff);
    const socket = pattern(url, protocols, rest);
    const out = [null];
    try {
      check(lib.wskt_socket_set_user_data(socket, BigInt(this.#key), null));
      check(lib.wskt_reconnector_new(socket, out));
    } catch (error) {
      lib.wskt_socket_free(socket);
      throw error;
    }
    this.#handle = out[0];
    try {
      check(lib.wskt_reconnector_set_delays(this.#handle, first, longest));
      check(lib.wskt_reconnector_set_max_tries(this.#handle, maxTries));
      check(lib.wskt_reconnector_start(this.#handle));
    } catch (error) {
      lib.wskt_reconnector_free(this.#handle);
      throw error;
    }
    watchReconnector(this.#key, (pointer) => {
      this.#opened = false;
      this.#socket = adopt(pointer, {
        attempt: (target, event) => this.#attempt(target, event),
        opened: (target) => this.#open(target),
        unsent: (target, data) =>
          this.dispatchEvent(new UnsentEvent('unsent', { socket: target, data })),
        closed: (target, event) => this.#closed(event),
      });
    });
  }

  /** The newest socket, or null. */
  get socket() { return this.#socket; }

  /** Whether no try will follow. */
  get isOver() { return this.#over || lib.wskt_reconnector_is_over(this.#handle); }

  /** Ends trying; a socket that is open stays as it is. */
  stop() {
    if (!this.#over) check(lib.wskt_reconnector_stop(this.#handle));
  }

  /** Lets go at once, without a closing handshake and without events. */
  free() {
    if (!this.#over) this.#end(new WsktError(c.WSKT_ERR_CLOSED, 'it was freed'));
  }

  /**
   * Resolves to the next socket that opens, or null when there will be no further one; rejects
   * with a WsktError if the last one did not open, which has its close event as `closeEvent`.
   */
  async connect() {
    if (this.#ready.length > 0) return this.#ready.shift();
    if (!this.#over) {
      return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }));
    }
    if (this.#failure) throw this.#failure;
    return null;
  }

  async* [Symbol.asyncIterator]() {
    for (let socket; (socket = await this.connect()) !== null;) yield socket;
  }

  get [Symbol.toStringTag]() { return 'Reconnector'; }

  #attempt(socket, { number, delay_ms: delay }) {
    this.dispatchEvent(
      new AttemptEvent('attempt', { socket, number, delay, previous: this.#previous }));
  }

  #open(socket) {
    this.#opened = true;
    const asking = this.#asking.shift();
    if (asking) asking.resolve(socket);
    else this.#ready.push(socket);
  }

  #closed(event) {
    this.#previous = event;
    if (this.#over || !this.isOver) return;
    let failure = null;
    if (!this.#opened) {
      failure = new WsktError(c.WSKT_ERR_CONNECT_FAILED, event.message);
      failure.closeEvent = event;
    }
    this.#end(failure);
  }

  #end(failure) {
    this.#over = true;
    this.#failure = failure;
    unwatchReconnector(this.#key);
    if (this.#socket) lose(this.#socket);
    const handle = this.#handle;
    release(() => lib.wskt_reconnector_free(handle));
    for (const { resolve, reject } of this.#asking.splice(0)) {
      if (failure) reject(failure);
      else resolve(null);
    }
  }
}

module.exports = { Reconnector };
