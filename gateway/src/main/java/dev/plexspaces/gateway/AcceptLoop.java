package dev.plexspaces.gateway;

import com.linecorp.armeria.common.Flags;
import com.linecorp.armeria.common.util.EventLoopGroups;
import com.linecorp.armeria.common.util.TransportType;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/// The thread that accepts a port's connections. It has nothing to finish once its port is closed,
/// so it ends at once; by default it would wait two seconds for late work, and the node's stop with
/// it.
final class AcceptLoop extends MultiThreadIoEventLoopGroup {

  private AcceptLoop(String name, IoHandlerFactory transport) {
    super(1, new DefaultThreadFactory(name), transport);
  }

  /// The loop for the transport the server library chose.
  static EventLoopGroup of(String name) {
    TransportType transport = Flags.transportType();
    if (transport == TransportType.EPOLL) {
      return new AcceptLoop(name, EpollIoHandler.newFactory());
    }
    if (transport == TransportType.NIO) {
      return new AcceptLoop(name, NioIoHandler.newFactory());
    }
    return EventLoopGroups.newEventLoopGroup(1, name);
  }

  @Override
  public Future<?> shutdownGracefully(long quietPeriod, long timeout, TimeUnit unit) {
    return super.shutdownGracefully(0, timeout, unit);
  }
}
