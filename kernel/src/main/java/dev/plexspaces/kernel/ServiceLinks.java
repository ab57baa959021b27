package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.Map;

/// The way out: the service links of one application. The port behind `ActorContext.fetch`; one
/// implementation calls over HTTP, tests and the simulator have their own.
public interface ServiceLinks {

  /// Header with the key of a call, the same for each attempt at it.
  String IDEMPOTENCY_KEY = "Idempotency-Key";

  /// No links at all.
  ServiceLinks NONE =
      (call, listener) -> listener.failed(unknown(call.request().link(), "it declares none"));

  /// A call to make.
  ///
  /// @param request its body is `null` or `byte[]`, and its content type among the headers
  /// @param idempotencyKey goes into [#IDEMPOTENCY_KEY]; visible ASCII
  /// @param traceParent goes into the header `traceparent` unless the request has one; "" for none
  /// @param timeout how long the caller waits, all attempts together; positive
  record Call(LinkRequest request, String idempotencyKey, String traceParent, Duration timeout) {}

  /// What came back.
  ///
  /// @param headers names in lower case
  /// @param body empty for none
  record Answer(int status, Map<String, String> headers, byte[] body) {}

  /// Told once how a call ended, on any thread, also before [#call] returns.
  interface Listener {

    void answered(Answer answer);

    /// There is no answer; with the codes that `ActorContext.fetch` lists.
    void failed(PlexException error);
  }

  /// Starts a call. Does not block and does not throw.
  void call(Call call, Listener listener);

  /// The error about a name that is not among an application's links.
  ///
  /// @param others what there is instead, such as `there are: a, b`
  static PlexException unknown(String link, String others) {
    return new PlexException(
        ErrorCode.NOT_FOUND,
        "service link '" + link + "' is not declared by this application; " + others);
  }
}
