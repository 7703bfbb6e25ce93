package wskt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	many = "frame fin=0 text=Gr%C3%BC;ping x;frame opcode=cont text=%C3%9Fe;binn 400000;text;" +
		"close 1000;expect-close;half-close"
	goingAway = "text a;close 1001;expect-close;half-close"
)

func quick() *ReconnectConfig {
	return &ReconnectConfig{Config: *trusting(), FirstDelay: time.Millisecond, MaxTries: 2}
}

func reconnect(t *testing.T, url string, config *ReconnectConfig) *Reconnector {
	t.Helper()
	r, err := NewReconnector(url, config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChunks(t *testing.T) {
	nothingLeft(t)
	config := trusting()
	config.MessageChunks = true
	ctx, conn := limit(t), dial(t, script(many), config)
	if _, _, err := conn.Read(ctx); !errors.Is(err, ErrInvalidState) {
		t.Error(err)
	}
	var messages []string
	inside, chunks := false, 0
	for {
		chunk, err := conn.ReadChunk(ctx)
		if end, ok := err.(*CloseEvent); ok {
			isEnd(t, end, 1000, "", true, "peer")
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if chunk.First == inside || len(chunk.Data) > 128<<10 {
			t.Fatal(chunk.First, inside, len(chunk.Data))
		}
		if chunk.First {
			messages = append(messages, "")
		}
		if (chunk.Kind == Binary) != (len(messages) == 2) {
			t.Error(chunk.Kind, len(messages))
		}
		messages[len(messages)-1] += string(chunk.Data)
		inside = !chunk.Last
		chunks++
	}
	if len(messages) != 3 || messages[0] != "Grüße" || messages[2] != "" || chunks <= 5 {
		t.Fatal(len(messages), chunks)
	}
	for i := 0; i < 400000; i++ {
		if len(messages[1]) != 400000 || messages[1][i] != byte(i%251) {
			t.Fatal(i, len(messages[1]))
		}
	}
	whole := dial(t, address("ws", "/echo"), nil)
	whole.SendText(ctx, "whole")
	if chunk, err := whole.ReadChunk(ctx); err != nil || !chunk.First || !chunk.Last || string(chunk.Data) != "whole" {
		t.Error(chunk, err)
	}
	whole.Release()
}

func TestReconnectorEachConnection(t *testing.T) {
	nothingLeft(t)
	var log []string
	config := quick()
	config.OnAttempt = func(conn *Conn, number int, delay time.Duration) {
		if delay > 2*time.Millisecond || conn.State() != Connecting {
			t.Error(delay, conn.State())
		}
		log = append(log, fmt.Sprint(number))
	}
	ctx, r := limit(t), reconnect(t, script(goingAway), config)
	var conn *Conn
	opened := 0
	for {
		next, err := r.Next(ctx)
		if err != nil {
			if end, ok := err.(*CloseEvent); !ok || end.Code != 1001 {
				t.Error(err)
			}
			break
		}
		opened++
		conn = next
		if _, data, err := conn.Read(ctx); err != nil || string(data) != "a" {
			t.Error(string(data), err)
		}
		if end, err := conn.Wait(ctx); err != nil || end.Code != 1001 {
			t.Error(end, err)
		}
	}
	if opened != 3 || strings.Join(log, " ") != "1 2 3" || !r.IsOver() {
		t.Error(opened, log, r.IsOver())
	}
	if conn.State() != Closed || !errors.Is(conn.SendText(ctx, "too late"), ErrClosed) {
		t.Error(conn.State())
	}
	if _, err := r.Next(ctx); err == nil {
		t.Error("one more")
	}
	r.Stop()
	r.Release()
}

func TestReconnectorTheProgramEndsIt(t *testing.T) {
	nothingLeft(t)
	ctx, r := limit(t), reconnect(t, address("wss", "/echo"), quick())
	conn, err := r.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn.SendText(ctx, "hello")
	if _, data, err := conn.Read(ctx); err != nil || string(data) != "hello" {
		t.Error(string(data), err)
	}
	conn.Close(1000, "bye")
	end, err := conn.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	isEnd(t, end, 1000, "bye", true, "local")
	if _, err := r.Next(ctx); err != error(end) {
		t.Error(err)
	}
}

func TestReconnectorNoConnection(t *testing.T) {
	nothingLeft(t)
	ctx, r := limit(t), reconnect(t, address("refused", "/"), quick())
	var failed *DialError
	if _, err := r.Next(ctx); !errors.As(err, &failed) || failed.Close.Cause != "connect" {
		t.Error(err)
	}
	slow := reconnect(t, address("refused", "/"), &ReconnectConfig{FirstDelay: time.Minute})
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := slow.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	slow.Stop()
	if _, err := slow.Next(ctx); !errors.As(err, &failed) {
		t.Error(err)
	}
}

func TestReconnectorRelease(t *testing.T) {
	nothingLeft(t)
	ctx, r := limit(t), reconnect(t, address("ws", "/echo"), quick())
	conn, err := r.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			r.Release()
		}()
	}
	group.Wait()
	if _, _, err := conn.Read(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := r.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	// A connection that is let go of ends its reconnector.
	r = reconnect(t, address("ws", "/echo"), quick())
	if conn, err = r.Next(ctx); err != nil {
		t.Fatal(err)
	}
	conn.Release()
	if _, err := r.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	// In a handler, and while nothing is open.
	config := quick()
	inside := make(chan *Reconnector, 1)
	config.OnAttempt = func(_ *Conn, number int, _ time.Duration) {
		if number == 2 {
			(<-inside).Release()
		}
	}
	r = reconnect(t, address("refused", "/"), config)
	inside <- r
	if _, err := r.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestReconnectorUnsent(t *testing.T) {
	nothingLeft(t)
	config := quick()
	config.LowWater, config.HighWater = 1<<20, 1<<26
	var back []string
	config.OnUnsent = func(_ *Conn, kind Kind, data []byte) {
		if kind != Text {
			t.Error(kind)
		}
		back = append(back, string(data[:3]))
	}
	ctx, r := limit(t), reconnect(t, script("rcvbuf 65536;stop-reading"), config)
	conn, err := r.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 300; i++ {
		if err := conn.SendText(ctx, fmt.Sprintf("%03d", i)+strings.Repeat("x", 40000)); err != nil {
			t.Fatal(err)
		}
	}
	conn.Abort()
	if _, err := r.Next(ctx); err == nil {
		t.Error("one more")
	}
	if len(back) == 0 {
		t.Fatal("nothing came back")
	}
	for i, number := range back {
		if number != fmt.Sprintf("%03d", 300-len(back)+i) {
			t.Fatal(back)
		}
	}
}

func TestReconnectorBadValues(t *testing.T) {
	nothingLeft(t)
	for _, row := range []struct {
		url    string
		config ReconnectConfig
		want   error
	}{
		{"ws://x", ReconnectConfig{FirstDelay: -1}, ErrInvalidDelays},
		{"ws://x", ReconnectConfig{FirstDelay: time.Hour}, ErrInvalidDelays},
		{"ws://x", ReconnectConfig{MaxTries: 1 << 32}, ErrInvalidArgument},
		{"ws:// x", ReconnectConfig{}, ErrInvalidURL},
	} {
		if _, err := NewReconnector(row.url, &row.config); !errors.Is(err, row.want) {
			t.Error(row, err)
		}
	}
}
