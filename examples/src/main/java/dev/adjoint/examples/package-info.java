/** Programs to read: each a short file that runs by itself. */
@NullMarked
package dev.adjoint.examples;

import org.jspecify.annotations.NullMarked;
