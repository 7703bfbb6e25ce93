// The WebSocket of WHATWG, against the scripted server.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');
const { CloseEvent, WebSocket, WsktError } = require('../index.js');
const { lib } = require('../lib/native.js');
const { MESSAGES, OPTIONS, events, make, once, report, script, signal, url } = require('./support.js');

// The loop stays; every socket and configuration is freed by its last event.
afterEach(() => assert.ok(Number(lib.wskt_handle_count()) <= 1));

function assertEnd(end, code, reason, wasClean, cause) {
  assert.ok(end instanceof CloseEvent);
  assert.deepEqual(
    [end.type, end.code, end.reason, end.wasClean, end.cause],
    ['close', code, reason, wasClean, cause], end.message);
  assert.ok(wasClean || end.message);
}

/** An assertion for a DOMException of a kind, with the library's text. */
function dom(name, result) {
  return (error) => {
    assert.ok(error instanceof DOMException, error);
    assert.deepEqual([error.name, error.message], [name, lib.wskt_result_text(result)]);
    return true;
  };
}

for (const port of ['ws', 'wss']) {
  test(`${port}: messages come back, and the close event tells all`, async () => {
    const ws = make(url(port));
    ws.binaryType = 'arraybuffer';
    assert.deepEqual([ws.readyState, ws.url, ws.protocol], [0, url(port), '']);
    const todo = [...MESSAGES];
    const log = events(ws);
    const step = () => (todo.length ? ws.send(todo[0]) : ws.close(3999, 'tschüß'));
    ws.onopen = step;
    ws.onmessage = (event) => {
      const data = typeof event.data === 'string' ? event.data : Buffer.from(event.data);
      assert.deepEqual(data, todo.shift());
      assert.equal(event.origin, new URL(url(port)).origin);
      step();
    };
    const all = await log;
    assert.deepEqual(
      all.map((e) => e.type), ['open', ...MESSAGES.map(() => 'message'), 'close']);
    assertEnd(all.at(-1), 3999, 'tschüß', true, 'local');
    assert.ok(all.every((e) => e.target === ws));
    assert.equal(ws.readyState, WebSocket.CLOSED);
    assert.equal(ws.response.status, 101);
    ws.close();
  });
}

test('every kind of data can be sent, and keeps its order behind a Blob', async () => {
  const ws = make(url('ws'));
  await once(ws, 'open');
  assert.equal(ws.binaryType, 'blob');
  ws.binaryType = 'nonsense';
  assert.equal(ws.binaryType, 'blob');
  const bytes = Uint8Array.from([1, 2, 3, 4]);
  ws.send(new Blob(['ab', 'cd']));
  ws.send(bytes.subarray(1, 3));
  bytes.fill(9);
  ws.send(new DataView(bytes.buffer, 3));
  ws.send(bytes.buffer);
  ws.send('\ud800');
  ws.send(5);
  ws.send(null);
  assert.equal(ws.bufferedAmount, 4 + 2 + 1 + 4 + 3 + 1 + 4);
  ws.close(1000, 'behind them all');
  const got = [];
  ws.onmessage = () => assert.fail('no message comes after close');
  assertEnd(await once(ws, 'close'), 1000, 'behind them all', true, 'local');

  const other = make(url('ws'));
  await once(other, 'open');
  other.send(new Blob(['ab']));
  other.send('cd');
  while (got.length < 2) {
    const { data } = await once(other, 'message');
    got.push(typeof data === 'string' ? data : await data.text());
  }
  assert.deepEqual(got, ['ab', 'cd']);
  other.close();
  await once(other, 'close');
});

test('bufferedAmount does not fall within a task', async () => {
  const ws = make(url('ws'));
  await once(ws, 'open');
  ws.send('abc');
  ws.send(new Uint8Array(7));
  assert.equal(ws.bufferedAmount, 10);
  await once(ws, 'message');
  await once(ws, 'message');
  assert.equal(ws.bufferedAmount, 0);
  ws.close();
  ws.send('ünder');
  assert.equal(ws.bufferedAmount, 6);
  await once(ws, 'close');
  ws.send('way');
  assert.equal(ws.bufferedAmount, 9);
});

test('the subprotocol and the answer can be read', async () => {
  const ws = make(script('accept protocol=b header=X-A:1;echo-until-close'), ['a', 'b']);
  await once(ws, 'open');
  assert.deepEqual([ws.protocol, ws.extensions], ['b', '']);
  assert.ok(ws.response.headers.some(([name, value]) => name === 'X-A' && value === '1'));
  ws.close();
  assertEnd(await once(ws, 'close'), 1005, '', true, 'local');
});

test('compression is offered, or not', async () => {
  const all = { deflateLevel: 9, deflateMinSize: 0, deflateMaxWindowBits: [9, 9],
    deflateNoContextTakeover: [true, false] };
  for (const [options, offered] of [[all, true], [{ deflate: false }, false]]) {
    const ws = make(script('accept;echo-until-close'), [], options);
    await once(ws, 'open');
    ws.close();
    await once(ws, 'close');
    assert.equal((await report(ws.url)).includes('permessage-deflate'), offered);
  }
});

test('the peer closes', async () => {
  const all = await events(make(script('text a;close 4001 auf Wiedersehen;half-close')));
  assert.deepEqual(all.map((e) => e.type), ['open', 'message', 'close']);
  assertEnd(all[2], 4001, 'auf Wiedersehen', true, 'peer');
  assert.equal(all[2].peerCode, 4001);
  const [, end] = await events(make(script('close;half-close')));
  assertEnd(end, 1005, '', true, 'peer');
});

test('what goes wrong ends with error and close', async () => {
  for (const [address, code, cause, options] of [
    [script('accept;rst'), 1006, 'lost'],
    [script('frame rsv=7 payload=text:a;expect-close;half-close'), 1006, 'protocol'],
    [url('refused'), 1006, 'connect'],
    [url('wss_untrusted'), 1015, 'tls'],
    [url('blackhole'), 1006, 'timeout', { openTimeout: 50 }],
    [script('http 403 Forbidden body=nobody'), 1006, 'http'],
    [url('wss_untrusted'), 1006, 'unknown', { ...OPTIONS, browserMode: true }],
  ]) {
    const ws = make(address, [], options);
    const all = (await events(ws)).filter((e) => e.type !== 'open');
    assert.deepEqual(all.map((e) => e.type), ['error', 'close'], address);
    assert.equal(all[0].cause, cause);
    assert.equal(all[0].message, all[1].message);
    if (cause === 'unknown') assert.equal(all[1].code, code);
    else assertEnd(all[1], code, '', false, cause);
    if (cause === 'http') {
      assert.equal(all[0].httpStatus, 403);
      assert.deepEqual([ws.response.status, `${ws.response.body}`], [403, 'nobody']);
    }
  }
});

test('close while connecting, and abort', async () => {
  const early = make(url('ws'));
  early.close();
  assert.equal(early.readyState, WebSocket.CLOSING);
  assertEnd((await events(early)).at(-1), 1006, '', false, 'local');
  const ws = make(url('ws'));
  await once(ws, 'open');
  ws.abort();
  assertEnd(await once(ws, 'close'), 1006, '', false, 'abort');
});

test('the constructor refuses as WHATWG says', () => {
  for (const [address, result] of [
    ['nonsense', -4], ['ws:// x', -4], ['ftp://x', -5], ['ws://x/#y', -6], ['ws://x/\0', -4],
  ]) {
    assert.throws(() => make(address), dom('SyntaxError', result), address);
  }
  for (const [protocols, result] of [['', -7], ['a b', -7], [['a', 'a'], -8], [['a\0'], -7]]) {
    assert.throws(() => make(url('ws'), protocols), dom('SyntaxError', result));
  }
  assert.throws(() => new WebSocket(), TypeError);
  assert.throws(() => WebSocket(url('ws')), TypeError);
  assert.throws(() => make(Symbol('x')), TypeError);
  assert.throws(() => make(url('ws'), [Symbol('x')]), TypeError);
});

test('options are checked, and named', () => {
  for (const [options, text] of [
    [{ openTimeout: -1 }, 'open_timeout: -1 ms'],
    [{ openTimeout: 1.5 }, 'openTimeout: 1.5'],
    [{ maxMessageSize: 0 }, 'max_message_size'],
    [{ maxFragments: 2 ** 32 }, 'maxFragments: 4294967296'],
    [{ readBuffer: 4095 }, 'read_buffer: 4095 is not in'],
    [{ readBuffer: 4096.5 }, 'readBuffer: 4096.5'],
    [{ deflateLevel: 10 }, 'deflate_level'],
    [{ deflateMaxWindowBits: [8, 15] }, 'deflate_max_window_bits'],
    [{ headers: { 'a b': 'c' } }, 'header'],
    [{ headers: [['Host', 'c']] }, 'header'],
    [{ headers: { a: 'b\0c' } }, 'NUL'],
    [{ caFile: '/nowhere' }, 'ca_file'],
    [{ ca: 'nothing' }, 'ca_pem'],
  ]) {
    assert.throws(() => make(url('ws'), [], options), (error) => {
      assert.ok(error instanceof WsktError, error);
      assert.match(error.code, /^WSKT_ERR_/);
      assert.ok(error.message.startsWith(`${lib.wskt_result_text(error.result)}: `));
      assert.ok(error.message.includes(text), error.message);
      return true;
    });
  }
  for (const options of [
    null, 5, { openTimeout: '1' }, { nonsense: 1 }, { headers: 5 }, { headers: { a: 5 } },
    { deflate: 1 }, { deflateMaxWindowBits: 9 }, { deflateNoContextTakeover: [1, true] },
    { ca: 5 }, { caFile: 5 }, { browserMode: 1 },
  ]) {
    assert.throws(() => make(url('ws'), [], options), TypeError);
  }
});

test('send and close refuse as WHATWG says', async () => {
  const ws = make(url('ws'));
  assert.throws(() => ws.send('x'), dom('InvalidStateError', -3));
  await once(ws, 'open');
  assert.throws(() => ws.send(), TypeError);
  assert.throws(() => ws.send(Symbol('x')), TypeError);
  const check = () => {
    for (const code of [0, 999, 1001, 2999, 5000, -1, 70000, 'x', NaN, null]) {
      assert.throws(() => ws.close(code), dom('InvalidAccessError', -12));
    }
    assert.throws(() => ws.close(1000, 'x'.repeat(124)), dom('SyntaxError', -13));
    assert.throws(() => ws.close(1000, 'ü'.repeat(62)), dom('SyntaxError', -13));
  };
  check();
  assert.throws(() => ws.ping(Buffer.alloc(126)), WsktError);
  ws.ping('ping');
  assert.equal(ws.readyState, WebSocket.OPEN);
  ws.close(1000.4, '\ud800');
  const end = await once(ws, 'close');
  assertEnd(end, 1000, '\ufffd', true, 'local');
  // The handle is gone; the same calls still answer.
  check();
  ws.send('x');
  ws.abort();
  assert.throws(() => ws.ping(), WsktError);
  assert.throws(() => WebSocket.prototype.send.call({}, 'x'), TypeError);
  assert.throws(() => Reflect.get(WebSocket.prototype, 'url', {}), TypeError);
});

test('handlers and listeners', async () => {
  const ws = make(script('text a;text b;wait node-end;close;half-close'));
  const log = [];
  assert.equal(ws.onmessage, null);
  ws.onmessage = () => log.push('replaced');
  ws.addEventListener('message', () => log.push('second'));
  const handler = function (event) { log.push(this === ws && event.data); };
  ws.onmessage = handler;
  assert.equal(ws.onmessage, handler);
  ws.onopen = 5;
  assert.equal(ws.onopen, null);
  await once(ws, 'message');
  await once(ws, 'message');
  assert.deepEqual(log, ['a', 'second', 'b', 'second']);
  const own = new CloseEvent('close', { code: 65536 + 4000, reason: 'mine', wasClean: 1 });
  assert.deepEqual([own.code, own.reason, own.wasClean, own.isTrusted], [4000, 'mine', true, false]);
  const heard = [];
  ws.onclose = (event) => heard.push(event);
  ws.dispatchEvent(own);
  assert.deepEqual([heard[0], ws.readyState], [own, WebSocket.OPEN]);
  ws.onclose = null;
  const end = once(ws, 'close');
  await signal('node-end');
  await end;
  assert.equal(heard.length, 1);
});

test('the shape of the interface', () => {
  assert.equal(Object.prototype.toString.call(WebSocket.prototype), '[object WebSocket]');
  assert.deepEqual([WebSocket.length, WebSocket.prototype.send.length,
    WebSocket.prototype.close.length], [1, 1, 0]);
  for (const [index, name] of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].entries()) {
    assert.deepEqual([WebSocket[name], WebSocket.prototype[name]], [index, index]);
  }
  const keys = [];
  for (const key in WebSocket.prototype) keys.push(key);
  for (const key of ['url', 'readyState', 'bufferedAmount', 'onopen', 'onerror', 'onclose',
    'onmessage', 'extensions', 'protocol', 'binaryType', 'send', 'close', 'OPEN',
    'addEventListener']) {
    assert.ok(keys.includes(key), key);
  }
  assert.throws(() => new CloseEvent(), TypeError);
  const event = new CloseEvent('close');
  assert.deepEqual([event.wasClean, event.code, event.reason], [false, 0, '']);
});
