/// Strict reading of TOML: every key is known, every value has its type and bounds, every complaint
/// names file and key.
package dev.plexspaces.node.config;
