package dev.plexspaces.gateway;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The node's own EC P-256 key: mints tokens for it and tells the public half.
///
/// Kept as a JSON Web Key in `DIR/keys/node-key.json`, readable by its owner only.
public final class NodeKey {

  /// `iss` of minted tokens.
  public static final String ISSUER = "plexspaces";

  /// `aud` of minted tokens.
  public static final String AUDIENCE = "plexspaces";

  /// Longest life of a minted token.
  public static final Duration TTL_MAX = Duration.ofDays(366);

  private static final String DIRECTORY = "keys";
  private static final String FILE = "node-key.json";

  private final ECKey key;
  private final InstantSource clock;

  private NodeKey(ECKey key, InstantSource clock) {
    this.key = key;
    this.clock = clock;
  }

  /// Loads the key of a data directory; makes one when there is none.
  ///
  /// @param data the node's data directory
  /// @param clock for the times in minted tokens
  /// @throws PlexException `FAILED_PRECONDITION` when others may read the file, `INVALID_MESSAGE`
  ///   when it is damaged, `UNAVAILABLE` when it cannot be read or written
  public static NodeKey open(Path data, InstantSource clock) {
    Path directory = data.resolve(DIRECTORY);
    Path file = directory.resolve(FILE);
    try {
      if (!Files.exists(file)) {
        create(directory, file);
      }
      requirePrivate(file);
      ECKey key = ECKey.parse(Files.readString(file));
      if (!key.isPrivate() || !Curve.P_256.equals(key.getCurve())) {
        throw new ParseException("no private P-256 key", 0);
      }
      return new NodeKey(key, clock);
    } catch (ParseException e) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "keys/node-key.json is damaged: restore it, or remove it to get a new key (tokens minted"
              + " with the old one are then refused)",
          List.of(),
          e);
    } catch (IOException | JOSEException e) {
      throw new PlexException(
          ErrorCode.UNAVAILABLE,
          "keys/node-key.json cannot be read or written in the data directory",
          List.of(),
          e);
    }
  }

  private static void create(Path directory, Path file) throws IOException, JOSEException {
    Files.createDirectories(directory);
    ECKey key =
        new ECKeyGenerator(Curve.P_256)
            .keyUse(KeyUse.SIGNATURE)
            .algorithm(JWSAlgorithm.ES256)
            .keyIDFromThumbprint(true)
            .generate();
    Path fresh = directory.resolve(FILE + ".new");
    Files.deleteIfExists(fresh);
    if (posix(directory)) {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      // Private from its first moment, not made so afterwards.
      Files.createFile(
          fresh,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } else {
      Files.createFile(fresh);
    }
    Files.write(fresh, key.toJSONString().getBytes(StandardCharsets.UTF_8));
    try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    try {
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(fresh, file);
    }
  }

  private static void requirePrivate(Path file) throws IOException {
    if (!posix(file)) {
      return;
    }
    Set<PosixFilePermission> allowed =
        Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
    if (!allowed.containsAll(Files.getPosixFilePermissions(file))) {
      throw new PlexException(
          ErrorCode.FAILED_PRECONDITION,
          "keys/node-key.json may be read by others: chmod 600 it, and replace it if they did");
    }
  }

  private static boolean posix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix");
  }

  /// Makes a signed token (ES256).
  ///
  /// @param tenant the only tenant it is good for
  /// @param namespace the only namespace it is good for; empty for all of the tenant
  /// @param subject user or service it speaks for
  /// @param roles `admin` and `deployer` may deploy; none is needed to call actors
  /// @param ttl its life, one second to [#TTL_MAX]
  /// @throws PlexException `INVALID_MESSAGE` for a wrong name or life
  public String mint(
      String tenant, Optional<String> namespace, String subject, Set<String> roles, Duration ttl) {
    Scope.requireName("tenant", tenant);
    namespace.ifPresent(name -> Scope.requireName("namespace", name));
    if (subject.isEmpty()) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "subject: must not be empty");
    }
    if (ttl.compareTo(Duration.ofSeconds(1)) < 0 || ttl.compareTo(TTL_MAX) > 0) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "ttl: must be 1 second to " + TTL_MAX.toDays() + " days");
    }
    Instant now = clock.instant();
    JWTClaimsSet.Builder claims =
        new JWTClaimsSet.Builder()
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .subject(subject)
            .issueTime(Date.from(now))
            .notBeforeTime(Date.from(now))
            .expirationTime(Date.from(now.plus(ttl)))
            .claim("tenant", tenant)
            .claim("roles", new ArrayList<>(new java.util.TreeSet<>(roles)));
    namespace.ifPresent(name -> claims.claim("namespace", name));
    try {
      SignedJWT jwt =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.ES256)
                  .type(JOSEObjectType.JWT)
                  .keyID(key.getKeyID())
                  .build(),
              claims.build());
      jwt.sign(new ECDSASigner(key));
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException("a P-256 key signs ES256", e);
    }
  }

  /// The public half as a JSON Web Key Set.
  public String jwks() {
    return new JWKSet(key.toPublicJWK()).toString();
  }

  /// Trusts the tokens this key mints.
  public TrustedIssuer issuer() {
    return new TrustedIssuer(ISSUER, AUDIENCE, new JWKSet(key));
  }
}
