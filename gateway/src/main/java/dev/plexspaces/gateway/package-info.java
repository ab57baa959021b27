/// The edge of a node: gRPC and HTTP, authentication, authorization, the error model, OpenAPI.
///
/// Reading order: [Gateway] starts the two servers; [HttpRoutes] lists what HTTP serves and
/// [HttpEdge] is what every request passes; [Rpcs] lists what gRPC serves and [GrpcEdge] is what
/// every call passes; both end in [ActorCalls], [ApplicationCalls] and [SystemCalls]. [ErrorTable]
/// is the one place where an error gets its statuses, [Authorization] the one place where a caller
/// is allowed something.
package dev.plexspaces.gateway;
