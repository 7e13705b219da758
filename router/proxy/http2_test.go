package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpctest "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"devrouter/router/route"
	"devrouter/router/testca"
)

// clearHTTP2 starts an app that speaks HTTP/2 in the clear, and HTTP/1 as well
// where that is said, and returns its endpoint.
func clearHTTP2(t testing.TB, http1 bool, h http.HandlerFunc) *route.Endpoint {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols.SetHTTP1(http1)
	s.Start()
	t.Cleanup(s.Close)
	return &route.Endpoint{Addr: s.Listener.Addr().String(), Protocol: "h2c"}
}

// Reference 6.6, and h2c beyond it.
func TestProtocolsOfEndpoints(t *testing.T) {
	ours := testca.New(t, "ca")
	config := &tls.Config{Certificates: []tls.Certificate{ours.Issue("127.0.0.1")}}
	spoken := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+" "+r.RequestURI) }
	secure := func(protocol string) *route.Endpoint {
		e := secureBackend(t, config.Clone(), spoken)
		e.Protocol = protocol
		return e
	}
	plain := backend(t, "", spoken)
	plain.Protocol = "http2" // with a plain port
	onlyHTTP1 := secureBackend(t, config.Clone(), spoken)
	l := httptest.NewUnstartedServer(http.HandlerFunc(spoken))
	l.TLS = config.Clone()
	l.StartTLS()
	t.Cleanup(l.Close)
	onlyHTTP1.Addr, onlyHTTP1.Protocol = l.Listener.Addr().String(), "http2"

	for _, tt := range []struct {
		name string
		e    *route.Endpoint
		want string
	}{
		{"http1 over TLS", secure("http1"), "HTTP/1.1"},
		{"http2 over TLS", secure("http2"), "HTTP/2.0"},
		{"http2 over TLS, not negotiated", onlyHTTP1, "HTTP/1.1"},
		{"h2c over TLS", secure("h2c"), "HTTP/2.0"},
		{"http2 in the clear", plain, "HTTP/1.1"},
		{"h2c", clearHTTP2(t, false, spoken), "HTTP/2.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startWith(t, TransportOptions{RootCAs: ours.Pool}, nil)
			f.register("app.test", tt.e)
			if got := f.get("app.test", "/a%2Fb?x=%0A&y;z").body; got != tt.want+" /a%2Fb?x=%0A&y;z" {
				t.Errorf("got %q, want %s and the target as it was sent", got, tt.want)
			}
		})
	}
}

// HTTP/2 has no upgrades, but the endpoint may speak HTTP/1 as well.
func TestUpgradeAtHTTP2Endpoint(t *testing.T) {
	ours := testca.New(t, "ca")
	switches := func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		io.Copy(conn, buffered)
	}
	secure := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("127.0.0.1")}}, switches)
	secure.Protocol = "http2"
	for _, e := range []*route.Endpoint{secure, clearHTTP2(t, true, switches)} {
		for _, token := range []string{"websocket", "foo"} {
			f := startWith(t, TransportOptions{RootCAs: ours.Pool}, nil)
			f.register("app.test", e)
			conn := f.dial()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: "+token+"\r\n\r\necho")
			conn.CloseWrite()
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != 101 {
				t.Fatalf("%s %s: got %v, %v", e.Protocol, token, res, err)
			}
			if rest, _ := io.ReadAll(in); string(rest) != "echo" {
				t.Errorf("%s %s: got %q", e.Protocol, token, rest)
			}
		}
	}
}

func TestHTTP2HeadTimeout(t *testing.T) {
	release := make(chan struct{})
	hangs := clearHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	f := startWith(t, TransportOptions{HTTP2HeadTimeout: 30 * time.Millisecond}, nil)
	f.register("app.test", hangs)
	if res := f.get("app.test", "/"); res.StatusCode != 502 || !strings.Contains(res.Header.Get("X-Cf-RouterError"), "timeout") {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
}

// grpcService answers with what it was asked, and ends each call with a trailer.
type grpcService struct {
	grpctest.UnimplementedTestServiceServer
}

func (grpcService) UnaryCall(ctx context.Context, in *grpctest.SimpleRequest) (*grpctest.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	grpc.SetHeader(ctx, metadata.Pairs("seen", strings.Join(md["asked"], ",")))
	grpc.SetTrailer(ctx, metadata.Pairs("last", "word"))
	if in.ResponseStatus != nil {
		return nil, status.Error(codes.Code(in.ResponseStatus.Code), in.ResponseStatus.Message)
	}
	return &grpctest.SimpleResponse{Payload: in.Payload}, nil
}

func (grpcService) StreamingOutputCall(in *grpctest.StreamingOutputCallRequest, s grpctest.TestService_StreamingOutputCallServer) error {
	for _, p := range in.ResponseParameters {
		if err := s.Send(&grpctest.StreamingOutputCallResponse{Payload: &grpctest.Payload{Body: make([]byte, p.Size)}}); err != nil {
			return err
		}
	}
	s.SetTrailer(metadata.Pairs("last", "word"))
	return nil
}

func (grpcService) FullDuplexCall(s grpctest.TestService_FullDuplexCallServer) error {
	for {
		in, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(&grpctest.StreamingOutputCallResponse{Payload: in.Payload}); err != nil {
			return err
		}
	}
}

// grpcBackend starts a gRPC server, over TLS when it has a certificate.
func grpcBackend(t *testing.T, cert *tls.Certificate) *route.Endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &route.Endpoint{Addr: l.Addr().String(), Protocol: "h2c"}
	var options []grpc.ServerOption
	if cert != nil {
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(cert)))
		e.TLS, e.Protocol = true, "http2"
	}
	server := grpc.NewServer(options...)
	grpctest.RegisterTestServiceServer(server, grpcService{})
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return e
}

// secureFront serves a handler over TLS and HTTP/2, and returns its address and
// what a client must trust.
func secureFront(t *testing.T, h http.Handler) (addr string, roots *x509.CertPool) {
	t.Helper()
	ours := testca.New(t, "ca")
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ours.Issue("grpc.test")}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), ours.Pool
}

// Feature 90: gRPC passes, over TLS and in the clear to the endpoint.
func TestGRPC(t *testing.T) {
	ours := testca.New(t, "ca")
	cert := ours.Issue("127.0.0.1")
	for name, e := range map[string]*route.Endpoint{"http2": grpcBackend(t, &cert), "h2c": grpcBackend(t, nil)} {
		t.Run(name, func(t *testing.T) {
			f := startWith(t, TransportOptions{RootCAs: ours.Pool}, nil)
			f.register("grpc.test", e)
			addr, roots := secureFront(t, f.handler)
			conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "grpc.test")))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := grpctest.NewTestServiceClient(conn)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()

			t.Run("unary", func(t *testing.T) { testUnary(ctx, t, client) })
			t.Run("server stream", func(t *testing.T) { testServerStream(ctx, t, client) })
			t.Run("both ways", func(t *testing.T) { testBothWays(ctx, t, client) })
			t.Run("no endpoint", func(t *testing.T) {
				f.table.Unregister(mustKey(t, "grpc.test"), e.Addr)
				if _, err := client.UnaryCall(ctx, &grpctest.SimpleRequest{}); status.Code(err) == codes.OK {
					t.Error("a call without an endpoint succeeded")
				}
			})
		})
	}
}

func testUnary(ctx context.Context, t *testing.T, client grpctest.TestServiceClient) {
	var header, trailer metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "asked", "1", "asked", "2")
	res, err := client.UnaryCall(ctx, &grpctest.SimpleRequest{Payload: &grpctest.Payload{Body: []byte("hello")}}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || string(res.Payload.GetBody()) != "hello" {
		t.Fatalf("got %v, %v", res, err)
	}
	if !slices.Equal(header["seen"], []string{"1,2"}) || !slices.Equal(trailer["last"], []string{"word"}) {
		t.Errorf("got header %v, trailer %v", header, trailer)
	}
	_, err = client.UnaryCall(ctx, &grpctest.SimpleRequest{ResponseStatus: &grpctest.EchoStatus{Code: int32(codes.NotFound), Message: "no such thing"}}, grpc.Trailer(&trailer))
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "no such thing" || !slices.Equal(trailer["last"], []string{"word"}) {
		t.Errorf("an error: got %v, trailer %v", err, trailer)
	}
}

func testServerStream(ctx context.Context, t *testing.T, client grpctest.TestServiceClient) {
	sizes := []int32{1, 100_000, 0, 70_000}
	in := &grpctest.StreamingOutputCallRequest{}
	for _, size := range sizes {
		in.ResponseParameters = append(in.ResponseParameters, &grpctest.ResponseParameters{Size: size})
	}
	stream, err := client.StreamingOutputCall(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		if m, err := stream.Recv(); err != nil || len(m.Payload.GetBody()) != int(size) {
			t.Fatalf("got %d bytes, %v; want %d", len(m.GetPayload().GetBody()), err, size)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) || !slices.Equal(stream.Trailer()["last"], []string{"word"}) {
		t.Errorf("at the end: got %v, trailer %v", err, stream.Trailer())
	}
}

// Each answer is read before the next word is said.
func testBothWays(ctx context.Context, t *testing.T, client grpctest.TestServiceClient) {
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two", "three"} {
		if err := stream.Send(&grpctest.StreamingOutputCallRequest{Payload: &grpctest.Payload{Body: []byte(word)}}); err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || string(m.Payload.GetBody()) != word {
			t.Fatalf("got %v, %v", m, err)
		}
	}
	stream.CloseSend()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %v", err)
	}
}
