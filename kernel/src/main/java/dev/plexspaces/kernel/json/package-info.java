/// JSON text, the plain trees it stands for, and the typed values made of them.
///
/// Reading order: [dev.plexspaces.kernel.json.Json] (text and trees),
/// [dev.plexspaces.kernel.json.Frozen] (what may be shared),
/// [dev.plexspaces.kernel.json.Conversion] (trees and Java types),
/// [dev.plexspaces.kernel.json.RecordShape] (records without reflection).
package dev.plexspaces.kernel.json;
