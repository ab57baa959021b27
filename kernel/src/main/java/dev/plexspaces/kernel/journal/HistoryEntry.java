package dev.plexspaces.kernel.journal;

/// One committed log row of an actor, for people to read; never needed for recovery.
public record HistoryEntry(long seq, TurnRecord record) {}
