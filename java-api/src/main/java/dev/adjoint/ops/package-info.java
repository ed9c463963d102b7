/** The functional API: forward and vector-Jacobian product side by side, one file per family. */
@NullMarked
package dev.adjoint.ops;

import org.jspecify.annotations.NullMarked;
