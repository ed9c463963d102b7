/**
 * Backends beside each other: cases, the peers that compute them, one process for each, a report.
 * How it measures is in docs/performance.md.
 */
@NullMarked
package dev.adjoint.benchmarks;

import org.jspecify.annotations.NullMarked;
