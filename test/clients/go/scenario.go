package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	appv1 "portico.example/clients/gen/app/v1"
	porticov1 "portico.example/clients/gen/portico/v1"
)

// Changes of the user's orders between two calls make the second one a miss: more than a few in a row would be wrong.
const triesMax = 5

// scenario takes every step of a client's day but a missing part, which needs a service that fails.
func (p *client) scenario(expiredToken string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepLongest)
	defer cancel()
	session, err := p.signIn(ctx, "alice")
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	token := session.GetAccessToken()
	step("sign_in", func(context.Context) (report, error) {
		return report{"user_id": session.GetUserId(), "expires_in": session.GetExpiresIn(), "tokens": token != "" && session.GetRefreshToken() != ""}, nil
	})
	step("home", func(ctx context.Context) (report, error) { return p.home(with(ctx, token)) })
	step("home_again", func(ctx context.Context) (report, error) {
		for tries := 1; ; tries++ {
			line, err := p.home(with(ctx, token))
			if err != nil || line["cache"] == "hit" || tries == triesMax {
				return line, err
			}
		}
	})
	step("not_modified", func(ctx context.Context) (report, error) { return p.notModified(ctx, token) })
	step("refresh", func(ctx context.Context) (report, error) { return p.refresh(ctx, session.GetRefreshToken()) })
	step("token_expired", func(ctx context.Context) (report, error) { return refusalOf(p.home(with(ctx, expiredToken))) })
	step("token_missing", func(ctx context.Context) (report, error) { return refusalOf(p.home(with(ctx, ""))) })
	step("method_unknown", func(ctx context.Context) (report, error) {
		return refusalOf(nil, p.connection.Invoke(with(ctx, token), "/app.v1.HomeService/GetAttic", &emptypb.Empty{}, &emptypb.Empty{}))
	})
	step("request_invalid", func(ctx context.Context) (report, error) {
		_, err := p.orders.GetOrder(with(ctx, token), &appv1.GetOrderRequest{OrderId: "no such id!"})
		return refusalOf(nil, err)
	})
	step("track", func(ctx context.Context) (report, error) { return p.track(ctx, token) })
	step("report_positions", p.reportPositions)
	step("talk", func(ctx context.Context) (report, error) { return p.talk(ctx, token) })
	step("deadline", func(ctx context.Context) (report, error) { return p.deadline(ctx, token) })
	step("cancel", func(ctx context.Context) (report, error) { return p.cancel(ctx, token) })
	step("sign_out", func(ctx context.Context) (report, error) {
		if _, err := p.sessions.SignOut(with(ctx, token), &porticov1.SignOutRequest{}); err != nil {
			return nil, err
		}
		return refusalOf(p.home(with(ctx, token)))
	})
	return nil
}

// missing reads a home screen while the service behind one of its parts fails. Bob's, which nobody has read before: no older answer can stand in.
func (p *client) missing(ctx context.Context) (report, error) {
	session, err := p.signIn(ctx, "bob")
	if err != nil {
		return nil, err
	}
	return p.home(with(ctx, session.GetAccessToken()))
}

func (p *client) home(ctx context.Context) (report, error) {
	var header metadata.MD
	home, err := p.homes.GetHome(ctx, &appv1.GetHomeRequest{}, grpc.Header(&header))
	if err != nil {
		return nil, err
	}
	missing := []report{}
	for _, part := range home.GetMissingParts() {
		missing = append(missing, report{"name": part.GetName(), "reason": part.GetReason()})
	}
	titles := []string{}
	for _, offer := range home.GetOffers().GetPromotions() {
		titles = append(titles, offer.GetTitle())
	}
	return report{
		"display_name": home.GetProfile().GetDisplayName(), "city": home.GetProfile().GetCity(), "orders": len(home.GetOrders().GetOrders()),
		"couriers": len(home.GetCouriers().GetNames()), "has_offers": home.GetOffers() != nil, "offers": titles, "missing": missing,
		"cache": first(header, "portico-cache"), "etag": first(header, "etag"), "trace_id": first(header, "portico-trace-id"),
	}, nil
}

// notModified asks for the home screen once more, with the etag of what the client has: an empty message says that it still holds.
func (p *client) notModified(ctx context.Context, token string) (report, error) {
	for tries := 1; ; tries++ {
		before, err := p.home(with(ctx, token))
		if err != nil {
			return nil, err
		}
		var header metadata.MD
		home, err := p.homes.GetHome(with(ctx, token, "if-none-match", before["etag"].(string)), &appv1.GetHomeRequest{}, grpc.Header(&header))
		if err != nil {
			return nil, err
		}
		line := report{"not_modified": first(header, "portico-not-modified"), "empty": home.GetProfile() == nil}
		if line["not_modified"] == "1" || tries == triesMax {
			return line, nil
		}
	}
}

// refresh refreshes twice with one token, as a client does whose first answer was lost.
func (p *client) refresh(ctx context.Context, refreshToken string) (report, error) {
	one, err := p.sessions.Refresh(ctx, &porticov1.RefreshRequest{RefreshToken: refreshToken})
	if err != nil {
		return nil, err
	}
	again, err := p.sessions.Refresh(ctx, &porticov1.RefreshRequest{RefreshToken: refreshToken})
	if err != nil {
		return nil, err
	}
	same := one.GetRefreshToken() == again.GetRefreshToken()
	return report{"same_successor": same, "rotated": one.GetRefreshToken() != refreshToken}, nil
}
