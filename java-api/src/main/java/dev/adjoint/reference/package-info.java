/** The executable specification: every kernel in plain Java. */
@NullMarked
package dev.adjoint.reference;

import org.jspecify.annotations.NullMarked;
