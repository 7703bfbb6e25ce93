// Every option does what it says: seen by the server, or in how it ends.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { afterEach, test } = require('node:test');
const { PingEvent, WsktError } = require('../index.js');
const { lib } = require('../lib/native.js');
const { make, once, report, script, url } = require('./support.js');

afterEach(() => assert.ok(Number(lib.wskt_handle_count()) <= 1));

const at = (name) => path.join(process.env.WSKT_DIR, name);
const file = (name) => fs.readFileSync(at(name), 'utf8');
const port = (name) => process.env[`WSKT_PORT_${name.toUpperCase()}`];

/** The connection comes about; gives what the server saw of a script. */
async function echoes(address, options = {}) {
  const ws = make(address, [], options);
  const end = once(ws, 'close');
  ws.onopen = () => ws.send('there?');
  ws.onmessage = ({ data }) => ws.close(data === 'there?' ? 1000 : 4000);
  assert.equal((await end).code, 1000, `${address} ${(await end).message}`);
  return address.includes('id=') ? JSON.parse(await report(ws.url)) : null;
}

async function fails(cause, address, options = {}) {
  const end = await once(make(address, [], options), 'close');
  assert.equal(end.cause, cause, `${address} ${end.message}`);
}

test('the request', async () => {
  const echo = 'accept;echo-until-close';
  let { request } = await echoes(script(echo), {
    headers: [['X-A', '1'], ['X-A', '2']], origin: 'https://example.com', userAgent: 'me/1',
    cookie: 'a=b', host: 'other.example:1', basicAuthorization: ['us', 'er'],
    allowMissingProtocol: true,
  });
  const seen = request.headers.map((pair) => pair.join(': '));
  for (const line of ['X-A: 1', 'X-A: 2', 'Origin: https://example.com', 'User-Agent: me/1',
    'Cookie: a=b', 'Host: other.example:1', 'Authorization: Basic dXM6ZXI=']) {
    assert.ok(seen.includes(line), line);
  }
  ({ request } = await echoes(script(echo), { bearerAuthorization: 't0ken' }));
  assert.ok(request.headers.some(([, value]) => value === 'Bearer t0ken'));
});

test('whom TLS trusts', async () => {
  // The environment names the server's CA as the system's.
  await echoes(url('wss'));
  await fails('tls', url('wss'), { systemRoots: false });
  await echoes(url('wss'), { systemRoots: false, ca: file('ca.pem') });
  await fails('tls', url('wss_untrusted'));
  await echoes(url('wss_untrusted'), { caFile: at('other-ca.pem') });
  await echoes(url('wss_untrusted'), { dangerAnyCertificate: true });
  await fails('tls', url('wss_wrong_host'));
  await echoes(url('wss_wrong_host'), { dangerAnyHostName: true });
  await echoes(url('wss_wrong_host'), { tlsServerName: 'other.example' });
  const pins = [file('other-pin').trim(), file('pin').trim()];
  await echoes(url('wss'), { pinnedPublicKeys: pins });
  await fails('tls', url('wss'), { pinnedPublicKeys: pins.slice(0, 1) });
});

test('what TLS offers', async () => {
  await fails('tls', url('wss_tls12'), { minTlsVersion: 'TLSv1.3' });
  await fails('tls', url('wss_tls13'), { maxTlsVersion: 'TLSv1.2' });
  const echo = 'accept;echo-until-close';
  const { tls } = await echoes(script(echo, 'wss'));
  assert.deepEqual([tls.server_name, tls.alpn], ['localhost', 'http/1.1']);
  const { tls: quiet } = await echoes(script(echo, 'wss'), { tlsSni: false, tlsAlpn: false });
  assert.deepEqual([quiet.server_name, quiet.alpn], ['', '']);
});

test('our certificate', async () => {
  const password = 'correct horse';
  await fails('tls', url('wss_client_tls12'));
  for (const options of [
    { clientCertificateFile: [at('client.pem'), at('client.key')] },
    { clientCertificate: [file('client.pem'), file('client.key')] },
    { clientPkcs12File: [at('client.p12'), password] },
    { clientPkcs12: [fs.readFileSync(at('client.p12')), password] },
  ]) {
    await echoes(url('wss_client_tls13'), options);
  }
});

test('proxies', async () => {
  const proxy = `http://node-proxy:@localhost:${port('ws')}`;
  await echoes(url('ws'), { proxy });
  const told = JSON.parse(await report('ws://x/?id=node-proxy'));
  assert.equal(told.request.target, `localhost:${port('ws')}`);
  const nowhere = `http://localhost:${port('refused')}`;
  await fails('connect', url('ws'), { proxy: nowhere });
  await echoes(url('ws'), { proxy: nowhere, noProxy: 'localhost' });
  process.env.all_proxy = nowhere;
  await fails('connect', url('ws'), { proxyFromEnvironment: true });
  await echoes(url('ws'), { proxyFromEnvironment: false });
  // Whatever the order: what is given comes after the environment.
  await echoes(url('ws'), { proxy, proxyFromEnvironment: true });
  delete process.env.all_proxy;
  const silent = `http://localhost:${port('blackhole')}`;
  await fails('timeout', url('ws'), { proxy: silent, proxyTimeout: 50 });
});

test('addresses', async () => {
  const connectTo = { 'nowhere.invalid:81': `localhost:${port('ws')}` };
  await echoes('ws://nowhere.invalid:81/echo', { connectTo });
  await echoes('ws://nowhere.invalid/echo', { unixSocket: at('ws.sock') });
  await echoes(url('ws'), {
    localAddress: '127.0.0.1', interface: 'lo', tcpKeepalive: [10000, 5000, 3],
  });
  await fails('connect', url('ws'), { localAddress: '192.0.2.1' });
  await fails('connect', url('ws'), { interface: 'nowhere0' });
});

test('time', async () => {
  for (const phase of ['open', 'dns', 'connect', 'proxy', 'tls', 'upgrade', 'close', 'linger',
    'send', 'idle']) {
    assert.throws(() => make(url('ws'), [], { [`${phase}Timeout`]: -1 }),
      (error) => error.message.includes(`${phase}_timeout: -1 ms`));
  }
  await fails('timeout', script('accept;drain'), { idleTimeout: 50 });
  await fails('peer', script('expect-ping;expect-ping;close;half-close'), { heartbeat: [20, 30000] });
});

test('pings', async () => {
  const ws = make(script('ping hi;expect-pong hi;pong oh;close;half-close'), [], { pingEvents: true });
  const seen = [];
  ws.onping = ws.onpong = (event) => {
    assert.ok(event instanceof PingEvent);
    seen.push(`${event.type} ${event.data}`);
  };
  await once(ws, 'close');
  assert.deepEqual(seen, ['ping hi', 'pong oh']);
});

test('the read buffer', async () => {
  for (const readBuffer of [4096, 1 << 20]) {
    const ws = make(url('ws'), [], { readBuffer, deflate: false });
    const sizes = [];
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => [1, 2, 3].forEach(() => ws.send(Buffer.alloc(100000)));
    ws.onmessage = ({ data }) => {
      if (sizes.push(data.byteLength) === 3) ws.close(1000);
    };
    assert.equal((await once(ws, 'close')).code, 1000);
    assert.deepEqual(sizes, [100000, 100000, 100000]);
  }
});

test('water marks', async () => {
  const waits = 'stop-reading;wait node-marks;resume-reading;drain';
  const ws = make(script(waits), [], { waterMarks: [1, 2] });
  await once(ws, 'open');
  const end = once(ws, 'close');
  while (ws.readyState === ws.OPEN) ws.send(Buffer.alloc(1 << 20));
  assert.equal((await end).cause, 'abort');
});

test('what is refused', () => {
  for (const [options, what] of [
    [{ origin: 'a\nb' }, 'origin'], [{ cookie: 'a\0b' }, 'cookie has a NUL in it'],
    [{ basicAuthorization: ['a:b', 'c'] }, 'basic_authorization'],
    [{ bearerAuthorization: 'a b' }, 'bearer_authorization'], [{ host: 'a b' }, 'host'],
    [{ pinnedPublicKeys: ['md5//'] }, 'pinned_public_key'],
    [{ minTlsVersion: 'TLSv1.1' }, 'min_tls_version'], [{ tlsServerName: 'a b' }, 'tls_server_name'],
    [{ clientCertificateFile: ['/nowhere', '/nowhere'] }, 'client_certificate'],
    [{ clientCertificate: ['nothing', 'nothing'] }, 'client_certificate'],
    [{ clientPkcs12: [Buffer.from('nothing'), ''] }, 'client_pkcs12'],
    [{ proxy: 'ftp://x' }, 'proxy'], [{ noProxy: 'a/b' }, 'no_proxy'],
    [{ connectTo: { a: 'b' } }, 'connect_to'], [{ localAddress: 'localhost' }, 'local_address'],
    [{ interface: 'x'.repeat(16) }, 'interface'], [{ unixSocket: '' }, 'unix_socket'],
    [{ tcpKeepalive: [0, 1, 1] }, 'tcp_keepalive'], [{ heartbeat: [1, -1] }, 'heartbeat'],
    [{ waterMarks: [2, 1] }, 'water_marks'],
  ]) {
    assert.throws(() => make(url('ws'), [], options), (error) => {
      assert.ok(error instanceof WsktError, error);
      assert.ok(error.message.startsWith(lib.wskt_result_text(error.result)));
      assert.ok(error.message.includes(what), error.message);
      return true;
    });
  }
  for (const options of [
    { origin: 5 }, { basicAuthorization: 'user' }, { basicAuthorization: ['a'] },
    { systemRoots: 1 }, { pinnedPublicKeys: 'sha256//' }, { minTlsVersion: 12 },
    { clientPkcs12: ['text', ''] }, { connectTo: ['ab'] }, { clientCertificateFile: [5, 5] },
    { tcpKeepalive: [1, 1] }, { heartbeat: 5 }, { heartbeat: ['a', 1] }, { proxy: Buffer.from('x') },
    { proxyFromEnvironment: 'yes' }, { pingEvents: 1 },
  ]) {
    assert.throws(() => make(url('ws'), [], options), TypeError, JSON.stringify(options));
  }
});

test('stats', async () => {
  const ws = make(url('wss'), [], { deflate: false });
  await once(ws, 'open');
  assert.equal(ws.stats.roundTripTime, 0);
  ws.ping();
  for (const data of ['x'.repeat(10), Buffer.alloc(1000)]) {
    ws.send(data);
    await once(ws, 'message');
  }
  const { connectTime, tlsTime, upgradeTime, roundTripTime, dnsTime, ...counters } = ws.stats;
  assert.deepEqual(counters, {
    // Six and eight bytes of head; the server masks nothing. The ping is empty.
    bytesSent: 1030, bytesReceived: 1018, framesSent: 3, framesReceived: 3,
    messagesSent: 2, messagesReceived: 2, payloadSent: 1010, payloadReceived: 1010,
    wirePayloadSent: 1010, wirePayloadReceived: 1010, proxyTime: 0,
  });
  for (const time of [connectTime, tlsTime, upgradeTime, roundTripTime]) {
    assert.ok(time > 0 && time < 30000);
  }
  assert.ok(dnsTime >= 0);
  ws.close();
  await once(ws, 'close');
  // And after the end, with the Close frames.
  assert.deepEqual([ws.stats.framesSent, ws.stats.framesReceived], [4, 4]);
  const tunnel = make(url('ws'), [], { proxy: `http://localhost:${port('ws')}` });
  await once(tunnel, 'open');
  assert.ok(tunnel.stats.proxyTime > 0);
  tunnel.close();
  await once(tunnel, 'close');
});
