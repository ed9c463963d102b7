/** What every backend is held to: the catalog of operations and the contract that sweeps it. */
@NullMarked
package dev.adjoint.tck;

import org.jspecify.annotations.NullMarked;
