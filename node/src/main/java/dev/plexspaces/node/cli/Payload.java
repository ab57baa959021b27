package dev.plexspaces.node.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The payload argument of `ask` and `tell`: JSON text, `@file`, or `-` for standard input.
final class Payload {

  private Payload() {}

  /// Reads it.
  ///
  /// @throws Failure when it cannot be read
  /// @throws Misuse when it is not JSON
  static JsonNode read(String argument) {
    String text;
    try {
      if (argument.equals("-")) {
        text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
      } else if (argument.startsWith("@")) {
        text = Files.readString(Path.of(argument.substring(1)));
      } else {
        text = argument;
      }
    } catch (IOException e) {
      throw new Failure("cannot read the payload from " + argument + ": " + e.getMessage());
    }
    try {
      return Client.JSON.readTree(text);
    } catch (JacksonException e) {
      throw new Misuse("the payload is not JSON: " + e.getOriginalMessage());
    }
  }
}
