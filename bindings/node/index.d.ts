export type Pairs = Record<string, string> | Iterable<readonly [string, string]>;
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Times are milliseconds; the man page of wskt_config_set_NAME has the details. */
export interface Options {
  /** Headers of the upgrade request. */
  headers?: Pairs;
  origin?: string;
  userAgent?: string;
  cookie?: string;
  /** User and password. */
  basicAuthorization?: readonly [string, string];
  bearerAuthorization?: string;
  host?: string;
  allowMissingProtocol?: boolean;
  /** PEM certificates to trust besides the system's. */
  ca?: string | Uint8Array;
  caFile?: string;
  systemRoots?: boolean;
  /** "sha256//…" */
  pinnedPublicKeys?: readonly string[];
  minTlsVersion?: TlsVersion;
  maxTlsVersion?: TlsVersion;
  tlsServerName?: string;
  tlsSni?: boolean;
  tlsAlpn?: boolean;
  dangerAnyCertificate?: boolean;
  dangerAnyHostName?: boolean;
  /** Certificate and key, as PEM files. */
  clientCertificateFile?: readonly [string, string];
  clientCertificate?: readonly [string | Uint8Array, string | Uint8Array];
  /** An archive and its password. */
  clientPkcs12File?: readonly [string, string];
  clientPkcs12?: readonly [Uint8Array, string];
  proxy?: string;
  noProxy?: string;
  proxyFromEnvironment?: boolean;
  /** From "host:port" to "host:port". */
  connectTo?: Pairs;
  localAddress?: string;
  interface?: string;
  unixSocket?: string;
  /** Idle time, interval, count. */
  tcpKeepalive?: readonly [number, number, number];
  openTimeout?: number;
  dnsTimeout?: number;
  connectTimeout?: number;
  proxyTimeout?: number;
  tlsTimeout?: number;
  upgradeTimeout?: number;
  closeTimeout?: number;
  lingerTimeout?: number;
  sendTimeout?: number;
  idleTimeout?: number;
  /** Interval, timeout. */
  heartbeat?: readonly [number, number];
  maxMessageSize?: number;
  maxFragments?: number;
  /** Bytes: what one read takes from the kernel at most. */
  readBuffer?: number;
  /** Bytes: where "drain" comes, and where the connection ends. */
  waterMarks?: readonly [number, number];
  /** Whether permessage-deflate is offered. */
  deflate?: boolean;
  deflateLevel?: number;
  deflateMinSize?: number;
  /** For our messages and for the server's. */
  deflateMaxWindowBits?: readonly [number, number];
  deflateNoContextTakeover?: readonly [boolean, boolean];
  /** Whether the events "ping" and "pong" come. */
  pingEvents?: boolean;
  browserMode?: boolean;
  /** Whether messages come in parts as they arrive: the event "messagechunk". */
  messageChunks?: boolean;
}

export interface ReconnectorOptions extends Options {
  /** Up to how long the first wait and the longest one are, in milliseconds. */
  delays?: readonly [number, number];
  /** How many tries in a row; 0 is any number. */
  maxTries?: number;
}

/** Since the connection is open; times are milliseconds, 0 for what did not happen. */
export interface Stats {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly payloadSent: number;
  readonly payloadReceived: number;
  /** The payload compressed. */
  readonly wirePayloadSent: number;
  readonly wirePayloadReceived: number;
  readonly dnsTime: number;
  readonly connectTime: number;
  readonly tlsTime: number;
  readonly upgradeTime: number;
  readonly proxyTime: number;
  /** Of the last ping that was answered. */
  readonly roundTripTime: number;
}

export interface Response {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface CloseEventInit extends EventInit {
  wasClean?: boolean;
  code?: number;
  reason?: string;
}

export class CloseEvent extends Event {
  constructor(type: string, init?: CloseEventInit);
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;
  /** The code the peer really sent, or 0. */
  readonly peerCode: number;
  /** A word such as "peer", "tls" or "timeout". */
  readonly cause: string;
  /** One line for a person. */
  readonly message: string;
}

export class ErrorEvent extends Event {
  constructor(type: string, init?: EventInit);
  readonly cause: string;
  readonly message: string;
  /** An errno, or 0. */
  readonly osError: number;
  /** The status that refused the upgrade, or 0. */
  readonly httpStatus: number;
}

/** A part of a message; text is cut between characters. */
export class MessageChunkEvent extends Event {
  constructor(type: string, init?: EventInit & {
    data?: string | Blob | ArrayBuffer, first?: boolean, last?: boolean,
  });
  readonly data: string | Blob | ArrayBuffer;
  /** Whether the message begins with it. */
  readonly first: boolean;
  /** Whether the message ends with it. */
  readonly last: boolean;
}

/** A reconnector has made a socket, which connects after the delay. */
export class AttemptEvent extends Event {
  constructor(type: string, init?: EventInit);
  readonly socket: WebSocket;
  /** 1 for the first. */
  readonly number: number;
  /** In milliseconds. */
  readonly delay: number;
  /** How the socket before ended. */
  readonly previous: CloseEvent | null;
}

/** A message that a socket had accepted and could not send. */
export class UnsentEvent extends Event {
  constructor(type: string, init?: EventInit);
  readonly socket: WebSocket;
  readonly data: string | Blob | ArrayBuffer;
}

/** The peer's ping or pong. */
export class PingEvent extends Event {
  constructor(type: string, init?: EventInit & { data?: Buffer });
  readonly data: Buffer;
}

/** A result that WHATWG has no DOMException for; `code` is its name. */
export class WsktError extends Error {
  readonly code: string;
  readonly result: number;
}

export type BinaryType = 'blob' | 'arraybuffer';

export class WebSocket extends EventTarget {
  constructor(url: string | URL, protocols?: string | Iterable<string>, options?: Options);
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly url: string;
  readonly readyState: 0 | 1 | 2 | 3;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: BinaryType;
  onopen: ((this: WebSocket, event: Event) => unknown) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => unknown) | null;
  onmessagechunk: ((this: WebSocket, event: MessageChunkEvent) => unknown) | null;
  onerror: ((this: WebSocket, event: ErrorEvent) => unknown) | null;
  onclose: ((this: WebSocket, event: CloseEvent) => unknown) | null;
  ondrain: ((this: WebSocket, event: Event) => unknown) | null;
  onping: ((this: WebSocket, event: PingEvent) => unknown) | null;
  onpong: ((this: WebSocket, event: PingEvent) => unknown) | null;
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void;
  close(code?: number, reason?: string): void;
  /** Beyond the browser: what the server answered to the upgrade. */
  readonly response: Response | null;
  readonly stats: Stats;
  abort(): void;
  ping(data?: string | ArrayBufferLike | ArrayBufferView): void;
}

/** A new WebSocket for each try. Its events are "attempt" and "unsent". */
export class Reconnector extends EventTarget implements AsyncIterable<WebSocket> {
  constructor(
    url: string | URL, protocols?: string | Iterable<string>, options?: ReconnectorOptions);
  /** The newest one. */
  readonly socket: WebSocket | null;
  /** Whether no try will follow. */
  readonly isOver: boolean;
  /** The next socket that opens; null at the end. */
  connect(): Promise<WebSocket | null>;
  [Symbol.asyncIterator](): AsyncIterator<WebSocket>;
  stop(): void;
  free(): void;
}

/** Of the libwskt that is running. */
export const libraryVersion: string;
