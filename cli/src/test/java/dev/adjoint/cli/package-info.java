@NullMarked
package dev.adjoint.cli;

import org.jspecify.annotations.NullMarked;
