// A client in Go: grpc-go with the code that its own generators make of our protos. It does what an app does and prints one line of
// JSON per step; the test that starts it checks each line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	appv1 "portico.example/clients/gen/app/v1"
	porticov1 "portico.example/clients/gen/portico/v1"
)

// The longest that one step may take: a hang fails by name instead of holding the test up.
const stepLongest = 20 * time.Second

type client struct {
	connection *grpc.ClientConn
	sessions   porticov1.SessionServiceClient
	homes      appv1.HomeServiceClient
	orders     appv1.OrderServiceClient
	tracking   appv1.TrackingServiceClient
}

// What a step tells the test.
type report map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s scenario|missing|live|chat|service, with PORTICO_TARGET, PORTICO_CA, PORTICO_EXPIRED_TOKEN; PORTICO_ID_TOKEN, PORTICO_TOPIC", os.Args[0])
	}
	if os.Args[1] == "service" {
		return serve()
	}
	tls, err := credentials.NewClientTLSFromFile(os.Getenv("PORTICO_CA"), "")
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(os.Getenv("PORTICO_TARGET"), grpc.WithTransportCredentials(tls))
	if err != nil {
		return err
	}
	defer connection.Close()
	p := &client{
		connection: connection,
		sessions:   porticov1.NewSessionServiceClient(connection),
		homes:      appv1.NewHomeServiceClient(connection),
		orders:     appv1.NewOrderServiceClient(connection),
		tracking:   appv1.NewTrackingServiceClient(connection),
	}
	switch os.Args[1] {
	case "missing":
		step("missing", p.missing)
		return nil
	case "live":
		return p.live(os.Getenv("PORTICO_ID_TOKEN"), os.Getenv("PORTICO_TOPIC"))
	case "chat":
		return p.chat(os.Getenv("PORTICO_ID_TOKEN"))
	default:
		return p.scenario(os.Getenv("PORTICO_EXPIRED_TOKEN"))
	}
}

// step runs one step under its own deadline and prints what came of it.
func step(name string, do func(context.Context) (report, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), stepLongest)
	defer cancel()
	line, err := do(ctx)
	if err != nil {
		line = report{"failed": err.Error()}
	}
	line["step"] = name
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}

// signIn opens a dev session of a user.
func (p *client) signIn(ctx context.Context, user string) (*porticov1.SignInResponse, error) {
	return p.sessions.SignIn(ctx, &porticov1.SignInRequest{
		Identity: &porticov1.SignInRequest_Dev{Dev: &porticov1.DevIdentity{User: user}},
		Device:   &porticov1.Device{Platform: "android", Name: "grpc-go"},
	})
}

// with adds what a client sends along: its token, what it is, and its language.
func with(ctx context.Context, token string, more ...string) context.Context {
	pairs := append([]string{"app-platform", "android", "app-version", "4.2.0", "accept-language", "de-DE"}, more...)
	if token != "" {
		pairs = append(pairs, "authorization", "Bearer "+token)
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// first is the value of a key, or "".
func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}
