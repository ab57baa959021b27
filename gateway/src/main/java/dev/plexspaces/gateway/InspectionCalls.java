package dev.plexspaces.gateway;

import dev.plexspaces.contracts.inspection.v1.Call;
import dev.plexspaces.contracts.inspection.v1.DeadLetter;
import dev.plexspaces.contracts.inspection.v1.DiscardDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.DiscardDeadLetterResponse;
import dev.plexspaces.contracts.inspection.v1.GetDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.GetHistoryRequest;
import dev.plexspaces.contracts.inspection.v1.GetHistoryResponse;
import dev.plexspaces.contracts.inspection.v1.HistoryEntry;
import dev.plexspaces.contracts.inspection.v1.Input;
import dev.plexspaces.contracts.inspection.v1.ListDeadLettersRequest;
import dev.plexspaces.contracts.inspection.v1.ListDeadLettersResponse;
import dev.plexspaces.contracts.inspection.v1.ListQuarantineRequest;
import dev.plexspaces.contracts.inspection.v1.ListQuarantineResponse;
import dev.plexspaces.contracts.inspection.v1.QuarantinedActor;
import dev.plexspaces.contracts.inspection.v1.RedriveDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.RedriveDeadLetterResponse;
import dev.plexspaces.contracts.inspection.v1.ReleaseQuarantineRequest;
import dev.plexspaces.contracts.inspection.v1.ReleaseQuarantineResponse;
import dev.plexspaces.contracts.inspection.v1.StateChange;
import dev.plexspaces.gateway.Authorization.Permission;
import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.Quarantine;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looking at durable actors and repairing them, whichever way it came in. Reads go to the store,
/// so they run where blocking is allowed.
final class InspectionCalls {

  private static final Logger log = LoggerFactory.getLogger(InspectionCalls.class);

  private final Inspection inspection;
  private final ExecutorService blocking;

  InspectionCalls(Inspection inspection, ExecutorService blocking) {
    this.inspection = inspection;
    this.blocking = blocking;
  }

  CompletableFuture<GetHistoryResponse> getHistory(Caller caller, GetHistoryRequest request) {
    ActorId actor =
        actor(
            caller,
            Permission.INSPECT,
            request.getTenant(),
            request.getNamespace(),
            request.getActorType(),
            request.getKey());
    int limit = size("limit", request.hasLimit(), request.getLimit());
    long before = Long.MAX_VALUE;
    if (request.hasBefore()) {
      before = request.getBefore();
      if (before < 1) {
        throw Caller.invalid("before", "must be a seq of the history, at least 1");
      }
      if (!request.getPageToken().isEmpty()) {
        throw Caller.invalid("before", "must not come together with page_token");
      }
    }
    String filter = "history?" + actor;
    if (!request.getPageToken().isEmpty()) {
      before = number(PageToken.read(request.getPageToken(), filter));
    }
    long from = before;
    boolean payloads = !request.hasPayloads() || request.getPayloads();
    return CompletableFuture.supplyAsync(
        () -> {
          Inspection.Page<Inspection.Entry> page = inspection.history(actor, from, limit, payloads);
          GetHistoryResponse.Builder answer = GetHistoryResponse.newBuilder();
          page.rows().forEach(entry -> answer.addEntries(describe(entry)));
          if (page.more()) {
            answer.setNextPageToken(
                PageToken.write(Long.toString(page.rows().getLast().seq()), filter));
          }
          return answer.build();
        },
        blocking);
  }

  private static long number(String cursor) {
    try {
      return Long.parseLong(cursor);
    } catch (NumberFormatException e) {
      throw Caller.invalid("page_token", "is not a next_page_token of this list");
    }
  }

  CompletableFuture<ListDeadLettersResponse> listDeadLetters(
      Caller caller, ListDeadLettersRequest request) {
    Scope scope = scope(caller, Permission.INSPECT, request.getTenant(), request.getNamespace());
    int limit = size("page_size", request.hasPageSize(), request.getPageSize());
    String filter = "dead-letters?" + scope;
    String after = after(request.getPageToken(), filter);
    boolean payloads = !request.hasPayloads() || request.getPayloads();
    return CompletableFuture.supplyAsync(
        () -> {
          Inspection.Page<Inspection.DeadLetter> page =
              inspection.deadLetters(scope, after, limit, payloads);
          ListDeadLettersResponse.Builder answer = ListDeadLettersResponse.newBuilder();
          page.rows().forEach(letter -> answer.addDeadLetters(describe(letter)));
          if (page.more()) {
            answer.setNextPageToken(PageToken.write(page.rows().getLast().id(), filter));
          }
          return answer.build();
        },
        blocking);
  }

  CompletableFuture<DeadLetter> getDeadLetter(Caller caller, GetDeadLetterRequest request) {
    Scope scope = scope(caller, Permission.INSPECT, request.getTenant(), request.getNamespace());
    String id = request.getDeadLetterId();
    boolean payloads = !request.hasPayloads() || request.getPayloads();
    return CompletableFuture.supplyAsync(
        () ->
            inspection
                .deadLetter(scope, id, payloads)
                .map(InspectionCalls::describe)
                .orElseThrow(() -> new PlexException(ErrorCode.NOT_FOUND, "no dead letter " + id)),
        blocking);
  }

  CompletableFuture<RedriveDeadLetterResponse> redriveDeadLetter(
      Caller caller, RedriveDeadLetterRequest request) {
    Scope scope = scope(caller, Permission.REPAIR, request.getTenant(), request.getNamespace());
    String id = request.getDeadLetterId();
    return CompletableFuture.supplyAsync(
            () -> inspection.redrive(scope, id, request.getRerun()), blocking)
        .thenCompose(actor -> actor)
        .thenApply(
            actor -> {
              log(caller, "re-drove dead letter " + id + " of", actor);
              return RedriveDeadLetterResponse.newBuilder().setActorId(actor.toString()).build();
            });
  }

  CompletableFuture<DiscardDeadLetterResponse> discardDeadLetter(
      Caller caller, DiscardDeadLetterRequest request) {
    Scope scope = scope(caller, Permission.REPAIR, request.getTenant(), request.getNamespace());
    String id = request.getDeadLetterId();
    return CompletableFuture.supplyAsync(() -> inspection.discard(scope, id), blocking)
        .thenCompose(actor -> actor)
        .thenApply(
            actor -> {
              log(caller, "discarded dead letter " + id + " of", actor);
              return DiscardDeadLetterResponse.newBuilder().setActorId(actor.toString()).build();
            });
  }

  CompletableFuture<ListQuarantineResponse> listQuarantine(
      Caller caller, ListQuarantineRequest request) {
    Scope scope = scope(caller, Permission.INSPECT, request.getTenant(), request.getNamespace());
    int limit = size("page_size", request.hasPageSize(), request.getPageSize());
    String filter = "quarantine?" + scope;
    String after = after(request.getPageToken(), filter);
    List<Quarantine.Entry> found =
        inspection.quarantined(scope).stream()
            .filter(entry -> entry.id().toString().compareTo(after) > 0)
            .limit(limit + 1L)
            .toList();
    ListQuarantineResponse.Builder page = ListQuarantineResponse.newBuilder();
    for (Quarantine.Entry entry : found.subList(0, Math.min(limit, found.size()))) {
      page.addActors(
          QuarantinedActor.newBuilder()
              .setActorId(entry.id().toString())
              .setReason(entry.reason())
              .setSince(ActorCalls.timestamp(entry.since()))
              .setUntil(ActorCalls.timestamp(entry.until())));
    }
    if (found.size() > limit) {
      page.setNextPageToken(PageToken.write(found.get(limit - 1).id().toString(), filter));
    }
    return CompletableFuture.completedFuture(page.build());
  }

  CompletableFuture<ReleaseQuarantineResponse> releaseQuarantine(
      Caller caller, ReleaseQuarantineRequest request) {
    ActorId actor =
        actor(
            caller,
            Permission.REPAIR,
            request.getTenant(),
            request.getNamespace(),
            request.getActorType(),
            request.getKey());
    return CompletableFuture.supplyAsync(
        () -> {
          boolean activated = inspection.release(actor);
          log(caller, "released from quarantine", actor);
          return ReleaseQuarantineResponse.newBuilder().setActivated(activated).build();
        },
        blocking);
  }

  /// Who changed what by hand is worth a line.
  private static void log(Caller caller, String what, ActorId actor) {
    log.atInfo()
        .addKeyValue("request_id", caller.requestId())
        .log("{} {} {}", caller.principal().subject(), what, actor);
  }

  /// Permission comes first: to a stranger a wrong name and a foreign one look the same.
  private static Scope scope(
      Caller caller, Permission permission, String tenant, String namespace) {
    Authorization.require(caller.principal(), permission, tenant, namespace);
    return new Scope(tenant, namespace);
  }

  private static ActorId actor(
      Caller caller,
      Permission permission,
      String tenant,
      String namespace,
      String type,
      String key) {
    Scope scope = scope(caller, permission, tenant, namespace);
    Scope.requireName("actor_type", type);
    return new ActorId(scope, type, key);
  }

  private static int size(String field, boolean given, int size) {
    if (!given) {
      return ActorCalls.PAGE_SIZE;
    }
    if (size < 1 || size > ActorCalls.PAGE_SIZE_MAX) {
      throw Caller.invalid(field, "must be 1 to " + ActorCalls.PAGE_SIZE_MAX);
    }
    return size;
  }

  private static String after(String pageToken, String filter) {
    return pageToken.isEmpty() ? "" : PageToken.read(pageToken, filter);
  }

  private static HistoryEntry describe(Inspection.Entry entry) {
    HistoryEntry.Builder described =
        HistoryEntry.newBuilder()
            .setSeq(entry.seq())
            .setTurn(entry.turn())
            .setStep(entry.step())
            .setKind(kind(entry.kind()))
            .setAt(ActorCalls.timestamp(entry.at()))
            .setAppVersion(entry.appVersion());
    entry.input().ifPresent(input -> described.setInput(describe(input)));
    for (Inspection.Call call : entry.calls()) {
      Call.Builder one =
          Call.newBuilder().setStep(call.step()).setCall(call.call()).setPending(call.pending());
      call.result().ifPresent(one::setResult);
      call.error().ifPresent(one::setError);
      described.addCalls(one);
    }
    for (Inspection.Change change : entry.changes()) {
      StateChange.Builder one =
          StateChange.newBuilder()
              .setField(change.field())
              .setOperation(change.operation())
              .setEntry(change.chunk());
      change.data().ifPresent(one::setValue);
      described.addChanges(one);
    }
    described.addAllEffects(entry.effects());
    entry.reply().ifPresent(described::setReply);
    entry.failure().ifPresent(described::setFailure);
    return described.build();
  }

  private static HistoryEntry.Kind kind(TurnRecord.Kind kind) {
    return switch (kind) {
      case WHOLE -> HistoryEntry.Kind.WHOLE;
      case OPEN -> HistoryEntry.Kind.OPEN;
      case SEGMENT -> HistoryEntry.Kind.SEGMENT;
      case END -> HistoryEntry.Kind.END;
      case FAILED -> HistoryEntry.Kind.FAILED;
    };
  }

  private static Input describe(Inspection.Input input) {
    Input.Builder described =
        Input.newBuilder()
            .setKind(input.kind())
            .setOperation(input.operation())
            .setMessageId(input.messageId())
            .setSender(input.sender())
            .setUser(input.user())
            .setRequestId(input.requestId());
    input.payload().ifPresent(described::setPayload);
    return described.build();
  }

  private static DeadLetter describe(Inspection.DeadLetter letter) {
    DeadLetter.Builder described =
        DeadLetter.newBuilder()
            .setDeadLetterId(letter.id())
            .setActorId(letter.target())
            .setDurable(letter.durable())
            .setMessage(describe(letter.message()))
            .setReason(letter.reason())
            .setAttempts(letter.attempts())
            .setCommittedEffects(letter.partlyDone());
    letter.at().ifPresent(at -> described.setAt(ActorCalls.timestamp(at)));
    return described.build();
  }
}
