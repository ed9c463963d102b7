/** The CUDA backend. In this version it only says what of CUDA is there; it has no kernels yet. */
@NullMarked
package dev.adjoint.cuda;

import org.jspecify.annotations.NullMarked;
