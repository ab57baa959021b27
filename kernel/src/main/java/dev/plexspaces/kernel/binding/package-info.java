/// Turns an annotated class into an actor: handler selection, conversion of payloads, tracked
/// state.
///
/// Dispatch code is generated once per class at deployment; no reflection runs per message.
package dev.plexspaces.kernel.binding;
