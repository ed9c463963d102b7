/** JMH benchmarks; how to run them is in docs/performance.md. */
@NullMarked
package dev.adjoint.benchmarks;

import org.jspecify.annotations.NullMarked;
