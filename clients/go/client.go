// Package rerankd calls a rerankd server.
package rerankd

import (
	"context"
	"math"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"rerankd.internal/rerankd/rerankpb"
)

// Client calls a server, or in turn those of all addresses that the target stands for. A connection
// is made when it is first needed, and again whenever it was lost. It is safe for concurrent use. A
// call ends with its context, or with the deadline of [Options] where the context has none; the
// server drops the work of a call that was given up. Errors are gRPC statuses: [status.Code] and
// [Details] read them.
type Client struct {
	connection *grpc.ClientConn
	service    rerankpb.RerankServiceClient
	health     healthpb.HealthClient
}

// NewClient does not connect yet; it fails when the target is no gRPC name.
func NewClient(options Options) (*Client, error) {
	options = options.withDefaults()
	transport := insecure.NewCredentials()
	if options.TLS != nil {
		transport = credentials.NewTLS(options.TLS)
	}
	common := metadata.New(options.Metadata)
	if options.APIKey != "" {
		common.Set("authorization", "Bearer "+options.APIKey)
	}
	backoff := grpc.ConnectParams{MinConnectTimeout: 5 * time.Second}
	// A server that is there again is found before a call has used up its attempts, whose pauses are
	// 750 ms or more together.
	backoff.Backoff.BaseDelay = 100 * time.Millisecond
	backoff.Backoff.Multiplier = 1.6
	backoff.Backoff.Jitter = 0.2
	backoff.Backoff.MaxDelay = 500 * time.Millisecond
	connection, err := grpc.NewClient(options.Target,
		grpc.WithTransportCredentials(transport),
		grpc.WithConnectParams(backoff),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		// Retries are this package's: those of a service configuration would multiply them.
		grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallSendMsgSize(options.MaxMessageBytes),
			grpc.MaxCallRecvMsgSize(math.MaxInt32)),
		grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
				invoke grpc.UnaryInvoker, callOptions ...grpc.CallOption) error {
				own, _ := metadata.FromOutgoingContext(ctx)
				ctx = metadata.NewOutgoingContext(ctx, metadata.Join(common, own))
				return invoke(ctx, method, request, reply, conn, callOptions...)
			},
			options.intercept))
	if err != nil {
		return nil, err
	}
	return &Client{connection, rerankpb.NewRerankServiceClient(connection),
		healthpb.NewHealthClient(connection)}, nil
}

// Close ends the connection, and the calls that are under way.
func (c *Client) Close() error { return c.connection.Close() }

// Service is the generated client over the same connection, deadline and retries.
func (c *Client) Service() rerankpb.RerankServiceClient { return c.service }

// Rerank orders the request's documents by how well they answer its query, best first.
func (c *Client) Rerank(ctx context.Context, request *rerankpb.RerankRequest) (*rerankpb.RerankResponse, error) {
	return c.service.Rerank(ctx, request)
}

// ListModels gives the models that are served, the default one first.
func (c *Client) ListModels(ctx context.Context) ([]*rerankpb.Model, error) {
	response, err := c.service.ListModels(ctx, &rerankpb.ListModelsRequest{})
	return response.GetModels(), err
}

// IsServing says whether the server (empty part) or a model takes calls now. NotFound: the server has
// no such part.
func (c *Client) IsServing(ctx context.Context, part string) (bool, error) {
	response, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{Service: part})
	return response.GetStatus() == healthpb.HealthCheckResponse_SERVING, err
}

// ErrorDetails is what a failed call says beyond its code and message; empty where the server said
// nothing.
type ErrorDetails struct {
	Reason     string            // stable, for programs: "UNKNOWN_MODEL"
	Violations map[string]string // field, for example "documents[3]", to what is wrong with it
	RetryAfter time.Duration     // 0: the server named none
}

// Details of an error that a call returned.
func Details(err error) ErrorDetails {
	failure := status.Convert(err)
	out := ErrorDetails{}
	if failure.Code() == codes.OK {
		return out
	}
	out.RetryAfter, _ = retryDelay(failure)
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			out.Reason = detail.GetReason()
		case *errdetails.BadRequest:
			out.Violations = map[string]string{}
			for _, violation := range detail.GetFieldViolations() {
				out.Violations[violation.GetField()] = violation.GetDescription()
			}
		}
	}
	return out
}
