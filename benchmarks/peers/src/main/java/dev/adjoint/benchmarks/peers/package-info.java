/**
 * Other libraries behind the benchmarks' {@link dev.adjoint.benchmarks.Peer}: LibTorch, oneDNN and
 * OpenBLAS, through their JavaCPP presets.
 */
@NullMarked
package dev.adjoint.benchmarks.peers;

import org.jspecify.annotations.NullMarked;
