package dev.plexspaces.kernel;

import java.util.List;
import java.util.Map;

/// What the kernel has counted since it started. Labelled by actor type, never by key.
///
/// @param supervisorReports exits, failed starts and give-ups that supervisors reported
/// @param deadLetters messages nobody processed, by actor type and reason; every type there is, all
///   reasons of each
/// @param idempotencyRefusals requests with a new idempotency key refused because their tenant has
///   as many outcomes remembered as it may
/// @param killedAndRunning actors that were killed and whose handlers ran on for seconds
public record KernelMetrics(
    List<TypeMetrics> types,
    long supervisorReports,
    Map<String, Map<DeadLetters.Reason, Long>> deadLetters,
    Map<String, HandlingTimes.Times> handlingTimes,
    long idempotencyRefusals,
    long killedAndRunning) {

  /// One actor type, all scopes together.
  ///
  /// @param live actors in memory now
  /// @param messages processed
  /// @param asks calls received from outside
  /// @param commits durable commits submitted
  /// @param mailboxDepth messages waiting now, all actors together
  public record TypeMetrics(
      String type,
      String application,
      long live,
      long messages,
      long asks,
      long commits,
      long crashes,
      long restarts,
      long activations,
      long mailboxDepth) {}
}
