package peer;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;

/// The smallest durable object of Restate: one number per key, read, changed and stored per call.
@VirtualObject
public class Counter {

  private static final StateKey<Long> TOTAL = StateKey.of("total", Long.class);

  /// Adds `amount` and returns the total.
  @Handler
  public long add(ObjectContext context, long amount) {
    long total = context.get(TOTAL).orElse(0L) + amount;
    context.set(TOTAL, total);
    return total;
  }

  /// @param args the port to listen on
  public static void main(String[] args) {
    RestateHttpServer.listen(Endpoint.bind(new Counter()), Integer.parseInt(args[0]));
  }
}
