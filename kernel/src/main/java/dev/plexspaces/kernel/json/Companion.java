package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;
import java.util.List;
import java.util.function.Consumer;

/// A generated class of static methods that may touch the private members of one class of an
/// application, as a nestmate of it.
///
/// It is defined by the application's own class loader and refers to nothing of the kernel, which
/// that loader need not see; the kernel calls it through method handles. It goes when the class
/// goes.
public final class Companion {

  private static final int STATIC = AccessFlag.STATIC.mask();
  private static final String LOOKUP = "lookup";
  private static final MethodType LOOKUP_TYPE = MethodType.methodType(MethodHandles.Lookup.class);

  private final MethodHandles.Lookup lookup;

  private Companion(MethodHandles.Lookup lookup) {
    this.lookup = lookup;
  }

  /// A static method to generate.
  public record Method(String name, MethodType type, Consumer<CodeBuilder> code) {}

  /// Defines a companion of `host`.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when the class's module does not allow it
  public static Companion of(Class<?> host, Method... methods) {
    byte[] bytes =
        ClassFile.of()
            .build(
                ClassDesc.of(host.getPackageName(), simpleName(host) + "$Companion"),
                builder -> {
                  builder.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
                  for (Method method : methods) {
                    add(builder, method);
                  }
                });
    try {
      return new Companion(
          fullLookup(host)
              .defineHiddenClass(bytes, true, MethodHandles.Lookup.ClassOption.NESTMATE));
    } catch (IllegalAccessException e) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          host.getSimpleName() + ": its package must be open to all modules",
          List.of(),
          e);
    }
  }

  /// A lookup that may define nestmates of `host`. Every class loader has an unnamed module of its
  /// own, and crossing to another module costs a lookup that right. So an ordinary class is put
  /// beside `host`, once per package, and asked for its own lookup.
  private static MethodHandles.Lookup fullLookup(Class<?> host) throws IllegalAccessException {
    MethodHandles.Lookup crossing = MethodHandles.privateLookupIn(host, MethodHandles.lookup());
    if (crossing.hasFullPrivilegeAccess()) {
      return crossing;
    }
    try {
      MethodHandles.Lookup local =
          (MethodHandles.Lookup)
              crossing.findStatic(neighbour(crossing), LOOKUP, LOOKUP_TYPE).invokeExact();
      return MethodHandles.privateLookupIn(host, local);
    } catch (IllegalAccessException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("no lookup in the package of " + host.getName(), e);
    }
  }

  private static Class<?> neighbour(MethodHandles.Lookup lookup)
      throws IllegalAccessException, ClassNotFoundException {
    String packageName = lookup.lookupClass().getPackageName();
    ClassDesc name = ClassDesc.of(packageName, "PlexSpaces$Neighbour");
    String binaryName =
        packageName.isEmpty() ? name.displayName() : packageName + "." + name.displayName();
    try {
      return lookup.findClass(binaryName);
    } catch (ClassNotFoundException e) {
      // The first one in this package.
    }
    ClassDesc handles = symbol(MethodHandles.class);
    byte[] bytes =
        ClassFile.of()
            .build(
                name,
                builder -> {
                  builder.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
                  builder.withMethodBody(
                      LOOKUP,
                      LOOKUP_TYPE.describeConstable().orElseThrow(),
                      STATIC,
                      code ->
                          code.invokestatic(
                                  handles, LOOKUP, LOOKUP_TYPE.describeConstable().orElseThrow())
                              .areturn());
                });
    try {
      return lookup.defineClass(bytes);
    } catch (LinkageError definedMeanwhile) {
      return lookup.findClass(binaryName);
    }
  }

  private static void add(ClassBuilder builder, Method method) {
    MethodTypeDesc type = method.type.describeConstable().orElseThrow();
    builder.withMethodBody(method.name, type, STATIC, method.code);
  }

  private static String simpleName(Class<?> host) {
    return host.getName().substring(host.getName().lastIndexOf('.') + 1);
  }

  /// The handle of one of the generated methods.
  public MethodHandle method(String name, MethodType type) {
    try {
      return lookup.findStatic(lookup.lookupClass(), name, type);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(name + " was not generated as " + type, e);
    }
  }

  /// The symbolic name of a class that is not hidden.
  public static ClassDesc symbol(Class<?> type) {
    return type.describeConstable()
        .orElseThrow(() -> new IllegalArgumentException("hidden class " + type.getName()));
  }

  /// Emits: the `Object` on the stack becomes a value of `type`.
  public static void unbox(CodeBuilder code, Class<?> type) {
    if (type.isPrimitive()) {
      ClassDesc box = symbol(MethodType.methodType(type).wrap().returnType());
      code.checkcast(box)
          .invokevirtual(box, type.getName() + "Value", MethodTypeDesc.of(symbol(type)));
    } else if (type != Object.class) {
      code.checkcast(symbol(type));
    }
  }

  /// Emits: the value of `type` on the stack becomes an `Object`; nothing becomes `null`.
  public static void box(CodeBuilder code, Class<?> type) {
    if (type == void.class) {
      code.aconst_null();
    } else if (type.isPrimitive()) {
      ClassDesc box = symbol(MethodType.methodType(type).wrap().returnType());
      code.invokestatic(box, "valueOf", MethodTypeDesc.of(box, symbol(type)));
    }
  }

  /// Emits: pushes `array[index]` of the `Object[]` in a local variable.
  public static void element(CodeBuilder code, int arrayLocal, int index) {
    code.aload(arrayLocal).loadConstant(index).aaload();
  }

  /// Emits: throws an `IllegalArgumentException`; the end of a switch that knows no more cases.
  public static void refuse(CodeBuilder code) {
    ClassDesc type = symbol(IllegalArgumentException.class);
    code.new_(type)
        .dup()
        .invokespecial(type, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
        .athrow();
  }

  /// Throws `e` as it is, checked or not: what generated code threw is what the caller sees.
  ///
  /// @return never
  @SuppressWarnings("unchecked")
  public static <E extends Throwable> RuntimeException rethrow(Throwable e) throws E {
    throw (E) e;
  }
}
