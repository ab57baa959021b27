package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.json.Json;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Of a request between durable actors there is its row or its reply's row, never both and never
/// neither, until the asker has taken the reply or withdrawn the request; and each is written once.
/// Source: spec/turns rule 20.
final class AsksByRow implements Checker {

  private static final String REPLY = "/reply";

  /// By id; a request's row is consumed by the commit that writes the reply.
  private final Map<String, Ask> asks = new HashMap<>();

  /// The request whose row or whose reply's row it is, by number.
  private final Map<Long, Ask> rows = new HashMap<>();

  private static final class Ask {
    final String id;
    final ActorId asker;
    boolean replied;
    boolean taken;

    Ask(String id, ActorId asker) {
      this.id = id;
      this.asker = asker;
    }
  }

  @Override
  public String name() {
    return "asks by row";
  }

  @Override
  public void synced(World world, Commit commit, List<RowResult> results) {
    for (int i = 0; i < results.size(); i++) {
      if (commit.rows().get(i) instanceof Row.InboxInsert insert
          && results.get(i) instanceof RowResult.Inserted inserted) {
        written(world, commit, insert, inserted.inboxSeq());
      }
    }
    for (Row row : commit.rows()) {
      if (row instanceof Row.InboxDelete delete) {
        consumed(world, commit, delete.inboxSeq());
      }
    }
  }

  private void written(World world, Commit commit, Row.InboxInsert insert, long seq) {
    String id = insert.messageId();
    if (id.endsWith(REPLY)) {
      Ask ask = asks.get(id.substring(0, id.length() - REPLY.length()));
      if (ask == null || ask.replied || !consumes(commit, ask)) {
        world.violated(
            name(), id + " was written " + (ask == null ? "without a request" : "a second time"));
      }
      ask.replied = true;
      rows.put(seq, ask);
    } else if (((Map<?, ?>) Json.parse(insert.body())).get("asker") instanceof List<?> asker) {
      Ask ask = new Ask((String) asker.get(2), commit.actor());
      if (asks.put(ask.id, ask) != null) {
        world.violated(name(), "request " + ask.id + " was written twice");
      }
      rows.put(seq, ask);
    }
  }

  private boolean consumes(Commit commit, Ask ask) {
    return commit.rows().stream()
        .anyMatch(row -> row instanceof Row.InboxDelete d && rows.get(d.inboxSeq()) == ask);
  }

  private void consumed(World world, Commit commit, long seq) {
    Ask ask = rows.remove(seq);
    if (ask == null) {
      return;
    }
    boolean isReply = !rows.containsValue(ask);
    if (isReply && !ask.replied && !commit.actor().equals(ask.asker)) {
      world.violated(name(), "request " + ask.id + " ended without a reply");
    }
    if (isReply && !ask.replied) {
      world.count("withdrawn requests");
    }
    ask.taken |= isReply;
    if (isReply && commit.record().isEmpty()) {
      world.count("late replies");
    }
  }

  @Override
  public void atRest(World world) {
    for (Ask ask : asks.values()) {
      if (!ask.taken) {
        world.violated(
            name(),
            "request "
                + ask.id
                + (ask.replied ? ": its reply was never taken" : " was never answered"));
      }
    }
  }
}
