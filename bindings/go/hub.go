package wskt

// #include <stdint.h>
// #include <stdlib.h>
// #include <wskt.h>
//
// static wskt_result set_key(wskt_socket *socket, uintptr_t key)
// {
//     return wskt_socket_set_user_data(socket, (void *)key, NULL);
// }
//
// static uintptr_t key_of(const wskt_socket *socket)
// {
//     return (uintptr_t)wskt_socket_user_data(socket);
// }
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
	// By the number in their sockets' user data.
	reconnectors map[C.uintptr_t]*Reconnector
	keys         C.uintptr_t
	ended        []*C.wskt_reconnector
}

var theHub = hub{conns: map[*C.wskt_socket]*Conn{}, reconnectors: map[C.uintptr_t]*Reconnector{}}

// begin makes a socket and has it used, which is its last step: a socket that
// cannot be used is freed.
func (h *hub) begin(url string, config *Config, use func(*C.wskt_socket) error) error {
	address, err := cText("url", url, C.WSKT_ERR_INVALID_URL)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(address))
	var protocols []*C.char
	for _, name := range config.Protocols {
		protocol, err := cText("a subprotocol", name, C.WSKT_ERR_INVALID_PROTOCOL)
		if err != nil {
			return err
		}
		defer C.free(unsafe.Pointer(protocol))
		protocols = append(protocols, protocol)
	}
	settings, err := config.make()
	if err != nil {
		return err
	}
	defer C.wskt_config_free(settings)
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := h.loop == nil
	if fresh {
		if err := check(C.wskt_loop_new(&h.loop), ""); err != nil {
			return err
		}
	}
	var socket *C.wskt_socket
	err = check(C.wskt_socket_new(h.loop, address, settings, &socket), "")
	for _, protocol := range protocols {
		if err == nil {
			err = check(C.wskt_socket_add_protocol(socket, protocol), "")
		}
	}
	if err == nil {
		err = check(C.wskt_socket_set_message_chunks(socket, C.bool(config.MessageChunks)), "")
	}
	if err == nil {
		err = use(socket)
	}
	if err != nil {
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

// open starts conn with a socket, inside begin.
func (h *hub) open(conn *Conn, socket *C.wskt_socket) error {
	h.add(conn, socket)
	err := check(C.wskt_socket_open(socket), "")
	if err != nil {
		delete(h.conns, socket)
	}
	return err
}

func (h *hub) add(conn *Conn, socket *C.wskt_socket) {
	conn.socket = socket
	conn.url = C.GoString(C.wskt_socket_url(socket, nil))
	h.conns[socket] = conn
}

// reconnect starts r after the pattern of a socket, inside begin.
func (h *hub) reconnect(r *Reconnector, pattern *C.wskt_socket, first, longest C.int64_t, tries C.uint32_t) error {
	h.keys++
	r.key = h.keys
	if err := check(C.set_key(pattern, r.key), ""); err != nil {
		return err
	}
	// What is no pattern any more is not freed by begin, which frees the other.
	if err := check(C.wskt_reconnector_new(pattern, &r.handle), ""); err != nil {
		return err
	}
	h.reconnectors[r.key] = r
	err := check(C.wskt_reconnector_set_delays(r.handle, first, longest), "")
	if err == nil {
		err = check(C.wskt_reconnector_set_max_tries(r.handle, tries), "")
	}
	if err == nil {
		err = check(C.wskt_reconnector_start(r.handle), "")
	}
	r.refused = err
	return nil
}

// forget lets go of a socket that its reconnector frees.
func (h *hub) forget(socket *C.wskt_socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, socket)
	C.wskt_loop_wake(h.loop)
}

// releaseReconnector lets go of a reconnector, whose connection has been let go of.
func (h *hub) releaseReconnector(key C.uintptr_t, handle *C.wskt_reconnector) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reconnectors, key)
	h.ended = append(h.ended, handle)
	C.wskt_loop_wake(h.loop)
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
	for _, reconnector := range h.ended {
		C.wskt_reconnector_free(reconnector)
	}
	h.ended = nil
	if len(h.conns) == 0 && len(h.reconnectors) == 0 {
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
			conn, owner := h.whose(event)
			if conn != nil {
				conn.take(event)
			}
			if owner != nil && event._type == C.WSKT_EVENT_CLOSE {
				owner.ended()
			}
		case C.WSKT_ERR_INTERRUPTED:
		default:
			// The system refuses to wait: nothing can be driven any more.
			panic(check(result, ""))
		}
	}
}

// whose gives the connection of an event, which an attempt begins, and its
// reconnector.
func (h *hub) whose(event *C.wskt_event) (*Conn, *Reconnector) {
	h.mu.Lock()
	defer h.mu.Unlock()
	owner := h.reconnectors[C.key_of(event.target)]
	if owner != nil && !owner.released && event._type == C.WSKT_EVENT_ATTEMPT {
		h.add(owner.adopt(), event.target)
	}
	return h.conns[event.target], owner
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
