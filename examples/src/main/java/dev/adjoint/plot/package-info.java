/** Pictures, where the Java runtime can draw. */
@NullMarked
package dev.adjoint.plot;

import org.jspecify.annotations.NullMarked;
