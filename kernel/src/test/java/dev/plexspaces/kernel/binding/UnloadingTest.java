package dev.plexspaces.kernel.binding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.json.Conversion;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Undeploying an application must free its classes.
class UnloadingTest {

  private static final int COLLECTIONS_MAX = 50;

  private static final String SOURCE =
      """
      package app;
      import dev.plexspaces.sdk.*;
      import java.util.*;
      @GenServer
      public class Account {
        record Tx(String kind, long amount) {}
        @State private List<Tx> all = new ArrayList<>();
        @Handler("add") private Object add(Tx tx) { all.add(tx); return tx; }
      }
      """;

  /// Sees the JDK and the SDK, like the class loader of an application, and nothing of the kernel.
  private static final class AppLoader extends ClassLoader {
    private final Path classes;

    AppLoader(Path classes) {
      super(ClassLoader.getPlatformClassLoader());
      this.classes = classes;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      if (name.startsWith("dev.plexspaces.sdk.")) {
        return Actor.class.getClassLoader().loadClass(name);
      }
      try {
        byte[] bytes = Files.readAllBytes(classes.resolve(name.replace('.', '/') + ".class"));
        return defineClass(name, bytes, 0, bytes.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }

  @Test
  void boundClass_isUnloadedOnceNothingUsesIt(@TempDir Path dir) throws Exception {
    Path source = Files.createDirectories(dir.resolve("app")).resolve("Account.java");
    Files.writeString(source, SOURCE);
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-parameters",
                "-cp",
                Path.of(Actor.class.getProtectionDomain().getCodeSource().getLocation().toURI())
                    .toString(),
                source.toString());
    assertThat(status).isZero();
    WeakReference<ClassLoader> loader = use(dir);
    for (int i = 0; i < COLLECTIONS_MAX && loader.get() != null; i++) {
      System.gc();
      byte[][] pressure = new byte[16][1 << 20];
      assertThat(pressure).hasNumberOfRows(16);
    }
    assertThat(loader.get()).as("class loader of the application").isNull();
  }

  private static WeakReference<ClassLoader> use(Path dir) throws Exception {
    AppLoader loader = new AppLoader(dir);
    Class<?> type = loader.loadClass("app.Account");
    Actor actor = AnnotatedActors.bind(type).create();
    ((DurableState) actor).restore(java.util.List.of());
    Object reply =
        actor.handle(null, TestMessage.call("add", Map.of("kind", "deposit", "amount", 5L)));
    assertThat(Json.text(reply)).isEqualTo("{\"kind\":\"deposit\",\"amount\":5}");
    assertThat(((DurableState) actor).drainChanges()).hasSize(1);
    assertThat((Object) Conversion.to(reply.getClass(), Map.of("kind", "k", "amount", 1L)))
        .hasToString("Tx[kind=k, amount=1]");
    return new WeakReference<>(loader);
  }
}
