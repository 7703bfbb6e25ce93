export interface Options {
  /** Headers of the upgrade request. */
  headers?: Record<string, string> | Iterable<readonly [string, string]>;
  /** PEM certificates to trust besides the system's. */
  ca?: string | Buffer;
  caFile?: string;
  /** Milliseconds. */
  openTimeout?: number;
  connectTimeout?: number;
  tlsTimeout?: number;
  upgradeTimeout?: number;
  closeTimeout?: number;
  lingerTimeout?: number;
  sendTimeout?: number;
  maxMessageSize?: number;
  maxFragments?: number;
  /** Whether permessage-deflate is offered. */
  deflate?: boolean;
  deflateLevel?: number;
  deflateMinSize?: number;
  /** For our messages and for the server's. */
  deflateMaxWindowBits?: readonly [number, number];
  deflateNoContextTakeover?: readonly [boolean, boolean];
  allowMissingProtocol?: boolean;
  browserMode?: boolean;
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
  onerror: ((this: WebSocket, event: ErrorEvent) => unknown) | null;
  onclose: ((this: WebSocket, event: CloseEvent) => unknown) | null;
  ondrain: ((this: WebSocket, event: Event) => unknown) | null;
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void;
  close(code?: number, reason?: string): void;
  /** Beyond the browser: what the server answered to the upgrade. */
  readonly response: Response | null;
  abort(): void;
  ping(data?: string | ArrayBufferLike | ArrayBufferView): void;
}

/** Of the libwskt that is running. */
export const libraryVersion: string;
