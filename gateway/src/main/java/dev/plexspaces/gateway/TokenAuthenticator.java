package dev.plexspaces.gateway;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Accepts JSON Web Tokens signed with RS256 or ES256 by a [TrustedIssuer], and nothing else.
///
/// The algorithm is never taken from the token: a key verifies only the one algorithm of its kind.
/// Checked: signature, `iss`, `aud`, `exp` (required), `nbf`, `tenant` (required), `sub`
/// (required), `namespace`, `roles`. Source: RFC 7519, RFC 8725.
///
/// Verified tokens are remembered by their SHA-256 until they expire, so that a signature is
/// checked once and the token itself is not kept.
final class TokenAuthenticator implements Authenticator {

  /// Difference allowed between the issuer's clock and ours.
  static final Duration CLOCK_SKEW = Duration.ofSeconds(30);

  /// Longest token, characters.
  static final int TOKEN_LENGTH_MAX = 8192;

  /// Verified tokens remembered; when full, all are forgotten and verified anew.
  static final int CACHE_ENTRIES_MAX = 4096;

  /// Shortest RSA key used, bits.
  static final int RSA_BITS_MIN = 2048;

  private static final int ROLES_MAX = 64;
  private static final int SUBJECT_LENGTH_MAX = 256;
  private static final String BEARER = "Bearer ";

  private static final ThreadLocal<MessageDigest> SHA_256 =
      ThreadLocal.withInitial(
          () -> {
            try {
              return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
              throw new IllegalStateException("every Java platform has SHA-256", e);
            }
          });

  private record Verified(Principal principal, Instant notBefore, Instant expires) {}

  private record Key(Optional<String> id, JWSAlgorithm algorithm, JWSVerifier verifier) {}

  private record Issuer(String name, String audience, List<Key> keys) {}

  private final List<Issuer> issuers = new ArrayList<>();
  private final InstantSource clock;
  private final int cacheEntriesMax;
  private final ConcurrentHashMap<ByteBuffer, Verified> verified = new ConcurrentHashMap<>();

  /// @throws PlexException `INVALID_MESSAGE` when an issuer has no usable key
  TokenAuthenticator(List<TrustedIssuer> trusted, InstantSource clock) {
    this(trusted, clock, CACHE_ENTRIES_MAX);
  }

  /// @param cacheEntriesMax verified tokens remembered
  TokenAuthenticator(List<TrustedIssuer> trusted, InstantSource clock, int cacheEntriesMax) {
    this.clock = clock;
    this.cacheEntriesMax = cacheEntriesMax;
    for (TrustedIssuer issuer : trusted) {
      List<Key> keys = new ArrayList<>();
      for (JWK jwk : issuer.keys().getKeys()) {
        usable(jwk).ifPresent(keys::add);
      }
      if (keys.isEmpty()) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE,
            "issuer "
                + issuer.issuer()
                + ": has no RSA key of at least "
                + RSA_BITS_MIN
                + " bits and no EC P-256 key");
      }
      issuers.add(new Issuer(issuer.issuer(), issuer.audience(), List.copyOf(keys)));
    }
  }

  @Override
  public Principal authenticate(String authorization) {
    if (authorization == null) {
      throw refused("credentials are missing: send 'Authorization: Bearer TOKEN'");
    }
    if (!authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      throw refused("credentials must be 'Authorization: Bearer TOKEN'");
    }
    String token = authorization.substring(BEARER.length()).trim();
    if (token.length() > TOKEN_LENGTH_MAX) {
      throw refused("the token is longer than " + TOKEN_LENGTH_MAX + " characters");
    }
    Instant now = clock.instant();
    ByteBuffer digest =
        ByteBuffer.wrap(SHA_256.get().digest(token.getBytes(StandardCharsets.UTF_8)));
    Verified known = verified.get(digest);
    if (known == null) {
      known = verify(token);
      requireTime(known, now);
      if (verified.size() >= cacheEntriesMax) {
        verified.clear();
      }
      verified.put(digest, known);
    } else if (!now.isBefore(known.expires())) {
      verified.remove(digest);
    }
    requireTime(known, now);
    return known.principal();
  }

  /// Tokens remembered now.
  int remembered() {
    return verified.size();
  }

  private static void requireTime(Verified token, Instant now) {
    if (!now.isBefore(token.expires())) {
      throw refused("the token has expired");
    }
    if (now.isBefore(token.notBefore())) {
      throw refused("the token is not valid yet");
    }
  }

  private Verified verify(String token) {
    try {
      SignedJWT jwt = SignedJWT.parse(token);
      JWTClaimsSet claims = jwt.getJWTClaimsSet();
      Issuer issuer = issuerOf(claims.getIssuer());
      if (!signedBy(issuer, jwt)) {
        throw refused("the token's signature is not valid");
      }
      if (!claims.getAudience().contains(issuer.audience())) {
        throw refused("the token is for another audience");
      }
      if (claims.getExpirationTime() == null) {
        throw refused("the token has no expiry (exp)");
      }
      Instant expires = claims.getExpirationTime().toInstant().plus(CLOCK_SKEW);
      Instant notBefore =
          claims.getNotBeforeTime() == null
              ? Instant.MIN
              : claims.getNotBeforeTime().toInstant().minus(CLOCK_SKEW);
      return new Verified(principal(claims), notBefore, expires);
    } catch (ParseException | JOSEException | IllegalArgumentException e) {
      throw refused("the token is not a signed JSON Web Token");
    }
  }

  private static Principal principal(JWTClaimsSet claims) throws ParseException {
    String tenant = claims.getStringClaim("tenant");
    String namespace = claims.getStringClaim("namespace");
    String subject = claims.getSubject();
    List<String> roles = claims.getStringListClaim("roles");
    if (tenant == null || subject == null || subject.isEmpty()) {
      throw refused("the token must have the claims tenant and sub");
    }
    if (subject.length() > SUBJECT_LENGTH_MAX || (roles != null && roles.size() > ROLES_MAX)) {
      throw refused("the token's sub or roles claim is too long");
    }
    try {
      Scope.requireName("tenant", tenant);
      if (namespace != null) {
        Scope.requireName("namespace", namespace);
      }
    } catch (PlexException e) {
      throw refused("the token's tenant or namespace claim is not a valid name");
    }
    Set<String> known = new HashSet<>();
    if (roles != null) {
      for (String role : roles) {
        if (role != null) {
          known.add(role);
        }
      }
    }
    return new Principal(
        Optional.of(tenant), Optional.ofNullable(namespace), subject, Set.copyOf(known));
  }

  private Issuer issuerOf(String name) {
    for (Issuer issuer : issuers) {
      if (issuer.name().equals(name)) {
        return issuer;
      }
    }
    throw refused("the token's issuer is not trusted here");
  }

  private static boolean signedBy(Issuer issuer, SignedJWT jwt) throws JOSEException {
    JWSAlgorithm algorithm = jwt.getHeader().getAlgorithm();
    String keyId = jwt.getHeader().getKeyID();
    for (Key key : issuer.keys()) {
      if (key.algorithm().equals(algorithm)
          && (keyId == null || key.id().isEmpty() || key.id().get().equals(keyId))
          && jwt.verify(key.verifier())) {
        return true;
      }
    }
    return false;
  }

  private static Optional<Key> usable(JWK jwk) {
    try {
      Optional<String> id = Optional.ofNullable(jwk.getKeyID());
      if (jwk instanceof RSAKey rsa
          && rsa.size() >= RSA_BITS_MIN
          && allows(jwk, JWSAlgorithm.RS256)) {
        return Optional.of(new Key(id, JWSAlgorithm.RS256, new RSASSAVerifier(rsa)));
      }
      if (jwk instanceof ECKey ec
          && Curve.P_256.equals(ec.getCurve())
          && allows(jwk, JWSAlgorithm.ES256)) {
        return Optional.of(new Key(id, JWSAlgorithm.ES256, new ECDSAVerifier(ec)));
      }
      return Optional.empty();
    } catch (JOSEException e) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "key set: a key is damaged", List.of(), e);
    }
  }

  private static boolean allows(JWK jwk, JWSAlgorithm algorithm) {
    return (jwk.getAlgorithm() == null || jwk.getAlgorithm().equals(algorithm))
        && (jwk.getKeyUse() == null || jwk.getKeyUse().equals(KeyUse.SIGNATURE));
  }

  private static PlexException refused(String message) {
    return new Refused(message);
  }

  /// Says something about the token, not about us: the stack is not worth its cost, least of all to
  /// somebody who sends many.
  private static final class Refused extends PlexException {
    Refused(String message) {
      super(ErrorCode.UNAUTHENTICATED, message);
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this;
    }
  }
}
