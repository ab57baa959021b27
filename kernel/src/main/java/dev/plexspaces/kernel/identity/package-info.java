/// Who is who: [dev.plexspaces.kernel.identity.Scope] and [dev.plexspaces.kernel.identity.ActorId].
package dev.plexspaces.kernel.identity;
