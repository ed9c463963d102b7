/** Modules: what owns parameters, and the layers that networks are made of. */
@NullMarked
package dev.adjoint.nn;

import org.jspecify.annotations.NullMarked;
