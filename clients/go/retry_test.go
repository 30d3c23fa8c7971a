package rerankd

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func failure(t *testing.T, code codes.Code, asked time.Duration) *status.Status {
	t.Helper()
	plain := status.New(code, "failed")
	if asked == 0 {
		return plain
	}
	detailed, err := plain.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(asked)})
	if err != nil {
		t.Fatal(err)
	}
	return detailed
}

func TestPause(t *testing.T) {
	options := RetryOptions{MaxAttempts: 4, InitialBackoff: 100 * time.Millisecond, MaxBackoff: 250 * time.Millisecond}
	const never = -1 * time.Millisecond
	for _, c := range []struct {
		name     string
		attempts int
		code     codes.Code
		asked    time.Duration
		chance   float64
		want     time.Duration
	}{
		{"the first backoff", 1, codes.Unavailable, 0, 1, 100 * time.Millisecond},
		{"at least half of it", 1, codes.Unavailable, 0, 0, 50 * time.Millisecond},
		{"doubles", 2, codes.Unavailable, 0, 1, 200 * time.Millisecond},
		{"up to the longest", 3, codes.Unavailable, 0, 1, 250 * time.Millisecond},
		{"the last attempt", 4, codes.Unavailable, 0, 1, never},
		{"after what the server asks for", 1, codes.ResourceExhausted, 3 * time.Second, 1, 3100 * time.Millisecond},
		{"cancelled by the server", 1, codes.Canceled, 0, 1, 100 * time.Millisecond},
		{"no word on when to come back", 1, codes.ResourceExhausted, 0, 1, never},
		{"will not pass", 1, codes.InvalidArgument, time.Second, 1, never},
		{"out of time", 1, codes.DeadlineExceeded, time.Second, 1, never},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, again := options.pause(c.attempts, failure(t, c.code, c.asked), c.chance)
			if !again {
				got = never
			}
			if got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
