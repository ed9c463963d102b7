/** Machinery behind the public API; not exported. */
@NullMarked
package dev.adjoint.internal;

import org.jspecify.annotations.NullMarked;
