/** The training loop. */
@NullMarked
package dev.adjoint.train;

import org.jspecify.annotations.NullMarked;
