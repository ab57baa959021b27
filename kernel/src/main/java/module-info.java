/// What a node is built from; applications see only the SDK.
module dev.plexspaces.kernel {
  requires transitive dev.plexspaces.sdk;
  requires org.slf4j;
  requires tools.jackson.core;

  exports dev.plexspaces.kernel;
  exports dev.plexspaces.kernel.binding;
  exports dev.plexspaces.kernel.identity;
  exports dev.plexspaces.kernel.journal;
  exports dev.plexspaces.kernel.json;
  exports dev.plexspaces.kernel.time;
}
