package wskt

import (
	"net/url"
	"time"
)

// NoSendTimeout turns Config.SendTimeout off.
const NoSendTimeout = time.Duration(-1)

// Config tells how to connect. The zero value has the defaults. The man page of
// wskt_config_set_NAME has all there is to say about a field.
type Config struct {
	// Protocols are offered to the server, best first.
	Protocols []string
	// Header goes into the upgrade request; an http.Header fits.
	Header map[string][]string
	// Origin, UserAgent and Cookie are headers of it as well.
	Origin, UserAgent, Cookie string
	// BasicAuth is a user and a password for the server, BearerToken a token.
	BasicAuth   *url.Userinfo
	BearerToken string
	// Host replaces the URL's in the Host header.
	Host                 string
	AllowMissingProtocol bool

	// Certificates in PEM to trust besides the system's, or instead of them.
	CAFile        string
	CAPEM         []byte
	NoSystemRoots bool
	// PinnedPublicKeys are "sha256//…"; the server has to have one of them.
	PinnedPublicKeys []string
	// MinTLSVersion and MaxTLSVersion are tls.VersionTLS12 or tls.VersionTLS13.
	MinTLSVersion, MaxTLSVersion uint16
	// TLSServerName replaces the URL's host in TLS.
	TLSServerName string
	// NoSNI and NoALPN leave the server's name and the protocol unsaid.
	NoSNI, NoALPN bool
	// For tests: whoever is on the way can read and change everything then.
	DangerAnyCertificate, DangerAnyHostName bool
	// Our own certificate and its key: PEM files, PEM, or PKCS #12.
	ClientCertificateFile, ClientKeyFile   string
	ClientCertificatePEM, ClientKeyPEM     []byte
	ClientPKCS12File, ClientPKCS12Password string
	ClientPKCS12                           []byte

	// Proxy is a URL; NoProxy has the servers to reach without it.
	Proxy, NoProxy string
	// ProxyFromEnvironment takes both from the environment first.
	ProxyFromEnvironment bool
	// ConnectTo has "host:port" to go to for the "host:port" of a URL.
	ConnectTo               map[string]string
	LocalAddress, Interface string
	// UnixSocket is a path.
	UnixSocket string
	KeepAlive  KeepAlive

	// All of opening, and its phases.
	OpenTimeout, DNSTimeout, ConnectTimeout, ProxyTimeout, TLSTimeout, UpgradeTimeout time.Duration
	// The peer's answer to our Close; its FIN after that.
	CloseTimeout, LingerTimeout time.Duration
	// The peer takes not one byte; it sends none.
	SendTimeout, IdleTimeout time.Duration
	Heartbeat                Heartbeat

	MaxMessageSize uint64
	MaxFragments   uint32
	// ReadBuffer is what one read takes from the kernel at most, in bytes.
	ReadBuffer uint
	// MessageChunks makes messages come in parts as they arrive, however large:
	// ReadChunk gives them.
	MessageChunks bool
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

	// OnPing and OnPong get the peer's pings and pongs, on the goroutine that
	// serves all connections: they must not wait.
	OnPing, OnPong func(data []byte)

	BrowserMode bool
}

// KeepAlive is TCP's: the silence before the first probe, the time between two,
// and how many stay without an answer. The zero value is off.
type KeepAlive struct {
	Idle, Interval time.Duration
	Count          uint32
}

// Heartbeat pings the peer, and ends the connection if nothing comes within the
// timeout. The zero value is off.
type Heartbeat struct {
	Interval, Timeout time.Duration
}
