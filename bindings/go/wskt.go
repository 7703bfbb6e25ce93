// Package wskt is the browser's WebSocket for Go, on libwskt: a client with
// close events that are exact.
//
// All connections of a process share one loop of the library; one goroutine
// pulls its events. No function of Go is ever called from C. A Conn may be used
// by any number of goroutines at once.
package wskt

// #include <stdlib.h>
// #include <wskt.h>
//
// static wskt_result send_text(wskt_socket *socket, _GoString_ text)
// {
//     return wskt_socket_send_text(socket, _GoStringPtr(text), _GoStringLen(text));
// }
//
// static wskt_result close_with(wskt_socket *socket, uint16_t code, _GoString_ reason)
// {
//     return wskt_socket_close(socket, code, _GoStringPtr(reason), _GoStringLen(reason));
// }
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// Messages that wait for Read; then the peer has to wait.
const queueLength = 32

// Conn is one WebSocket.
type Conn struct {
	url string
	// Held for reading by every call on the socket, for writing by its end.
	life   sync.RWMutex
	socket *C.wskt_socket
	stats  Stats // the last ones, when the socket is gone

	onPing, onPong func([]byte)
	inChunks       bool
	owner          *Reconnector // or nil

	mu       sync.Mutex
	messages []Chunk
	paused   bool
	protocol string
	response Response
	end      *CloseEvent
	drained  chan struct{} // closed and replaced by each drain event

	arrived chan struct{}
	opened  chan struct{}
	closed  chan struct{}
}

// Dial connects and waits until the connection is open. A connection that does
// not come about is a *DialError; a context that is done ends it.
func Dial(ctx context.Context, url string, config *Config) (*Conn, error) {
	if config == nil {
		config = &Config{}
	}
	conn := newConn(config)
	if err := theHub.begin(url, config, func(socket *C.wskt_socket) error {
		return theHub.open(conn, socket)
	}); err != nil {
		return nil, err
	}
	select {
	case <-conn.opened:
		return conn, nil
	case <-conn.closed:
		select {
		case <-conn.opened: // and closed at once: its messages can be read
			return conn, nil
		default:
			return nil, &DialError{Close: conn.end, Response: conn.response}
		}
	case <-ctx.Done():
		conn.Release()
		return nil, ctx.Err()
	}
}

func newConn(config *Config) *Conn {
	return &Conn{
		onPing:   config.OnPing,
		onPong:   config.OnPong,
		inChunks: config.MessageChunks,
		drained:  make(chan struct{}),
		arrived:  make(chan struct{}, 1),
		opened:   make(chan struct{}),
		closed:   make(chan struct{}),
	}
}

// call runs f with a socket that cannot be freed meanwhile.
func (c *Conn) call(f func(*C.wskt_socket) C.wskt_result) error {
	c.life.RLock()
	defer c.life.RUnlock()
	if c.socket == nil {
		return resultError(C.WSKT_ERR_CLOSED, "")
	}
	return check(f(c.socket), "")
}

// SendText sends a text message. It waits while the send queue is full.
func (c *Conn) SendText(ctx context.Context, text string) error {
	return c.send(ctx, func(socket *C.wskt_socket) C.wskt_result {
		return C.send_text(socket, text)
	})
}

// SendBinary sends a binary message. It waits while the send queue is full.
func (c *Conn) SendBinary(ctx context.Context, data []byte) error {
	return c.send(ctx, func(socket *C.wskt_socket) C.wskt_result {
		return C.wskt_socket_send_binary(socket, pointerTo(data), C.size_t(len(data)))
	})
}

func pointerTo(data []byte) unsafe.Pointer {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Pointer(&data[0])
}

func (c *Conn) send(ctx context.Context, send func(*C.wskt_socket) C.wskt_result) error {
	for {
		c.mu.Lock()
		drained := c.drained
		c.mu.Unlock()
		err := c.call(send)
		full, ok := err.(*Error)
		if !ok || full.Result != C.WSKT_ERR_BUFFER_FULL {
			return err
		}
		select {
		case <-drained:
		case <-c.closed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Ping sends a ping of at most 125 bytes. Its pong is not reported.
func (c *Conn) Ping(data []byte) error {
	return c.call(func(socket *C.wskt_socket) C.wskt_result {
		return C.wskt_socket_ping(socket, pointerTo(data), C.size_t(len(data)))
	})
}

// Read gives the next message. After the last one it gives the *CloseEvent as
// its error; a released connection gives ErrClosed. With MessageChunks it gives
// ErrInvalidState.
func (c *Conn) Read(ctx context.Context) (Kind, []byte, error) {
	if c.inChunks {
		return 0, nil, resultError(C.WSKT_ERR_INVALID_STATE, "messages come in chunks")
	}
	message, err := c.ReadChunk(ctx)
	return message.Kind, message.Data, err
}

// ReadChunk gives the next part of a message with MessageChunks, and whole ones
// without. Its end is that of Read.
func (c *Conn) ReadChunk(ctx context.Context) (Chunk, error) {
	for {
		if next, ok := c.pop(); ok {
			return next, nil
		}
		select {
		case <-c.arrived:
		case <-c.closed:
			if next, ok := c.pop(); ok {
				return next, nil
			}
			if c.end == nil {
				return Chunk{}, resultError(C.WSKT_ERR_CLOSED, "it was released")
			}
			return Chunk{}, c.end
		case <-ctx.Done():
			return Chunk{}, ctx.Err()
		}
	}
}

func (c *Conn) pop() (Chunk, bool) {
	c.mu.Lock()
	if len(c.messages) == 0 {
		c.mu.Unlock()
		return Chunk{}, false
	}
	first := c.messages[0]
	c.messages = c.messages[1:]
	more := len(c.messages) > 0
	if c.paused && !more {
		c.paused = false
		// It may be closing by now; then nothing is paused any more.
		_ = c.call(func(socket *C.wskt_socket) C.wskt_result { return C.wskt_socket_resume(socket) })
	}
	c.mu.Unlock()
	if more {
		c.signal()
	}
	return first, true
}

func (c *Conn) signal() {
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// Close starts the closing handshake; Wait waits for its end. The code is 1000,
// in 3000 to 4999, or NoStatus for a Close frame without one.
func (c *Conn) Close(code int, reason string) error {
	switch {
	case code == NoStatus:
		code = 0
	case code <= 0 || code > 0xffff:
		return resultError(C.WSKT_ERR_INVALID_ACCESS, "")
	}
	return c.call(func(socket *C.wskt_socket) C.wskt_result {
		return C.close_with(socket, C.uint16_t(code), reason)
	})
}

// Abort ends the connection at once, without a closing handshake. Its close
// event still comes.
func (c *Conn) Abort() error {
	return c.call(func(socket *C.wskt_socket) C.wskt_result { return C.wskt_socket_abort(socket) })
}

// Wait drops messages until the close event, and gives that.
func (c *Conn) Wait(ctx context.Context) (*CloseEvent, error) {
	for {
		if _, err := c.ReadChunk(ctx); err != nil {
			if end, ok := err.(*CloseEvent); ok {
				return end, nil
			}
			return nil, err
		}
	}
}

// Release lets go of the connection, without a closing handshake if it is still
// open, and ends what waits for it. It is not needed after the close event.
func (c *Conn) Release() {
	if c.drop() {
		close(c.closed)
	}
}

// drop gives the socket back; false if that was done before.
func (c *Conn) drop() bool {
	c.life.Lock()
	socket := c.socket
	if socket != nil {
		c.stats = statsOf(socket)
	}
	c.socket = nil
	c.life.Unlock()
	if socket == nil {
		return false
	}
	if c.owner == nil {
		theHub.release(socket)
	} else {
		// The reconnector frees it. Its close event is for that alone.
		C.wskt_socket_abort(socket)
		theHub.forget(socket)
	}
	return true
}

// URL is the address as the URL standard writes it.
func (c *Conn) URL() string { return c.url }

// Protocol is the subprotocol the server picked, or empty.
func (c *Conn) Protocol() string { return c.protocol }

// Response is the server's answer to the upgrade.
func (c *Conn) Response() Response { return c.response }

// State is where the connection is in its life.
func (c *Conn) State() State {
	c.life.RLock()
	defer c.life.RUnlock()
	return State(C.wskt_socket_ready_state(c.socket))
}

// BufferedAmount counts bytes that were accepted and have not left.
func (c *Conn) BufferedAmount() int {
	c.life.RLock()
	defer c.life.RUnlock()
	return int(C.wskt_socket_buffered_amount(c.socket))
}

// Stats counts until the end of the connection, and stays what it was then.
func (c *Conn) Stats() Stats {
	c.life.RLock()
	defer c.life.RUnlock()
	if c.socket == nil {
		return c.stats
	}
	return statsOf(c.socket)
}

// take copies an event, on the goroutine that pulls.
func (c *Conn) take(event *C.wskt_event) {
	switch event._type {
	case C.WSKT_EVENT_OPEN:
		c.protocol = C.GoString(C.wskt_socket_protocol(event.target, nil))
		c.response = responseOf(event.target)
		close(c.opened)
		if c.owner != nil {
			c.owner.opened(c)
		}
	case C.WSKT_EVENT_MESSAGE:
		raw := (*C.wskt_message_event)(unsafe.Pointer(event))
		c.push(event.target, Chunk{Kind(raw.kind), bytesAt(raw.data, raw.len), true, true})
	case C.WSKT_EVENT_MESSAGE_CHUNK:
		raw := (*C.wskt_message_chunk_event)(unsafe.Pointer(event))
		c.push(event.target, Chunk{Kind(raw.kind), bytesAt(raw.data, raw.len), bool(raw.first), bool(raw.last)})
	case C.WSKT_EVENT_ATTEMPT:
		raw := (*C.wskt_attempt_event)(unsafe.Pointer(event))
		c.owner.attempt(c, int(raw.number), time.Duration(float64(raw.delay_ms)*float64(time.Millisecond)))
	case C.WSKT_EVENT_UNSENT:
		raw := (*C.wskt_unsent_event)(unsafe.Pointer(event))
		c.owner.unsent(c, Kind(raw.kind), bytesAt(raw.data, raw.len))
	case C.WSKT_EVENT_PING, C.WSKT_EVENT_PONG:
		tell := c.onPing
		if event._type == C.WSKT_EVENT_PONG {
			tell = c.onPong
		}
		if tell != nil {
			raw := (*C.wskt_ping_event)(unsafe.Pointer(event)) // a wskt_pong_event is the same
			tell(bytesAt(raw.data, raw.len))
		}
	case C.WSKT_EVENT_DRAIN:
		c.mu.Lock()
		close(c.drained)
		c.drained = make(chan struct{})
		c.mu.Unlock()
	case C.WSKT_EVENT_CLOSE:
		raw := (*C.wskt_close_event)(unsafe.Pointer(event))
		end := &CloseEvent{
			WasClean: bool(raw.was_clean),
			Code:     int(raw.code),
			Reason:   text(raw.reason, raw.reason_len),
			PeerCode: int(raw.peer_code),
			Cause:    C.GoString(C.wskt_cause_name(C.int32_t(raw.cause))),
			Message:  text(raw.message, raw.message_len),
		}
		response := responseOf(event.target)
		if c.drop() {
			if c.response.Status == 0 {
				c.response = response
			}
			c.end = end
			close(c.closed)
		}
	}
}

func (c *Conn) push(socket *C.wskt_socket, next Chunk) {
	c.mu.Lock()
	c.messages = append(c.messages, next)
	if !c.paused && len(c.messages) >= queueLength {
		c.paused = true
		C.wskt_socket_pause(socket)
	}
	c.mu.Unlock()
	c.signal()
}
