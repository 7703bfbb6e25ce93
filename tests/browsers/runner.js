// Runs every scenario in the browser that loaded page.html and posts the logs
// to record.py. README.md beside this file says what the lines mean; replay.c
// and browsers.rs write the same ones for wskt.
'use strict'

const AT_ONCE = 8
const enc = (text) => encodeURIComponent(String(text).toWellFormed())
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
const SHOWN = 200

function content (data) {
  const text = typeof data === 'string'
  const bytes = text ? new TextEncoder().encode(data) : new Uint8Array(data)
  if (bytes.length > SHOWN) return (text ? 'text' : 'binary') + `[${bytes.length}]`
  return text ? `text=${enc(data)}` : `binary=${hex(bytes)}`
}

function closeEvent (socket, event) {
  const made = event.isTrusted ? '' : ' untrusted'
  return `close state=${socket.readyState} clean=${event.wasClean} code=${event.code} ` +
    `reason=${enc(event.reason)}${made}`
}

// One call of a scenario; `log` gets its line.
function act (socket, [verb, ...args], log) {
  const call = (name, shown, run) => {
    let result = 'ok'
    try { run() } catch (error) { result = error.name }
    log(`${name}(${shown}) ${result} state=${socket.readyState}`)
  }
  switch (verb) {
    case 'close': {
      const given = args.map((arg) => arg === null ? undefined : arg)
      const shown = args.map((arg) => arg === null ? '' : enc(arg)).join(',')
      return call('close', shown, () => socket.close(...given))
    }
    case 'text': return call('text', enc(args[0]), () => socket.send(args[0]))
    case 'textn': return call('textn', args[0], () => socket.send('x'.repeat(args[0])))
    case 'bin': {
      const bytes = args[0].match(/../g) || []
      return call('bin', args[0], () => socket.send(Uint8Array.from(bytes, (b) => parseInt(b, 16))))
    }
    case 'buffered': return log(`buffered=${socket.bufferedAmount}`)
    case 'dispatch': {
      const [wasClean, code, reason] = args
      return socket.dispatchEvent(new CloseEvent('close', { wasClean, code, reason }))
    }
    case 'construct': {
      const event = new CloseEvent('close')
      return log(`event type=${event.type} bubbles=${event.bubbles} ` +
        `cancelable=${event.cancelable} trusted=${event.isTrusted} clean=${event.wasClean} ` +
        `code=${event.code} reason=${enc(event.reason)}`)
    }
    default: throw new Error(`no action ${verb}`)
  }
}

// What the server saw, as lines.
function serverLines (report) {
  const lines = []
  let kind = '', length = 0, last = null
  for (const frame of report.frames) {
    if (frame.opcode === 'close') {
      const shown = frame.len === 0 ? 'empty' : frame.code === undefined ? `raw ${frame.hex}` : `${frame.code} ${enc(frame.reason)}`
      lines.push(`server close=${shown}`)
      continue
    }
    if (frame.opcode === 'text' || frame.opcode === 'binary') { kind = frame.opcode; length = 0; last = frame }
    const control = frame.opcode === 'ping' || frame.opcode === 'pong'
    if (control) {
      lines.push(`server ${frame.opcode}=${frame.hex}`)
      continue
    }
    length += frame.len
    if (!frame.fin) continue
    if (last.rsv & 4) lines.push(`server ${kind} compressed`)
    else if (length > SHOWN) lines.push(`server ${kind}[${length}]`)
    else lines.push(kind === 'text' ? `server text=${enc(last.text)}` : `server binary=${last.hex}`)
  }
  return lines.length === 0 ? ['server nothing'] : lines
}

function run (scenario, setup) {
  const lines = []
  let ended = false // without a close event
  const log = (line) => { if (!ended) lines.push(line) }
  const id = `${setup.run}-${scenario.id}`
  const perform = (...names) => {
    for (const name of names) for (const action of scenario.on[name] || []) act(socket, action, log)
  }
  let socket
  const over = new Promise((resolve) => {
    const seconds = scenario.wait || 30
    const timer = setTimeout(() => {
      log(`still state=${socket.readyState} after ${seconds} s`)
      ended = true
      resolve()
    }, seconds * 1000)
    try {
      const url = url_of(scenario, setup, id)
      socket = scenario.protocols ? new WebSocket(url, scenario.protocols) : new WebSocket(url)
    } catch (error) {
      log(`new ${error.name}`)
      clearTimeout(timer)
      return resolve()
    }
    socket.binaryType = 'arraybuffer'
    let messages = 0
    socket.onopen = () => {
      log(`open state=${socket.readyState} protocol=${enc(socket.protocol)}`)
      perform('open')
    }
    socket.onmessage = (event) => {
      messages += 1
      log(`message state=${socket.readyState} ${content(event.data)}`)
      perform('message', `message ${messages}`)
    }
    socket.onerror = () => {
      log(`error state=${socket.readyState}`)
      perform('error')
    }
    socket.onclose = (event) => {
      log(closeEvent(socket, event))
      if (!event.isTrusted) return perform('dispatched')
      perform('close')
      clearTimeout(timer)
      setTimeout(resolve, 50) // whatever comes after the close event is logged too
    }
    perform('start')
  })
  return over.then(async () => {
    if (socket && !ended && scenario.script !== undefined && scenario.server !== false) {
      const answer = await fetch(`http://127.0.0.1:${setup.ports.ws}/report/${enc(id)}?wait=20`)
      if (answer.ok) lines.push(...serverLines(await answer.json()))
      else lines.push(`server report ${answer.status}`)
    }
    return lines
  })
}

function url_of (scenario, setup, id) {
  const port = setup.ports[scenario.port || 'ws']
  if (scenario.url !== undefined) return scenario.url.replace('PORT', port)
  const scheme = scenario.scheme || 'ws'
  return `${scheme}://127.0.0.1:${port}/s/${enc(scenario.script)}?id=${enc(id)}`
}

async function main () {
  const setup = await (await fetch('/setup')).json()
  const logs = {}
  const waiting = setup.scenarios.slice()
  const worker = async () => {
    for (let next; (next = waiting.shift()) !== undefined;) logs[next.id] = await run(next, setup)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  await fetch('/logs', { method: 'POST', body: JSON.stringify(logs) })
}

main().catch((error) => fetch('/failed', { method: 'POST', body: String(error && error.stack) }))
