package wskt

// #include <wskt.h>
import "C"

import (
	"sync"
	"unsafe"
)

// hub drives all connections of the process: one loop, one goroutine that pulls
// its events, both there while a connection is.
type hub struct {
	mu    sync.Mutex
	loop  *C.wskt_loop
	conns map[*C.wskt_socket]*Conn
	// Sockets whose turn to be freed has come. Only the goroutine frees them:
	// what it reads of an event is lent until their end.
	doomed []*C.wskt_socket
}

var theHub = hub{conns: map[*C.wskt_socket]*Conn{}}

// open makes a socket for conn and starts it.
func (h *hub) open(conn *Conn, url *C.char, config *C.wskt_config, protocols []*C.char) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := h.loop == nil
	if fresh {
		if err := check(C.wskt_loop_new(&h.loop), ""); err != nil {
			return err
		}
	}
	var socket *C.wskt_socket
	err := check(C.wskt_socket_new(h.loop, url, config, &socket), "")
	for _, protocol := range protocols {
		if err == nil {
			err = check(C.wskt_socket_add_protocol(socket, protocol), "")
		}
	}
	if err == nil {
		conn.socket = socket
		conn.url = C.GoString(C.wskt_socket_url(socket, nil))
		h.conns[socket] = conn
		err = check(C.wskt_socket_open(socket), "")
	}
	if err != nil {
		delete(h.conns, socket)
		C.wskt_socket_free(socket)
		if fresh {
			C.wskt_loop_free(h.loop)
			h.loop = nil
		}
		return err
	}
	if fresh {
		go h.run(h.loop)
	}
	return nil
}

// release lets go of a socket, whatever its state.
func (h *hub) release(socket *C.wskt_socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, socket)
	h.doomed = append(h.doomed, socket)
	C.wskt_loop_wake(h.loop)
}

// bury frees what was let go of; whether the loop is still needed.
func (h *hub) bury() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, socket := range h.doomed {
		C.wskt_socket_free(socket)
	}
	h.doomed = nil
	if len(h.conns) == 0 {
		C.wskt_loop_free(h.loop)
		h.loop = nil
	}
	return h.loop != nil
}

func (h *hub) run(loop *C.wskt_loop) {
	var event *C.wskt_event
	for h.bury() {
		switch result := C.wskt_loop_next_event(loop, -1, &event); result {
		case C.WSKT_OK:
			h.mu.Lock()
			conn := h.conns[event.target]
			h.mu.Unlock()
			if conn != nil {
				conn.take(event)
			}
		case C.WSKT_ERR_INTERRUPTED:
		default:
			// The system refuses to wait: nothing can be driven any more.
			panic(check(result, ""))
		}
	}
}

func text(pointer *C.char, length C.size_t) string {
	return string(bytesAt(unsafe.Pointer(pointer), length))
}

// bytesAt copies what the library lends.
func bytesAt(pointer unsafe.Pointer, length C.size_t) []byte {
	if pointer == nil {
		return nil
	}
	return append([]byte{}, unsafe.Slice((*byte)(pointer), int(length))...)
}
