package dev.plexspaces.node.links;

import java.io.IOException;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/// Collects the body of an answer up to a bound, beyond which it fails with [TooLarge] and the
/// connection is dropped.
final class BoundedBody implements BodySubscriber<byte[]> {

  /// The body is larger than the bound.
  static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1;
  }

  private final BodySubscriber<byte[]> whole = BodySubscribers.ofByteArray();
  private long left;
  private Flow.Subscription subscription;

  private BoundedBody(int bytesMax) {
    left = bytesMax;
  }

  static BodyHandler<byte[]> handler(int bytesMax) {
    return info -> new BoundedBody(bytesMax);
  }

  @Override
  public CompletionStage<byte[]> getBody() {
    return whole.getBody();
  }

  @Override
  public void onSubscribe(Flow.Subscription s) {
    subscription = s;
    whole.onSubscribe(s);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    if (left < 0) {
      return;
    }
    for (ByteBuffer buffer : buffers) {
      left -= buffer.remaining();
    }
    if (left < 0) {
      subscription.cancel();
      whole.onError(new TooLarge());
    } else {
      whole.onNext(buffers);
    }
  }

  @Override
  public void onError(Throwable thrown) {
    whole.onError(thrown);
  }

  @Override
  public void onComplete() {
    whole.onComplete();
  }
}
