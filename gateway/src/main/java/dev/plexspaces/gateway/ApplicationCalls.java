package dev.plexspaces.gateway;

import com.google.protobuf.ByteString;
import dev.plexspaces.contracts.application.v1.Application;
import dev.plexspaces.contracts.application.v1.DeployApplicationRequest;
import dev.plexspaces.contracts.application.v1.DeployApplicationResponse;
import dev.plexspaces.contracts.application.v1.GetApplicationStatusRequest;
import dev.plexspaces.contracts.application.v1.ListApplicationsRequest;
import dev.plexspaces.contracts.application.v1.ListApplicationsResponse;
import dev.plexspaces.contracts.application.v1.UndeployApplicationRequest;
import dev.plexspaces.contracts.application.v1.UndeployApplicationResponse;
import dev.plexspaces.gateway.Applications.ApplicationInfo;
import dev.plexspaces.gateway.Authorization.Permission;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/// Deployment and questions about applications, whichever way they came in.
///
/// The [Applications] port may block, so it is only called on the blocking executor.
final class ApplicationCalls {

  /// Longest upload over HTTP, bytes: 100 MiB.
  static final long UPLOAD_BYTES_MAX = 100L << 20;

  /// Longest `app-config.toml`, bytes: 1 MiB.
  static final int CONFIG_BYTES_MAX = 1 << 20;

  /// Longest name or version, characters.
  static final int TEXT_LENGTH_MAX = 128;

  /// What a client says about an application it deploys; nothing is checked yet, "" is absent.
  record Claim(
      String applicationId, String name, String version, String tenant, String namespace) {}

  private final Applications applications;
  private final ExecutorService blocking;
  private final Path uploads;

  ApplicationCalls(Applications applications, ExecutorService blocking, Path uploads) {
    this.applications = applications;
    this.blocking = blocking;
    this.uploads = uploads;
  }

  /// Refuses a caller that may not deploy at all, before its upload is read.
  ///
  /// @throws PlexException `NOT_PERMITTED`
  static void requireDeployer(Caller caller) {
    Authorization.require(caller.principal(), Permission.DEPLOY);
  }

  /// A fresh directory for one upload. Blocks.
  Path uploadDirectory() {
    try {
      Files.createDirectories(uploads);
      return Files.createTempDirectory(uploads, "deploy-");
    } catch (IOException e) {
      throw notStored(e);
    }
  }

  /// The disk took no upload: it is full, or may not be written.
  static PlexException notStored(IOException cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "the upload cannot be stored: the node's disk is full or cannot be written; nothing was"
            + " deployed, try again later",
        List.of(),
        cause);
  }

  /// Removes an upload with everything in it; what cannot be removed is left. Blocks.
  static void discard(Path directory) {
    try (var files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      // The directory is one for uploads in progress; the next start may empty it.
    }
  }

  /// Deploys an uploaded file. Blocks.
  ///
  /// @throws PlexException `NOT_PERMITTED`, `INVALID_MESSAGE`, `CONFLICT`
  Application deploy(
      Caller caller, Claim claim, Deployment.Kind kind, Path file, Optional<String> config) {
    requireDeployer(caller);
    Principal principal = caller.principal();
    String tenant =
        claim.tenant().isEmpty()
            ? principal.tenant().orElse(Deployment.DEFAULT_TENANT)
            : claim.tenant();
    String namespace =
        claim.namespace().isEmpty()
            ? principal.namespace().orElse(Deployment.DEFAULT_NAMESPACE)
            : claim.namespace();
    Authorization.require(principal, Permission.DEPLOY, tenant, namespace);
    Scope scope = new Scope(tenant, namespace);
    Scope.requireName("application_id", claim.applicationId());
    return describe(
        applications.deploy(
            new Deployment(
                claim.applicationId(),
                text("name", claim.name(), claim.applicationId()),
                text("version", claim.version(), "0"),
                scope.tenant(),
                scope.namespace(),
                kind,
                file,
                config)));
  }

  private static String text(String field, String value, String absent) {
    if (value.isEmpty()) {
      return absent;
    }
    if (value.length() > TEXT_LENGTH_MAX || value.chars().anyMatch(Character::isISOControl)) {
      throw Caller.invalid(
          field, "must be 1 to " + TEXT_LENGTH_MAX + " characters without controls");
    }
    return value;
  }

  // The rpcs.

  CompletableFuture<DeployApplicationResponse> deployApplication(
      Caller caller, DeployApplicationRequest request) {
    requireDeployer(caller);
    Deployment.Kind kind =
        switch (request.getArtifactCase()) {
          case BUNDLE -> Deployment.Kind.BUNDLE;
          case JAR_FILE -> Deployment.Kind.JAR;
          case WASM_FILE -> Deployment.Kind.WASM;
          case ARTIFACT_NOT_SET ->
              throw Caller.invalid("bundle", "one of bundle, jar_file or wasm_file is required");
        };
    ByteString code =
        switch (kind) {
          case BUNDLE -> request.getBundle();
          case JAR -> request.getJarFile();
          case WASM -> request.getWasmFile();
        };
    if (request.getConfigBytes().size() > CONFIG_BYTES_MAX) {
      throw Caller.invalid("config", "must be at most " + CONFIG_BYTES_MAX + " bytes");
    }
    return blocking(
        () -> {
          Path directory = uploadDirectory();
          try {
            Path file = directory.resolve(kind.part());
            try (OutputStream out = Files.newOutputStream(file)) {
              code.writeTo(out);
            }
            return DeployApplicationResponse.newBuilder()
                .setApplication(
                    deploy(
                        caller,
                        new Claim(
                            request.getApplicationId(),
                            request.getName(),
                            request.getVersion(),
                            request.getTenant(),
                            request.getNamespace()),
                        kind,
                        file,
                        request.getConfig().isEmpty()
                            ? Optional.empty()
                            : Optional.of(
                                request.getConfigBytes().toString(StandardCharsets.UTF_8))))
                .build();
          } catch (IOException e) {
            throw notStored(e);
          } finally {
            discard(directory);
          }
        });
  }

  CompletableFuture<UndeployApplicationResponse> undeployApplication(
      Caller caller, UndeployApplicationRequest request) {
    Authorization.require(caller.principal(), Permission.DEPLOY);
    return blocking(
        () -> {
          applications.undeploy(
              visible(caller, Permission.DEPLOY, request.getApplicationId()).applicationId(),
              request.getPurge());
          return UndeployApplicationResponse.getDefaultInstance();
        });
  }

  CompletableFuture<ListApplicationsResponse> listApplications(
      Caller caller, ListApplicationsRequest request) {
    Authorization.require(caller.principal(), Permission.VIEW_APPLICATIONS);
    return blocking(
        () -> {
          ListApplicationsResponse.Builder answer = ListApplicationsResponse.newBuilder();
          applications.list().stream()
              .filter(info -> sees(caller, info))
              .sorted(Comparator.comparing(ApplicationInfo::applicationId))
              .forEach(info -> answer.addApplications(describe(info)));
          return answer.build();
        });
  }

  CompletableFuture<Application> getApplicationStatus(
      Caller caller, GetApplicationStatusRequest request) {
    return blocking(
        () -> describe(visible(caller, Permission.VIEW_APPLICATIONS, request.getApplicationId())));
  }

  /// Another tenant's application answers exactly as one that does not exist.
  private ApplicationInfo visible(Caller caller, Permission permission, String applicationId) {
    Scope.requireName("application_id", applicationId);
    ApplicationInfo info =
        applications
            .status(applicationId)
            .filter(found -> sees(caller, found))
            .orElseThrow(
                () ->
                    new PlexException(
                        ErrorCode.NOT_FOUND, "application " + applicationId + ": is not deployed"));
    Authorization.require(caller.principal(), permission, info.tenant(), info.namespace());
    return info;
  }

  private static boolean sees(Caller caller, ApplicationInfo info) {
    return Authorization.owns(caller.principal(), info.tenant())
        && caller.principal().namespace().filter(own -> !own.equals(info.namespace())).isEmpty();
  }

  private static Application describe(ApplicationInfo info) {
    return Application.newBuilder()
        .setApplicationId(info.applicationId())
        .setName(info.name())
        .setVersion(info.version())
        .setTenant(info.tenant())
        .setNamespace(info.namespace())
        .setStatus(
            switch (info.status()) {
              case LOADING -> Application.Status.LOADING;
              case STARTING -> Application.Status.STARTING;
              case RUNNING -> Application.Status.RUNNING;
              case STOPPING -> Application.Status.STOPPING;
              case STOPPED -> Application.Status.STOPPED;
              case FAILED -> Application.Status.FAILED;
            })
        .setDetail(info.detail())
        .setDeployedAt(ActorCalls.timestamp(info.deployedAt()))
        .addAllActorTypes(info.actorTypes().stream().sorted().toList())
        .setActorCount(info.actorCount())
        .build();
  }

  private <T> CompletableFuture<T> blocking(Supplier<T> work) {
    return CompletableFuture.supplyAsync(work, blocking);
  }
}
