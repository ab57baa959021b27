package dev.plexspaces.store;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.ConcurrentHashMap;

/// How many remembered requests each tenant has: rows of the table, and those in the tail of the
/// log that are not folded yet. Written by the writer thread, read by any.
///
/// The table's rows are counted on disk by scope, in the transactions that add and remove them, so
/// that a start with millions of them reads one number per scope.
final class RequestCounts {

  /// Tenants that have none are not in it.
  private final ConcurrentHashMap<String, Long> byTenant = new ConcurrentHashMap<>();

  private volatile long total;

  /// What is folded.
  static RequestCounts read(Database database) throws SQLException {
    RequestCounts counts = new RequestCounts();
    PreparedStatement select =
        database.sql("SELECT tenant, sum(requests) FROM scope WHERE requests > 0 GROUP BY tenant");
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        counts.add(found.getString(1), found.getLong(2));
      }
    }
    return counts;
  }

  long of(String tenant) {
    return byTenant.getOrDefault(tenant, 0L);
  }

  /// Of all tenants together.
  long total() {
    return total;
  }

  /// @param change negative when some were removed
  void add(String tenant, long change) {
    if (change != 0) {
      total = total + change;
      byTenant.merge(tenant, change, (before, c) -> before + c == 0 ? null : before + c);
    }
  }

  /// Adds to what is written down of a scope; within the transaction of its rows.
  ///
  /// @return the tenant of the scope
  static String write(Database database, int scopeNo, long change) throws SQLException {
    PreparedStatement update =
        database.sql(
            "UPDATE scope SET requests = requests + ? WHERE scope_no = ? RETURNING tenant");
    update.setLong(1, change);
    update.setInt(2, scopeNo);
    try (ResultSet found = update.executeQuery()) {
      found.next();
      return found.getString(1);
    }
  }
}
