package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class ErrorTableTest {

  /// The statuses are contract: a change here breaks clients.
  @Test
  void statuses_areThoseOfTheContract() {
    Map<ErrorCode, String> expected = new EnumMap<>(ErrorCode.class);
    expected.put(ErrorCode.INVALID_MESSAGE, "400 INVALID_ARGUMENT");
    expected.put(ErrorCode.UNKNOWN_OPERATION, "404 NOT_FOUND");
    expected.put(ErrorCode.ACTOR_NOT_FOUND, "404 NOT_FOUND");
    expected.put(ErrorCode.NOT_FOUND, "404 NOT_FOUND");
    expected.put(ErrorCode.CONFLICT, "409 ALREADY_EXISTS");
    expected.put(ErrorCode.FAILED_PRECONDITION, "400 FAILED_PRECONDITION");
    expected.put(ErrorCode.UNAUTHENTICATED, "401 UNAUTHENTICATED");
    expected.put(ErrorCode.NOT_PERMITTED, "403 PERMISSION_DENIED");
    expected.put(ErrorCode.TIMEOUT, "504 DEADLINE_EXCEEDED");
    expected.put(ErrorCode.DEADLOCK, "409 ABORTED");
    expected.put(ErrorCode.RESOURCE_EXHAUSTED, "429 RESOURCE_EXHAUSTED");
    expected.put(ErrorCode.ACTOR_CRASHED, "500 INTERNAL");
    expected.put(ErrorCode.QUARANTINED, "503 UNAVAILABLE");
    expected.put(ErrorCode.JOURNAL_MISMATCH, "500 DATA_LOSS");
    expected.put(ErrorCode.DELIVERY_FAILED, "503 UNAVAILABLE");
    expected.put(ErrorCode.UNAVAILABLE, "503 UNAVAILABLE");
    expected.put(ErrorCode.NOT_IMPLEMENTED, "501 UNIMPLEMENTED");
    expected.put(ErrorCode.INTERNAL, "500 INTERNAL");
    Map<ErrorCode, String> actual = new EnumMap<>(ErrorCode.class);
    for (ErrorCode code : ErrorCode.values()) {
      ErrorTable.Entry entry = ErrorTable.entry(code);
      actual.put(code, entry.http() + " " + entry.grpc());
    }
    assertThat(actual).isEqualTo(expected);
  }

  @Test
  void wrappedErrors_keepTheirCode() {
    PlexException conflict = new PlexException(ErrorCode.CONFLICT, "in use");
    assertThat(ErrorTable.toAnswer(new CompletionException(conflict), "r")).isSameAs(conflict);
    assertThat(ErrorTable.toAnswer(new CompletionException(null, null), "r").code())
        .isEqualTo(ErrorCode.INTERNAL);
  }
}
