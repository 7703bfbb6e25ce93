package wskt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var ids struct {
	sync.Mutex
	next int
}

func address(port, path string) string {
	scheme := "ws"
	if strings.HasPrefix(port, "wss") {
		scheme = "wss"
	}
	return fmt.Sprintf("%s://localhost:%s%s", scheme, os.Getenv("WSKT_PORT_"+strings.ToUpper(port)), path)
}

// script is the URL that makes the server run a script.
func script(text string) string {
	ids.Lock()
	defer ids.Unlock()
	ids.next++
	return address("ws", fmt.Sprintf("/s/%s?id=go%d", url.PathEscape(text), ids.next))
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func trusting() *Config { return &Config{CAFile: os.Getenv("WSKT_CA")} }

func dial(t *testing.T, url string, config *Config) *Conn {
	t.Helper()
	conn, err := Dial(limit(t), url, config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// nothingLeft waits until the loop has gone with the last connection.
func nothingLeft(t *testing.T) {
	t.Cleanup(func() {
		for end := time.Now().Add(30 * time.Second); handles() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d handles are left", handles())
			}
		}
	})
}

func isEnd(t *testing.T, end *CloseEvent, code int, reason string, clean bool, cause string) {
	t.Helper()
	if end == nil || end.Code != code || end.Reason != reason || end.WasClean != clean || end.Cause != cause {
		t.Errorf("got %+v, not %d %q %v %s", end, code, reason, clean, cause)
	} else if !clean && end.Message == "" {
		t.Error("no message")
	}
}

func TestEcho(t *testing.T) {
	nothingLeft(t)
	for _, port := range []string{"ws", "wss"} {
		ctx, conn := limit(t), dial(t, address(port, "/echo"), trusting())
		if conn.URL() != address(port, "/echo") || conn.State() != Open {
			t.Errorf("%s %d", conn.URL(), conn.State())
		}
		for _, text := range []string{"Grüße, 世界", "", "a\x00b", strings.Repeat("x", 80000)} {
			for _, kind := range []Kind{Text, Binary} {
				var err error
				if kind == Text {
					err = conn.SendText(ctx, text)
				} else {
					err = conn.SendBinary(ctx, append([]byte(text), 255))
				}
				if err != nil {
					t.Fatal(err)
				}
				got, data, err := conn.Read(ctx)
				if err != nil || got != kind || !strings.HasPrefix(string(data), text) ||
					kind == Binary && data[len(data)-1] != 255 {
					t.Fatalf("%v %d %q", err, got, data)
				}
			}
		}
		if err := conn.Ping([]byte("there?")); err != nil {
			t.Error(err)
		}
		if err := conn.Close(3999, "tschüß"); err != nil {
			t.Error(err)
		}
		end, err := conn.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		isEnd(t, end, 3999, "tschüß", true, "local")
		if conn.State() != Closed || conn.BufferedAmount() != 0 {
			t.Errorf("%d %d", conn.State(), conn.BufferedAmount())
		}
		if err := conn.SendText(ctx, "too late"); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	nothingLeft(t)
	ctx, conn := limit(t), dial(t, address("ws", "/echo"), nil)
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 50; n++ {
				if err := conn.SendText(ctx, "x"); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for n := 0; n < 8*50; n++ {
		if _, data, err := conn.Read(ctx); err != nil || string(data) != "x" {
			t.Fatal(data, err)
		}
	}
	group.Wait()
	conn.Release()
}

func TestEndings(t *testing.T) {
	nothingLeft(t)
	for _, row := range []struct {
		script, messages string
		code             int
		reason           string
		clean            bool
		cause            string
	}{
		{"text a;bin 62;close 4001 auf Wiedersehen;half-close", "ab", 4001, "auf Wiedersehen", true, "peer"},
		{"close;half-close", "", NoStatus, "", true, "peer"},
		{"text a;rst", "a", 1006, "", false, "lost"},
		{"frame rsv=7 payload=text:a;expect-close;half-close", "", 1006, "", false, "protocol"},
	} {
		conn, got := dial(t, script(row.script), nil), ""
		for {
			_, data, err := conn.Read(limit(t))
			var end *CloseEvent
			if errors.As(err, &end) {
				isEnd(t, end, row.code, row.reason, row.clean, row.cause)
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got += string(data)
		}
		if got != row.messages {
			t.Errorf("%s: %q", row.script, got)
		}
	}
}

func TestNoConnection(t *testing.T) {
	nothingLeft(t)
	for _, row := range []struct {
		url    string
		config *Config
		code   int
		cause  string
	}{
		{address("refused", "/"), nil, 1006, "connect"},
		{address("wss_untrusted", "/"), nil, 1015, "tls"},
		{address("blackhole", "/"), &Config{OpenTimeout: 50 * time.Millisecond}, 1006, "timeout"},
		{script("http 403 Forbidden body=nobody header=X-Why:so"), nil, 1006, "http"},
	} {
		_, err := Dial(limit(t), row.url, row.config)
		var failed *DialError
		if !errors.As(err, &failed) {
			t.Fatalf("%s: %v", row.url, err)
		}
		isEnd(t, failed.Close, row.code, "", false, row.cause)
		if !strings.Contains(err.Error(), failed.Close.Message) {
			t.Error(err)
		}
		if row.cause == "http" {
			response := failed.Response
			if response.Status != 403 || string(response.Body) != "nobody" || response.Header["X-Why"][0] != "so" {
				t.Errorf("%+v", response)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, address("blackhole", "/"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestSubprotocolAndContext(t *testing.T) {
	nothingLeft(t)
	config := &Config{
		DeflateLevel: 9, DeflateMinSize: -1, DeflateMaxWindowBits: [2]int{9, 0},
		DeflateNoContextTakeover: [2]bool{true, false}, Protocols: []string{"a", "b"}, Header: map[string][]string{"X-A": {"1", "2"}},
	}
	conn := dial(t, script("accept protocol=b;echo-until-close"), config)
	if conn.Protocol() != "b" || conn.Response().Status != 101 {
		t.Errorf("%q %+v", conn.Protocol(), conn.Response())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, _, err := conn.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	conn.Abort()
	end, err := conn.Wait(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	isEnd(t, end, 1006, "", false, "abort")
}

func TestBackpressure(t *testing.T) {
	nothingLeft(t)
	// Whoever does not read makes the peer wait.
	conn := dial(t, address("ws", "/flood?n=2000&size=1000&kind=binary"), nil)
	for paused := false; !paused; time.Sleep(time.Millisecond) {
		conn.mu.Lock()
		paused = conn.paused
		if len(conn.messages) > 2*queueLength {
			t.Errorf("%d messages wait", len(conn.messages))
		}
		conn.mu.Unlock()
	}
	for n := 0; n < 2000; n++ {
		if _, data, err := conn.Read(limit(t)); err != nil || len(data) != 1000 {
			t.Fatal(n, len(data), err)
		}
	}
	// A peer that does not read makes the sender wait.
	conn = dial(t, script("stop-reading;wait go-reads;resume-reading;drain"), &Config{LowWater: 1, HighWater: 2})
	data := bytes.Repeat([]byte("x"), 1<<20)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		err := conn.SendBinary(ctx, data)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	signal(t, "go-reads")
	if err := conn.SendBinary(limit(t), data); err != nil {
		t.Error(err)
	}
	conn.Release()
}

func TestBadInput(t *testing.T) {
	nothingLeft(t)
	for _, row := range []struct {
		url    string
		config *Config
		result int
		detail string
	}{
		{"ws:// x", nil, -4, ""},
		{"ftp://x", nil, -5, ""},
		{"ws://x/#y", nil, -6, ""},
		{"ws://x\x00y", nil, -4, "NUL"},
		{"ws://\xff", nil, -11, ""},
		{"ws://x", &Config{Protocols: []string{"a b"}}, -7, ""},
		{"ws://x", &Config{Protocols: []string{"a\x00"}}, -7, "NUL"},
		{"ws://x", &Config{Protocols: []string{"a", "a"}}, -8, ""},
		{"ws://x", &Config{OpenTimeout: -time.Second}, -2, "open_timeout: -1000 ms"},
		{"ws://x", &Config{SendTimeout: -time.Second}, -2, "send_timeout"},
		{"ws://x", &Config{ReadBuffer: 4095}, -2, "read_buffer: 4095 is not in"},
		{"ws://x", &Config{LowWater: 2, HighWater: 1}, -2, "water_marks"},
		{"ws://x", &Config{DeflateLevel: 10}, -2, "deflate_level"},
		{"ws://x", &Config{DeflateMaxWindowBits: [2]int{8, 0}}, -2, "deflate_max_window_bits"},
		{"ws://x", &Config{Header: map[string][]string{"a b": {"c"}}}, -9, "header"},
		{"ws://x", &Config{Header: map[string][]string{"Host": {"c"}}}, -10, "header"},
		{"ws://x", &Config{CAFile: "/nowhere"}, -25, "ca_file"},
		{"ws://x", &Config{CAPEM: []byte("nothing")}, -14, "ca_pem"},
	} {
		_, err := Dial(limit(t), row.url, row.config)
		var refused *Error
		if !errors.As(err, &refused) || refused.Result != row.result || !strings.Contains(refused.Detail, row.detail) {
			t.Errorf("%s %+v: %v", row.url, row.config, err)
		} else if refused.Text != resultText(row.result) || !strings.HasPrefix(err.Error(), "wskt: "+refused.Text) {
			t.Error(err)
		}
	}
	conn := dial(t, address("ws", "/echo"), &Config{SendTimeout: NoSendTimeout, NoDeflate: true})
	for _, code := range []int{0, 999, 1001, 5000, 66536, -1} {
		if err := conn.Close(code, ""); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("%d: %v", code, err)
		}
	}
	for _, row := range []struct{ got, expected error }{
		{conn.Close(1000, strings.Repeat("x", 124)), ErrSyntax},
		{conn.Close(1000, "\xff"), ErrInvalidUTF8},
		{conn.Close(NoStatus, "x"), ErrInvalidArgument},
		{conn.SendText(limit(t), "\xff"), ErrInvalidUTF8},
		{conn.Ping(make([]byte, 126)), ErrTooLarge},
	} {
		if !errors.Is(row.got, row.expected) {
			t.Errorf("%v, not %v", row.got, row.expected)
		}
	}
	conn.Release()
	conn.Release()
	for _, dead := range []*Conn{conn, {}} {
		for _, err := range []error{
			dead.SendText(limit(t), "x"), dead.SendBinary(limit(t), nil), dead.Ping(nil), dead.Close(1000, ""), dead.Abort(),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
		if dead.State() != Closed || dead.BufferedAmount() != 0 {
			t.Error(dead.State())
		}
		dead.Release()
	}
	if _, _, err := conn.Read(limit(t)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
