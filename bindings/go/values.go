package wskt

// #include <wskt.h>
import "C"

import "time"

// Kind is text or binary.
type Kind int

// The kinds of a message.
const (
	Text   Kind = C.WSKT_MESSAGE_TEXT
	Binary Kind = C.WSKT_MESSAGE_BINARY
)

// State is where a connection is in its life.
type State int

// The browser's ready states.
const (
	Connecting State = C.WSKT_CONNECTING
	Open       State = C.WSKT_OPEN
	Closing    State = C.WSKT_CLOSING
	Closed     State = C.WSKT_CLOSED
)

// NoStatus is the close code for a Close frame without a code.
const NoStatus = C.WSKT_CLOSE_NO_STATUS

// Response is what the server answered to the upgrade.
type Response struct {
	// Status is 0 if no answer came.
	Status int
	// Header has the names as they came.
	Header map[string][]string
	// Body is that of a refusal.
	Body []byte
}

// Stats is what a connection has sent and received since it is open, and how
// long the phases of opening took; 0 is one that did not take place.
type Stats struct {
	// Frames with their headers.
	BytesSent, BytesReceived, FramesSent, FramesReceived uint64
	// Messages as the program has them, and their payload as it was compressed.
	MessagesSent, MessagesReceived, PayloadSent, PayloadReceived uint64
	WirePayloadSent, WirePayloadReceived                         uint64
	DNS, Connect, TLS, Upgrade, Proxy                            time.Duration
	// RoundTrip is that of the last ping that was answered.
	RoundTrip time.Duration
}

// Chunk is a part of a message, or all of it. Text is cut between characters.
type Chunk struct {
	Kind Kind
	Data []byte
	// First and Last tell where the message begins and ends.
	First, Last bool
}

func statsOf(socket *C.wskt_socket) Stats {
	raw := C.wskt_stats{struct_size: C.sizeof_wskt_stats}
	if C.wskt_socket_stats(socket, &raw) != C.WSKT_OK {
		return Stats{} // after a fork
	}
	us := func(n C.uint64_t) time.Duration { return time.Duration(n) * time.Microsecond }
	return Stats{
		BytesSent: uint64(raw.bytes_sent), BytesReceived: uint64(raw.bytes_received),
		FramesSent: uint64(raw.frames_sent), FramesReceived: uint64(raw.frames_received),
		MessagesSent: uint64(raw.messages_sent), MessagesReceived: uint64(raw.messages_received),
		PayloadSent: uint64(raw.payload_sent), PayloadReceived: uint64(raw.payload_received),
		WirePayloadSent: uint64(raw.wire_payload_sent), WirePayloadReceived: uint64(raw.wire_payload_received),
		DNS: us(raw.dns_us), Connect: us(raw.connect_us), TLS: us(raw.tls_us), Upgrade: us(raw.upgrade_us),
		Proxy: us(raw.proxy_us), RoundTrip: us(raw.round_trip_us),
	}
}

func responseOf(socket *C.wskt_socket) Response {
	response := Response{Status: int(C.wskt_socket_response_status(socket)), Header: map[string][]string{}}
	var name, value *C.char
	for i := C.size_t(0); i < C.wskt_socket_response_header_count(socket); i++ {
		if C.wskt_socket_response_header_at(socket, i, &name, &value) == C.WSKT_OK {
			key := C.GoString(name)
			response.Header[key] = append(response.Header[key], C.GoString(value))
		}
	}
	var length C.size_t
	body := C.wskt_socket_response_body(socket, &length)
	response.Body = bytesAt(body, length)
	return response
}
