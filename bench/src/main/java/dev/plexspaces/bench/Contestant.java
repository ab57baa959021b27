package dev.plexspaces.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;

/// One actor system with one setting, ready to run workloads.
interface Contestant extends AutoCloseable {

  /// A kind of contestant and the settings it may be tuned with.
  interface Family extends AutoCloseable {
    /// Such as `pekko-fork-join`.
    String name();

    /// The settings worth trying for a workload; at least one.
    List<String> settings(Workload workload);

    /// @param setting one of [#settings]
    Contestant open(String setting) throws Exception;

    /// Ends what it keeps from one contestant to the next, when it does.
    @Override
    default void close() {}
  }

  /// What idle actors cost.
  ///
  /// @param nanos from the first spawn until the last actor has run its start code
  /// @param bytes memory the actors hold: heap after collection on the JVM, `erlang:memory(total)`
  ///   on the BEAM
  /// @param residentBytes growth of the process, 0 where it says nothing (a JVM's heap is reserved
  ///   ahead)
  record IdleCost(long nanos, long bytes, long residentBytes) {}

  /// Runs `operations` of a workload. Actors are made before and stopped after the measured time,
  /// except where spawning is the workload.
  ///
  /// @return the nanoseconds from the first message to the last
  long run(Workload workload, long operations) throws Exception;

  /// Processor time its process has used so far, nanoseconds: of all of its threads, which for
  /// those in this JVM is the compiler's and the collector's, too.
  default long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }

  /// Spawns idle actors, measures them and stops them.
  IdleCost idle(int actors) throws Exception;

  @Override
  void close();
}
