package dev.plexspaces.kernel.journal;

/// A key's committed value.
///
/// @param version 1 for the first write of a key, then one more per write
/// @param expiresAtMillis 0 for never
public record KvEntry(String key, byte[] value, long version, long expiresAtMillis) {}
