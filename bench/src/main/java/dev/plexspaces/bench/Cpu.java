package dev.plexspaces.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/// What processes use of the machine's processors. Where others use them, too, a rate says little
/// about a single round; what an operation costs stays closer to itself.
final class Cpu {

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private Cpu() {}

  /// Nanoseconds so far, of all threads.
  static long ofThisProcess() {
    return SYSTEM.getProcessCpuTime();
  }

  /// Nanoseconds so far, of all threads, to a hundredth of a second.
  static long of(Process process) {
    return process.info().totalCpuDuration().orElseThrow().toNanos();
  }
}
