package dev.plexspaces.kernel.supervision;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.supervision.Phase.Transition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Keeps `docs/diagrams/supervisor.puml` equal to the transition table.
class SupervisorDiagramTest {

  private static final Path DIAGRAM = Path.of("..", "docs", "diagrams", "supervisor.puml");

  @Test
  void diagram_equalsTheTransitionTable() throws IOException {
    String drawn = Files.exists(DIAGRAM) ? Files.readString(DIAGRAM) : "";
    String current = draw();
    if (!drawn.equals(current)) {
      Files.createDirectories(DIAGRAM.getParent());
      Files.writeString(DIAGRAM, current);
    }
    assertThat(drawn)
        .as("%s was out of date and has been written anew: look at it and commit it", DIAGRAM)
        .isEqualTo(current);
  }

  @Test
  void table_namesEachTransitionOnce() {
    assertThat(Phase.TRANSITIONS).doesNotHaveDuplicates();
    assertThat(Phase.TRANSITIONS).noneMatch(transition -> transition.from() == transition.to());
  }

  private static String draw() {
    Map<List<Phase>, StringBuilder> arrows = new LinkedHashMap<>();
    for (Transition transition : Phase.TRANSITIONS) {
      StringBuilder label =
          arrows.computeIfAbsent(
              List.of(transition.from(), transition.to()), key -> new StringBuilder());
      label.append(label.isEmpty() ? "" : "\\n").append(transition.on().getSimpleName());
    }
    var text = new StringBuilder();
    text.append("@startuml\n");
    text.append("' Written by SupervisorDiagramTest from Phase.TRANSITIONS; do not edit.\n");
    text.append("title Phases of a supervisor\n");
    text.append("hide empty description\n");
    for (Phase phase : Phase.values()) {
      text.append("state ").append(phase).append(" : ").append(phase.doing()).append('\n');
    }
    text.append("[*] --> ").append(Phase.CREATED).append('\n');
    arrows.forEach(
        (ends, label) ->
            text.append(ends.getFirst())
                .append(" --> ")
                .append(ends.getLast())
                .append(" : ")
                .append(label)
                .append('\n'));
    text.append(Phase.EXITED).append(" --> [*]\n");
    text.append("@enduml\n");
    return text.toString();
  }
}
