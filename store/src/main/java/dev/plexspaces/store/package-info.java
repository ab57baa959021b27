/// The SQLite adapter of the kernel's store port; the only place that sees JDBC.
///
/// Reading order: [dev.plexspaces.store.SqliteStore] (the port), `Writer` (the one thread that
/// writes), `DirectRows` (rows others read, validated inside the commit), `LogFrames` (what one
/// transaction's log row holds), `Fold` (the log's way into tables), `Readers`, `Witness`.
package dev.plexspaces.store;
