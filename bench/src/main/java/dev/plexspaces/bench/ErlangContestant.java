package dev.plexspaces.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Erlang/OTP: a process of its own that runs `bench/peers/erlang/plex_peer.erl` and is told each
/// round over its standard input, so its rounds interleave with the JVM's.
final class ErlangContestant implements Contestant {

  /// Of the family.
  static final String NAME = "erlang";

  /// Room for skynet's processes and a million idle ones.
  private static final String PROCESS_LIMIT = "4000000";

  /// Tunes the number of schedulers.
  ///
  /// @param beams folder of the compiled module
  record Erlang(Path beams) implements Family {
    @Override
    public String name() {
      return NAME;
    }

    @Override
    public List<String> settings(Workload workload) {
      return List.of("+S 1:1", "+S 2:2");
    }

    @Override
    public Contestant open(String setting) throws IOException {
      return new ErlangContestant(beams, setting);
    }
  }

  private final ToldProcess process;

  private ErlangContestant(Path beams, String setting) throws IOException {
    List<String> command = new ArrayList<>(List.of("erl", "-noshell", "-pa", beams.toString()));
    command.addAll(List.of("+P", PROCESS_LIMIT));
    command.addAll(List.of(setting.split(" ")));
    command.addAll(List.of("-s", "plex_peer", "main"));
    process = new ToldProcess(NAME, command);
  }

  /// Whether Erlang is installed.
  static boolean available() {
    return List.of(System.getenv("PATH").split(":")).stream()
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "erl")));
  }

  /// The version of the runtime.
  String version() throws IOException {
    return String.join(" ", ask("info"));
  }

  @Override
  public long run(Workload workload, long operations) throws IOException {
    String command =
        switch (workload) {
          case Workload.PingPong w -> "pingpong " + w.pairs() + " " + w.blockEvery();
          case Workload.FanIn w -> "fanin " + w.producers();
          case Workload.Skynet w -> "skynet";
          case Workload.AskFromOutside w ->
              "ask_outside " + w.servers() + " " + w.outstanding() + " " + w.blockEvery();
          case Workload.AskFromActor w -> "ask_actor " + w.pairs();
        };
    String last = workload instanceof Workload.Skynet w ? " " + w.fanOut() : "";
    return Long.parseLong(ask(command + " " + operations + last).getFirst());
  }

  @Override
  public long cpuNanos() {
    return process.cpuNanos();
  }

  @Override
  public IdleCost idle(int actors) throws IOException {
    List<String> numbers = ask("idle " + actors);
    return new IdleCost(
        Long.parseLong(numbers.get(0)),
        Long.parseLong(numbers.get(1)),
        Long.parseLong(numbers.get(2)));
  }

  private List<String> ask(String command) throws IOException {
    return List.of(process.tell(command).split(" "));
  }

  @Override
  public void close() {
    process.close();
  }
}
