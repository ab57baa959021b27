package dev.plexspaces.kernel.json;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;

/// The components of a record class and generated code to take a record apart and to make one.
///
/// Shapes live as long as their class and do not keep it alive.
public final class RecordShape {

  private static final MethodType VALUES =
      MethodType.methodType(void.class, Object.class, Object[].class);
  private static final MethodType CONSTRUCT = MethodType.methodType(Object.class, Object[].class);

  private static final Set<Class<?>> FLOATING =
      Set.of(double.class, Double.class, float.class, Float.class);

  private static final ClassValue<RecordShape> SHAPES =
      new ClassValue<>() {
        @Override
        protected RecordShape computeValue(Class<?> type) {
          return new RecordShape(type);
        }
      };

  private final String[] names;
  private final byte[][] quotedNames;
  private final Type[] types;
  private final boolean flat;
  private final boolean floating;
  private final MethodHandle values;
  private final MethodHandle construct;

  private RecordShape(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    if (components == null) {
      throw new IllegalArgumentException(type.getName() + " is not a record");
    }
    names = Arrays.stream(components).map(RecordComponent::getName).toArray(String[]::new);
    quotedNames =
        Arrays.stream(names)
            .map(name -> ('"' + name + '"').getBytes(StandardCharsets.UTF_8))
            .toArray(byte[][]::new);
    types = Arrays.stream(components).map(RecordComponent::getGenericType).toArray(Type[]::new);
    flat = Arrays.stream(components).allMatch(c -> Conversion.isScalar(c.getType()));
    floating = Arrays.stream(components).anyMatch(c -> FLOATING.contains(c.getType()));
    Companion companion =
        Companion.of(
            type,
            new Companion.Method("values", VALUES, code -> generateValues(code, type, components)),
            new Companion.Method(
                "construct", CONSTRUCT, code -> generateConstruct(code, type, components)));
    values = companion.method("values", VALUES);
    construct = companion.method("construct", CONSTRUCT);
  }

  /// The shape of a record class.
  ///
  /// @throws IllegalArgumentException when it is not one
  public static RecordShape of(Class<?> type) {
    return SHAPES.get(type);
  }

  /// Number of components.
  public int size() {
    return names.length;
  }

  /// Name of a component.
  public String name(int index) {
    return names[index];
  }

  /// Declared type of a component.
  public Type type(int index) {
    return types[index];
  }

  /// True when no component can hold anything mutable.
  public boolean flat() {
    return flat;
  }

  /// True when a component can be NaN or infinite.
  boolean floating() {
    return floating;
  }

  /// The components of a record of this shape, in order, in a fresh array.
  public Object[] values(Object record) {
    Object[] into = new Object[names.length];
    try {
      values.invokeExact(record, into);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
    return into;
  }

  /// Calls the canonical constructor; what it throws comes out as it is.
  ///
  /// @param values one per component, each of its type (boxed)
  public Object construct(Object[] values) {
    try {
      return (Object) construct.invokeExact(values);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  /// The components by name.
  FrozenMap map(Object[] values, boolean tree) {
    Object[] pairs = new Object[values.length * 2];
    for (int i = 0; i < values.length; i++) {
      pairs[2 * i] = names[i];
      pairs[2 * i + 1] = values[i];
    }
    return FrozenMap.of(pairs, tree);
  }

  byte[] quotedName(int index) {
    return quotedNames[index];
  }

  private static void generateValues(
      CodeBuilder code, Class<?> type, RecordComponent[] components) {
    ClassDesc self = Companion.symbol(type);
    for (int i = 0; i < components.length; i++) {
      RecordComponent component = components[i];
      code.aload(1).loadConstant(i).aload(0).checkcast(self);
      code.invokevirtual(
          self, component.getName(), MethodTypeDesc.of(Companion.symbol(component.getType())));
      Companion.box(code, component.getType());
      code.aastore();
    }
    code.return_();
  }

  private static void generateConstruct(
      CodeBuilder code, Class<?> type, RecordComponent[] components) {
    ClassDesc self = Companion.symbol(type);
    ClassDesc[] parameters = new ClassDesc[components.length];
    code.new_(self).dup();
    for (int i = 0; i < components.length; i++) {
      parameters[i] = Companion.symbol(components[i].getType());
      Companion.element(code, 0, i);
      Companion.unbox(code, components[i].getType());
    }
    code.invokespecial(
            self, ConstantDescs.INIT_NAME, MethodTypeDesc.of(ConstantDescs.CD_void, parameters))
        .areturn();
  }
}
