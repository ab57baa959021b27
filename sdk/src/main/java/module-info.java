/// What an actor author compiles against.
module dev.plexspaces.sdk {
  exports dev.plexspaces.sdk;
}
