/// Money: an account that never loses an acknowledged deposit and can prove its balance.
package dev.plexspaces.examples.bank;
