@NullMarked
package dev.adjoint.examples;

import org.jspecify.annotations.NullMarked;
