package wskt

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
)

// signal lets the script that waits for name go on.
func signal(t *testing.T, name string) {
	t.Helper()
	tcp, err := net.Dial("tcp", "127.0.0.1:"+os.Getenv("WSKT_PORT_WS"))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	fmt.Fprintf(tcp, "GET /signal/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", name)
	answer, err := io.ReadAll(tcp)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Fatal(err, string(answer))
	}
}
