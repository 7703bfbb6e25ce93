package wskt

// #include <wskt.h>
import "C"

import (
	"context"
	"sync"
	"time"
)

// ReconnectConfig tells how to connect over and over.
type ReconnectConfig struct {
	Config
	// Before a try it waits for a random time of up to FirstDelay, twice as long
	// before each further one in a row, up to MaxDelay. 1 s and 60 s if they are 0.
	FirstDelay, MaxDelay time.Duration
	// MaxTries in a row; 10 if it is 0, any number if it is negative.
	MaxTries int

	// OnAttempt hears of each connection before it waits for its delay; OnUnsent
	// gets each message that one had accepted and could not send. Both are called
	// on the goroutine that serves all connections: they must not wait.
	OnAttempt func(conn *Conn, number int, delay time.Duration)
	OnUnsent  func(conn *Conn, kind Kind, data []byte)
}

// Reconnector makes a new connection for each try, as long as one makes sense.
type Reconnector struct {
	config ReconnectConfig
	key    C.uintptr_t
	// What a setter said, until the end of NewReconnector.
	refused error
	// Both are guarded by the hub.
	released bool
	current  *Conn

	// Held for reading by every call on the handle, for writing by its end.
	life   sync.RWMutex
	handle *C.wskt_reconnector

	mu      sync.Mutex
	ready   []*Conn
	err     error
	arrived chan struct{}
	over    chan struct{}
}

// NewReconnector starts to connect. Next gives the connections that open.
func NewReconnector(url string, config *ReconnectConfig) (*Reconnector, error) {
	r := &Reconnector{arrived: make(chan struct{}, 1), over: make(chan struct{})}
	if config != nil {
		r.config = *config
	}
	first, longest, tries := C.int64_t(1000), C.int64_t(60000), C.uint32_t(10)
	if r.config.FirstDelay != 0 {
		first = milliseconds(r.config.FirstDelay)
	}
	if r.config.MaxDelay != 0 {
		longest = milliseconds(r.config.MaxDelay)
	}
	switch {
	case r.config.MaxTries < 0:
		tries = 0
	case int64(r.config.MaxTries) > 1<<32-1:
		return nil, resultError(C.WSKT_ERR_INVALID_ARGUMENT, "MaxTries")
	case r.config.MaxTries > 0:
		tries = C.uint32_t(r.config.MaxTries)
	}
	err := theHub.begin(url, &r.config.Config, func(pattern *C.wskt_socket) error {
		return theHub.reconnect(r, pattern, first, longest, tries)
	})
	if err != nil {
		return nil, err
	}
	if r.refused != nil {
		r.Release()
		return nil, r.refused
	}
	return r, nil
}

// Next gives the next connection that opens. When no try will follow, its error
// is a *DialError if the last one did not open, else the *CloseEvent of the last.
func (r *Reconnector) Next(ctx context.Context) (*Conn, error) {
	for {
		if conn := r.pop(); conn != nil {
			return conn, nil
		}
		select {
		case <-r.arrived:
		case <-r.over:
			if conn := r.pop(); conn != nil {
				return conn, nil
			}
			return nil, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *Reconnector) pop() *Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		return nil
	}
	conn := r.ready[0]
	r.ready = r.ready[1:]
	if len(r.ready) > 0 {
		r.signal()
	}
	return conn
}

func (r *Reconnector) signal() {
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// Stop ends trying; a connection that is open stays as it is.
func (r *Reconnector) Stop() {
	r.life.RLock()
	defer r.life.RUnlock()
	if r.handle != nil {
		C.wskt_reconnector_stop(r.handle)
	}
}

// IsOver tells whether no try will follow.
func (r *Reconnector) IsOver() bool {
	r.life.RLock()
	defer r.life.RUnlock()
	return r.handle == nil || bool(C.wskt_reconnector_is_over(r.handle))
}

// Release lets go of it and its connection, without a closing handshake. It is not
// needed after the end.
func (r *Reconnector) Release() {
	r.finish(resultError(C.WSKT_ERR_CLOSED, "it was released"))
}

func (r *Reconnector) finish(err error) {
	theHub.mu.Lock()
	before, current := r.released, r.current
	r.released = true
	theHub.mu.Unlock()
	if before {
		return
	}
	if current != nil {
		current.Release()
	}
	r.life.Lock()
	handle := r.handle
	r.handle = nil
	r.life.Unlock()
	theHub.releaseReconnector(r.key, handle)
	r.err = err
	close(r.over)
}

// adopt makes the connection of a new socket, for the hub.
func (r *Reconnector) adopt() *Conn {
	r.current = newConn(&r.config.Config)
	r.current.owner = r
	return r.current
}

func (r *Reconnector) attempt(conn *Conn, number int, delay time.Duration) {
	if r.config.OnAttempt != nil {
		r.config.OnAttempt(conn, number, delay)
	}
}

func (r *Reconnector) unsent(conn *Conn, kind Kind, data []byte) {
	if r.config.OnUnsent != nil {
		r.config.OnUnsent(conn, kind, data)
	}
}

func (r *Reconnector) opened(conn *Conn) {
	r.mu.Lock()
	r.ready = append(r.ready, conn)
	r.mu.Unlock()
	r.signal()
}

// ended is called after the close event of its connection.
func (r *Reconnector) ended() {
	if !r.IsOver() {
		return
	}
	// Only the hub's goroutine, which this is, sets it.
	conn := r.current
	var err error = resultError(C.WSKT_ERR_CLOSED, "it was released")
	if conn.end != nil {
		err = conn.end
		select {
		case <-conn.opened:
		default:
			err = &DialError{Close: conn.end, Response: conn.response}
		}
	}
	r.finish(err)
}
