package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.json.Conversion;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenEvent;
import dev.plexspaces.sdk.GenFsm;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.OnActivate;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.OnTerminate;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Turns a class with the annotations of the SDK, or one that implements [Actor] itself, into an
/// [ActorType], once, when it is deployed.
///
/// All reflection happens here. Handlers and state of superclasses count; a method that overrides
/// an annotated one is called in its place.
public final class AnnotatedActors {

  private static final List<Class<? extends Annotation>> METHOD_KINDS =
      List.of(Handler.class, OnInit.class, OnActivate.class, OnTerminate.class);

  private static final List<Class<? extends Annotation>> CLASS_KINDS =
      List.of(GenServer.class, GenEvent.class, GenFsm.class);

  private final Class<?> actor;
  private final Map<String, BoundMethod> handlers = new LinkedHashMap<>();
  private final Map<Class<? extends Annotation>, BoundMethod> lifeCycle = new HashMap<>();
  private final List<StateField> fields = new ArrayList<>();
  private final List<BoundType.Level> levels = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();

  private AnnotatedActors(Class<?> actor) {
    this.actor = actor;
  }

  /// Reads, checks and binds a class.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming class, member and what is wrong with it
  public static ActorType bind(Class<?> actor) {
    AnnotatedActors binding = new AnnotatedActors(actor);
    binding.requireInstantiable();
    return Actor.class.isAssignableFrom(actor) ? binding.custom() : binding.bind();
  }

  /// Annotations would be without effect: its own methods are called.
  private ActorType custom() {
    for (Class<? extends Annotation> kind : CLASS_KINDS) {
      if (actor.isAnnotationPresent(kind)) {
        throw wrong(actor, unused(kind));
      }
    }
    for (Class<?> c = actor; c != null && c != Object.class; c = c.getSuperclass()) {
      for (Field field : stateFields(c)) {
        throw wrong(field, unused(State.class));
      }
      for (Method method : annotatedMethods(c)) {
        throw wrong(method, unused(kind(method)));
      }
    }
    BoundType.Face face = face("", ActorType.Behavior.CUSTOM, new String[0]);
    return new CustomType(face.name(), new Dispatch(actor, true, List.of(), List.of(), 0));
  }

  private static String unused(Class<? extends Annotation> annotation) {
    return "has @"
        + annotation.getSimpleName()
        + " in a class that implements Actor itself, where it does nothing; remove one of the two";
  }

  private ActorType bind() {
    BoundType.Face face = face();
    Dispatch own = null;
    for (Class<?> c = actor; c != null && c != Object.class; c = c.getSuperclass()) {
      List<Method> methods = annotatedMethods(c);
      List<Field> state = stateFields(c);
      if (c == actor || !methods.isEmpty() || !state.isEmpty()) {
        int firstSlot = fields.size();
        state.forEach(this::addField);
        Dispatch code = new Dispatch(c, c == actor, methods, state, firstSlot);
        own = c == actor ? code : own;
        if (!state.isEmpty()) {
          levels.add(new BoundType.Level(code, firstSlot, fields.size()));
        }
        for (int i = 0; i < methods.size(); i++) {
          addMethod(methods.get(i), code, i);
        }
      }
    }
    if (handlers.isEmpty()) {
      throw wrong(actor, "has no method annotated with @Handler");
    }
    return new BoundType(
        face,
        handlers,
        new BoundType.LifeCycle(
            Optional.ofNullable(lifeCycle.get(OnInit.class)),
            Optional.ofNullable(lifeCycle.get(OnActivate.class)),
            Optional.ofNullable(lifeCycle.get(OnTerminate.class))),
        new BoundType.Memory(
            own, List.copyOf(levels), fields, machine(), new DurabilityCheck(actor)));
  }

  // The class.

  private void requireInstantiable() {
    int modifiers = actor.getModifiers();
    if (actor.isInterface() || actor.isEnum() || actor.isRecord() || actor.isArray()) {
      throw wrong(actor, "must be a class (no interface, enum or record)");
    }
    if (Modifier.isAbstract(modifiers)) {
      throw wrong(actor, "must not be abstract");
    }
    if (Modifier.isPrivate(modifiers)) {
      throw wrong(actor, "must not be private");
    }
    if (actor.isLocalClass()
        || actor.isAnonymousClass()
        || (actor.isMemberClass() && !Modifier.isStatic(modifiers))) {
      throw wrong(actor, "must be a top-level or static class");
    }
    try {
      var _ = actor.getDeclaredConstructor();
    } catch (NoSuchMethodException e) {
      throw wrong(actor, "needs a constructor without parameters");
    }
  }

  private BoundType.Face face() {
    GenServer server = actor.getAnnotation(GenServer.class);
    GenEvent event = actor.getAnnotation(GenEvent.class);
    GenFsm fsm = actor.getAnnotation(GenFsm.class);
    int count = (server == null ? 0 : 1) + (event == null ? 0 : 1) + (fsm == null ? 0 : 1);
    if (count == 0) {
      throw wrong(
          actor,
          "needs one of @GenServer, @GenEvent, @GenFsm, or must implement Actor (and must use the"
              + " platform's SDK, not a copy of it)");
    }
    if (count > 1) {
      throw wrong(actor, "must have only one of @GenServer, @GenEvent, @GenFsm");
    }
    if (server != null) {
      return face(server.value(), ActorType.Behavior.GEN_SERVER, server.facets());
    }
    return event != null
        ? face(event.value(), ActorType.Behavior.GEN_EVENT, event.facets())
        : face(fsm.value(), ActorType.Behavior.GEN_FSM, fsm.facets());
  }

  private BoundType.Face face(String given, ActorType.Behavior behavior, String[] facets) {
    String name = given.isEmpty() ? snakeCase(actor.getSimpleName()) : given;
    try {
      Scope.requireName("type name", name);
    } catch (PlexException e) {
      throw wrong(actor, e.getMessage());
    }
    Set<String> distinct = new HashSet<>();
    for (String facet : facets) {
      if (facet.isBlank() || !distinct.add(facet)) {
        throw wrong(actor, "facet '" + facet + "' is empty or given twice");
      }
    }
    return new BoundType.Face(name, behavior, Arrays.stream(facets).map(FacetSpec::of).toList());
  }

  /// `BankAccount` is `bank_account`, `HTTPServer2` is `http_server2`.
  static String snakeCase(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])", "$1$3_$2")
        .toLowerCase(Locale.ROOT);
  }

  private Optional<BoundType.Machine> machine() {
    GenFsm fsm = actor.getAnnotation(GenFsm.class);
    if (fsm == null) {
      return Optional.empty();
    }
    List<String> states = List.of(fsm.states());
    if (states.isEmpty() || new HashSet<>(states).size() < states.size()) {
      throw wrong(actor, "@GenFsm states must be at least one, each given once");
    }
    if (!states.contains(fsm.initial())) {
      throw wrong(
          actor,
          "@GenFsm initial '%s' is none of the states: %s"
              .formatted(fsm.initial(), String.join(", ", states)));
    }
    for (int i = 0; i < fields.size(); i++) {
      if (fields.get(i).name().equals("state")) {
        if (!fields.get(i).holds(String.class)) {
          throw wrong(actor, "the field annotated @State(\"state\") must be a String");
        }
        return Optional.of(new BoundType.Machine(i, states, fsm.initial()));
      }
    }
    throw wrong(actor, "a @GenFsm needs a String field annotated @State(\"state\")");
  }

  // State.

  private static List<Field> stateFields(Class<?> c) {
    return Arrays.stream(c.getDeclaredFields())
        .filter(f -> f.isAnnotationPresent(State.class))
        .sorted(Comparator.comparing(Field::getName))
        .toList();
  }

  private void addField(Field field) {
    if (Modifier.isStatic(field.getModifiers())) {
      throw wrong(field, "a @State field must not be static");
    }
    if (Modifier.isFinal(field.getModifiers())) {
      throw wrong(field, "a @State field must not be final");
    }
    State state = field.getAnnotation(State.class);
    String name = state.value().isEmpty() ? field.getName() : state.value();
    if (fields.stream().anyMatch(f -> f.name().equals(name))) {
      throw wrong(field, "another @State field is called '" + name + "'");
    }
    Class<?> raw = field.getType();
    StateField.Kind kind =
        raw == List.class
            ? StateField.Kind.LIST
            : raw == Map.class ? StateField.Kind.MAP : StateField.Kind.VALUE;
    Conversion type = conversion(field, field.getGenericType());
    Class<?> held = type.element().map(Conversion::raw).orElse(type.raw());
    if (held == byte[].class || (kind == StateField.Kind.VALUE && type.element().isPresent())) {
      throw wrong(
          field,
          "type "
              + field.getGenericType().getTypeName()
              + " is not supported for @State; declare a List, a Map<String, …> or an immutable"
              + " value");
    }
    fields.add(new StateField(name, kind, type));
  }

  // Methods.

  private List<Method> annotatedMethods(Class<?> c) {
    List<Method> found = new ArrayList<>();
    for (Method method : c.getDeclaredMethods()) {
      if (method.isBridge() || kind(method) == null) {
        continue;
      }
      String signature = method.getName() + Arrays.toString(method.getParameterTypes());
      boolean overridden = !seen.add(signature) && !Modifier.isPrivate(method.getModifiers());
      if (!overridden) {
        found.add(method);
      }
    }
    found.sort(Comparator.comparing(Method::getName).thenComparing(Method::toString));
    return found;
  }

  private static Class<? extends Annotation> kind(Method method) {
    Class<? extends Annotation> kind = null;
    for (Class<? extends Annotation> candidate : METHOD_KINDS) {
      if (method.isAnnotationPresent(candidate)) {
        if (kind != null) {
          throw wrong(
              method,
              "must not be both @" + kind.getSimpleName() + " and @" + candidate.getSimpleName());
        }
        kind = candidate;
      }
    }
    return kind;
  }

  private void addMethod(Method method, Dispatch code, int index) {
    if (Modifier.isStatic(method.getModifiers())) {
      throw wrong(method, "must not be static");
    }
    Class<? extends Annotation> kind = kind(method);
    boolean cast = kind == Handler.class && method.getAnnotation(Handler.class).cast();
    BoundMethod bound = new BoundMethod(label(method), code, index, cast, values(method, kind));
    if (kind != Handler.class) {
      BoundMethod other = lifeCycle.putIfAbsent(kind, bound);
      if (other != null) {
        throw wrong(method, "there is a second @" + kind.getSimpleName() + ": " + other.label());
      }
      return;
    }
    String[] operations = method.getAnnotation(Handler.class).value();
    if (operations.length == 0) {
      throw wrong(method, "@Handler names no operation");
    }
    for (String operation : operations) {
      if (operation.isBlank()) {
        throw wrong(method, "@Handler names an empty operation");
      }
      BoundMethod other = handlers.putIfAbsent(operation, bound);
      if (other != null) {
        throw wrong(method, "operation '" + operation + "' is also handled by " + other.label());
      }
    }
  }

  private static List<BoundMethod.Value> values(Method method, Class<? extends Annotation> kind) {
    List<BoundMethod.Value> values = new ArrayList<>();
    Set<Class<?>> once = new HashSet<>();
    Set<String> names = new HashSet<>();
    Parameter whole = null;
    for (Parameter parameter : method.getParameters()) {
      Class<?> type = parameter.getType();
      if (type == ActorContext.class || type == Message.class || type == ExitReason.class) {
        requireAllowed(method, kind, type);
        if (!once.add(type)) {
          throw wrong(method, "must not have two " + type.getSimpleName() + " parameters");
        }
        if (type == ExitReason.class) {
          values.add(new BoundMethod.Given());
        }
        continue;
      }
      if (kind == OnActivate.class || kind == OnTerminate.class) {
        throw wrong(
            method,
            "parameter '%s': a method with @%s takes only an ActorContext%s"
                .formatted(
                    parameter.getName(),
                    kind.getSimpleName(),
                    kind == OnTerminate.class ? " and an ExitReason" : ""));
      }
      BoundMethod.Value value = value(method, parameter);
      if (value instanceof BoundMethod.OneField field) {
        if (!names.add(field.name())) {
          throw wrong(method, "two parameters are called '" + field.name() + "'");
        }
      } else if (whole != null) {
        throw wrong(
            method,
            "'%s' and '%s' both take the whole payload; annotate with @Param to take a field of it"
                .formatted(whole.getName(), parameter.getName()));
      } else {
        whole = parameter;
      }
      values.add(value);
    }
    if (whole != null && !names.isEmpty()) {
      throw wrong(
          method,
          ("'%s' takes the whole payload, so there can be no further payload parameters (%s); with"
                  + " @Param(\"%1$s\") it is one field of it")
              .formatted(whole.getName(), String.join(", ", names)));
    }
    return List.copyOf(values);
  }

  private static void requireAllowed(
      Method method, Class<? extends Annotation> kind, Class<?> type) {
    boolean allowed =
        type == ActorContext.class
            || (type == Message.class ? kind == Handler.class : kind == OnTerminate.class);
    if (!allowed) {
      throw wrong(
          method,
          "a method with @%s takes no %s".formatted(kind.getSimpleName(), type.getSimpleName()));
    }
  }

  private static BoundMethod.Value value(Method method, Parameter parameter) {
    Param param = parameter.getAnnotation(Param.class);
    Conversion type = conversion(method, parameter.getParameterizedType());
    if (param == null) {
      if (type.raw().isRecord()) {
        return new BoundMethod.WholeRecord(type);
      }
      if (isPlainMap(parameter.getParameterizedType())) {
        return new BoundMethod.WholeMap(type);
      }
    }
    String name = param == null || param.value().isEmpty() ? parameter.getName() : param.value();
    if ((param == null || param.value().isEmpty()) && !parameter.isNamePresent()) {
      throw wrong(
          method,
          "the name of parameter '"
              + name
              + "' is unknown; compile with -parameters or annotate it with @Param(\"name\")");
    }
    String fallback = param == null ? "" : param.defaultValue();
    return fallback.isEmpty()
        ? new BoundMethod.OneField(name, type, false, null)
        : new BoundMethod.OneField(name, type, true, fallback(method, name, type, fallback));
  }

  private static boolean isPlainMap(Type type) {
    return type == Map.class
        || (type instanceof ParameterizedType p
            && p.getRawType() == Map.class
            && p.getActualTypeArguments()[1] == Object.class);
  }

  private static Object fallback(Method method, String name, Conversion type, String json) {
    try {
      return type.convert(Json.parse(json), false);
    } catch (PlexException e) {
      throw wrong(
          method, "default of parameter '%s' (JSON text): %s".formatted(name, e.getMessage()));
    }
  }

  // Errors.

  private static Conversion conversion(AnnotatedElement where, Type type) {
    try {
      return Conversion.of(type);
    } catch (PlexException e) {
      throw new PlexException(e.code(), wrong(where, e.getMessage()).getMessage(), List.of(), e);
    }
  }

  private static String label(AnnotatedElement where) {
    return switch (where) {
      case Class<?> c -> c.getSimpleName();
      case Method m -> m.getDeclaringClass().getSimpleName() + "." + m.getName();
      case Field f -> f.getDeclaringClass().getSimpleName() + "." + f.getName();
      default -> where.toString();
    };
  }

  private static PlexException wrong(AnnotatedElement where, String problem) {
    String separator = where instanceof Class<?> ? " " : ": ";
    return new PlexException(ErrorCode.INVALID_MESSAGE, label(where) + separator + problem);
  }
}
