/** Modules: layers with parameters. */
@NullMarked
package dev.adjoint.nn;

import org.jspecify.annotations.NullMarked;
