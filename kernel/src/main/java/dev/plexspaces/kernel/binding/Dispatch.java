package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.json.Companion;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.Message;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/// Generated access to the annotated members that one class declares; see [Companion].
///
/// A class that inherits handlers or state has one of these per class it inherits them from,
/// because only a nestmate of the declaring class may touch its private members.
final class Dispatch {

  private static final MethodType CREATE = MethodType.methodType(Object.class);
  private static final MethodType INVOKE =
      MethodType.methodType(
          Object.class, Object.class, int.class, ActorContext.class, Message.class, Object[].class);
  private static final MethodType READ =
      MethodType.methodType(void.class, Object.class, Object[].class);
  private static final MethodType READ_ONE =
      MethodType.methodType(Object.class, Object.class, int.class);
  private static final MethodType WRITE =
      MethodType.methodType(void.class, Object.class, int.class, Object.class);

  private final MethodHandle create;
  private final MethodHandle invoke;
  private final MethodHandle read;
  private final MethodHandle readOne;
  private final MethodHandle write;

  /// Generates access to `methods`, known by their position, and `fields`, known by `firstSlot` and
  /// up.
  ///
  /// @param instantiable whether objects of `host` are to be made
  Dispatch(
      Class<?> host,
      boolean instantiable,
      List<Method> methods,
      List<Field> fields,
      int firstSlot) {
    List<Companion.Method> generated = new ArrayList<>();
    if (instantiable) {
      generated.add(new Companion.Method("create", CREATE, code -> create(code, host)));
    }
    generated.add(new Companion.Method("invoke", INVOKE, code -> invoke(code, host, methods)));
    generated.add(new Companion.Method("read", READ, code -> read(code, host, fields, firstSlot)));
    generated.add(
        new Companion.Method("readOne", READ_ONE, code -> readOne(code, host, fields, firstSlot)));
    generated.add(
        new Companion.Method("write", WRITE, code -> write(code, host, fields, firstSlot)));
    Companion companion = Companion.of(host, generated.toArray(Companion.Method[]::new));
    create = instantiable ? companion.method("create", CREATE) : null;
    invoke = companion.method("invoke", INVOKE);
    read = companion.method("read", READ);
    readOne = companion.method("readOne", READ_ONE);
    write = companion.method("write", WRITE);
  }

  /// A new instance; what the constructor throws comes out as it is.
  Object create() {
    try {
      return (Object) create.invokeExact();
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  /// Calls a method; what it throws comes out as it is.
  Object invoke(Object self, int method, ActorContext context, Message message, Object[] values) {
    try {
      return (Object) invoke.invokeExact(self, method, context, message, values);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  /// Copies the fields to their slots.
  void read(Object self, Object[] into) {
    try {
      read.invokeExact(self, into);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  Object read(Object self, int slot) {
    try {
      return (Object) readOne.invokeExact(self, slot);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  void write(Object self, int slot, Object value) {
    try {
      write.invokeExact(self, slot, value);
    } catch (Throwable e) {
      throw Companion.rethrow(e);
    }
  }

  private static void create(CodeBuilder code, Class<?> host) {
    ClassDesc self = Companion.symbol(host);
    code.new_(self)
        .dup()
        .invokespecial(self, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
        .areturn();
  }

  private static void invoke(CodeBuilder code, Class<?> host, List<Method> methods) {
    ClassDesc self = Companion.symbol(host);
    eachCase(
        code,
        1,
        0,
        methods.size(),
        index -> {
          Method method = methods.get(index);
          code.aload(0).checkcast(self);
          int value = 0;
          for (Class<?> parameter : method.getParameterTypes()) {
            if (parameter == ActorContext.class) {
              code.aload(2);
            } else if (parameter == Message.class) {
              code.aload(3);
            } else {
              Companion.element(code, 4, value++);
              Companion.unbox(code, parameter);
            }
          }
          code.invokevirtual(self, method.getName(), symbol(method));
          Companion.box(code, method.getReturnType());
          code.areturn();
        });
  }

  private static MethodTypeDesc symbol(Method method) {
    return MethodTypeDesc.of(
        Companion.symbol(method.getReturnType()),
        Arrays.stream(method.getParameterTypes()).map(Companion::symbol).toArray(ClassDesc[]::new));
  }

  private static void read(CodeBuilder code, Class<?> host, List<Field> fields, int firstSlot) {
    ClassDesc self = Companion.symbol(host);
    for (int i = 0; i < fields.size(); i++) {
      Field field = fields.get(i);
      code.aload(1).loadConstant(firstSlot + i).aload(0).checkcast(self);
      code.getfield(self, field.getName(), Companion.symbol(field.getType()));
      Companion.box(code, field.getType());
      code.aastore();
    }
    code.return_();
  }

  private static void readOne(CodeBuilder code, Class<?> host, List<Field> fields, int firstSlot) {
    ClassDesc self = Companion.symbol(host);
    eachCase(
        code,
        1,
        firstSlot,
        fields.size(),
        slot -> {
          Field field = fields.get(slot - firstSlot);
          code.aload(0).checkcast(self);
          code.getfield(self, field.getName(), Companion.symbol(field.getType()));
          Companion.box(code, field.getType());
          code.areturn();
        });
  }

  private static void write(CodeBuilder code, Class<?> host, List<Field> fields, int firstSlot) {
    ClassDesc self = Companion.symbol(host);
    eachCase(
        code,
        1,
        firstSlot,
        fields.size(),
        slot -> {
          Field field = fields.get(slot - firstSlot);
          code.aload(0).checkcast(self).aload(2);
          Companion.unbox(code, field.getType());
          code.putfield(self, field.getName(), Companion.symbol(field.getType()));
          code.return_();
        });
  }

  /// Emits a switch over the `int` in a local variable.
  private static void eachCase(
      CodeBuilder code, int local, int first, int count, IntConsumer body) {
    if (count > 0) {
      Label none = code.newLabel();
      List<SwitchCase> cases = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        cases.add(SwitchCase.of(first + i, code.newLabel()));
      }
      code.iload(local).tableswitch(none, cases);
      for (SwitchCase c : cases) {
        code.labelBinding(c.target());
        body.accept(c.caseValue());
      }
      code.labelBinding(none);
    }
    Companion.refuse(code);
  }
}
