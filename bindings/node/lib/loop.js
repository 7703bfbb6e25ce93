// One wskt_loop for all sockets of a thread. Its events are pulled: a thread of
// libuv's pool waits for the next one, JavaScript takes it, and only then the
// library goes on. So no call ever comes from a thread that Node does not know.
'use strict';

const { check, constants, koffi, lib, made } = require('./native.js');

// A wait ends by itself now and then, so that a worker that is terminated,
// whose JavaScript does not run any more, can end.
const WAIT_MS = 1000;

let handle = null;
let busy = false;
let waiting = false;
/** Sockets that have not had their close event, by their pointer. */
const sockets = new Map();
/** By the number in their sockets' user data. */
const reconnectors = new Map();
/** What is freed when the wait is over: its event may be of them. */
const doomed = [];

function loop() {
  if (handle === null) {
    handle = made(lib.wskt_loop_new);
    // process.exit waits for the threads of the pool.
    process.on('exit', () => lib.wskt_loop_wake(handle));
  }
  return handle;
}

/** Hands every event of the socket to `take(type, address)` from now on. */
function watch(socket, take) {
  sockets.set(socket, take);
  start();
}

function start() {
  if (!busy) {
    busy = true;
    wait();
  }
}

function unwatch(socket) {
  sockets.delete(socket);
}

/** Calls `adopt(socket)` for each new one with this number as its user data. */
function watchReconnector(key, adopt) {
  reconnectors.set(key, adopt);
  start();
}

function unwatchReconnector(key) {
  reconnectors.delete(key);
}

/** Frees something when no event of it can be under way. */
function release(free) {
  if (waiting) {
    doomed.push(free);
    check(lib.wskt_loop_wake(handle));
  } else {
    free();
  }
}

function bury() {
  for (const free of doomed.splice(0)) free();
}

function wait() {
  const out = [null];
  waiting = true;
  lib.wskt_loop_next_event.async(handle, WAIT_MS, out, (error, result) => {
    waiting = false;
    if (error) throw error;
    next(result, out[0]);
  });
}

/** What is there is taken without a wait; each event is a task of its own. */
function look() {
  const out = [null];
  next(lib.wskt_loop_next_event(handle, 0, out), out[0], true);
}

function next(result, event, looked = false) {
  const nothing =
    result === constants.WSKT_ERR_TIMEOUT || result === constants.WSKT_ERR_INTERRUPTED;
  if (nothing) bury();
  else check(result);
  if (!nothing) setImmediate(look);
  else if (sockets.size === 0 && reconnectors.size === 0) busy = false;
  else if (looked || result === constants.WSKT_ERR_TIMEOUT) wait();
  else setImmediate(look);
  if (!nothing) {
    const { type, target } = koffi.decode(event, 'wskt_event');
    if (type === constants.WSKT_EVENT_ATTEMPT) {
      reconnectors.get(Number(lib.wskt_socket_user_data(target)))?.(target);
    }
    sockets.get(target)?.(type, event);
    bury();
  }
}

module.exports = { loop, release, unwatch, unwatchReconnector, watch, watchReconnector };
