package dev.plexspaces.node.cli;

import java.util.function.BiConsumer;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The rows of a list that the node hands out in pages.
///
/// @param name of the rows in the node's answer
/// @param more true when there are rows beyond the limit
record Listing(String name, ArrayNode rows, boolean more) {

  /// Most rows the node gives in one answer.
  private static final int PAGE_MAX = 500;

  /// Longest text in a cell of a table, characters.
  private static final int CELL_MAX = 60;

  /// Reads pages up to a limit.
  ///
  /// @param sizeName parameter that limits one page
  /// @param path of all pages; ends with `?` or `&`
  /// @param first what only the first page is asked with, such as `&before=5`; may be empty
  /// @throws Failure for a limit below 1, and as [Client#read]
  static Listing read(
      Client client, int limit, String name, String sizeName, String path, String first) {
    if (limit < 1) {
      throw new Misuse("--limit: must be at least 1");
    }
    ArrayNode rows = Client.JSON.createArrayNode();
    String rest = first;
    String token;
    do {
      int size = Math.clamp(limit - rows.size(), 1, PAGE_MAX);
      JsonNode page = client.read(path + sizeName + "=" + size + rest);
      page.path(name).values().forEach(rows::add);
      token = page.path("next_page_token").asString("");
      rest = "&page_token=" + Client.segment(token);
    } while (!token.isEmpty() && rows.size() < limit);
    return new Listing(name, rows, !token.isEmpty());
  }

  /// Prints the rows, as one JSON object or as a table.
  ///
  /// @param row adds one row to the table
  int print(boolean json, CommandLine command, Table table, BiConsumer<Table, JsonNode> row) {
    if (json) {
      ObjectNode answer = Client.JSON.createObjectNode();
      answer.set(name, rows);
      answer.put("more", more);
      command.getOut().println(answer);
      return Main.OK;
    }
    rows.values().forEach(node -> row.accept(table, node));
    table.print(command.getOut());
    if (more) {
      command.getErr().println("There are more; see --limit.");
    }
    return Main.OK;
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
