/** Tensors, devices, scopes: what a user imports first. */
@NullMarked
package dev.adjoint;

import org.jspecify.annotations.NullMarked;
