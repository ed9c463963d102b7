/**
 * The seam between tensors and kernels: families of calls on views. Only for those who write
 * backends.
 */
@NullMarked
package dev.adjoint.spi;

import org.jspecify.annotations.NullMarked;
