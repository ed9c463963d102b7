/** Reverse-mode differentiation: the graph, the walk, gradients of gradients. */
@NullMarked
package dev.adjoint.autograd;

import org.jspecify.annotations.NullMarked;
