/** The CPU backend: finds and loads the shared libraries, packs arguments, calls the C kernels. */
@NullMarked
package dev.adjoint.nativecpu;

import org.jspecify.annotations.NullMarked;
