/** The command line: train, generate, example, doctor. */
@NullMarked
package dev.adjoint.cli;

import org.jspecify.annotations.NullMarked;
