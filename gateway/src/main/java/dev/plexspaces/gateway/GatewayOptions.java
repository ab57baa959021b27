package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// How the edge is run.
///
/// @param host address to bind, such as `0.0.0.0`; with `dev` a loopback one
/// @param httpPort 0 picks a free one; default 8001
/// @param grpcPort 0 picks a free one; default 8000
/// @param dev authentication off
/// @param trusted whose tokens are accepted; not empty unless `dev`
/// @param uploads directory for uploads in progress; made when missing
/// @param bodyBytesMax longest body of a call, bytes; default [#BODY_BYTES_MAX]
/// @param inFlightMax requests in progress on each port before further ones get
///   `RESOURCE_EXHAUSTED`; default [#IN_FLIGHT_MAX]
/// @param drain longest wait for requests in progress when stopping, before they are answered with
///   `TIMEOUT`; default [#DRAIN]
public record GatewayOptions(
    String host,
    int httpPort,
    int grpcPort,
    boolean dev,
    List<TrustedIssuer> trusted,
    Path uploads,
    int bodyBytesMax,
    int inFlightMax,
    Duration drain) {

  /// Default port of HTTP.
  public static final int HTTP_PORT = 8001;

  /// Default port of gRPC.
  public static final int GRPC_PORT = 8000;

  /// Default longest body of a call: 1 MiB.
  public static final int BODY_BYTES_MAX = 1 << 20;

  /// Default bound on requests in progress.
  public static final int IN_FLIGHT_MAX = 20_000;

  /// Default longest wait for requests in progress when stopping.
  public static final Duration DRAIN = Duration.ofSeconds(10);

  /// @throws PlexException `INVALID_MESSAGE` for an unknown host, a non-loopback one with `dev`, or
  ///   nobody trusted without it
  public GatewayOptions {
    trusted = List.copyOf(trusted);
    if (bodyBytesMax < 1 || inFlightMax < 1 || drain.isNegative()) {
      throw new IllegalArgumentException("bounds must be positive");
    }
    if (dev && !addressOf(host).isLoopbackAddress()) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "host "
              + host
              + ": --dev turns authentication off and binds to loopback only; use 127.0.0.1, or"
              + " start without --dev");
    }
    if (!dev && trusted.isEmpty()) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "no trusted token issuer: nobody could call this node");
    }
  }

  /// Authentication off, on loopback.
  public static GatewayOptions dev(int httpPort, int grpcPort, Path uploads) {
    return new GatewayOptions(
        "127.0.0.1",
        httpPort,
        grpcPort,
        true,
        List.of(),
        uploads,
        BODY_BYTES_MAX,
        IN_FLIGHT_MAX,
        DRAIN);
  }

  /// Authentication on, with the other options at their defaults.
  public static GatewayOptions secure(
      String host, int httpPort, int grpcPort, List<TrustedIssuer> trusted, Path uploads) {
    return new GatewayOptions(
        host, httpPort, grpcPort, false, trusted, uploads, BODY_BYTES_MAX, IN_FLIGHT_MAX, DRAIN);
  }

  /// The address to bind.
  InetAddress address() {
    return addressOf(host);
  }

  private static InetAddress addressOf(String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "host " + host + ": is no address of this machine",
          List.of(),
          e);
    }
  }
}
