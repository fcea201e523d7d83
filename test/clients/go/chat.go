package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	porticov1 "portico.example/clients/gen/portico/v1"
)

// chatter holds the stream of conversations. What it keeps is what the next stream says hello with, and what it sends again.
type chatter struct {
	*client
	token string
	// The last event of each conversation.
	positions map[string]*porticov1.ChatPosition
	// Of the user's own changes: all up to the first have come, and the second is the largest that was seen.
	ownSeq, ownSeen uint64
	// What is not answered yet, in its order. The first of each conversation is on its way.
	queue    []*porticov1.PostRequest
	sent     map[string]bool
	commands <-chan string
}

// tell prints a line for the test.
func tell(what string, more report) {
	line := report{"chat": what}
	for key, value := range more {
		line[key] = value
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}

// chat holds one stream after another until it reads "leave". "post CONVERSATION ID TEXT" puts a message into its queue.
func (p *client) chat(idToken string) error {
	ctx := context.Background()
	session, err := p.sessions.SignIn(ctx, &porticov1.SignInRequest{
		Identity: &porticov1.SignInRequest_IdToken{IdToken: &porticov1.IdTokenIdentity{Token: idToken}},
		Device:   &porticov1.Device{Platform: "android", Name: "grpc-go"},
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	commands := make(chan string)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			commands <- lines.Text()
		}
	}()
	c := &chatter{client: p, token: session.GetAccessToken(), positions: map[string]*porticov1.ChatPosition{}, commands: commands}
	for {
		left, err := c.stream(ctx)
		if left {
			return nil
		}
		tell("cut", report{"error": fmt.Sprint(err)})
		for pause := time.After(500 * time.Millisecond); pause != nil; {
			select {
			case command := <-commands: // offline: the queue takes it
				if command == "leave" {
					return nil
				}
				c.enqueue(command)
			case <-pause:
				pause = nil
			}
		}
	}
}

func (c *chatter) enqueue(command string) {
	words := strings.SplitN(command, " ", 4)
	message := &porticov1.NewMessage{Content: &porticov1.Content{Text: words[3]}}
	c.queue = append(c.queue, &porticov1.PostRequest{
		ConversationId: words[1],
		Entry:          &porticov1.Entry{ClientId: words[2], What: &porticov1.Entry_Message{Message: message}},
	})
}

// stream opens one stream and follows it to its end. It returns whether the client has left.
func (c *chatter) stream(parent context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	stream, err := porticov1.NewChatServiceClient(c.connection).Connect(with(ctx, c.token))
	if err != nil {
		return false, err
	}
	send := func(request *porticov1.ChatRequest) { _ = stream.Send(request) } // what fails is seen by the reader
	hello := &porticov1.ChatHello{OwnSeq: c.ownSeq}
	for _, position := range c.positions {
		hello.Positions = append(hello.Positions, position)
	}
	send(&porticov1.ChatRequest{Message: &porticov1.ChatRequest_Hello{Hello: hello}})
	messages, broken := make(chan *porticov1.ChatResponse), make(chan error, 1)
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
	heartbeat := time.NewTicker(10 * time.Second)
	defer heartbeat.Stop()
	c.sent = map[string]bool{}
	open := false
	var handled uint64
	for {
		select {
		case message := <-messages:
			open = true
			before := handled
			c.take(message, &handled)
			if handled > before {
				send(&porticov1.ChatRequest{Message: &porticov1.ChatRequest_Acknowledge{Acknowledge: &porticov1.Acknowledge{Count: handled}}})
			}
		case err := <-broken:
			return false, err
		case <-heartbeat.C:
			send(&porticov1.ChatRequest{Message: &porticov1.ChatRequest_Heartbeat{Heartbeat: &porticov1.Heartbeat{}}})
		case command := <-c.commands:
			if command == "leave" {
				send(&porticov1.ChatRequest{Message: &porticov1.ChatRequest_Goodbye{Goodbye: &porticov1.Goodbye{}}})
				_ = stream.CloseSend()
				select { // the server answers by ending the stream
				case <-broken:
				case <-time.After(2 * time.Second):
				}
				return true, nil
			}
			c.enqueue(command)
		}
		if open {
			c.flush(send)
		}
	}
}

// flush sends the first of each conversation that is not on its way.
func (c *chatter) flush(send func(*porticov1.ChatRequest)) {
	busy := map[string]bool{}
	for _, request := range c.queue {
		id := request.GetEntry().GetClientId()
		if !busy[request.GetConversationId()] && !c.sent[id] {
			c.sent[id] = true
			send(&porticov1.ChatRequest{Message: &porticov1.ChatRequest_Post{Post: request}})
		}
		busy[request.GetConversationId()] = true
	}
}

// answered takes a message out of the queue: it was answered, or its event has come.
func (c *chatter) answered(conversationId, clientId string) {
	for i, request := range c.queue {
		if request.GetConversationId() == conversationId && request.GetEntry().GetClientId() == clientId {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			return
		}
	}
}

// take handles a message.
func (c *chatter) take(response *porticov1.ChatResponse, handled *uint64) {
	switch message := response.GetMessage().(type) {
	case *porticov1.ChatResponse_Welcome:
		tell("welcome", nil)
	case *porticov1.ChatResponse_Conversation:
		conversation := message.Conversation.GetConversation()
		if message.Conversation.GetReset_() {
			delete(c.positions, conversation.GetId())
		}
		c.ownSeen = max(c.ownSeen, conversation.GetOwn().GetOwnSeq())
		tell("conversation", report{"id": conversation.GetId(), "unread": conversation.GetOwn().GetUnread()})
	case *porticov1.ChatResponse_Events:
		id := message.Events.GetConversationId()
		for _, event := range message.Events.GetEvents() {
			*handled++
			if event.GetSeq() <= c.positions[id].GetSeq() {
				continue
			}
			c.positions[id] = &porticov1.ChatPosition{ConversationId: id, Seq: event.GetSeq(), EventId: event.GetEventId()}
			tell("event", report{"conversation": id, "seq": event.GetSeq(), "text": event.GetMessage().GetContent().GetText()})
			c.answered(id, event.GetClientId())
		}
	case *porticov1.ChatResponse_Posted:
		if message.Posted.GetReason() == "STORAGE_DOWN" {
			delete(c.sent, message.Posted.GetClientId())
			return
		}
		c.answered(message.Posted.GetConversationId(), message.Posted.GetClientId())
		tell("posted", report{"client_id": message.Posted.GetClientId(), "reason": message.Posted.GetReason()})
	case *porticov1.ChatResponse_CaughtUp:
		c.ownSeq = c.ownSeen
		tell("caught_up", nil)
	case *porticov1.ChatResponse_Closed:
		tell("closed", report{"reason": message.Closed.GetReason()})
	}
}
