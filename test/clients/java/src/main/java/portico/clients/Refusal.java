package portico.clients;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import com.google.rpc.RequestInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

/** Reads errors as an app does: the code, and the details that come in grpc-status-details-bin. */
final class Refusal {
  /** Makes a call that must fail. */
  static Map<String, Object> of(Callable<?> call) throws Exception {
    try {
      call.call();
    } catch (StatusRuntimeException error) {
      return of(error);
    }
    throw new IllegalStateException("the call succeeded, and should not have");
  }

  static Map<String, Object> of(Throwable error) throws InvalidProtocolBufferException {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("code", io.grpc.Status.fromThrowable(error).getCode().value());
    Status status = StatusProto.fromThrowable(error);
    if (status == null) return line;
    line.put("message", status.getMessage());
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        line.put("reason", detail.unpack(ErrorInfo.class).getReason());
        line.put("domain", detail.unpack(ErrorInfo.class).getDomain());
      } else if (detail.is(BadRequest.class)) {
        line.put("field", detail.unpack(BadRequest.class).getFieldViolations(0).getField());
        line.put("rule", detail.unpack(BadRequest.class).getFieldViolations(0).getReason());
      } else if (detail.is(LocalizedMessage.class)) {
        line.put("for_people", detail.unpack(LocalizedMessage.class).getMessage());
      } else if (detail.is(RequestInfo.class)) {
        line.put("trace_id", detail.unpack(RequestInfo.class).getRequestId());
      }
    }
    return line;
  }
}
