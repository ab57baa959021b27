package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {

  private static final NodeFile NODE = new NodeFile(42, "node-1", 8001, 8000, "0.1.0");

  @TempDir Path temp;

  @Test
  void open_makesADirectoryForItsOwnerOnly() throws IOException {
    Path path = temp.resolve("a/b");

    try (DataDirectory data = DataDirectory.open(path)) {
      assertThat(data.path()).isEqualTo(path);
      assertThat(Files.getPosixFilePermissions(path))
          .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void secondNode_isRefusedNamingTheFirst() throws IOException {
    try (DataDirectory first = DataDirectory.open(temp)) {
      NODE.write(first.path());

      PlexException refused =
          catchThrowableOfType(PlexException.class, () -> DataDirectory.open(temp));

      assertThat(refused.code()).isEqualTo(ErrorCode.CONFLICT);
      assertThat(refused)
          .hasMessageContaining("is in use by node node-1 (pid 42, port 8001)")
          .hasMessageContaining("plexspaces stop --data");
      assertThat(DataDirectory.inUse(temp)).isTrue();
    }
    assertThat(DataDirectory.inUse(temp)).isFalse();
    DataDirectory.open(temp).close();
  }

  @Test
  void directoryLeftWithoutAnOrderlyStop_saysSoOnce() throws IOException {
    try (DataDirectory first = DataDirectory.open(temp)) {
      assertThat(first.afterUncleanStop()).isFalse();
    }
    try (DataDirectory second = DataDirectory.open(temp)) {
      assertThat(second.afterUncleanStop()).isTrue();
      second.stoppedInOrder();
    }
    try (DataDirectory third = DataDirectory.open(temp)) {
      assertThat(third.afterUncleanStop()).isFalse();
    }
  }

  @Test
  void directoryNobodyUsed_isNotInUse() throws IOException {
    assertThat(DataDirectory.inUse(temp)).isFalse();
    assertThat(temp.resolve("node.lock")).doesNotExist();
  }

  @Test
  void pathThatIsAFile_isRefused() throws IOException {
    Path file = Files.createFile(temp.resolve("file"));

    assertThat(catchThrowableOfType(PlexException.class, () -> DataDirectory.open(file)).code())
        .isEqualTo(ErrorCode.UNAVAILABLE);
  }

  @Test
  void nodeFile_isWrittenReadAndRemoved() throws IOException {
    assertThat(NodeFile.read(temp)).isEmpty();

    NODE.write(temp);

    assertThat(temp.resolve("node.json"))
        .hasContent(
            "{\"pid\":42,\"node_id\":\"node-1\",\"http_port\":8001,\"grpc_port\":8000,\"version\":\"0.1.0\"}\n");
    assertThat(NodeFile.read(temp)).contains(NODE);
    assertThat(temp.resolve("node.json.new")).doesNotExist();
    NodeFile.remove(temp);
    assertThat(NodeFile.read(temp)).isEmpty();
  }

  @Test
  void damagedNodeFile_readsAsNone() throws IOException {
    Files.writeString(temp.resolve("node.json"), "{\"pid\":");

    assertThat(NodeFile.read(temp)).isEmpty();
  }
}
