package rerankd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"rerankd.internal/rerankd/rerankpb"
)

func dial(t *testing.T, options Options) *Client {
	t.Helper()
	client, err := NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// longWork takes the server minutes.
func longWork() *rerankpb.RerankRequest {
	return &rerankpb.RerankRequest{Query: "which one?", Documents: slices.Repeat([]string{strings.Repeat("word ", 300)}, 2000)}
}

var panda = &rerankpb.RerankRequest{Query: "what is a panda?", Documents: []string{"hi", "a bear of China"}, ReturnDocuments: true}

func TestRanks(t *testing.T) {
	client := dial(t, Options{Target: startServer(t).address})
	answer, err := client.Rerank(context.Background(), panda)
	if err != nil {
		t.Fatal(err)
	}
	if best := answer.GetResults()[0]; best.GetIndex() != 1 || best.GetDocument() != "a bear of China" {
		t.Errorf("the best is %v", best)
	}
	models, err := client.ListModels(context.Background())
	if err != nil || len(models) != 1 || models[0].GetState() != rerankpb.ModelState_MODEL_STATE_READY {
		t.Errorf("models %v, error %v", models, err)
	}
	if serving, err := client.IsServing(context.Background(), ""); !serving || err != nil {
		t.Errorf("serving %v, error %v", serving, err)
	}
	_, err = client.IsServing(context.Background(), "nope")
	wantCode(t, err, codes.NotFound)
}

func TestSaysWhatIsWrong(t *testing.T) {
	client := dial(t, Options{Target: startServer(t).address})
	_, err := client.Rerank(context.Background(), &rerankpb.RerankRequest{Query: "q", Documents: []string{"a", ""}})
	wantCode(t, err, codes.InvalidArgument)
	details := Details(err)
	if _, named := details.Violations["documents[1]"]; details.Reason != "EMPTY_FIELD" || !named {
		t.Errorf("details %+v", details)
	}
}

func TestACancelledCallMakesRoomForOneThatWasPutOff(t *testing.T) {
	server := startServer(t)
	client := dial(t, Options{Target: server.address})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cancelled, patient := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := client.Rerank(ctx, longWork())
		cancelled <- err
	}()
	server.waitFor("accepted: ", "documents=2000")
	go func() {
		_, err := client.Rerank(context.Background(), panda)
		patient <- err
	}()
	server.waitFor("request: ", "status=RESOURCE_EXHAUSTED")
	cancel()
	wantCode(t, <-cancelled, codes.Canceled)
	wantCode(t, <-patient, codes.OK)
	server.waitFor("request: ", "status=CANCELLED", "documents=2000")
}

func TestACallOutOfTimeLeavesNothingRunning(t *testing.T) {
	server := startServer(t)
	// One that the server has heard of, however slow the machine is.
	for deadline := 500 * time.Millisecond; server.logged("accepted: ", "documents=2000") == ""; deadline *= 2 {
		impatient := dial(t, Options{Target: server.address, Deadline: deadline})
		_, err := impatient.Rerank(context.Background(), longWork())
		wantCode(t, err, codes.DeadlineExceeded)
	}
	// The client ends its call at the deadline too: whichever the server sees first.
	line := server.waitFor("request: ", "documents=2000")
	if !strings.Contains(line, "status=DEADLINE_EXCEEDED") && !strings.Contains(line, "status=CANCELLED") {
		t.Errorf("the server says %q", line)
	}
	// The only call that the server takes at a time.
	_, err := dial(t, Options{Target: server.address}).Rerank(context.Background(), panda)
	wantCode(t, err, codes.OK)
}

// resolve makes a target that stands for these addresses, as a name of DNS would.
func resolve(t *testing.T, scheme string, addresses ...string) (string, *manual.Resolver) {
	t.Helper()
	names := manual.NewBuilderWithScheme(scheme)
	state := resolver.State{}
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	names.InitialState(state)
	resolver.Register(names)
	return scheme + ":///", names
}

func TestCallsAllAddressesOfAName(t *testing.T) {
	one, other := startServerAt(t, "127.0.0.1:0"), startServerAt(t, "127.0.0.1:0")
	const nobody = "127.0.0.1:1"
	target, _ := resolve(t, "replicas", nobody, one.address, other.address)
	client := dial(t, Options{Target: target})
	for end := time.Now().Add(patience); one.logged("request: ") == "" || other.logged("request: ") == ""; {
		if _, err := client.Rerank(context.Background(), panda); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("one of the two is never called")
		}
	}
}

func TestAServiceConfigurationBringsNoRetries(t *testing.T) {
	f := &fake{rerank: func(context.Context, int) error { return status.Error(codes.Unavailable, "") }}
	address := serve(t, f)
	target, names := resolve(t, "configured", address)
	names.BuildCallback = func(_ resolver.Target, connection resolver.ClientConn, _ resolver.BuildOptions) {
		names.InitialState(resolver.State{
			Addresses: []resolver.Address{{Addr: address}},
			ServiceConfig: connection.ParseServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {
				"maxAttempts": 5, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
				"retryableStatusCodes": ["UNAVAILABLE"]}}]}`)})
	}
	_, err := dial(t, Options{Target: target, Retry: RetryOptions{MaxAttempts: 1}}).Rerank(context.Background(), panda)
	wantCode(t, err, codes.Unavailable)
	if f.calls != 1 {
		t.Errorf("%d calls", f.calls)
	}
}

// fake answers as a test wants it to.
type fake struct {
	rerankpb.UnimplementedRerankServiceServer
	calls  int
	rerank func(ctx context.Context, call int) error
}

func (f *fake) Rerank(ctx context.Context, _ *rerankpb.RerankRequest) (*rerankpb.RerankResponse, error) {
	f.calls++
	return &rerankpb.RerankResponse{}, f.rerank(ctx, f.calls)
}

func serve(t *testing.T, f *fake, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	rerankpb.RegisterRerankServiceServer(server, f)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func TestSendsAgainWhatMayPass(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails *status.Status
		calls int
		want  codes.Code
	}{
		{"unavailable", failure(t, codes.Unavailable, 0), 5, codes.OK},
		{"told when to come back", failure(t, codes.ResourceExhausted, time.Millisecond), 5, codes.OK},
		{"not told so", failure(t, codes.ResourceExhausted, 0), 1, codes.ResourceExhausted},
		{"told to come back after the deadline", failure(t, codes.ResourceExhausted, time.Hour), 1, codes.ResourceExhausted},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{rerank: func(_ context.Context, call int) error {
				if call < 5 {
					return c.fails.Err()
				}
				return nil
			}}
			client := dial(t, Options{Target: serve(t, f), Retry: RetryOptions{InitialBackoff: time.Millisecond}})
			_, err := client.Rerank(context.Background(), panda)
			wantCode(t, err, c.want)
			if f.calls != c.calls {
				t.Errorf("%d calls, want %d", f.calls, c.calls)
			}
		})
	}
}

func TestRefusesARequestThatIsTooLarge(t *testing.T) {
	f := &fake{rerank: func(context.Context, int) error { return nil }}
	client := dial(t, Options{Target: serve(t, f), MaxMessageBytes: 1000})
	_, err := client.Rerank(context.Background(), longWork())
	wantCode(t, err, codes.ResourceExhausted)
	if f.calls != 0 {
		t.Errorf("%d calls", f.calls)
	}
}

func TestEncryptsAndSendsKeys(t *testing.T) {
	var seen metadata.MD
	f := &fake{rerank: func(ctx context.Context, _ int) error {
		seen, _ = metadata.FromIncomingContext(ctx)
		return nil
	}}
	certificate, authorities := selfSigned(t, "rerankd.test")
	target := serve(t, f, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	client := dial(t, Options{Target: target, APIKey: "secret", Metadata: map[string]string{"x-tenant": "one"},
		TLS: &tls.Config{RootCAs: authorities, ServerName: "rerankd.test"}})
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", "id")
	if _, err := client.Rerank(ctx, panda); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"authorization": "Bearer secret", "x-tenant": "one", "x-request-id": "id"} {
		if got := seen.Get(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	stranger := dial(t, Options{Target: target, TLS: &tls.Config{ServerName: "rerankd.test"}, Retry: RetryOptions{MaxAttempts: 1}})
	_, err := stranger.Rerank(context.Background(), panda)
	wantCode(t, err, codes.Unavailable)
}

func selfSigned(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
