package dev.plexspaces.node.deploy;

import dev.plexspaces.sdk.GenEvent;
import dev.plexspaces.sdk.GenFsm;
import dev.plexspaces.sdk.GenServer;
import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/// Finds the annotated actor classes of a bundle that does not list them in `[[actors]]`. Reads
/// class files; loads none.
final class ActorScan {

  private static final Set<String> ANNOTATIONS =
      Set.of(
          GenServer.class.descriptorString(),
          GenEvent.class.descriptorString(),
          GenFsm.class.descriptorString());

  private ActorScan() {}

  /// Returns the names of the actor classes, ordered by JAR and name.
  ///
  /// @throws IOException when a JAR cannot be read
  static List<String> actorClasses(List<Path> jars) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path jar : jars) {
      List<String> inJar = new ArrayList<>();
      try (JarFile file = new JarFile(jar.toFile())) {
        for (Enumeration<JarEntry> e = file.entries(); e.hasMoreElements(); ) {
          JarEntry entry = e.nextElement();
          if (entry.getName().endsWith(".class") && !entry.getName().startsWith("META-INF/")) {
            byte[] bytes = file.getInputStream(entry).readAllBytes();
            String name = actorClass(jar.getFileName() + "!" + entry.getName(), bytes);
            if (name != null) {
              inJar.add(name);
            }
          }
        }
      }
      inJar.sort(null);
      found.addAll(inJar);
    }
    return found;
  }

  private static String actorClass(String where, byte[] bytes) {
    try {
      ClassModel model = ClassFile.of().parse(bytes);
      boolean actor =
          model
              .findAttribute(Attributes.runtimeVisibleAnnotations())
              .map(
                  a ->
                      a.annotations().stream()
                          .anyMatch(n -> ANNOTATIONS.contains(n.className().stringValue())))
              .orElse(false);
      return actor ? model.thisClass().asInternalName().replace('/', '.') : null;
    } catch (IllegalArgumentException e) {
      throw Refused.upload(where, "is not a class file");
    }
  }
}
