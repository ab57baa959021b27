package dev.plexspaces.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A family in a JVM of its own, with the flags of this one: whoever makes garbage collects it, and
/// nobody's code is compiled for what the others do. The JVM stays for all workloads, so that it is
/// warm.
final class OwnJvm implements Contestant.Family {

  private static final String OPEN = "open ";
  private static final String RUN = "run ";
  private static final String CLOSE = "close";

  private final Contestant.Family family;

  /// Started when it is first needed.
  private ToldProcess jvm;

  OwnJvm(Contestant.Family family) {
    this.family = family;
  }

  @Override
  public String name() {
    return family.name();
  }

  @Override
  public List<String> settings(Workload workload) {
    return family.settings(workload);
  }

  /// @param setting one at a time: the last one is to be closed before
  @Override
  public Contestant open(String setting) throws IOException {
    if (jvm == null) {
      jvm = new ToldProcess(name(), command());
    }
    jvm.tell(OPEN + setting);
    return new Remote();
  }

  private List<String> command() {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(OwnJvm.class.getName(), family.name()));
    return command;
  }

  @Override
  public void close() {
    if (jvm != null) {
      jvm.close();
    }
  }

  private final class Remote implements Contestant {
    @Override
    public long run(Workload workload, long operations) throws IOException {
      return Long.parseLong(jvm.tell(RUN + workload.name() + " " + operations));
    }

    @Override
    public long cpuNanos() {
      return jvm.cpuNanos();
    }

    @Override
    public IdleCost idle(int actors) {
      throw new UnsupportedOperationException("idle actors are measured one family at a time");
    }

    @Override
    public void close() {
      if (jvm.failed()) {
        return;
      }
      try {
        jvm.tell(CLOSE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /// The other side.
  public static void main(String[] args) throws Exception {
    Contestant.Family family = Messaging.onTheJvm(args[0]);
    // What libraries print must not be taken for answers.
    PrintStream answers = System.out;
    System.setOut(System.err);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Contestant contestant = null;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String answer = ToldProcess.OK;
      if (line.startsWith(OPEN)) {
        contestant = family.open(line.substring(OPEN.length()));
      } else if (line.equals(CLOSE)) {
        contestant.close();
      } else {
        String[] words = line.substring(RUN.length()).split(" ");
        Workload workload = Messaging.workload(words[0]);
        answer += " " + contestant.run(workload, Long.parseLong(words[1]));
      }
      answers.println(answer);
      answers.flush();
    }
    // Idle pools of the peers may still hold threads.
    System.exit(0);
  }
}
