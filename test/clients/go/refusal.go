package main

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// refusalOf reads an error as an app does: the code, and the details that come in grpc-status-details-bin.
func refusalOf(_ report, err error) (report, error) {
	if err == nil {
		return nil, errors.New("the call succeeded, and should not have")
	}
	refused, ok := status.FromError(err)
	if !ok {
		return nil, err
	}
	line := report{"code": int(refused.Code()), "message": refused.Message()}
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			line["reason"], line["domain"] = detail.GetReason(), detail.GetDomain()
		case *errdetails.BadRequest:
			line["field"] = detail.GetFieldViolations()[0].GetField()
			line["rule"] = detail.GetFieldViolations()[0].GetReason()
		case *errdetails.LocalizedMessage:
			line["for_people"] = detail.GetMessage()
		case *errdetails.RequestInfo:
			line["trace_id"] = detail.GetRequestId()
		}
	}
	return line, nil
}
