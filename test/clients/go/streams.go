package main

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	appv1 "portico.example/clients/gen/app/v1"
)

// Longer than the first position takes, shorter than an order's way.
const streamDeadline = 2500 * time.Millisecond

// activeOrder is an order of the user that is on its way.
func (p *client) activeOrder(ctx context.Context, token string) (string, error) {
	listed, err := p.orders.ListOrders(with(ctx, token), &appv1.ListOrdersRequest{ActiveOnly: true})
	if err != nil {
		return "", err
	}
	if len(listed.GetOrders()) == 0 {
		return "", errors.New("no order of the user is on its way")
	}
	return listed.GetOrders()[0].GetOrderId(), nil // the newest: it stays on its way longest
}

// track reads a forwarded server stream to its end.
func (p *client) track(ctx context.Context, token string) (report, error) {
	orderID, err := p.activeOrder(ctx, token)
	if err != nil {
		return nil, err
	}
	stream, err := p.tracking.Track(with(ctx, token), &appv1.TrackRequest{OrderId: orderID, PositionsMax: 2})
	if err != nil {
		return nil, err
	}
	header, err := stream.Header()
	if err != nil {
		return nil, err
	}
	positions, ours := 0, true
	for {
		at, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return report{"positions": positions, "ours": ours, "trace_id": first(header, "portico-trace-id")}, nil
		}
		if err != nil {
			return nil, err
		}
		positions++
		ours = ours && at.GetOrderId() == orderID && at.GetPosition().GetLatitude() > 51
	}
}

// reportPositions sends a forwarded client stream, as the courier.
func (p *client) reportPositions(ctx context.Context) (report, error) {
	session, err := p.signIn(ctx, "carol")
	if err != nil {
		return nil, err
	}
	stream, err := p.tracking.ReportPositions(with(ctx, session.GetAccessToken()))
	if err != nil {
		return nil, err
	}
	for _, longitude := range []float64{12.37, 12.38, 12.39} {
		report := &appv1.ReportPositionsRequest{Position: &appv1.Position{Latitude: 51.34, Longitude: longitude}, At: timestamppb.Now()}
		if err := stream.Send(report); err != nil {
			return nil, err
		}
	}
	taken, err := stream.CloseAndRecv()
	if err != nil {
		return nil, err
	}
	return report{"accepted": taken.GetAccepted(), "distance_metres": taken.GetDistanceMetres()}, nil
}

// talk has a conversation over a forwarded bidirectional stream: each answer is awaited before the next word.
func (p *client) talk(ctx context.Context, token string) (report, error) {
	orderID, err := p.activeOrder(ctx, token)
	if err != nil {
		return nil, err
	}
	stream, err := p.tracking.Talk(with(ctx, token))
	if err != nil {
		return nil, err
	}
	answers := []string{}
	for _, text := range []string{"Please mind the dog.", "Where are you?"} {
		if err := stream.Send(&appv1.TalkRequest{OrderId: orderID, Text: text}); err != nil {
			return nil, err
		}
		answer, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer.GetText())
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	_, err = stream.Recv()
	return report{"answers": answers, "ended": errors.Is(err, io.EOF)}, nil
}

// deadline follows an order that takes longer than the client is willing to wait.
func (p *client) deadline(ctx context.Context, token string) (report, error) {
	short, stop := context.WithTimeout(ctx, streamDeadline)
	defer stop()
	return p.follow(short, token, func() {})
}

// cancel leaves a stream after its first message.
func (p *client) cancel(ctx context.Context, token string) (report, error) {
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	return p.follow(leaving, token, leave)
}

// follow tracks an order until the stream ends, and tells how.
func (p *client) follow(ctx context.Context, token string, onFirst func()) (report, error) {
	orderID, err := p.activeOrder(ctx, token)
	if err != nil {
		return nil, err
	}
	stream, err := p.tracking.Track(with(ctx, token), &appv1.TrackRequest{OrderId: orderID})
	if err != nil {
		return nil, err
	}
	header, err := stream.Header()
	if err != nil {
		return nil, err
	}
	for positions := 0; ; positions++ {
		if _, err := stream.Recv(); err != nil {
			line, err := refusalOf(nil, err)
			if err != nil {
				return nil, err
			}
			line["positions"], line["trace_id"] = positions, first(header, "portico-trace-id")
			return line, nil
		}
		if positions == 0 {
			onFirst()
		}
	}
}
