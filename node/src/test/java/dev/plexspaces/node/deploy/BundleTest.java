package dev.plexspaces.node.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BundleTest {

  private static final byte[] CONFIG = "[application]\nid = \"a\"\n".getBytes(UTF_8);
  private static final byte[] JAR =
      TestJar.zip(Map.of("some/resource.txt", "hello hello hello hello".getBytes(UTF_8)));

  @TempDir Path temp;

  @Test
  void psa_isLaidOutWithConfigAndJars() throws IOException {
    byte[] psa =
        TestJar.zip(
            entries(
                "readme.md", "hi".getBytes(UTF_8),
                "app-config.toml", CONFIG,
                "lib/b.jar", JAR,
                "a.jar", JAR,
                "doc/c.jar", JAR));

    Bundle bundle = stage(Bundle.Kind.PSA, psa, null);

    assertThat(bundle.config().id()).contains("a");
    assertThat(bundle.jars())
        .extracting(p -> p.getFileName().toString())
        .containsExactly("a.jar", "b.jar");
    assertThat(Files.readAllBytes(bundle.jars().getFirst())).isEqualTo(JAR);
    assertThat(bundle.directory().resolve("app-config.toml")).hasBinaryContent(CONFIG);
    assertThat(bundle.directory().resolve("readme.md")).doesNotExist();
    assertThat(Bundle.open(bundle.directory())).isEqualTo(bundle);
  }

  @Test
  void jar_takesTheConfigBesideItBeforeTheOneInside() throws IOException {
    byte[] jar =
        TestJar.zip(entries("app-config.toml", "[application]\nid = \"inside\"".getBytes(UTF_8)));

    assertThat(stage(Bundle.Kind.JAR, jar, null).config().id()).contains("inside");
    assertThat(stage(Bundle.Kind.JAR, jar, CONFIG).config().id()).contains("a");
  }

  static Stream<Arguments> badUploads() {
    byte[] good = TestJar.zip(entries("app-config.toml", CONFIG, "lib/a.jar", JAR));
    return Stream.of(
        bad("no zip", "not a zip".getBytes(UTF_8), "app.psa: is not a zip archive or is damaged"),
        bad("empty", new byte[0], "app.psa: is not a zip archive or is damaged"),
        bad("cut", Arrays.copyOf(good, good.length / 2), "app.psa: is not a zip archive or is"),
        bad("flipped byte", flipped(good), "app.psa: is damaged at entry \"lib/a.jar\""),
        bad(
            "slip up",
            TestJar.zip(entries("app-config.toml", CONFIG, "../evil.jar", JAR)),
            "app.psa: the entry \"../evil.jar\" points outside of the bundle"),
        bad(
            "slip inside",
            TestJar.zip(entries("app-config.toml", CONFIG, "lib/../../evil.jar", JAR)),
            "points outside of the bundle"),
        bad(
            "absolute",
            TestJar.zip(entries("app-config.toml", CONFIG, "/etc/evil.jar", JAR)),
            "points outside of the bundle"),
        bad(
            "backslash",
            TestJar.zip(entries("app-config.toml", CONFIG, "lib\\..\\evil.jar", JAR)),
            "points outside of the bundle"),
        bad(
            "no config",
            TestJar.zip(entries("lib/a.jar", JAR)),
            "app.psa: has no app-config.toml and none was sent beside it"),
        bad(
            "no code",
            TestJar.zip(entries("app-config.toml", CONFIG)),
            "app.psa: holds no code: put JARs into lib/ or at the root"),
        bad(
            "damaged jar",
            TestJar.zip(entries("app-config.toml", CONFIG, "lib/a.jar", "x".getBytes(UTF_8))),
            "a.jar: is not a zip archive or is damaged"),
        bad(
            "odd jar name",
            TestJar.zip(entries("app-config.toml", CONFIG, "lib/a b.jar", JAR)),
            "app.psa: the JAR name \"a b.jar\" must be letters"),
        bad(
            "same jar twice",
            TestJar.zip(entries("app-config.toml", CONFIG, "lib/a.jar", JAR, "a.jar", JAR)),
            "app.psa: holds two JARs named \"a.jar\""),
        bad(
            "bad config",
            TestJar.zip(entries("app-config.toml", "x = 1".getBytes(UTF_8), "lib/a.jar", JAR)),
            "app-config.toml: x: is not a known key"),
        bad(
            "huge config",
            TestJar.zip(entries("app-config.toml", new byte[1024 * 1024 + 1], "lib/a.jar", JAR)),
            "app-config.toml: is larger than 1048576 bytes"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badUploads")
  void badUpload_isRefusedWithFileAndReason(String name, byte[] upload, String problem) {
    PlexException refused =
        catchThrowableOfType(PlexException.class, () -> stage(Bundle.Kind.PSA, upload, null));

    assertThat(refused).isNotNull();
    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused).hasMessageContaining(problem);
    assertThat(refused.getMessage()).doesNotContain(temp.toString());
    assertThat(temp.resolve("evil.jar")).doesNotExist();
    assertThat(temp.getParent().resolve("evil.jar")).doesNotExist();
  }

  @Test
  void oversizedUpload_isRefusedBeforeItIsRead() throws IOException {
    Path big = temp.resolve("big.psa");
    try (RandomAccessFile file = new RandomAccessFile(big.toFile(), "rw")) {
      file.setLength(Bundle.SIZE_MAX_BYTES + 1);
    }

    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () -> Bundle.stage(fresh(), Bundle.Kind.PSA, "big.psa", big, Optional.empty()));

    assertThat(refused).hasMessage("big.psa: is larger than 100 MiB");
  }

  @Test
  void tooManyEntries_areRefused() {
    Map<String, byte[]> many = new LinkedHashMap<>();
    for (int i = 0; i <= ArchiveBudget.ENTRIES_MAX; i++) {
      many.put("f" + i, new byte[0]);
    }

    PlexException refused =
        catchThrowableOfType(
            PlexException.class, () -> stage(Bundle.Kind.PSA, TestJar.zip(many), null));

    assertThat(refused).hasMessage("app.psa: holds more than 10000 entries");
  }

  /// A small archive that grows beyond the bound, hidden in a JAR.
  @Test
  void expansionBeyondTheBound_isRefusedWhileReading() {
    byte[] bomb = TestJar.zip(Map.of("zeros", new byte[200_000]));
    byte[] psa = TestJar.zip(entries("app-config.toml", CONFIG, "lib/a.jar", bomb));
    Path file = TestJar.file(temp, "bomb.psa", psa);

    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () ->
                Bundle.stage(
                    fresh(),
                    Bundle.Kind.PSA,
                    "bomb.psa",
                    file,
                    Optional.empty(),
                    new ArchiveBudget(100, 100_000)));

    assertThat(refused).hasMessageContaining("a.jar: expands to more than");
  }

  private Bundle stage(Bundle.Kind kind, byte[] upload, byte[] config) throws IOException {
    Path file = TestJar.file(temp, "upload", upload);
    return Bundle.stage(fresh(), kind, "app.psa", file, Optional.ofNullable(config));
  }

  private Path fresh() throws IOException {
    return Files.createTempDirectory(temp, "staged");
  }

  private static Arguments bad(String name, byte[] upload, String problem) {
    return Arguments.of(name, upload, problem);
  }

  /// Entries in the given order.
  private static Map<String, byte[]> entries(Object... namesAndContents) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    for (int i = 0; i < namesAndContents.length; i += 2) {
      entries.put((String) namesAndContents[i], (byte[]) namesAndContents[i + 1]);
    }
    return entries;
  }

  /// Damages the content of the last entry, not the directory.
  private static byte[] flipped(byte[] zip) {
    byte[] damaged = zip.clone();
    int name = new String(zip, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("lib/a.jar");
    damaged[name + 60] ^= 0x55;
    return damaged;
  }
}
