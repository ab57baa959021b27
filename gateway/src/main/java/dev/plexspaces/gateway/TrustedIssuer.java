package dev.plexspaces.gateway;

import com.nimbusds.jose.jwk.JWKSet;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;

/// Somebody whose tokens are accepted: its name, the audience it must write, and its public keys.
///
/// @param issuer the `iss` claim, compared exactly
/// @param audience a value the `aud` claim must contain
/// @param keys its RSA (at least 2048 bits) and EC P-256 keys; others are never used
public record TrustedIssuer(String issuer, String audience, JWKSet keys) {

  /// Longest JWKS file, bytes.
  public static final int FILE_BYTES_MAX = 1 << 20;

  /// Public keys only, whatever was passed.
  public TrustedIssuer {
    keys = keys.toPublicJWKSet();
  }

  /// Reads the keys from a JWKS file.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when the file cannot be read or is no key set
  public static TrustedIssuer fromFile(String issuer, String audience, Path file) {
    try {
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE, "jwks file: longer than " + FILE_BYTES_MAX + " bytes");
      }
      JWKSet keys = JWKSet.parse(Files.readString(file));
      if (keys.isEmpty()) {
        throw new PlexException(ErrorCode.INVALID_MESSAGE, "jwks file: contains no key");
      }
      return new TrustedIssuer(issuer, audience, keys);
    } catch (IOException | ParseException e) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "jwks file: cannot be read as a JSON Web Key Set (file name: " + file.getFileName() + ")",
          java.util.List.of(),
          e);
    }
  }
}
