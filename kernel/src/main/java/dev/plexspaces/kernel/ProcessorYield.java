package dev.plexspaces.kernel;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Lets the other threads of the machine have this thread's processor, and comes back at once when
/// there is none. For virtual threads: their own `Thread.yield` lets only each other go first.
///
/// Source: POSIX `sched_yield`.
final class ProcessorYield {

  private static final MethodHandle SCHED_YIELD = find();

  private ProcessorYield() {}

  /// What the compiler warns of is asked for below: whether native calls were allowed.
  @SuppressWarnings("restricted")
  private static MethodHandle find() {
    if (!ProcessorYield.class.getModule().isNativeAccessEnabled()) {
      // Looking for it would print a warning.
      return null;
    }
    try {
      Linker linker = Linker.nativeLinker();
      return linker
          .defaultLookup()
          .find("sched_yield")
          .map(
              function ->
                  linker.downcallHandle(function, FunctionDescriptor.of(ValueLayout.JAVA_INT)))
          .orElse(null);
    } catch (UnsupportedOperationException e) {
      return null;
    }
  }

  /// False where the machine has no such call, or the JVM may make no native ones.
  static boolean possible() {
    return SCHED_YIELD != null;
  }

  /// Call only where it is [#possible].
  static void yield() {
    try {
      int failed = (int) SCHED_YIELD.invokeExact();
      if (failed != 0) {
        // It cannot fail on Linux and macOS; elsewhere not yielding is no harm.
        Thread.onSpinWait();
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
