/** Between tensors and Java's values: arrays, files' bytes, text. Not exported. */
@NullMarked
package dev.adjoint.host;

import org.jspecify.annotations.NullMarked;
