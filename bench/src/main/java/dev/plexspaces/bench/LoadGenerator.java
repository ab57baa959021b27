package dev.plexspaces.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/// HTTP/1.1 load from one thread: keep-alive connections, each with one or several requests in
/// flight.
///
/// *Closed loop* ([#closedLoop]): a connection sends its next request when a reply came; latency is
/// from sending to the last byte of the reply and says nothing about what waited outside. *Open
/// loop* ([#openLoop]): requests are due at a fixed rate whether or not the server keeps up, and
/// latency counts from when a request was due, so a stall is charged to all requests it delayed (no
/// coordinated omission).
///
/// One selecting thread on purpose: it shares the machine's few cores with the server under test
/// and should take as little of them as it can.
final class LoadGenerator implements AutoCloseable {

  /// Makes the requests.
  @FunctionalInterface
  interface Requests {
    /// @param connection from 0
    /// @param number of the request, from 0, over all connections
    /// @return a whole HTTP/1.1 request
    byte[] request(int connection, long number);
  }

  /// What came out.
  ///
  /// @param replies with a 2xx status
  /// @param failures other replies; the first one is shown by [#firstFailure]
  /// @param latency microseconds
  record Outcome(
      double seconds, long replies, long failures, String firstFailure, Histogram latency) {
    double rate() {
      return replies / seconds;
    }

    /// Throws unless every reply was a success.
    Outcome successful() {
      if (failures > 0) {
        throw new IllegalStateException(failures + " requests failed; first: " + firstFailure);
      }
      return this;
    }

    /// Percentile in milliseconds.
    double ms(double percentile) {
      return latency.getValueAtPercentile(percentile) / 1_000.0;
    }

    String shown() {
      return String.format(
          Locale.ROOT,
          "%,10.0f /s   p50 %8.3f ms   p99 %8.3f ms   p99.9 %8.3f ms   max %8.3f ms",
          rate(),
          ms(50),
          ms(99),
          ms(99.9),
          latency.getMaxValue() / 1_000.0);
    }
  }

  private static final int BUFFER_BYTES = 64 * 1024;
  private static final long LATENCY_MAX_US = 120_000_000;
  private static final int LATENCY_DIGITS = 3;

  /// How long replies may take to arrive after the time is up.
  private static final long DRAIN_NANOS = 20_000_000_000L;

  private static final byte[] HEAD_END = {'\r', '\n', '\r', '\n'};

  private final Selector selector;
  private final List<Connection> connections = new ArrayList<>();
  private final Requests requests;
  private final ArrayDeque<Connection> idle = new ArrayDeque<>();

  private long sent;
  private long replies;
  private long failures;
  private String firstFailure = "";
  private Histogram latency;
  private boolean open;
  private boolean sending;
  private int inFlight;

  /// Connects.
  ///
  /// @param depth requests in flight per connection; more than one is HTTP pipelining
  LoadGenerator(URI server, int connectionCount, int depth, Requests requests) throws IOException {
    this.requests = requests;
    selector = Selector.open();
    InetSocketAddress address = new InetSocketAddress(server.getHost(), server.getPort());
    for (int i = 0; i < connectionCount; i++) {
      SocketChannel channel = SocketChannel.open(address);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.configureBlocking(false);
      Connection connection = new Connection(i, depth, channel);
      channel.register(selector, SelectionKey.OP_READ, connection);
      connections.add(connection);
    }
  }

  /// Every connection keeps its depth of requests in flight for `nanos`.
  Outcome closedLoop(long nanos) throws IOException {
    start(false);
    long began = System.nanoTime();
    for (Connection connection : connections) {
      for (int i = 0; i < connection.depth; i++) {
        connection.send(System.nanoTime());
      }
      connection.flush();
    }
    long end = began + nanos;
    while (System.nanoTime() < end) {
      selector.select(this::ready, 100);
    }
    return finish(began);
  }

  /// `perSecond` requests are due each second for `nanos`.
  Outcome openLoop(double perSecond, long nanos) throws IOException {
    start(true);
    for (Connection connection : connections) {
      for (int i = 0; i < connection.depth; i++) {
        idle.add(connection);
      }
    }
    long began = System.nanoTime();
    double gap = 1e9 / perSecond;
    long number = 0;
    long due = began;
    long now;
    while ((now = System.nanoTime()) < began + nanos) {
      while (due <= now && !idle.isEmpty()) {
        Connection connection = idle.poll();
        connection.send(due);
        connection.flush();
        due = began + (long) (++number * gap);
      }
      long waitMs = (due - now) / 1_000_000;
      if (idle.isEmpty()) {
        selector.select(this::ready, 100);
      } else if (waitMs > 0) {
        selector.select(this::ready, waitMs);
      } else {
        selector.selectNow(this::ready);
      }
    }
    return finish(began);
  }

  private void start(boolean open) {
    this.open = open;
    replies = 0;
    failures = 0;
    firstFailure = "";
    latency = new Histogram(LATENCY_MAX_US, LATENCY_DIGITS);
    idle.clear();
    sending = true;
  }

  /// Stops sending, counts what was answered in time and then drains what is still in flight, so
  /// that the connections can be used again.
  private Outcome finish(long began) throws IOException {
    double seconds = (System.nanoTime() - began) / 1e9;
    long inTime = replies;
    Histogram measured = latency.copy();
    sending = false;
    long drainEnd = System.nanoTime() + DRAIN_NANOS;
    while (inFlight > 0) {
      if (System.nanoTime() > drainEnd) {
        throw new IOException(inFlight + " requests were never answered");
      }
      selector.select(this::ready, 100);
    }
    return new Outcome(seconds, inTime, failures, firstFailure, measured);
  }

  private void ready(SelectionKey key) {
    Connection connection = (Connection) key.attachment();
    try {
      if (key.isWritable()) {
        connection.flush();
      }
      if (key.isReadable()) {
        connection.read();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    for (Connection connection : connections) {
      connection.channel.close();
    }
    selector.close();
  }

  private final class Connection {
    private final int number;
    private final int depth;
    private final SocketChannel channel;
    private final ArrayDeque<Long> began = new ArrayDeque<>();
    private ByteBuffer out = ByteBuffer.allocateDirect(BUFFER_BYTES);

    /// Bytes received and not yet understood are `[0, length)`.
    private byte[] in = new byte[BUFFER_BYTES];

    private final ByteBuffer received = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private int length;

    Connection(int number, int depth, SocketChannel channel) {
      this.number = number;
      this.depth = depth;
      this.channel = channel;
    }

    void send(long since) {
      byte[] request = requests.request(number, sent++);
      if (out.remaining() < request.length) {
        ByteBuffer larger =
            ByteBuffer.allocateDirect(
                Math.max(2 * out.capacity(), out.position() + request.length));
        larger.put(out.flip());
        out = larger;
      }
      out.put(request);
      began.add(since);
      inFlight++;
    }

    void flush() throws IOException {
      out.flip();
      channel.write(out);
      int interest =
          out.hasRemaining() ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ;
      out.compact();
      SelectionKey key = channel.keyFor(selector);
      if (key.interestOps() != interest) {
        key.interestOps(interest);
      }
    }

    void read() throws IOException {
      received.clear();
      int count = channel.read(received);
      if (count < 0) {
        throw new IOException(
            "the server closed the connection; last bytes: " + text(0, Math.min(length, 500)));
      }
      received.flip();
      if (in.length - length < count) {
        in = java.util.Arrays.copyOf(in, Math.max(2 * in.length, length + count));
      }
      received.get(in, length, count);
      length += count;
      int consumed = 0;
      int next;
      while ((next = replyEnd(consumed)) >= 0) {
        answered(consumed, next);
        consumed = next;
      }
      if (consumed > 0) {
        System.arraycopy(in, consumed, in, 0, length - consumed);
        length -= consumed;
      }
      if (out.position() > 0) {
        flush();
      }
    }

    private void answered(int from, int to) {
      long now = System.nanoTime();
      long since = began.remove();
      inFlight--;
      if (in[from + 9] == '2') {
        replies++;
        latency.recordValue(Math.clamp((now - since) / 1_000, 0, LATENCY_MAX_US));
      } else {
        if (failures++ == 0) {
          firstFailure = text(from, to);
        }
      }
      if (sending) {
        if (open) {
          idle.add(this);
        } else {
          send(now);
        }
      }
    }

    private String text(int from, int to) {
      return new String(in, from, to - from, StandardCharsets.UTF_8);
    }

    /// The index behind the reply that starts at `from`, or -1 while it is incomplete.
    private int replyEnd(int from) throws IOException {
      int head = find(HEAD_END, from);
      if (head < 0) {
        return -1;
      }
      int body = head + HEAD_END.length;
      String headers = new String(in, from, head - from, StandardCharsets.ISO_8859_1);
      int lengthAt = headerValue(headers, "content-length:");
      if (lengthAt >= 0) {
        int lineEnd = headers.indexOf('\r', lengthAt);
        String digits = headers.substring(lengthAt, lineEnd < 0 ? headers.length() : lineEnd);
        int end = body + Integer.parseInt(digits.strip());
        return end <= length ? end : -1;
      }
      if (headerValue(headers, "transfer-encoding:") >= 0) {
        return chunkedEnd(body);
      }
      return body;
    }

    private int chunkedEnd(int from) {
      int at = from;
      while (true) {
        int lineEnd = at;
        while (lineEnd + 1 < length && !(in[lineEnd] == '\r' && in[lineEnd + 1] == '\n')) {
          lineEnd++;
        }
        if (lineEnd + 1 >= length) {
          return -1;
        }
        int size = Integer.parseInt(text(at, lineEnd).split(";")[0].strip(), 16);
        at = lineEnd + 2 + size + 2;
        if (at > length) {
          return -1;
        }
        if (size == 0) {
          return at;
        }
      }
    }

    private int find(byte[] what, int from) {
      outer:
      for (int i = from; i + what.length <= length; i++) {
        for (int j = 0; j < what.length; j++) {
          if (in[i + j] != what[j]) {
            continue outer;
          }
        }
        return i;
      }
      return -1;
    }

    /// Where the value of a header begins, or -1.
    private static int headerValue(String headers, String name) {
      for (int i = 0; i + name.length() <= headers.length(); i++) {
        if (headers.regionMatches(true, i, name, 0, name.length())) {
          return i + name.length();
        }
      }
      return -1;
    }
  }

  /// A JSON request.
  static byte[] json(URI server, String method, String path, String body, String... headers) {
    StringBuilder text = new StringBuilder();
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    text.append(method).append(' ').append(path).append(" HTTP/1.1\r\n");
    text.append("host: ").append(server.getAuthority()).append("\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    if (content.length > 0) {
      text.append("content-type: application/json\r\n");
      text.append("content-length: ").append(content.length).append("\r\n");
    }
    text.append("\r\n").append(body);
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }
}
