package wskt

// #include <stdlib.h>
// #include <wskt.h>
import "C"

import (
	"crypto/tls"
	"math"
	"strings"
	"time"
	"unsafe"
)

// cText is a name for C, which would not see what is behind a NUL.
func cText(what, text string, refusal C.int32_t) (*C.char, error) {
	if strings.ContainsRune(text, 0) {
		return nil, resultError(refusal, what+" has a NUL in it")
	}
	return C.CString(text), nil
}

// make gives a wskt_config that the caller frees.
func (c *Config) make() (*C.wskt_config, error) {
	f := filler{}
	if err := check(C.wskt_config_new(&f.handle), ""); err != nil {
		return nil, err
	}
	f.request(c)
	f.tls(c)
	f.certificate(c)
	f.way(c)
	f.time(c)
	f.limits(c)
	f.deflate(c)
	if f.err != nil {
		C.wskt_config_free(f.handle)
		return nil, f.err
	}
	return f.handle, nil
}

// filler sets options until one is refused.
type filler struct {
	handle *C.wskt_config
	err    error
}

// set is called with the setter's result unless something was refused before.
func (f *filler) set(call func() C.wskt_result) {
	if f.err != nil {
		return
	}
	if result := call(); result != C.WSKT_OK {
		f.err = check(result, C.GoString(C.wskt_config_error_text(f.handle)))
	}
}

// texts are names for C that live as long as the call.
func (f *filler) texts(what string, refusal C.int32_t, call func([]*C.char) C.wskt_result, texts ...string) {
	all := make([]*C.char, len(texts))
	for i, text := range texts {
		var err error
		if all[i], err = cText(what, text, refusal); err != nil && f.err == nil {
			f.err = err
		}
		defer C.free(unsafe.Pointer(all[i]))
	}
	f.set(func() C.wskt_result { return call(all) })
}

// text sets what is not empty.
func (f *filler) text(what, text string, call func(*C.char) C.wskt_result) {
	if text != "" {
		f.texts(what, C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result { return call(all[0]) }, text)
	}
}

// flag sets what is true.
func (f *filler) flag(on bool, call func() C.wskt_result) {
	if on {
		f.set(call)
	}
}

// milliseconds for C: what is not 0 stays so, for 0 has a meaning of its own.
func milliseconds(t time.Duration) C.int64_t {
	if ms := t.Milliseconds(); ms != 0 || t == 0 {
		return C.int64_t(ms)
	}
	return C.int64_t(t / t.Abs())
}

// timeout sets what is not 0.
func (f *filler) timeout(t time.Duration, call func(C.int64_t) C.wskt_result) {
	if t != 0 {
		f.set(func() C.wskt_result { return call(milliseconds(t)) })
	}
}

func pem(data []byte) (*C.char, C.size_t) {
	return (*C.char)(pointerTo(data)), C.size_t(len(data))
}

func (f *filler) request(c *Config) {
	h := f.handle
	header := func(what, text string, call func(*C.char) C.wskt_result) {
		if text != "" {
			f.texts(what, C.WSKT_ERR_INVALID_HEADER, func(all []*C.char) C.wskt_result { return call(all[0]) }, text)
		}
	}
	for name, values := range c.Header {
		for _, value := range values {
			f.texts("a header", C.WSKT_ERR_INVALID_HEADER, func(all []*C.char) C.wskt_result {
				return C.wskt_config_add_header(h, all[0], all[1])
			}, name, value)
		}
	}
	header("Origin", c.Origin, func(s *C.char) C.wskt_result { return C.wskt_config_set_origin(h, s) })
	header("UserAgent", c.UserAgent, func(s *C.char) C.wskt_result { return C.wskt_config_set_user_agent(h, s) })
	header("Cookie", c.Cookie, func(s *C.char) C.wskt_result { return C.wskt_config_set_cookie(h, s) })
	if c.BasicAuth != nil {
		password, _ := c.BasicAuth.Password()
		f.texts("BasicAuth", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_set_basic_authorization(h, all[0], all[1])
		}, c.BasicAuth.Username(), password)
	}
	f.text("BearerToken", c.BearerToken, func(s *C.char) C.wskt_result {
		return C.wskt_config_set_bearer_authorization(h, s)
	})
	f.text("Host", c.Host, func(s *C.char) C.wskt_result { return C.wskt_config_set_host(h, s) })
	f.flag(c.AllowMissingProtocol, func() C.wskt_result { return C.wskt_config_set_allow_missing_protocol(h, true) })
	f.flag(c.BrowserMode, func() C.wskt_result { return C.wskt_config_set_browser_mode(h, true) })
	f.flag(c.OnPing != nil || c.OnPong != nil, func() C.wskt_result { return C.wskt_config_set_ping_events(h, true) })
}

// tlsVersion is 0 for none; what is not known here the library refuses.
func tlsVersion(version uint16) C.int32_t {
	switch version {
	case tls.VersionTLS12:
		return C.WSKT_TLS_1_2
	case tls.VersionTLS13:
		return C.WSKT_TLS_1_3
	}
	return -1
}

func (f *filler) tls(c *Config) {
	h := f.handle
	f.text("CAFile", c.CAFile, func(s *C.char) C.wskt_result { return C.wskt_config_add_ca_file(h, s) })
	f.flag(len(c.CAPEM) != 0, func() C.wskt_result {
		data, length := pem(c.CAPEM)
		return C.wskt_config_add_ca_pem(h, data, length)
	})
	f.flag(c.NoSystemRoots, func() C.wskt_result { return C.wskt_config_set_system_roots(h, false) })
	for _, pin := range c.PinnedPublicKeys {
		f.texts("PinnedPublicKeys", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_add_pinned_public_key(h, all[0])
		}, pin)
	}
	f.flag(c.MinTLSVersion != 0, func() C.wskt_result {
		return C.wskt_config_set_min_tls_version(h, tlsVersion(c.MinTLSVersion))
	})
	f.flag(c.MaxTLSVersion != 0, func() C.wskt_result {
		return C.wskt_config_set_max_tls_version(h, tlsVersion(c.MaxTLSVersion))
	})
	f.text("TLSServerName", c.TLSServerName, func(s *C.char) C.wskt_result {
		return C.wskt_config_set_tls_server_name(h, s)
	})
	f.flag(c.NoSNI, func() C.wskt_result { return C.wskt_config_set_tls_sni(h, false) })
	f.flag(c.NoALPN, func() C.wskt_result { return C.wskt_config_set_tls_alpn(h, false) })
	f.flag(c.DangerAnyCertificate, func() C.wskt_result { return C.wskt_config_set_danger_any_certificate(h, true) })
	f.flag(c.DangerAnyHostName, func() C.wskt_result { return C.wskt_config_set_danger_any_host_name(h, true) })
}

func (f *filler) certificate(c *Config) {
	h := f.handle
	if c.ClientCertificateFile != "" || c.ClientKeyFile != "" {
		f.texts("ClientCertificateFile", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_set_client_certificate_file(h, all[0], all[1])
		}, c.ClientCertificateFile, c.ClientKeyFile)
	}
	f.flag(len(c.ClientCertificatePEM)+len(c.ClientKeyPEM) != 0, func() C.wskt_result {
		certificate, certificateLength := pem(c.ClientCertificatePEM)
		key, keyLength := pem(c.ClientKeyPEM)
		return C.wskt_config_set_client_certificate_pem(h, certificate, certificateLength, key, keyLength)
	})
	if c.ClientPKCS12File != "" {
		f.texts("ClientPKCS12File", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_set_client_pkcs12_file(h, all[0], all[1])
		}, c.ClientPKCS12File, c.ClientPKCS12Password)
	}
	if len(c.ClientPKCS12) != 0 {
		f.texts("ClientPKCS12Password", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_set_client_pkcs12(h, pointerTo(c.ClientPKCS12), C.size_t(len(c.ClientPKCS12)), all[0])
		}, c.ClientPKCS12Password)
	}
}

func (f *filler) way(c *Config) {
	h := f.handle
	f.flag(c.ProxyFromEnvironment, func() C.wskt_result { return C.wskt_config_set_proxy_from_environment(h) })
	f.text("Proxy", c.Proxy, func(s *C.char) C.wskt_result { return C.wskt_config_set_proxy(h, s) })
	f.text("NoProxy", c.NoProxy, func(s *C.char) C.wskt_result { return C.wskt_config_set_no_proxy(h, s) })
	for from, to := range c.ConnectTo {
		f.texts("ConnectTo", C.WSKT_ERR_INVALID_ARGUMENT, func(all []*C.char) C.wskt_result {
			return C.wskt_config_add_connect_to(h, all[0], all[1])
		}, from, to)
	}
	f.text("LocalAddress", c.LocalAddress, func(s *C.char) C.wskt_result { return C.wskt_config_set_local_address(h, s) })
	f.text("Interface", c.Interface, func(s *C.char) C.wskt_result { return C.wskt_config_set_interface(h, s) })
	f.text("UnixSocket", c.UnixSocket, func(s *C.char) C.wskt_result { return C.wskt_config_set_unix_socket(h, s) })
	f.flag(c.KeepAlive != KeepAlive{}, func() C.wskt_result {
		idle, interval := milliseconds(c.KeepAlive.Idle), milliseconds(c.KeepAlive.Interval)
		return C.wskt_config_set_tcp_keepalive(h, idle, interval, C.uint32_t(c.KeepAlive.Count))
	})
}

func (f *filler) time(c *Config) {
	h := f.handle
	f.timeout(c.OpenTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_open_timeout(h, ms) })
	f.timeout(c.DNSTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_dns_timeout(h, ms) })
	f.timeout(c.ConnectTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_connect_timeout(h, ms) })
	f.timeout(c.ProxyTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_proxy_timeout(h, ms) })
	f.timeout(c.TLSTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_tls_timeout(h, ms) })
	f.timeout(c.UpgradeTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_upgrade_timeout(h, ms) })
	f.timeout(c.CloseTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_close_timeout(h, ms) })
	f.timeout(c.LingerTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_linger_timeout(h, ms) })
	f.timeout(c.IdleTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_idle_timeout(h, ms) })
	if c.SendTimeout == NoSendTimeout {
		f.set(func() C.wskt_result { return C.wskt_config_set_send_timeout(h, 0) })
	} else {
		f.timeout(c.SendTimeout, func(ms C.int64_t) C.wskt_result { return C.wskt_config_set_send_timeout(h, ms) })
	}
	f.flag(c.Heartbeat != Heartbeat{}, func() C.wskt_result {
		return C.wskt_config_set_heartbeat(h, milliseconds(c.Heartbeat.Interval), milliseconds(c.Heartbeat.Timeout))
	})
}

func (f *filler) limits(c *Config) {
	h := f.handle
	f.flag(c.MaxMessageSize != 0, func() C.wskt_result {
		return C.wskt_config_set_max_message_size(h, C.uint64_t(c.MaxMessageSize))
	})
	f.flag(c.MaxFragments != 0, func() C.wskt_result {
		return C.wskt_config_set_max_fragments(h, C.uint32_t(c.MaxFragments))
	})
	f.flag(c.ReadBuffer != 0, func() C.wskt_result {
		return C.wskt_config_set_read_buffer(h, C.size_t(c.ReadBuffer))
	})
	f.flag(c.LowWater != 0 || c.HighWater != 0, func() C.wskt_result {
		return C.wskt_config_set_water_marks(h, C.size_t(c.LowWater), C.size_t(c.HighWater))
	})
}

// int32Of is a number that does not fit as one that the library refuses.
func int32Of(number int) C.int32_t {
	if number < math.MinInt32 || number > math.MaxInt32 {
		return -1
	}
	return C.int32_t(number)
}

func (f *filler) deflate(c *Config) {
	h := f.handle
	f.flag(c.NoDeflate, func() C.wskt_result { return C.wskt_config_set_deflate(h, false) })
	f.flag(c.DeflateLevel != 0, func() C.wskt_result {
		return C.wskt_config_set_deflate_level(h, int32Of(c.DeflateLevel))
	})
	f.flag(c.DeflateMinSize != 0, func() C.wskt_result {
		size := C.size_t(0)
		if c.DeflateMinSize > 0 {
			size = C.size_t(c.DeflateMinSize)
		}
		return C.wskt_config_set_deflate_min_size(h, size)
	})
	if bits := c.DeflateMaxWindowBits; bits != [2]int{} {
		for side := range bits {
			if bits[side] == 0 {
				bits[side] = 15
			}
		}
		f.set(func() C.wskt_result {
			return C.wskt_config_set_deflate_max_window_bits(h, int32Of(bits[0]), int32Of(bits[1]))
		})
	}
	f.flag(c.DeflateNoContextTakeover != [2]bool{}, func() C.wskt_result {
		sides := c.DeflateNoContextTakeover
		return C.wskt_config_set_deflate_no_context_takeover(h, C.bool(sides[0]), C.bool(sides[1]))
	})
}
