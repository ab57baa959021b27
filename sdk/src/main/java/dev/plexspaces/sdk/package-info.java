/// What an actor author compiles against; nothing else is needed and nothing here depends on more
/// than the JDK.
///
/// Reading order: [Actor] and [ActorContext] (the model), [GenServer] and [Handler] (the
/// annotations most actors use), [State] (what survives), [ChildSpec] (supervision), [Facet]
/// (wrapping), [PlexException] (errors).
package dev.plexspaces.sdk;
