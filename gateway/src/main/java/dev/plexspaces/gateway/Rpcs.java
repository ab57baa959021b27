package dev.plexspaces.gateway;

import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.application.v1.ApplicationServiceGrpc;
import dev.plexspaces.contracts.inspection.v1.InspectionServiceGrpc;
import dev.plexspaces.contracts.system.v1.SystemServiceGrpc;
import java.util.List;

/// Every rpc the node serves. A new one is a line here; its HTTP route follows from its annotation.
final class Rpcs {

  private Rpcs() {}

  static List<Rpc<?, ?>> actors(ActorCalls calls) {
    return List.of(
        new Rpc<>(ActorServiceGrpc.getInvokeActorMethod(), false, calls::invokeActor),
        new Rpc<>(ActorServiceGrpc.getAskActorMethod(), false, calls::askActor),
        new Rpc<>(ActorServiceGrpc.getTellActorMethod(), false, calls::tellActor),
        new Rpc<>(ActorServiceGrpc.getListActorsMethod(), false, calls::listActors),
        new Rpc<>(ActorServiceGrpc.getGetActorMethod(), false, calls::getActor),
        new Rpc<>(ActorServiceGrpc.getDeleteActorMethod(), false, calls::deleteActor));
  }

  static List<Rpc<?, ?>> applications(ApplicationCalls calls) {
    return List.of(
        new Rpc<>(
            ApplicationServiceGrpc.getDeployApplicationMethod(), false, calls::deployApplication),
        new Rpc<>(
            ApplicationServiceGrpc.getUndeployApplicationMethod(),
            false,
            calls::undeployApplication),
        new Rpc<>(
            ApplicationServiceGrpc.getListApplicationsMethod(), false, calls::listApplications),
        new Rpc<>(
            ApplicationServiceGrpc.getGetApplicationStatusMethod(),
            false,
            calls::getApplicationStatus));
  }

  static List<Rpc<?, ?>> inspection(InspectionCalls calls) {
    return List.of(
        new Rpc<>(InspectionServiceGrpc.getGetHistoryMethod(), false, calls::getHistory),
        new Rpc<>(InspectionServiceGrpc.getListDeadLettersMethod(), false, calls::listDeadLetters),
        new Rpc<>(InspectionServiceGrpc.getGetDeadLetterMethod(), false, calls::getDeadLetter),
        new Rpc<>(
            InspectionServiceGrpc.getRedriveDeadLetterMethod(), false, calls::redriveDeadLetter),
        new Rpc<>(
            InspectionServiceGrpc.getDiscardDeadLetterMethod(), false, calls::discardDeadLetter),
        new Rpc<>(InspectionServiceGrpc.getListQuarantineMethod(), false, calls::listQuarantine),
        new Rpc<>(
            InspectionServiceGrpc.getReleaseQuarantineMethod(), false, calls::releaseQuarantine));
  }

  static List<Rpc<?, ?>> system(SystemCalls calls) {
    return List.of(
        new Rpc<>(SystemServiceGrpc.getGetSystemInfoMethod(), false, calls::getSystemInfo),
        new Rpc<>(SystemServiceGrpc.getGetHealthMethod(), false, calls::getHealth),
        new Rpc<>(SystemServiceGrpc.getLivenessProbeMethod(), true, calls::livenessProbe),
        new Rpc<>(SystemServiceGrpc.getReadinessProbeMethod(), true, calls::readinessProbe));
  }
}
