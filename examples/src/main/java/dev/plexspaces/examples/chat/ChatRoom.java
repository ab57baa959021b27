package dev.plexspaces.examples.chat;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.State;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// One room per key. Anybody may post; joining only puts one on the list of members.
@GenServer
public class ChatRoom {

  /// Members of a room; one more is refused.
  static final int MEMBERS_MAX = 1_000;

  /// Bound of `max_history`.
  static final int HISTORY_MAX = 10_000;

  /// Longest user name and longest text, characters.
  static final int USER_LENGTH_MAX = 64;

  static final int TEXT_LENGTH_MAX = 4_000;

  /// Something that was said.
  public record Post(String user, String text, Instant at) {}

  /// Reply of `members`, `join` and `leave`, in the order of the names.
  public record Members(List<String> members, int count) {}

  /// Reply of `history`, oldest first.
  public record History(List<Post> messages, int count) {}

  @State("max_history")
  private int maxHistory;

  /// Who is here, and since when.
  @State private Map<String, Instant> members = new HashMap<>();

  @State private List<Post> posts = new ArrayList<>();

  @OnInit
  void init(@Param(value = "max_history", defaultValue = "100") int maxHistory) {
    if (maxHistory < 1 || maxHistory > HISTORY_MAX) {
      throw ActorException.invalid("max_history", "must be 1 to " + HISTORY_MAX);
    }
    this.maxHistory = maxHistory;
  }

  @Handler("join")
  Members join(ActorContext context, String user) {
    requireLength("user", user, USER_LENGTH_MAX);
    if (members.size() >= MEMBERS_MAX && !members.containsKey(user)) {
      throw new ActorException(
          ErrorCode.RESOURCE_EXHAUSTED, "the room is full, " + MEMBERS_MAX + " members");
    }
    members.putIfAbsent(user, context.now());
    return members();
  }

  @Handler("leave")
  Members leave(String user) {
    requireLength("user", user, USER_LENGTH_MAX);
    members.remove(user);
    return members();
  }

  @Handler("post")
  Post post(ActorContext context, String user, String text) {
    requireLength("user", user, USER_LENGTH_MAX);
    requireLength("text", text, TEXT_LENGTH_MAX);
    Post post = new Post(user, text, context.now());
    posts.add(post);
    // Trimming journals the whole list and appending one element, so trim seldom and by much.
    if (posts.size() > 2 * maxHistory) {
      posts.subList(0, posts.size() - maxHistory).clear();
    }
    return post;
  }

  /// The last posts, at most `limit`.
  @Handler({"history", "call"})
  History history(@Param(defaultValue = "50") int limit) {
    if (limit < 1) {
      throw ActorException.invalid("limit", "must be positive");
    }
    int shown = Math.min(posts.size(), Math.min(limit, maxHistory));
    return new History(posts.subList(posts.size() - shown, posts.size()), shown);
  }

  @Handler("members")
  Members members() {
    return new Members(members.keySet().stream().sorted().toList(), members.size());
  }

  private static void requireLength(String field, String value, int max) {
    if (value == null || value.isBlank() || value.length() > max) {
      throw ActorException.invalid(field, "must be 1 to " + max + " characters");
    }
  }
}
