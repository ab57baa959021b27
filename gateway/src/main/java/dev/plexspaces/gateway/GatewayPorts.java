package dev.plexspaces.gateway;

import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.Invoker;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.InstantSource;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/// What the edge needs of the rest of the node.
///
/// @param invoker the actors
/// @param inspection what durable actors did and what went wrong
/// @param applications the applications
/// @param node the node itself
/// @param meters where request histograms go
/// @param clock for deadlines and token expiry
/// @param ids makes request ids: letters, digits and `-`, never the same twice
/// @param blocking runs what may block (deployment, files, metrics); a virtual thread each
public record GatewayPorts(
    Invoker invoker,
    Inspection inspection,
    Applications applications,
    NodeView node,
    MeterRegistry meters,
    InstantSource clock,
    Supplier<String> ids,
    ExecutorService blocking) {}
