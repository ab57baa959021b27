package dev.plexspaces.testkit;

import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/// Service links answered by a function of the test.
final class StubLinks implements ServiceLinks {

  private static final String CONTENT_TYPE = "content-type";

  private final Function<LinkRequest, LinkResponse> answers;

  StubLinks(Function<LinkRequest, LinkResponse> answers) {
    this.answers = answers;
  }

  @Override
  public void call(Call call, Listener listener) {
    Answer answer;
    try {
      answer = answer(answers.apply(readable(call.request())));
    } catch (PlexException error) {
      listener.failed(error);
      return;
    }
    listener.answered(answer);
  }

  /// The body as the test wrote it down, not as it travels.
  private static LinkRequest readable(LinkRequest request) {
    if (!(request.body() instanceof byte[] bytes)) {
      return request;
    }
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.putAll(request.headers());
    String type = headers.get(CONTENT_TYPE).toLowerCase(Locale.ROOT);
    Object body =
        type.startsWith("application/json")
            ? Json.parse(bytes)
            : type.startsWith("text/") ? new String(bytes, StandardCharsets.UTF_8) : bytes;
    return new LinkRequest(
        request.link(), request.method(), request.path(), request.headers(), body);
  }

  private static Answer answer(LinkResponse response) {
    Map<String, String> headers = new TreeMap<>();
    response.headers().forEach((name, value) -> headers.put(name.toLowerCase(Locale.ROOT), value));
    byte[] body =
        switch (response.body()) {
          case null -> new byte[0];
          case byte[] bytes -> bytes;
          case String text -> {
            headers.putIfAbsent(CONTENT_TYPE, "text/plain; charset=utf-8");
            yield text.getBytes(StandardCharsets.UTF_8);
          }
          case Object json -> {
            headers.putIfAbsent(CONTENT_TYPE, "application/json");
            yield Json.write(json);
          }
        };
    return new Answer(response.status(), headers, body);
  }
}
