/** Optimizers, learning-rate schedules, gradient clipping. */
@NullMarked
package dev.adjoint.optim;

import org.jspecify.annotations.NullMarked;
