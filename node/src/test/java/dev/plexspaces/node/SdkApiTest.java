package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// `sdk/api.txt` lists everything an actor author compiles against, defaults included, so that a
/// change of it shows in the diff. Regenerate it with `mvn test -pl node -am -Dtest=SdkApiTest
/// -Dapi.update -Dsurefire.failIfNoSpecifiedTests=false`.
class SdkApiTest {

  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Path SNAPSHOT = ROOT.resolve("sdk/api.txt");

  @Test
  void publicSignatures_areThoseOfTheSnapshot() throws Exception {
    String now = signatures();
    if (System.getProperty("api.update") != null) {
      Files.writeString(SNAPSHOT, now);
    }

    assertThat(now).contains("interface dev.plexspaces.sdk.ActorContext");
    assertThat(now)
        .as("the public surface of sdk changed; if it is meant, see this class's comment")
        .isEqualTo(Files.readString(SNAPSHOT));
  }

  private static String signatures() throws IOException, ReflectiveOperationException {
    List<String> names = new ArrayList<>();
    ClassFiles.below(ROOT.resolve("sdk/target/classes")).forEach(c -> names.add(c.name()));
    StringBuilder text = new StringBuilder();
    for (String name : names.stream().sorted().toList()) {
      Class<?> type = Class.forName(name, false, SdkApiTest.class.getClassLoader());
      if (visible(type)) {
        describe(type, text);
      }
    }
    return text.toString();
  }

  private static boolean visible(Class<?> type) {
    return shown(type.getModifiers())
        && (type.getDeclaringClass() == null || visible(type.getDeclaringClass()));
  }

  private static boolean shown(int modifiers) {
    return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
  }

  private static void describe(Class<?> type, StringBuilder text)
      throws ReflectiveOperationException {
    text.append(type.toGenericString());
    if (type.isRecord()) {
      text.append(
          Arrays.stream(type.getRecordComponents())
              .map(SdkApiTest::component)
              .collect(Collectors.joining(", ", "(", ")")));
    }
    if (type.getPermittedSubclasses() != null) {
      text.append(
          Arrays.stream(type.getPermittedSubclasses())
              .map(Class::getName)
              .sorted()
              .collect(Collectors.joining(", ", " permits ", "")));
    }
    text.append('\n');
    List<String> members = new ArrayList<>();
    for (Field field : type.getDeclaredFields()) {
      if (shown(field.getModifiers()) && !field.isSynthetic()) {
        members.add(field.toGenericString() + value(field));
      }
    }
    for (Constructor<?> constructor : type.getDeclaredConstructors()) {
      if (shown(constructor.getModifiers()) && !constructor.isSynthetic()) {
        members.add(constructor.toGenericString());
      }
    }
    for (Method method : type.getDeclaredMethods()) {
      if (shown(method.getModifiers()) && !method.isSynthetic()) {
        Object absent = method.getDefaultValue();
        members.add(
            method.toGenericString() + (absent == null ? "" : " default " + constant(absent)));
      }
    }
    members.stream().sorted().forEach(member -> text.append("  ").append(member).append('\n'));
  }

  private static String component(RecordComponent component) {
    return component.getGenericType().getTypeName() + " " + component.getName();
  }

  /// Constants are defaults, and a default is a promise.
  private static String value(Field field) throws IllegalAccessException {
    if (!Modifier.isStatic(field.getModifiers()) || !Modifier.isFinal(field.getModifiers())) {
      return "";
    }
    Class<?> type = field.getType();
    return type.isPrimitive() || type == String.class || type == Duration.class
        ? " = " + field.get(null)
        : "";
  }

  private static String constant(Object value) {
    return value instanceof Object[] array ? Arrays.toString(array) : "\"" + value + "\"";
  }
}
