package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A request of an actor to the outside as it is made, compared and recorded: the body as bytes,
/// the answer as JSON.
final class LinkCall {

  /// Longest wait for an answer, whatever the link says.
  static final Duration TIMEOUT_MAX = Duration.ofMinutes(10);

  /// How much longer the kernel waits for a link to say itself that time is up.
  static final Duration GRACE = Duration.ofSeconds(1);

  private static final String CONTENT_TYPE = "content-type";
  private static final String JSON = "application/json";
  private static final String BASE64 = "base64";
  private static final String BODY = "body";
  private static final String HEADERS = "headers";
  private static final String STATUS = "status";

  /// Characters of an actor's key that stand for themselves in an idempotency key.
  private static final char FIRST_VISIBLE = '!';

  private static final char LAST_VISIBLE = '~';

  private final LinkRequest given;
  private final LinkRequest encoded;

  /// @throws PlexException `INVALID_MESSAGE` when the body is too large or cannot be JSON
  LinkCall(LinkRequest request) {
    if (request == null) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "request: must not be null");
    }
    given = request;
    encoded = encode(request);
  }

  private static LinkRequest encode(LinkRequest request) {
    Object body = request.body();
    if (body == null) {
      return request;
    }
    byte[] bytes =
        switch (body) {
          case byte[] b -> b;
          case String text -> text.getBytes(StandardCharsets.UTF_8);
          default -> Json.write(body);
        };
    if (bytes.length > LinkRequest.BODY_BYTES_MAX) {
      String problem =
          "must be at most "
              + LinkRequest.BODY_BYTES_MAX
              + " bytes; it has "
              + bytes.length
              + "; send less or in parts";
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "body: " + problem,
          List.of(new FieldViolation("body", problem)),
          null);
    }
    LinkRequest whole =
        new LinkRequest(request.link(), request.method(), request.path(), request.headers(), bytes);
    if (request.headers().keySet().stream().anyMatch(CONTENT_TYPE::equalsIgnoreCase)) {
      return whole;
    }
    return whole.header(
        CONTENT_TYPE,
        switch (body) {
          case byte[] b -> "application/octet-stream";
          case String text -> "text/plain; charset=utf-8";
          default -> JSON;
        });
  }

  /// Kind, target and operation, by which a replay tells whether it makes the same call.
  String name() {
    return "http_fetch " + given.link() + " " + given.method() + " " + given.path();
  }

  /// Hash of everything else the caller chose; a body that is JSON by its canonical text.
  long hash() {
    Map<String, Object> chosen = new LinkedHashMap<>();
    Map<String, String> headers = new LinkedHashMap<>();
    given.headers().forEach((name, value) -> headers.put(name.toLowerCase(Locale.ROOT), value));
    chosen.put(HEADERS, headers);
    chosen.put(
        BODY,
        given.body() instanceof byte[] b ? Base64.getEncoder().encodeToString(b) : given.body());
    return Json.hash(chosen);
  }

  /// The key of one step of a durable turn. Source: spec/turns rule 20.
  static String key(ActorId id, long storeIncarnation, int incarnation, long turn, int step) {
    return visible(id.toString())
        + "/"
        + storeIncarnation
        + "."
        + incarnation
        + "/"
        + turn
        + "/"
        + step;
  }

  /// The key of a call that is made once, by an actor that keeps no record of it.
  static String key(ActorId id, String unique) {
    return visible(id.toString()) + "/" + unique;
  }

  /// An actor's key may have any characters, a header may not.
  private static String visible(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (b >= FIRST_VISIBLE && b <= LAST_VISIBLE && b != '%') {
        out.append((char) b);
      } else {
        out.append('%').append(String.format("%02X", b));
      }
    }
    return out.toString();
  }

  /// Makes the call on behalf of a running turn and blocks it until it has ended.
  ///
  /// @return the answer as it is recorded
  /// @throws PlexException as `ActorContext.fetch`
  Object make(ActorCell caller, Turn t, String idempotencyKey) {
    ActorSystem system = caller.system();
    Duration timeout = system.asks().untilDeadline(t, TIMEOUT_MAX);
    ReplyTo.FromLink wait =
        new ReplyTo.FromLink(
            system.clock().nanoTime() + timeout.plus(GRACE).toNanos(), caller, given.link());
    if (!timeout.isPositive()) {
      throw new PlexException(ErrorCode.TIMEOUT, wait.timeoutText());
    }
    ServiceLinks.Call call =
        new ServiceLinks.Call(
            encoded, idempotencyKey, t.envelope.context.traceParent().orElse(""), timeout);
    system
        .asks()
        .callOutside(
            t,
            wait,
            () ->
                caller.home.entry.links.call(
                    call,
                    new ServiceLinks.Listener() {
                      @Override
                      public void answered(ServiceLinks.Answer answer) {
                        wait.complete(null, answer);
                      }

                      @Override
                      public void failed(PlexException error) {
                        wait.fail(error);
                      }
                    }));
    return recorded((ServiceLinks.Answer) wait.value());
  }

  private static Map<String, Object> recorded(ServiceLinks.Answer answer) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put(STATUS, answer.status());
    fields.put(HEADERS, answer.headers());
    Object body = body(answer);
    if (body instanceof byte[] bytes) {
      fields.put(BASE64, Base64.getEncoder().encodeToString(bytes));
    } else {
      fields.put(BODY, body);
    }
    return fields;
  }

  private static Object body(ServiceLinks.Answer answer) {
    byte[] bytes = answer.body();
    if (bytes.length == 0) {
      return null;
    }
    String type =
        answer
            .headers()
            .getOrDefault(CONTENT_TYPE, "")
            .split(";", 2)[0]
            .trim()
            .toLowerCase(Locale.ROOT);
    boolean json = type.equals(JSON) || type.endsWith("+json");
    if (json) {
      try {
        return Json.parse(bytes, bytes.length);
      } catch (PlexException notJson) {
        // Said to be JSON and is not: the handler shall see what came.
      }
    }
    if (json || type.startsWith("text/")) {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException otherCharset) {
        return bytes;
      }
    }
    return bytes;
  }

  /// Reads what [#make] returned, now or in an earlier life.
  static LinkResponse response(Object recorded) {
    Map<?, ?> fields = (Map<?, ?>) recorded;
    Map<String, String> headers = new LinkedHashMap<>();
    ((Map<?, ?>) fields.get(HEADERS)).forEach((n, v) -> headers.put((String) n, (String) v));
    Object body =
        fields.get(BASE64) instanceof String base64
            ? Base64.getDecoder().decode(base64)
            : fields.get(BODY);
    return new LinkResponse(((Number) fields.get(STATUS)).intValue(), Map.copyOf(headers), body);
  }
}
