package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"

	"portico.example/clients/changes"
	promotionsv1 "portico.example/clients/gen/promotions/v1"
)

// service is an internal service, with the example of our docs: it answers with the number of its answers, which are about order 42, and reports
// what it reads.
type service struct {
	promotionsv1.UnimplementedPromotionServiceServer
	answers atomic.Int64
}

func (s *service) ListPromotions(ctx context.Context, _ *promotionsv1.ListPromotionsRequest) (*promotionsv1.ListPromotionsResponse, error) {
	if err := changes.AnswersAbout(ctx, "42"); err != nil {
		return nil, err
	}
	title := fmt.Sprint(s.answers.Add(1))
	return &promotionsv1.ListPromotionsResponse{Promotions: []*promotionsv1.Promotion{{PromotionId: "1", Title: title}}}, nil
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	promotionsv1.RegisterPromotionServiceServer(server, &service{})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	fmt.Println(listener.Addr())
	var reporting *changes.Changes
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Split(lines.Text(), " ")
		switch words[0] {
		case "connect":
			reporting, err = changes.Open(words[1], words[2], words[3])
		case "changed":
			err = reporting.OrderChanged(context.Background(), words[1])
		case "moved":
			err = reporting.CourierMoved(context.Background(), words[1], words[2], []byte(words[3]))
		}
		if err != nil {
			return err
		}
		fmt.Println("done", words[0])
	}
	return nil
}
