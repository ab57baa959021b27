package dev.plexspaces.examples.calculator;

import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Basic arithmetic over `operands`, with a history. What cannot be computed is answered with
/// `{"error": …}` and is not part of the history.
@GenServer
public class Calculator {

  /// Entries of the history that are kept; the list grows to twice as many before the oldest half
  /// goes, because trimming rewrites the list and appending does not.
  static final int HISTORY_MAX = 1_000;

  /// A computed reply.
  public record Result(Number result, String operation) {}

  /// A reply instead of a result.
  public record Refusal(String error) {}

  /// One line of the history.
  public record Entry(String operation, List<Number> operands, Number result) {}

  @State("last_operation")
  private String lastOperation;

  @State("last_result")
  private Number lastResult;

  @State private List<Entry> history = new ArrayList<>();

  @Handler("add")
  Object add(List<Number> operands) {
    Number sum = 0;
    for (Number operand : given(operands)) {
      sum = Numbers.add(sum, operand);
    }
    return record("add", operands, sum);
  }

  @Handler("subtract")
  Object subtract(List<Number> operands) {
    if (given(operands).size() < 2) {
      return new Refusal("Subtract requires at least 2 operands");
    }
    Number rest = operands.getFirst();
    for (Number operand : operands.subList(1, operands.size())) {
      rest = Numbers.subtract(rest, operand);
    }
    return record("subtract", operands, rest);
  }

  @Handler("multiply")
  Object multiply(List<Number> operands) {
    Number product = 1;
    for (Number operand : given(operands)) {
      product = Numbers.multiply(product, operand);
      if (!Numbers.representable(product)) {
        break; // it will not get better, only longer
      }
    }
    return record("multiply", operands, product);
  }

  @Handler("divide")
  Object divide(List<Number> operands) {
    if (given(operands).size() < 2) {
      return new Refusal("Divide requires 2 operands");
    }
    if (operands.get(1).doubleValue() == 0) {
      return new Refusal("Division by zero");
    }
    return record("divide", operands, Numbers.divide(operands.get(0), operands.get(1)));
  }

  @Handler("get_history")
  Map<String, Object> getHistory() {
    return Map.of("history", recent());
  }

  /// The reply of `get_state`; names as on the wire.
  public record Snapshot(
      Optional<String> last_operation, Optional<Number> last_result, List<Entry> history) {}

  @Handler({"get_state", "call"})
  Snapshot getState() {
    return new Snapshot(
        Optional.ofNullable(lastOperation), Optional.ofNullable(lastResult), recent());
  }

  private Object record(String operation, List<Number> operands, Number result) {
    if (!Numbers.representable(result)) {
      return new Refusal("Result is out of range");
    }
    lastOperation = operation;
    lastResult = result;
    history.add(new Entry(operation, operands, result));
    if (history.size() > 2 * HISTORY_MAX) {
      history.subList(0, history.size() - HISTORY_MAX).clear();
    }
    return new Result(result, operation);
  }

  private List<Entry> recent() {
    return history.subList(Math.max(0, history.size() - HISTORY_MAX), history.size());
  }

  private static List<Number> given(List<Number> operands) {
    return operands == null ? List.of() : operands;
  }
}
