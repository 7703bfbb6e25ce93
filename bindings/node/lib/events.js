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

/** The event "messagechunk", which browsers do not have: a part of a message. */
class MessageChunkEvent extends Event {
  #init;

  constructor(type, { data = '', first = true, last = true, ...init } = {}) {
    super(type, init);
    this.#init = { data, first, last };
  }

  get data() { return this.#init.data; }
  get first() { return this.#init.first; }
  get last() { return this.#init.last; }
  get [Symbol.toStringTag]() { return 'MessageChunkEvent'; }
}

/** The event "attempt" of a reconnector. */
class AttemptEvent extends Event {
  #init;

  constructor(type, { socket = null, number = 1, delay = 0, previous = null, ...init } = {}) {
    super(type, init);
    this.#init = { socket, number, delay, previous };
  }

  get socket() { return this.#init.socket; }
  get number() { return this.#init.number; }
  get delay() { return this.#init.delay; }
  get previous() { return this.#init.previous; }
  get [Symbol.toStringTag]() { return 'AttemptEvent'; }
}

/** The event "unsent" of a reconnector: a message that the peer cannot have. */
class UnsentEvent extends Event {
  #init;

  constructor(type, { socket = null, data = '', ...init } = {}) {
    super(type, init);
    this.#init = { socket, data };
  }

  get socket() { return this.#init.socket; }
  get data() { return this.#init.data; }
  get [Symbol.toStringTag]() { return 'UnsentEvent'; }
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

module.exports = {
  AttemptEvent, CloseEvent, ErrorEvent, MessageChunkEvent, PingEvent, UnsentEvent,
};
