package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenTest {

  static final Instant NOON = Instant.parse("2026-11-21T12:00:00Z");

  static ECKey ec;
  static ECKey stranger;
  static RSAKey rsa;
  static RSAKey shortRsa;

  Instant now = NOON;
  @TempDir Path directory;

  @BeforeAll
  static void keys() throws JOSEException {
    ec = new ECKeyGenerator(Curve.P_256).keyID("ec").generate();
    stranger = new ECKeyGenerator(Curve.P_256).keyID("ec").generate();
    rsa = new RSAKeyGenerator(2048).keyID("rsa").generate();
    shortRsa = new RSAKeyGenerator(1024, true).keyID("short").generate();
  }

  TokenAuthenticator authenticator(JWK... keys) {
    return new TokenAuthenticator(
        List.of(new TrustedIssuer("iss", "aud", new JWKSet(List.of(keys)))), () -> now);
  }

  static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer("iss")
        .audience("aud")
        .subject("bob")
        .expirationTime(Date.from(NOON.plusSeconds(60)))
        .claim("tenant", "acme")
        .claim("roles", List.of("admin"));
  }

  static String sign(JWSAlgorithm algorithm, JWSSigner signer, String keyId, JWTClaimsSet claims) {
    try {
      SignedJWT jwt =
          new SignedJWT(
              new JWSHeader.Builder(algorithm).type(JOSEObjectType.JWT).keyID(keyId).build(),
              claims);
      jwt.sign(signer);
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  static String es256(ECKey key, JWTClaimsSet.Builder claims) {
    try {
      return sign(JWSAlgorithm.ES256, new ECDSASigner(key), key.getKeyID(), claims.build());
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  static void assertRefused(Authenticator authenticator, String authorization, String says) {
    assertThatThrownBy(() -> authenticator.authenticate(authorization))
        .isInstanceOfSatisfying(
            PlexException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHENTICATED);
              assertThat(e.getMessage()).contains(says);
            });
  }

  @Test
  void signedByATrustedKey_isAccepted() throws JOSEException {
    TokenAuthenticator authenticator = authenticator(ec, rsa);
    Principal principal = authenticator.authenticate("Bearer " + es256(ec, claims()));
    assertThat(principal)
        .isEqualTo(new Principal(Optional.of("acme"), Optional.empty(), "bob", Set.of("admin")));
    String rs256 =
        sign(
            JWSAlgorithm.RS256,
            new RSASSASigner(rsa),
            "rsa",
            claims().claim("namespace", "prod").claim("roles", null).build());
    assertThat(authenticator.authenticate("bearer " + rs256))
        .isEqualTo(new Principal(Optional.of("acme"), Optional.of("prod"), "bob", Set.of()));
  }

  @Test
  void unsignedToken_isRefused() {
    String none = new PlainJWT(claims().build()).serialize();
    assertRefused(authenticator(ec), "Bearer " + none, "not a signed JSON Web Token");
    // The same with a signature part, and with other spellings of the word.
    for (String alg : List.of("none", "None", "NONE")) {
      String header = base64("{\"alg\":\"" + alg + "\",\"typ\":\"JWT\"}");
      String payload = base64(claims().build().toString());
      for (String signature : List.of("", "AAAA")) {
        assertRefused(authenticator(ec), "Bearer " + header + "." + payload + "." + signature, "");
      }
    }
  }

  @Test
  void publicKeyUsedAsASharedSecret_isRefused() throws JOSEException {
    // The classic confusion: HS256 keyed with what everybody may know.
    for (byte[] secret :
        List.of(
            rsa.toPublicJWK().toJSONString().getBytes(StandardCharsets.UTF_8),
            rsa.toPublicKey().getEncoded(),
            rsa.getModulus().decode())) {
      String token = sign(JWSAlgorithm.HS256, new MACSigner(secret), "rsa", claims().build());
      assertRefused(authenticator(ec, rsa), "Bearer " + token, "signature");
    }
  }

  @Test
  void otherAlgorithmsOfATrustedKey_areRefused() throws JOSEException {
    for (JWSAlgorithm algorithm :
        List.of(JWSAlgorithm.RS384, JWSAlgorithm.RS512, JWSAlgorithm.PS256)) {
      String token = sign(algorithm, new RSASSASigner(rsa), "rsa", claims().build());
      assertRefused(authenticator(ec, rsa), "Bearer " + token, "signature");
    }
  }

  @Test
  void forgedTokens_areRefused() {
    TokenAuthenticator authenticator = authenticator(ec);
    assertRefused(authenticator, "Bearer " + es256(stranger, claims()), "signature");
    String good = es256(ec, claims());
    String[] parts = good.split("\\.");
    String widened = base64(claims().claim("tenant", "globex").build().toString());
    assertRefused(
        authenticator, "Bearer " + parts[0] + "." + widened + "." + parts[2], "signature");
    // All zeros verifies in broken ECDSA implementations.
    String zeros = Base64.getUrlEncoder().withoutPadding().encodeToString(new byte[64]);
    assertRefused(authenticator, "Bearer " + parts[0] + "." + parts[1] + "." + zeros, "signature");
    // The key the token itself brings is not asked.
    String header =
        base64("{\"alg\":\"ES256\",\"jwk\":" + stranger.toPublicJWK().toJSONString() + "}");
    assertRefused(authenticator, "Bearer " + header + "." + parts[1] + "." + parts[2], "signature");
  }

  @Test
  void wrongClaims_areRefused() {
    Map<String, JWTClaimsSet.Builder> wrong = new LinkedHashMap<>();
    wrong.put("issuer", claims().issuer("other"));
    wrong.put("issuer ", claims().issuer(null));
    wrong.put("audience", claims().audience("other"));
    wrong.put("audience ", claims().audience((String) null));
    wrong.put("no expiry", claims().expirationTime(null));
    wrong.put("expired", claims().expirationTime(Date.from(NOON.minusSeconds(30))));
    wrong.put("not valid yet", claims().notBeforeTime(Date.from(NOON.plusSeconds(31))));
    wrong.put("tenant and sub", claims().claim("tenant", null));
    wrong.put("tenant and sub ", claims().subject(null));
    wrong.put("not a valid name", claims().claim("tenant", "a/b"));
    wrong.put("not a valid name ", claims().claim("namespace", ""));
    wrong.put("not a signed", claims().claim("tenant", 7));
    wrong.put("not a signed ", claims().claim("roles", "admin"));
    wrong.put("too long", claims().subject("s".repeat(257)));
    wrong.forEach(
        (says, claims) ->
            assertRefused(authenticator(ec), "Bearer " + es256(ec, claims), says.strip()));
  }

  @Test
  void clockSkew_isThirtySecondsBothWays() {
    TokenAuthenticator authenticator = authenticator(ec);
    String token =
        es256(
            ec,
            claims()
                .notBeforeTime(Date.from(NOON.plusSeconds(30)))
                .expirationTime(Date.from(NOON.plusSeconds(60))));
    assertThat(authenticator.authenticate("Bearer " + token).subject()).isEqualTo("bob");
    now = NOON.plusSeconds(89);
    assertThat(authenticator.authenticate("Bearer " + token).subject()).isEqualTo("bob");
    now = NOON.plusSeconds(90);
    assertRefused(authenticator, "Bearer " + token, "expired");
  }

  @Test
  void rememberedToken_isStillJudgedByTime() {
    TokenAuthenticator authenticator = authenticator(ec);
    String token = es256(ec, claims().notBeforeTime(Date.from(NOON)));
    authenticator.authenticate("Bearer " + token);
    now = NOON.minusSeconds(31);
    assertRefused(authenticator, "Bearer " + token, "not valid yet");
    now = NOON.plusSeconds(91);
    assertRefused(authenticator, "Bearer " + token, "expired");
    assertRefused(authenticator, "Bearer " + token, "expired");
  }

  @Test
  void moreTokensThanRemembered_areAllJudgedRight() {
    TokenAuthenticator authenticator =
        new TokenAuthenticator(
            List.of(new TrustedIssuer("iss", "aud", new JWKSet(ec))), () -> now, 10);
    String first = es256(ec, claims());
    authenticator.authenticate("Bearer " + first);
    for (int i = 0; i < 25; i++) {
      assertThat(authenticator.authenticate("Bearer " + es256(ec, claims().subject("s" + i))))
          .extracting(Principal::subject)
          .isEqualTo("s" + i);
      assertThat(authenticator.remembered()).isBetween(1, 10);
    }
    assertThat(authenticator.authenticate("Bearer " + first).subject()).isEqualTo("bob");
  }

  @Test
  void rubbish_isRefused() {
    TokenAuthenticator authenticator = authenticator(ec);
    assertRefused(authenticator, null, "missing");
    String deep = base64("{\"a\":" + "[".repeat(2500) + "]".repeat(2500) + "}");
    String good = es256(ec, claims());
    for (String authorization :
        List.of(
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Bearer a.b.c",
            "Bearer ...",
            "Bearer \u00e9",
            "Basic YTpi",
            "Token " + good,
            good,
            "Bearer " + good + "x",
            "Bearer " + good + "." + good,
            "Bearer " + "x".repeat(9000),
            "Bearer " + base64("{\"alg\":\"ES256\"}") + "." + deep + ".AAAA",
            "Bearer "
                + base64("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}")
                + "."
                + good)) {
      assertRefused(authenticator, authorization, "");
    }
  }

  @Test
  void issuerWithoutUsableKeys_isRefusedAtStart() throws JOSEException {
    ECKey wide = new ECKeyGenerator(Curve.P_384).generate();
    for (JWK key : List.of(shortRsa, wide)) {
      assertThatThrownBy(() -> authenticator(key))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("issuer iss");
    }
  }

  @Test
  void keyForEncryption_isNotUsedForSignatures() throws JOSEException {
    ECKey encryption =
        new ECKey.Builder(ec).keyUse(com.nimbusds.jose.jwk.KeyUse.ENCRYPTION).build();
    assertThatThrownBy(() -> authenticator(encryption)).isInstanceOf(PlexException.class);
  }

  @Test
  void configuredKeySet_isReadFromAFile() throws Exception {
    Path file = directory.resolve("jwks.json");
    Files.writeString(file, new JWKSet(List.of(ec.toPublicJWK(), rsa.toPublicJWK())).toString());
    TokenAuthenticator authenticator =
        new TokenAuthenticator(List.of(TrustedIssuer.fromFile("iss", "aud", file)), () -> now);
    assertThat(authenticator.authenticate("Bearer " + es256(ec, claims())).subject())
        .isEqualTo("bob");
    for (String text : List.of("", "{}", "{\"keys\":[]}", "not json", "[".repeat(100_000))) {
      Files.writeString(file, text);
      assertThatThrownBy(() -> TrustedIssuer.fromFile("iss", "aud", file))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("jwks file");
    }
    assertThatThrownBy(() -> TrustedIssuer.fromFile("iss", "aud", directory.resolve("absent")))
        .isInstanceOf(PlexException.class);
  }

  @Test
  void keyOfOneIssuer_doesNotSignForAnother() throws JOSEException {
    TokenAuthenticator authenticator =
        new TokenAuthenticator(
            List.of(
                new TrustedIssuer("iss", "aud", new JWKSet(ec)),
                new TrustedIssuer("other", "aud", new JWKSet(rsa))),
            () -> now);
    authenticator.authenticate("Bearer " + es256(ec, claims()));
    assertRefused(authenticator, "Bearer " + es256(ec, claims().issuer("other")), "signature");
  }

  @Test
  void nodeKey_isPrivateStableAndMintsWhatItTrusts() throws Exception {
    NodeKey key = NodeKey.open(directory, () -> now);
    Path file = directory.resolve("keys/node-key.json");
    assertThat(
            java.nio.file.attribute.PosixFilePermissions.toString(
                Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(
            java.nio.file.attribute.PosixFilePermissions.toString(
                Files.getPosixFilePermissions(file.getParent())))
        .isEqualTo("rwx------");
    String token =
        key.mint("acme", Optional.of("prod"), "bob", Set.of("deployer"), Duration.ofMinutes(5));
    NodeKey again = NodeKey.open(directory, () -> now);
    TokenAuthenticator authenticator = new TokenAuthenticator(List.of(again.issuer()), () -> now);
    assertThat(authenticator.authenticate("Bearer " + token))
        .isEqualTo(
            new Principal(Optional.of("acme"), Optional.of("prod"), "bob", Set.of("deployer")));
    assertThat(again.jwks()).isEqualTo(key.jwks()).contains("\"P-256\"").doesNotContain("\"d\"");
    assertThat(again.issuer().keys().getKeys()).hasSize(1).noneMatch(JWK::isPrivate);
    now = NOON.plusSeconds(331);
    assertRefused(authenticator, "Bearer " + token, "expired");
  }

  @Test
  void nodeKeyReadableByOthersOrDamaged_isRefused() throws Exception {
    NodeKey.open(directory, () -> now);
    Path file = directory.resolve("keys/node-key.json");
    Files.setPosixFilePermissions(
        file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> NodeKey.open(directory, () -> now))
        .isInstanceOf(PlexException.class)
        .hasMessageContaining("chmod 600");
    Files.setPosixFilePermissions(
        file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    for (String text : List.of("", "{}", ec.toPublicJWK().toJSONString(), rsa.toJSONString())) {
      Files.writeString(file, text);
      assertThatThrownBy(() -> NodeKey.open(directory, () -> now))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("damaged");
    }
  }

  @Test
  void minting_checksItsArguments() {
    NodeKey key = NodeKey.open(directory, () -> now);
    Duration hour = Duration.ofHours(1);
    assertThatThrownBy(() -> key.mint("a/b", Optional.empty(), "s", Set.of(), hour))
        .hasMessageContaining("tenant");
    assertThatThrownBy(() -> key.mint("a", Optional.of(""), "s", Set.of(), hour))
        .hasMessageContaining("namespace");
    assertThatThrownBy(() -> key.mint("a", Optional.empty(), "", Set.of(), hour))
        .hasMessageContaining("subject");
    assertThatThrownBy(() -> key.mint("a", Optional.empty(), "s", Set.of(), Duration.ZERO))
        .hasMessageContaining("ttl");
    assertThatThrownBy(() -> key.mint("a", Optional.empty(), "s", Set.of(), Duration.ofDays(367)))
        .hasMessageContaining("ttl");
  }

  private static String base64(String text) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }
}
