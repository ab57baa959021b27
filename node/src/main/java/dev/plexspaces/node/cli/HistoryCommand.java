package dev.plexspaces.node.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

@Command(
    name = "history",
    description = "Shows what a durable actor did, the newest turn first.",
    footer = "The table shows the start of long texts; --json shows them whole.",
    mixinStandardHelpOptions = true)
final class HistoryCommand implements Callable<Integer> {

  @Mixin private Connection connection;
  @Mixin private ActorAddress address;
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "ACTOR",
      description = "type/key or tenant/namespace/type/key.")
  private String actor;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "20",
      description = "Most entries to show (default: 20).")
  private int limit;

  @Option(
      names = "--before",
      paramLabel = "SEQ",
      description = "Only entries older than the one of this number.")
  private Long before;

  @Option(names = "--no-payloads", description = "Leave payloads, replies, results and values out.")
  private boolean noPayloads;

  @Override
  public Integer call() {
    String path = address.keyed(connection, actor) + "/history";
    String options = noPayloads ? "payloads=false&" : "";
    Listing listing =
        Listing.read(
            connection.client(),
            limit,
            "entries",
            "limit",
            path + "?" + options,
            before == null ? "" : "&before=" + before);
    return listing.print(
        connection.json,
        spec.commandLine(),
        new Table(
            "SEQ",
            "TURN",
            "STEP",
            "KIND",
            "AT",
            "OPERATION",
            "INPUT",
            "CHANGES",
            "EFFECTS",
            "OUTCOME"),
        (table, entry) ->
            table.row(
                entry.path("seq").asString(""),
                entry.path("turn").asString(""),
                entry.path("step").asString(""),
                entry.path("kind").asString("").toLowerCase(Locale.ROOT),
                entry.path("at").asString(""),
                entry.path("input").path("operation").asString(""),
                Listing.brief(entry.path("input").path("payload").asString("")),
                Listing.brief(changes(entry)),
                Listing.brief(effects(entry)),
                Listing.brief(outcome(entry))));
  }

  private static String effects(JsonNode entry) {
    List<String> effects = new ArrayList<>();
    entry.path("effects").values().forEach(effect -> effects.add(effect.asString("")));
    return String.join(", ", effects);
  }

  private static String changes(JsonNode entry) {
    List<String> changes = new ArrayList<>();
    for (JsonNode change : entry.path("changes").values()) {
      String key = change.path("entry").asString("");
      changes.add(
          change.path("operation").asString("").toLowerCase(Locale.ROOT)
              + " "
              + change.path("field").asString("")
              + (key.isEmpty() ? "" : "[" + key + "]")
              + (change.has("value") ? "=" + change.path("value").asString("") : ""));
    }
    return String.join(", ", changes);
  }

  private static String outcome(JsonNode entry) {
    if (entry.has("failure")) {
      return entry.path("failure").asString("");
    }
    if (entry.has("reply")) {
      return entry.path("reply").asString("");
    }
    List<String> calls = new ArrayList<>();
    for (JsonNode call : entry.path("calls").values()) {
      if (call.path("pending").asBoolean(false)) {
        calls.add(call.path("call").asString("") + " …");
      }
    }
    return String.join(", ", calls);
  }
}
