package wskt

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every option does what it says: seen by the server, or in how it ends.

func at(name string) string { return filepath.Join(os.Getenv("WSKT_DIR"), name) }

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(at(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func host(port string) string { return "localhost:" + os.Getenv("WSKT_PORT_"+strings.ToUpper(port)) }

// seen is what the server saw on the connection of a script.
type seen struct {
	TLS     any
	Request struct {
		Target  string
		Headers [][2]string
	}
}

func report(t *testing.T, id string) (saw seen) {
	t.Helper()
	answer, err := http.Get("http://" + strings.Replace(host("ws"), "localhost", "127.0.0.1", 1) + "/report/" + id + "?wait=20")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&saw); err != nil {
		t.Fatal(err)
	}
	return saw
}

func echoes(t *testing.T, url string, config *Config) (saw seen) {
	t.Helper()
	ctx, conn := limit(t), dial(t, url, config)
	if err := conn.SendText(ctx, "there?"); err != nil {
		t.Fatal(err)
	}
	if _, data, err := conn.Read(ctx); err != nil || string(data) != "there?" {
		t.Fatal(err, data)
	}
	conn.Close(1000, "")
	if _, err := conn.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if _, id, ok := strings.Cut(url, "id="); ok {
		return report(t, id)
	}
	return saw
}

func fails(t *testing.T, cause, url string, config *Config) {
	t.Helper()
	var failed *DialError
	if _, err := Dial(limit(t), url, config); !errors.As(err, &failed) || failed.Close.Cause != cause {
		t.Errorf("%s: %v, not %s", url, err, cause)
	}
}

const echo = "accept;echo-until-close"

func TestOptionsOfTheRequest(t *testing.T) {
	nothingLeft(t)
	saw := echoes(t, script(echo), &Config{
		Header: map[string][]string{"X-A": {"1", "2"}}, Origin: "https://example.com", UserAgent: "me/1",
		Cookie: "a=b", Host: "other.example:1", BasicAuth: url.UserPassword("us", "er"), AllowMissingProtocol: true,
	})
	has := func(name, value string) {
		for _, pair := range saw.Request.Headers {
			if pair == [2]string{name, value} {
				return
			}
		}
		t.Errorf("%s: %s is not in %v", name, value, saw)
	}
	for _, pair := range [][2]string{
		{"X-A", "1"}, {"X-A", "2"}, {"Origin", "https://example.com"}, {"User-Agent", "me/1"}, {"Cookie", "a=b"},
		{"Host", "other.example:1"}, {"Authorization", "Basic dXM6ZXI="},
	} {
		has(pair[0], pair[1])
	}
	saw = echoes(t, script(echo), &Config{BearerToken: "t0ken"})
	has("Authorization", "Bearer t0ken")
}

func TestOptionsOfTLS(t *testing.T) {
	nothingLeft(t)
	wss := func(port string) string { return address(port, "/echo") }
	// The environment names the server's CA as the system's.
	echoes(t, wss("wss"), nil)
	fails(t, "tls", wss("wss"), &Config{NoSystemRoots: true})
	echoes(t, wss("wss"), &Config{NoSystemRoots: true, CAPEM: file(t, "ca.pem")})
	fails(t, "tls", wss("wss_untrusted"), nil)
	echoes(t, wss("wss_untrusted"), &Config{CAFile: at("other-ca.pem")})
	echoes(t, wss("wss_untrusted"), &Config{DangerAnyCertificate: true})
	fails(t, "tls", wss("wss_wrong_host"), nil)
	echoes(t, wss("wss_wrong_host"), &Config{DangerAnyHostName: true})
	echoes(t, wss("wss_wrong_host"), &Config{TLSServerName: "other.example"})
	pins := []string{strings.TrimSpace(string(file(t, "other-pin"))), strings.TrimSpace(string(file(t, "pin")))}
	echoes(t, wss("wss"), &Config{PinnedPublicKeys: pins})
	fails(t, "tls", wss("wss"), &Config{PinnedPublicKeys: pins[:1]})
	fails(t, "tls", wss("wss_tls12"), &Config{MinTLSVersion: tls.VersionTLS13})
	fails(t, "tls", wss("wss_tls13"), &Config{MaxTLSVersion: tls.VersionTLS12})
	secure := func(text string) string {
		return strings.Replace(script(text), "ws://"+host("ws"), "wss://"+host("wss"), 1)
	}
	offers := func(config *Config, name, protocol string) {
		t.Helper()
		saw := echoes(t, secure(echo), config).TLS.(map[string]any)
		if saw["server_name"] != name || saw["alpn"] != protocol {
			t.Error(saw)
		}
	}
	offers(nil, "localhost", "http/1.1")
	offers(&Config{NoSNI: true, NoALPN: true}, "", "")
	const password = "correct horse"
	fails(t, "tls", wss("wss_client_tls12"), nil)
	for _, config := range []*Config{
		{ClientCertificateFile: at("client.pem"), ClientKeyFile: at("client.key")},
		{ClientCertificatePEM: file(t, "client.pem"), ClientKeyPEM: file(t, "client.key")},
		{ClientPKCS12File: at("client.p12"), ClientPKCS12Password: password},
		{ClientPKCS12: file(t, "client.p12"), ClientPKCS12Password: password},
	} {
		echoes(t, wss("wss_client_tls13"), config)
	}
}

func TestOptionsOfTheWay(t *testing.T) {
	nothingLeft(t)
	ws := address("ws", "/echo")
	proxy, nowhere := "http://go-proxy:@"+host("ws"), "http://"+host("refused")
	echoes(t, ws, &Config{Proxy: proxy})
	if target := report(t, "go-proxy").Request.Target; target != host("ws") {
		t.Error(target)
	}
	fails(t, "connect", ws, &Config{Proxy: nowhere})
	echoes(t, ws, &Config{Proxy: nowhere, NoProxy: "localhost"})
	t.Setenv("all_proxy", nowhere)
	fails(t, "connect", ws, &Config{ProxyFromEnvironment: true})
	echoes(t, ws, nil)
	echoes(t, ws, &Config{ProxyFromEnvironment: true, Proxy: proxy})
	fails(t, "timeout", ws, &Config{Proxy: "http://" + host("blackhole"), ProxyTimeout: 50 * time.Millisecond})
	echoes(t, "ws://nowhere.invalid:81/echo", &Config{ConnectTo: map[string]string{"nowhere.invalid:81": host("ws")}})
	echoes(t, "ws://nowhere.invalid/echo", &Config{UnixSocket: at("ws.sock")})
	keep := KeepAlive{Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
	echoes(t, ws, &Config{LocalAddress: "127.0.0.1", Interface: "lo", KeepAlive: keep})
	fails(t, "connect", ws, &Config{LocalAddress: "192.0.2.1"})
	fails(t, "connect", ws, &Config{Interface: "nowhere0"})
}

func TestReadBuffer(t *testing.T) {
	nothingLeft(t)
	for _, size := range []uint{4096, 1 << 20} {
		ctx, conn := limit(t), dial(t, address("ws", "/echo"), &Config{ReadBuffer: size, NoDeflate: true})
		sent := strings.Repeat("x", 100000)
		for n := 0; n < 3; n++ {
			if err := conn.SendBinary(ctx, []byte(sent)); err != nil {
				t.Fatal(err)
			}
		}
		for n := 0; n < 3; n++ {
			if _, data, err := conn.Read(ctx); err != nil || string(data) != sent {
				t.Fatal(n, len(data), err)
			}
		}
		conn.Release()
	}
}

func TestOptionsOfTime(t *testing.T) {
	nothingLeft(t)
	ends := func(text string, config *Config, cause string) {
		t.Helper()
		end, err := dial(t, script(text), config).Wait(limit(t))
		if err != nil || end.Cause != cause {
			t.Error(end, err)
		}
	}
	ends("accept;drain", &Config{IdleTimeout: 50 * time.Millisecond}, "timeout")
	heartbeat := Heartbeat{Interval: 20 * time.Millisecond, Timeout: 30 * time.Second}
	ends("expect-ping;expect-ping;close;half-close", &Config{Heartbeat: heartbeat}, "peer")
	var pings []string
	note := func(kind string) func([]byte) {
		return func(data []byte) { pings = append(pings, kind+" "+string(data)) }
	}
	config := &Config{OnPing: note("ping"), OnPong: note("pong")}
	ends("ping hi;expect-pong hi;pong oh;close;half-close", config, "peer")
	if strings.Join(pings, ", ") != "ping hi, pong oh" {
		t.Error(pings)
	}
}

func TestOptionsRefused(t *testing.T) {
	second := -time.Second
	for what, config := range map[string]*Config{
		"origin": {Origin: "a\nb"}, "Cookie has a NUL": {Cookie: "a\x00b"},
		"basic_authorization": {BasicAuth: url.UserPassword("a:b", "c")}, "bearer_authorization": {BearerToken: "a b"},
		"host": {Host: "a b"}, "pinned_public_key": {PinnedPublicKeys: []string{"md5//"}},
		"min_tls_version": {MinTLSVersion: tls.VersionTLS11}, "max_tls_version": {MaxTLSVersion: 1},
		"tls_server_name": {TLSServerName: "a b"}, "client_certificate": {ClientCertificateFile: "/nowhere", ClientKeyFile: "/nowhere"},
		"PEM": {ClientCertificatePEM: []byte("nothing")}, "client_pkcs12": {ClientPKCS12: []byte("nothing")},
		"proxy": {Proxy: "ftp://x"}, "no_proxy": {NoProxy: "a/b"}, "connect_to": {ConnectTo: map[string]string{"a": "b"}},
		"local_address": {LocalAddress: "localhost"}, "interface": {Interface: strings.Repeat("x", 16)},
		"unix_socket": {UnixSocket: strings.Repeat("x", 200)}, "tcp_keepalive": {KeepAlive: KeepAlive{Count: 1}},
		"heartbeat": {Heartbeat: Heartbeat{Interval: time.Second}}, "deflate_level": {DeflateLevel: 1 << 32},
		"open_timeout: -1000": {OpenTimeout: second}, "dns_timeout: -1000": {DNSTimeout: second},
		"connect_timeout: -1000": {ConnectTimeout: second}, "proxy_timeout: -1000": {ProxyTimeout: second},
		"tls_timeout: -1000": {TLSTimeout: second}, "upgrade_timeout: -1000": {UpgradeTimeout: second},
		"close_timeout: -1000": {CloseTimeout: second}, "linger_timeout: -1000": {LingerTimeout: second},
		"idle_timeout: -1000": {IdleTimeout: second},
	} {
		_, err := Dial(context.Background(), "ws://x", config)
		var refused *Error
		if !errors.As(err, &refused) || refused.Text != resultText(refused.Result) || !strings.Contains(err.Error(), what) && what != "PEM" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The header, as the C compiler has it: tests/bindings/interface.rs.
func TestTheHeader(t *testing.T) {
	data, err := os.ReadFile(os.Getenv("WSKT_INTERFACE"))
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Functions map[string][]string
		Constants map[string]int
	}
	if err := json.Unmarshal(data, &header); err != nil || len(header.Functions) < 100 {
		t.Fatal(err)
	}
	source, err := os.ReadFile("fill.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range header.Functions {
		setter := strings.HasPrefix(name, "wskt_config_set_") || strings.HasPrefix(name, "wskt_config_add_")
		if setter && !strings.Contains(string(source), "C."+name+"(") {
			t.Error(name)
		}
	}
	results := 0
	for name, result := range header.Constants {
		if !strings.HasPrefix(name, "WSKT_ERR_") {
			continue
		}
		results++
		err := errorOf(result)
		if err.Name != name || err.Error() != "wskt: "+resultText(result) || !errors.Is(err, errorOf(result)) {
			t.Error(name, err)
		}
	}
	if results < 20 {
		t.Error(results)
	}
}

func TestStats(t *testing.T) {
	nothingLeft(t)
	ctx, conn := limit(t), dial(t, address("wss", "/echo"), &Config{NoDeflate: true})
	if conn.Stats().RoundTrip != 0 {
		t.Error(conn.Stats())
	}
	conn.Ping(nil)
	for _, data := range []string{strings.Repeat("x", 10), strings.Repeat("y", 1000)} {
		conn.SendText(ctx, data)
		if _, got, err := conn.Read(ctx); err != nil || string(got) != data {
			t.Fatal(err)
		}
	}
	got := conn.Stats()
	for _, phase := range []time.Duration{got.Connect, got.TLS, got.Upgrade, got.RoundTrip} {
		if phase <= 0 || phase > 30*time.Second {
			t.Error(got)
		}
	}
	got.DNS, got.Connect, got.TLS, got.Upgrade, got.RoundTrip = 0, 0, 0, 0, 0
	// Six and eight bytes of head; the server masks nothing. The ping is empty.
	if got != (Stats{1030, 1018, 3, 3, 2, 2, 1010, 1010, 1010, 1010, 0, 0, 0, 0, 0, 0}) {
		t.Error(got)
	}
	conn.Close(1000, "")
	conn.Wait(ctx)
	if last := conn.Stats(); last.FramesSent != 4 || last.FramesReceived != 4 {
		t.Error(last)
	}
	conn = dial(t, address("ws", "/echo"), &Config{Proxy: "http://" + host("ws")})
	if took := conn.Stats().Proxy; took <= 0 {
		t.Error(took)
	}
	conn.Release()
	if (&Conn{}).Stats() != (Stats{}) {
		t.Error("an empty connection has statistics")
	}
}
