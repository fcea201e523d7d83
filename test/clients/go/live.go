package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	appv1 "portico.example/clients/gen/app/v1"
	porticov1 "portico.example/clients/gen/portico/v1"

	"google.golang.org/protobuf/proto"
)

// listener holds the stream of live updates: what it keeps is what the next stream says hello with.
type listener struct {
	*client
	token, refreshToken string
	topic               string
	position            *porticov1.Position
	etag                string
	generation          uint32
}

// How a stream ended, and what follows.
type outcome int

const (
	left outcome = iota
	moved
	lost
)

// say prints a line for the test.
func say(what string, more report) {
	line := report{"live": what}
	for key, value := range more {
		line[key] = value
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}

// live listens to a topic and watches a screen over one stream after another until it reads "leave"; at "renew" it renews its token.
func (p *client) live(idToken, topic string) error {
	ctx := context.Background()
	session, err := p.sessions.SignIn(ctx, &porticov1.SignInRequest{
		Identity: &porticov1.SignInRequest_IdToken{IdToken: &porticov1.IdTokenIdentity{Token: idToken}},
		Device:   &porticov1.Device{Platform: "android", Name: "grpc-go"},
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	l := &listener{client: p, token: session.GetAccessToken(), refreshToken: session.GetRefreshToken(), topic: topic}
	commands := make(chan string)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			commands <- lines.Text()
		}
	}()
	for {
		switch ended, err := l.stream(ctx, commands); {
		case err != nil:
			say("cut", report{"error": err.Error()})
			time.Sleep(500 * time.Millisecond)
		case ended == left:
			return nil
		}
	}
}

// stream opens one stream and follows it to its end. An error is a cut.
func (l *listener) stream(parent context.Context, commands <-chan string) (outcome, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	stream, err := porticov1.NewLiveServiceClient(l.connection).Connect(with(ctx, l.token))
	if err != nil {
		return lost, err
	}
	send := func(request *porticov1.LiveRequest) { _ = stream.Send(request) } // what fails is seen by the reader
	hello, err := l.hello()
	if err != nil {
		return lost, err
	}
	send(&porticov1.LiveRequest{Message: &porticov1.LiveRequest_Hello{Hello: hello}})
	messages, broken := make(chan *porticov1.LiveResponse), make(chan error, 1)
	go func() {
		for {
			message, err := stream.Recv()
			if err != nil {
				broken <- err
				return
			}
			select {
			case messages <- message:
			case <-ctx.Done():
				return
			}
		}
	}()
	goodbye := func() {
		send(&porticov1.LiveRequest{Message: &porticov1.LiveRequest_Goodbye{Goodbye: &porticov1.Goodbye{}}})
		_ = stream.CloseSend()
		select { // the server answers by ending the stream
		case <-broken:
		case <-time.After(2 * time.Second):
		}
	}
	heartbeat := time.NewTicker(10 * time.Second)
	defer heartbeat.Stop()
	var move <-chan time.Time
	var handled uint64
	for {
		select {
		case message := <-messages:
			before := handled
			if delay := l.take(message, &handled); delay != nil {
				move = time.After(*delay)
			}
			if handled > before {
				send(&porticov1.LiveRequest{Message: &porticov1.LiveRequest_Acknowledge{Acknowledge: &porticov1.Acknowledge{Count: handled}}})
			}
		case err := <-broken:
			return lost, err
		case <-move:
			goodbye()
			return moved, nil
		case <-heartbeat.C:
			send(&porticov1.LiveRequest{Message: &porticov1.LiveRequest_Heartbeat{Heartbeat: &porticov1.Heartbeat{}}})
		case command := <-commands:
			if command == "leave" {
				goodbye()
				return left, nil
			}
			session, err := l.sessions.Refresh(ctx, &porticov1.RefreshRequest{RefreshToken: l.refreshToken})
			if err != nil {
				return lost, err
			}
			l.token, l.refreshToken = session.GetAccessToken(), session.GetRefreshToken()
			send(&porticov1.LiveRequest{Message: &porticov1.LiveRequest_Renew{Renew: &porticov1.Renew{AccessToken: l.token}}})
		}
	}
}

// hello names everything that the client wants, with what it has.
func (l *listener) hello() (*porticov1.LiveHello, error) {
	request, err := proto.Marshal(&appv1.ListOrdersRequest{})
	if err != nil {
		return nil, err
	}
	l.generation++
	return &porticov1.LiveHello{
		Subscriptions: []*porticov1.Subscribe{{Topic: l.topic, Generation: l.generation, Position: l.position}},
		Watches: []*porticov1.Watch{
			{Id: 1, Generation: l.generation, Method: "app.v1.OrderService/ListOrders", Request: request, Etag: l.etag},
		},
	}, nil
}

// take handles a message. A delay: the client is to open another stream after it.
func (l *listener) take(response *porticov1.LiveResponse, handled *uint64) *time.Duration {
	switch message := response.GetMessage().(type) {
	case *porticov1.LiveResponse_Welcome:
		say("welcome", report{"ends_at": message.Welcome.GetEndsAt().AsTime().UnixMilli()})
	case *porticov1.LiveResponse_Renewed:
		say("renewed", report{"reason": message.Renewed.GetReason(), "ends_at": message.Renewed.GetEndsAt().AsTime().UnixMilli()})
	case *porticov1.LiveResponse_Subscribed:
		l.position = message.Subscribed.GetPosition()
		say("subscribed", report{"recovered": message.Subscribed.GetRecovered()})
	case *porticov1.LiveResponse_Events:
		for _, event := range message.Events.GetEvents() {
			l.position = &porticov1.Position{Epoch: l.position.GetEpoch(), Offset: event.GetOffset(), EventId: event.GetId()}
			*handled++
			say("event", report{"text": string(event.GetPayload())})
		}
	case *porticov1.LiveResponse_Watching:
		say("watching", report{"current": message.Watching.GetCurrent()})
	case *porticov1.LiveResponse_Snapshot:
		*handled++
		orders := &appv1.ListOrdersResponse{}
		if err := proto.Unmarshal(message.Snapshot.GetPayload(), orders); err != nil {
			say("unreadable", report{"error": err.Error()})
			return nil
		}
		if !message.Snapshot.GetPartial() {
			l.etag = message.Snapshot.GetEtag()
		}
		say("snapshot", report{"orders": len(orders.GetOrders())})
	case *porticov1.LiveResponse_GoingAway:
		delay := time.Duration(message.GoingAway.GetDelayMs()) * time.Millisecond
		say("going_away", report{"delay_ms": message.GoingAway.GetDelayMs()})
		return &delay
	case *porticov1.LiveResponse_SubscriptionClosed:
		say("subscription_closed", report{"reason": message.SubscriptionClosed.GetReason()})
	case *porticov1.LiveResponse_WatchClosed:
		say("watch_closed", report{"reason": message.WatchClosed.GetReason()})
	case *porticov1.LiveResponse_Closed:
		say("closed", report{"reason": message.Closed.GetReason()})
	}
	return nil
}
