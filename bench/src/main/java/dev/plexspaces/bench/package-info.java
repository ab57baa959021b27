/// Benchmarks against peers: the same workloads, the same machine, the same run, interleaved
/// rounds.
///
/// Reading order: [Bench] (what runs), [Workload] (what is measured), [Contestant] (who runs it),
/// [Comparison] (how rounds are interleaved and reported), then one file per contestant.
package dev.plexspaces.bench;
