/** The recorded graph and its backward walk; not exported. */
@NullMarked
package dev.adjoint.graph;

import org.jspecify.annotations.NullMarked;
