package rerankd

import (
	"crypto/tls"
	"time"
)

// Options of a [Client]. The zero value is a client of a server on this machine.
type Options struct {
	// Target is "host:port", "unix:/path" or any gRPC name; empty: 127.0.0.1:50051.
	Target string
	// Deadline of a call whose context has none, its retries included; 0: 30 seconds, below 0: none.
	Deadline time.Duration
	// Retry says when a call is sent again.
	Retry RetryOptions
	// MaxMessageBytes is the largest request that is sent; a larger one fails with ResourceExhausted.
	// 0: 64 MiB, the server's own default. Answers have no limit: they are about as large as their
	// requests at most.
	MaxMessageBytes int
	// TLS encrypts with this configuration; nil: plain text.
	TLS *tls.Config
	// APIKey goes to a proxy before the server, as "authorization: Bearer KEY".
	APIKey string
	// Metadata of every call, by lower-case name.
	Metadata map[string]string
}

// RetryOptions say when a call is sent again: after Unavailable, after Canceled by the server, and after
// ResourceExhausted where it says when to come back (RetryInfo). The pause is what the server asks for and, on top of
// that, a random part of a backoff that doubles from one attempt to the next. A pause that would
// outlast the deadline is not begun: the caller gets the error at once.
type RetryOptions struct {
	// MaxAttempts of a call; 0: 5, and 1: it is never sent again.
	MaxAttempts int
	// InitialBackoff is the longest one before the second attempt; 0: 100 ms.
	InitialBackoff time.Duration
	// MaxBackoff is what it grows to; 0: 2 s.
	MaxBackoff time.Duration
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

func (o Options) withDefaults() Options {
	o.Target = orDefault(o.Target, "127.0.0.1:50051")
	o.Deadline = orDefault(o.Deadline, 30*time.Second)
	o.MaxMessageBytes = orDefault(o.MaxMessageBytes, 64<<20)
	o.Retry.MaxAttempts = orDefault(o.Retry.MaxAttempts, 5)
	o.Retry.InitialBackoff = orDefault(o.Retry.InitialBackoff, 100*time.Millisecond)
	o.Retry.MaxBackoff = orDefault(o.Retry.MaxBackoff, 2*time.Second)
	return o
}
