package wskt

// #include <stdlib.h>
// #include <wskt.h>
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// NoSendTimeout turns Config.SendTimeout off.
const NoSendTimeout = time.Duration(-1)

// Config tells how to connect. The zero value has the defaults.
type Config struct {
	// Protocols are offered to the server, best first.
	Protocols []string
	// Header goes into the upgrade request; an http.Header fits.
	Header map[string][]string
	// Certificates in PEM to trust besides the system's.
	CAFile string
	CAPEM  []byte

	// All of opening; DNS and TCP; TLS; the upgrade.
	OpenTimeout, ConnectTimeout, TLSTimeout, UpgradeTimeout time.Duration
	// The peer's answer to our Close; its FIN after that; not one byte taken.
	CloseTimeout, LingerTimeout, SendTimeout time.Duration

	MaxMessageSize uint64
	MaxFragments   uint32
	// Of the send queue, in bytes; both or none.
	LowWater, HighWater uint

	// NoDeflate offers no compression of messages.
	NoDeflate bool
	// DeflateLevel is 1 to 9; 0 is the default.
	DeflateLevel int
	// DeflateMinSize is the size from which on a message is compressed; 0 is
	// the default, negative compresses all.
	DeflateMinSize int
	// For our messages and for the server's; 0 is the default.
	DeflateMaxWindowBits [2]int
	// For our messages and for the server's.
	DeflateNoContextTakeover [2]bool

	AllowMissingProtocol, BrowserMode bool
}

// cText is a name for C, which would not see what is behind a NUL.
func cText(what, text string, refusal C.int32_t) (*C.char, error) {
	if strings.ContainsRune(text, 0) {
		return nil, resultError(refusal, what+" has a NUL in it")
	}
	return C.CString(text), nil
}

// make gives a wskt_config that the caller frees.
func (c *Config) make() (*C.wskt_config, error) {
	var handle *C.wskt_config
	if err := check(C.wskt_config_new(&handle), ""); err != nil {
		return nil, err
	}
	if err := c.fill(handle); err != nil {
		C.wskt_config_free(handle)
		return nil, err
	}
	return handle, nil
}

func (c *Config) fill(handle *C.wskt_config) error {
	refused := func(result C.wskt_result) error {
		if result == C.WSKT_OK {
			return nil
		}
		return check(result, C.GoString(C.wskt_config_error_text(handle)))
	}
	times := []struct {
		time time.Duration
		set  func(C.int64_t) C.wskt_result
	}{
		{c.OpenTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_open_timeout(handle, ms) }},
		{c.ConnectTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_connect_timeout(handle, ms) }},
		{c.TLSTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_tls_timeout(handle, ms) }},
		{c.UpgradeTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_upgrade_timeout(handle, ms) }},
		{c.CloseTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_close_timeout(handle, ms) }},
		{c.LingerTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_linger_timeout(handle, ms) }},
		{c.SendTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_send_timeout(handle, ms) }},
	}
	for i, t := range times {
		ms := C.int64_t(t.time.Milliseconds())
		switch {
		case t.time == 0:
			continue
		case i == len(times)-1 && t.time == NoSendTimeout:
			ms = 0
		case ms == 0:
			ms = C.int64_t(t.time / t.time.Abs()) // what is above 0 stays above 0
		}
		if err := refused(t.set(ms)); err != nil {
			return err
		}
	}
	if c.MaxMessageSize != 0 {
		if err := refused(C.wskt_config_set_max_message_size(handle, C.uint64_t(c.MaxMessageSize))); err != nil {
			return err
		}
	}
	if c.MaxFragments != 0 {
		if err := refused(C.wskt_config_set_max_fragments(handle, C.uint32_t(c.MaxFragments))); err != nil {
			return err
		}
	}
	if c.LowWater != 0 || c.HighWater != 0 {
		if err := refused(C.wskt_config_set_water_marks(handle, C.size_t(c.LowWater), C.size_t(c.HighWater))); err != nil {
			return err
		}
	}
	if err := c.fillDeflate(handle, refused); err != nil {
		return err
	}
	for name, values := range c.Header {
		for _, value := range values {
			if err := addHeader(handle, name, value, refused); err != nil {
				return err
			}
		}
	}
	if c.CAFile != "" {
		path, err := cText("CAFile", c.CAFile, C.WSKT_ERR_INVALID_ARGUMENT)
		if err != nil {
			return err
		}
		defer C.free(unsafe.Pointer(path))
		if err := refused(C.wskt_config_add_ca_file(handle, path)); err != nil {
			return err
		}
	}
	if len(c.CAPEM) != 0 {
		pem := (*C.char)(unsafe.Pointer(&c.CAPEM[0]))
		if err := refused(C.wskt_config_add_ca_pem(handle, pem, C.size_t(len(c.CAPEM)))); err != nil {
			return err
		}
	}
	if err := refused(C.wskt_config_set_allow_missing_protocol(handle, C.bool(c.AllowMissingProtocol))); err != nil {
		return err
	}
	return refused(C.wskt_config_set_browser_mode(handle, C.bool(c.BrowserMode)))
}

func (c *Config) fillDeflate(handle *C.wskt_config, refused func(C.wskt_result) error) error {
	if c.NoDeflate {
		if err := refused(C.wskt_config_set_deflate(handle, false)); err != nil {
			return err
		}
	}
	if c.DeflateLevel != 0 {
		if err := refused(C.wskt_config_set_deflate_level(handle, C.int32_t(c.DeflateLevel))); err != nil {
			return err
		}
	}
	if c.DeflateMinSize != 0 {
		size := C.size_t(0)
		if c.DeflateMinSize > 0 {
			size = C.size_t(c.DeflateMinSize)
		}
		if err := refused(C.wskt_config_set_deflate_min_size(handle, size)); err != nil {
			return err
		}
	}
	if bits := c.DeflateMaxWindowBits; bits != [2]int{} {
		for side := range bits {
			if bits[side] == 0 {
				bits[side] = 15
			}
		}
		result := C.wskt_config_set_deflate_max_window_bits(handle, C.int32_t(bits[0]), C.int32_t(bits[1]))
		if err := refused(result); err != nil {
			return err
		}
	}
	sides := c.DeflateNoContextTakeover
	return refused(C.wskt_config_set_deflate_no_context_takeover(handle, C.bool(sides[0]), C.bool(sides[1])))
}

func addHeader(handle *C.wskt_config, name, value string, refused func(C.wskt_result) error) error {
	cName, err := cText("a header's name", name, C.WSKT_ERR_INVALID_HEADER)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cName))
	cValue, err := cText("a header's value", value, C.WSKT_ERR_INVALID_HEADER)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cValue))
	return refused(C.wskt_config_add_header(handle, cName, cValue))
}
