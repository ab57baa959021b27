package dev.plexspaces.node;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.FieldRefEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What compiled classes mention, read from their constant pools with the JDK's own reader.
final class ClassFiles {

  private static final Pattern TYPE = Pattern.compile("(?:[a-z][\\w]*/)+[A-Z][\\w$]*");

  private ClassFiles() {}

  /// One compiled class.
  ///
  /// @param name with dots, nested classes with `$`
  /// @param mentions every class it names in code, signatures and annotations
  /// @param calls every method it calls or refers to, as `owner.method`, constructors as
  ///   `owner.<init>` and their descriptor
  record Scanned(String name, Set<String> mentions, Set<String> calls) {

    String packageName() {
      return name.substring(0, name.lastIndexOf('.'));
    }

    /// The top-level class it is written in.
    String topLevel() {
      int nested = name.indexOf('$');
      return nested < 0 ? name : name.substring(0, nested);
    }
  }

  /// The modules of the build, in the order of the root pom.
  static List<String> modules(Path root) {
    try {
      Matcher matcher =
          Pattern.compile("<module>([^<]+)</module>")
              .matcher(Files.readString(root.resolve("pom.xml")));
      List<String> modules = new ArrayList<>();
      while (matcher.find()) {
        modules.add(matcher.group(1));
      }
      return modules;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// All compiled classes of the modules that are compiled, by module.
  static Map<String, List<Scanned>> ofModules(Path root) {
    Map<String, List<Scanned>> scanned = new TreeMap<>();
    for (String module : modules(root)) {
      Path classes = root.resolve(module).resolve("target/classes");
      if (Files.isDirectory(classes)) {
        scanned.put(module, below(classes));
      }
    }
    return scanned;
  }

  /// All compiled classes below a directory.
  static List<Scanned> below(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .filter(f -> f.toString().endsWith(".class"))
          .filter(f -> !f.endsWith("module-info.class") && !f.endsWith("package-info.class"))
          .sorted()
          .map(ClassFiles::scan)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Scanned scan(Path file) {
    try {
      ClassModel model = ClassFile.of().parse(Files.readAllBytes(file));
      Set<String> mentions = new TreeSet<>();
      Set<String> calls = new TreeSet<>();
      for (PoolEntry entry : model.constantPool()) {
        if (entry instanceof Utf8Entry text) {
          Matcher matcher = TYPE.matcher(text.stringValue());
          while (matcher.find()) {
            mentions.add(matcher.group().replace('/', '.'));
          }
        } else if (entry instanceof MemberRefEntry member && !(entry instanceof FieldRefEntry)) {
          calls.add(
              member.owner().asInternalName().replace('/', '.')
                  + "."
                  + member.name().stringValue()
                  + (member.name().equalsString("<init>") ? member.type().stringValue() : ""));
        }
      }
      return new Scanned(model.thisClass().asInternalName().replace('/', '.'), mentions, calls);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
