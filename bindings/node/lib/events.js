// The browser's events, with what the library knows besides.
'use strict';

/** WHATWG WebSockets, CloseEvent. `peerCode` is the code the peer really sent
 * or 0, `cause` a word such as "tls" or "timeout", `message` a line for a person. */
class CloseEvent extends Event {
  #init;

  constructor(type, init = {}) {
    if (arguments.length === 0) throw new TypeError('CloseEvent: an argument is missing');
    super(type, init);
    const { wasClean = false, code = 0, reason = '' } = init ?? {};
    const { peerCode = 0, cause = 'unknown', message = '' } = init ?? {};
    this.#init = {
      wasClean: Boolean(wasClean),
      code: Number(code) & 0xffff,
      // Lone surrogates are replaced, as in a USVString.
      reason: Buffer.from(String(reason)).toString(),
      peerCode,
      cause,
      message,
    };
  }

  get wasClean() { return this.#init.wasClean; }
  get code() { return this.#init.code; }
  get reason() { return this.#init.reason; }
  get peerCode() { return this.#init.peerCode; }
  get cause() { return this.#init.cause; }
  get message() { return this.#init.message; }
  get [Symbol.toStringTag]() { return 'CloseEvent'; }
}

/** The event "error": a plain Event in browsers, which hide what it tells. */
class ErrorEvent extends Event {
  #init;

  constructor(type, { cause = 'unknown', message = '', osError = 0, httpStatus = 0, ...init } = {}) {
    super(type, init);
    this.#init = { cause, message, osError, httpStatus };
  }

  get cause() { return this.#init.cause; }
  get message() { return this.#init.message; }
  get osError() { return this.#init.osError; }
  get httpStatus() { return this.#init.httpStatus; }
  get [Symbol.toStringTag]() { return 'ErrorEvent'; }
}

/** The events "ping" and "pong", which browsers do not have. */
class PingEvent extends Event {
  #data;

  constructor(type, { data = Buffer.alloc(0), ...init } = {}) {
    super(type, init);
    this.#data = data;
  }

  get data() { return this.#data; }
  get [Symbol.toStringTag]() { return 'PingEvent'; }
}

module.exports = { CloseEvent, ErrorEvent, PingEvent };
