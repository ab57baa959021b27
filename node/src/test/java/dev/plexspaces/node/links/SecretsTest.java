package dev.plexspaces.node.links;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SecretsTest {

  private static final Map<String, String> ENVIRONMENT =
      Map.of(
          "PLEXSPACES_SECRET_A", "from-env$1\\",
          "PLEXSPACES_SECRET_EMPTY", "",
          "PLEXSPACES_SECRET_LINES", "hidden\r\nX: y",
          "PATH", "/bin");

  @TempDir Path temp;
  private Secrets secrets;

  @BeforeEach
  void write() throws IOException {
    secret("acme/token", "from-file\n");
    secret("acme/deep/key", "deeper");
    secret("acme/empty", " \n");
    secret("acme/long", "x".repeat(Secrets.FILE_BYTES_MAX + 1));
    secret("acme/lines", "hidden\nhidden");
    Files.write(temp.resolve("secrets/acme/binary"), new byte[] {(byte) 0xff});
    secret("globex/token", "hidden");
    Files.createSymbolicLink(
        temp.resolve("secrets/acme/sly"), temp.resolve("secrets/globex/token"));
    secrets = new Secrets(ENVIRONMENT::get, temp.resolve("secrets"));
  }

  private void secret(String name, String value) throws IOException {
    Path file = temp.resolve("secrets").resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, value, StandardCharsets.UTF_8);
  }

  @Test
  void placeholders_areFilledIn() throws Exception {
    assertThat(secrets.resolve("acme", "plain")).isEqualTo("plain");
    assertThat(secrets.resolve("acme", "Bearer ${file:token}")).isEqualTo("Bearer from-file");
    assertThat(secrets.resolve("acme", "${env:PLEXSPACES_SECRET_A}:${file:deep/key}"))
        .isEqualTo("from-env$1\\:deeper");
  }

  @ParameterizedTest
  @CsvSource(
      value = {
        "${env:PLEXSPACES_SECRET_NONE}|no environment variable PLEXSPACES_SECRET_NONE",
        "${env:PLEXSPACES_SECRET_EMPTY}|no environment variable",
        "${env:PATH}|only environment variables PLEXSPACES_SECRET_... may be used",
        "${env:PLEXSPACES_SECRET_LINES}|cannot be sent",
        "${file:none}|secrets/acme/none in the node's data directory is missing",
        "${file:empty}|is empty",
        "${file:long}|more than 16384 bytes",
        "${file:lines}|cannot be sent",
        "${file:binary}|is not UTF-8",
        "${file:deep}|cannot be read",
        "${file:sly}|leads out of the directory of its tenant",
        "${file:../globex/token}|must be a relative path",
        "${file:/etc/passwd}|must be a relative path",
        "${file:}|must be a relative path",
        "${vault:x}|must be ${env:PLEXSPACES_SECRET_NAME} or ${file:name}",
        "${x}|must be ${env:"
      },
      delimiter = '|')
  void whatCannotBeFilledIn_isRefusedWithItsReason_andNoValueIsShown(String text, String reason) {
    Secrets.Unresolved e =
        catchThrowableOfType(Secrets.Unresolved.class, () -> secrets.resolve("acme", text));
    assertThat(e).as("refused").isNotNull();
    assertThat(e.getMessage()).contains(reason).doesNotContain("hidden", temp.toString());
  }
}
