package dev.plexspaces.node.cli;

import java.io.PrintWriter;
import java.util.Optional;
import java.util.function.BiFunction;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The rows of a list that the node hands out in pages.
///
/// @param name of the rows in the node's answer
/// @param more true when there are rows beyond the limit
record Listing(String name, ArrayNode rows, boolean more) {

  /// Longest text in a cell of a table, characters.
  private static final int CELL_MAX = 60;

  /// Reads pages up to a limit.
  ///
  /// @param pageMax most rows the node gives in one answer
  /// @param path makes the path of a page out of its size and its token, which the first one lacks
  /// @throws Failure for a limit below 1, and as [Client#read]
  static Listing read(
      Client client,
      int limit,
      int pageMax,
      String name,
      BiFunction<Integer, Optional<String>, String> path) {
    if (limit < 1) {
      throw new Failure("--limit: must be at least 1");
    }
    ArrayNode rows = Client.JSON.createArrayNode();
    Optional<String> next = Optional.empty();
    do {
      JsonNode page = client.read(path.apply(Math.clamp(limit - rows.size(), 1, pageMax), next));
      page.path(name).values().forEach(rows::add);
      next =
          Optional.of(page.path("next_page_token").asString("")).filter(token -> !token.isEmpty());
    } while (next.isPresent() && rows.size() < limit);
    return new Listing(name, rows, next.isPresent());
  }

  void printJson(PrintWriter out) {
    ObjectNode answer = Client.JSON.createObjectNode();
    answer.set(name, rows);
    answer.put("more", more);
    out.println(answer);
  }

  void print(Table table, CommandLine command) {
    table.print(command.getOut());
    if (more) {
      command.getErr().println("There are more; see --limit.");
    }
  }

  /// A text on one line.
  static String line(String text) {
    return text.replaceAll("\\p{Cntrl}+", " ");
  }

  /// The start of a text, on one line.
  static String brief(String text) {
    String line = line(text);
    return line.codePointCount(0, line.length()) <= CELL_MAX
        ? line
        : line.substring(0, line.offsetByCodePoints(0, CELL_MAX - 1)) + "…";
  }
}
