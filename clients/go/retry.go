package rerankd

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// pause before the next attempt; false when there is none. attempts were made, and the last one ended
// with failure. chance is between 0 and 1, anew for each call, so that clients that were refused
// together do not come back together.
func (o RetryOptions) pause(attempts int, failure *status.Status, chance float64) (time.Duration, bool) {
	asked, serverSaidWhen := retryDelay(failure)
	// Canceled, when not by the caller, who does not wait for a pause: gRPC of a server that begins to stop
	// says so. Without a word on when to come back: a request that is too large, a balance that is used up.
	mayPass := failure.Code() == codes.Unavailable || failure.Code() == codes.Canceled ||
		failure.Code() == codes.ResourceExhausted && serverSaidWhen
	if !mayPass || attempts >= o.MaxAttempts {
		return 0, false
	}
	longest := min(math.Ldexp(float64(o.InitialBackoff), attempts-1), float64(o.MaxBackoff))
	return asked + time.Duration(longest*(1+chance)/2), true
}

func retryDelay(failure *status.Status) (time.Duration, bool) {
	for _, detail := range failure.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

// intercept gives a call its deadline and sends it again as the options say. What holds for every call
// is in one place this way, also for those made through [Client.Service].
func (o Options) intercept(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if _, has := ctx.Deadline(); !has && o.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Deadline)
		defer cancel()
	}
	for attempts := 1; ; attempts++ {
		err := invoke(ctx, method, request, reply, conn, options...)
		if err == nil {
			return nil
		}
		pause, again := o.Retry.pause(attempts, status.Convert(err), rand.Float64())
		if !again || conn.GetState() == connectivity.Shutdown {
			return err
		}
		if deadline, has := ctx.Deadline(); has && !time.Now().Add(pause).Before(deadline) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return status.FromContextError(ctx.Err()).Err()
		case <-timer.C:
		}
	}
}
