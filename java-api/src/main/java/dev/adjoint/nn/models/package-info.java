/** Whole models, configured by records. */
@NullMarked
package dev.adjoint.nn.models;

import org.jspecify.annotations.NullMarked;
