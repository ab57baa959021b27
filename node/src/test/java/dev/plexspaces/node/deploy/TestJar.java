package dev.plexspaces.node.deploy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/// Compiles sources in memory and packs them, so that tests deploy real code that is not on their
/// own class path.
public final class TestJar {

  private TestJar() {}

  /// Class files by entry name.
  ///
  /// @param sources Java text by class name
  public static Map<String, byte[]> compile(Map<String, String> sources) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Map<String, ByteArrayOutputStream> classes = new LinkedHashMap<>();
    StringWriter complaints = new StringWriter();
    List<Source> units =
        sources.entrySet().stream().map(e -> new Source(e.getKey(), e.getValue())).toList();
    try (StandardJavaFileManager standard = compiler.getStandardFileManager(null, null, null);
        JavaFileManager files =
            new ForwardingJavaFileManager<>(standard) {
              @Override
              public JavaFileObject getJavaFileForOutput(
                  Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
                String entry = name.replace('.', '/') + ".class";
                return new SimpleJavaFileObject(URI.create("mem:///" + entry), kind) {
                  @Override
                  public ByteArrayOutputStream openOutputStream() {
                    ByteArrayOutputStream out = new ByteArrayOutputStream();
                    classes.put(entry, out);
                    return out;
                  }
                };
              }
            }) {
      boolean ok =
          compiler
              .getTask(complaints, files, null, List.of("-parameters", "-proc:none"), null, units)
              .call();
      if (!ok) {
        throw new IllegalArgumentException(complaints.toString());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, byte[]> entries = new LinkedHashMap<>();
    classes.forEach((name, out) -> entries.put(name, out.toByteArray()));
    return entries;
  }

  /// A zip with these entries.
  public static byte[] zip(Map<String, byte[]> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (var entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /// A JAR of compiled sources.
  public static byte[] jar(Map<String, String> sources) {
    return zip(compile(sources));
  }

  /// A bundle of one JAR and its configuration.
  public static byte[] psa(String config, byte[] jar) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("app-config.toml", config.getBytes(StandardCharsets.UTF_8));
    entries.put("lib/app.jar", jar);
    return zip(entries);
  }

  /// Writes bytes to a file of a directory.
  public static Path file(Path directory, String name, byte[] content) {
    try {
      return Files.write(directory.resolve(name), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String className, String text) {
      super(URI.create("mem:///" + className.replace('.', '/') + ".java"), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }
}
