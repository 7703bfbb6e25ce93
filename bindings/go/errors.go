package wskt

// #cgo pkg-config: wskt
// #include <stdlib.h>
// #include <wskt.h>
import "C"

// Error is a call that the library refused: a wskt_result.
type Error struct {
	// Result is the number, Name the name of the wskt_result.
	Result int
	Name   string
	// Text is wskt_result_text, Detail what is known besides, or empty.
	Text, Detail string
}

// What Error.Is compares with, by the result alone.
var (
	ErrInvalidArgument = resultError(C.WSKT_ERR_INVALID_ARGUMENT, "")
	ErrInvalidState    = resultError(C.WSKT_ERR_INVALID_STATE, "")
	ErrInvalidDelays   = resultError(C.WSKT_ERR_INVALID_DELAYS, "")
	ErrInvalidURL      = resultError(C.WSKT_ERR_INVALID_URL, "")
	ErrInvalidUTF8     = resultError(C.WSKT_ERR_INVALID_UTF8, "")
	ErrInvalidAccess   = resultError(C.WSKT_ERR_INVALID_ACCESS, "")
	ErrSyntax          = resultError(C.WSKT_ERR_SYNTAX, "")
	ErrTooLarge        = resultError(C.WSKT_ERR_TOO_LARGE, "")
	ErrClosed          = resultError(C.WSKT_ERR_CLOSED, "")
)

func resultError(result C.int32_t, detail string) *Error {
	return &Error{
		Result: int(result),
		Name:   C.GoString(C.wskt_result_name(result)),
		Text:   C.GoString(C.wskt_result_text(result)),
		Detail: detail,
	}
}

// check gives the error of a result, nil for WSKT_OK.
func check(result C.wskt_result, detail string) error {
	if result == C.WSKT_OK {
		return nil
	}
	return resultError(C.int32_t(result), detail)
}

func (e *Error) Error() string {
	if e.Detail != "" {
		return "wskt: " + e.Text + ": " + e.Detail
	}
	return "wskt: " + e.Text
}

// Is tells whether target is an Error of the same result.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Result == e.Result
}

// CloseEvent tells how a connection ended. Reading past the end gives it as an
// error.
type CloseEvent struct {
	// WasClean, Code and Reason are the browser's.
	WasClean bool
	Code     int
	Reason   string
	// PeerCode is the code the peer really sent, or 0.
	PeerCode int
	// Cause is a word such as "peer", "tls" or "timeout"; Message is one line
	// for a person.
	Cause, Message string
}

func (e *CloseEvent) Error() string {
	name := C.GoString(C.wskt_close_code_name(C.uint16_t(e.Code)))
	text := "wskt: closed with " + name
	if e.Reason != "" {
		text += " " + e.Reason
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// DialError is a connection that did not come about. It unwraps to the close
// event.
type DialError struct {
	Close *CloseEvent
	// Response is the server's answer if it refused the upgrade.
	Response Response
}

func (e *DialError) Error() string {
	failed := resultError(C.WSKT_ERR_CONNECT_FAILED, e.Close.Message)
	return failed.Error()
}

func (e *DialError) Unwrap() error { return e.Close }
