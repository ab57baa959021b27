package dev.plexspaces.gateway;

import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.multipart.BodyPart;
import com.linecorp.armeria.common.multipart.Multipart;
import dev.plexspaces.contracts.application.v1.DeployApplicationResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;

/// Deployment by `multipart/form-data`: every part is written to its own file as it arrives, so
/// that an upload of any size takes no memory, and only then looked at.
final class DeployRoute {

  private static final Set<String> FIELDS =
      Set.of("application_id", "name", "version", "tenant", "namespace", "config");

  /// Longest text field other than `config`, bytes.
  private static final int FIELD_BYTES_MAX = 1024;

  private final ApplicationCalls calls;
  private final ExecutorService blocking;

  DeployRoute(ApplicationCalls calls, ExecutorService blocking) {
    this.calls = calls;
    this.blocking = blocking;
  }

  void deploy(Exchange exchange) {
    ApplicationCalls.requireDeployer(exchange.caller());
    MediaType type = exchange.request.contentType();
    if (type == null || !type.is(MediaType.MULTIPART_FORM_DATA)) {
      throw HttpError.unsupportedMediaType(
          "multipart/form-data",
          "send the application as parts of a form (with curl: -F bundle=@app.psa)");
    }
    if (type.parameters().getOrDefault("boundary", List.of()).isEmpty()) {
      throw Caller.invalid("content-type", "multipart/form-data needs a boundary");
    }
    exchange.when(
        CompletableFuture.supplyAsync(calls::uploadDirectory, blocking)
            .thenCompose(directory -> receive(exchange, directory)),
        answer -> exchange.answer(HttpStatus.OK, Transcoder.json(answer)));
  }

  private CompletableFuture<DeployApplicationResponse> receive(Exchange exchange, Path directory) {
    Map<String, Path> parts = new HashMap<>();
    return Multipart.from(exchange.request)
        .collect(part -> store(exchange, part, directory, parts))
        .thenApplyAsync(stored -> deploy(exchange.caller(), parts), blocking)
        .whenCompleteAsync((answer, failure) -> ApplicationCalls.discard(directory), blocking);
  }

  /// Parts arrive one after the other, so the map needs no lock.
  private CompletableFuture<Path> store(
      Exchange exchange, BodyPart part, Path directory, Map<String, Path> parts) {
    String name = part.name();
    if (name == null || (!FIELDS.contains(name) && kind(name).isEmpty())) {
      throw Caller.invalid(
          name == null ? "part" : name, "no such part; known: " + String.join(", ", known()));
    }
    // The file is named by us, never by the client.
    Path file = directory.resolve(name);
    if (parts.put(name, file) != null) {
      throw Caller.invalid(name, "must be given once");
    }
    return part.writeTo(file, exchange.context.eventLoop(), blocking)
        .thenApply(done -> file)
        .exceptionallyCompose(
            failure ->
                CompletableFuture.failedFuture(
                    cause(failure) instanceof IOException disk
                        ? ApplicationCalls.notStored(disk)
                        : failure));
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException ? failure.getCause() : failure;
  }

  private DeployApplicationResponse deploy(Caller caller, Map<String, Path> parts) {
    List<Deployment.Kind> kinds = new ArrayList<>();
    for (Deployment.Kind kind : Deployment.Kind.values()) {
      if (parts.containsKey(kind.part())) {
        kinds.add(kind);
      }
    }
    if (kinds.size() != 1) {
      throw Caller.invalid("bundle", "exactly one of bundle, jar_file, wasm_file is required");
    }
    if (!parts.containsKey("application_id")) {
      throw Caller.invalid("application_id", "is required");
    }
    Deployment.Kind kind = kinds.getFirst();
    return DeployApplicationResponse.newBuilder()
        .setApplication(
            calls.deploy(
                caller,
                new ApplicationCalls.Claim(
                    field(parts, "application_id"),
                    field(parts, "name"),
                    field(parts, "version"),
                    field(parts, "tenant"),
                    field(parts, "namespace")),
                kind,
                parts.get(kind.part()),
                parts.containsKey("config")
                    ? Optional.of(
                        text("config", parts.get("config"), ApplicationCalls.CONFIG_BYTES_MAX))
                    : Optional.empty()))
        .build();
  }

  private static String field(Map<String, Path> parts, String name) {
    return parts.containsKey(name) ? text(name, parts.get(name), FIELD_BYTES_MAX) : "";
  }

  private static String text(String name, Path file, int bytesMax) {
    try {
      if (Files.size(file) > bytesMax) {
        throw Caller.invalid(name, "must be at most " + bytesMax + " bytes");
      }
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
          .toString();
    } catch (CharacterCodingException e) {
      throw Caller.invalid(name, "has bytes that are not UTF-8");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<Deployment.Kind> kind(String part) {
    for (Deployment.Kind kind : Deployment.Kind.values()) {
      if (kind.part().equals(part)) {
        return Optional.of(kind);
      }
    }
    return Optional.empty();
  }

  private static List<String> known() {
    List<String> known = new ArrayList<>(FIELDS);
    for (Deployment.Kind kind : Deployment.Kind.values()) {
      known.add(kind.part());
    }
    return known.stream().sorted().toList();
  }
}
