package dev.adjoint.nn;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Messages;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Modules of one kind by name, such as one head for each task. */
public final class ModuleDict<M extends NeuralModule> extends NeuralModule {
  private final Map<String, M> modules;

  /**
   * Of these modules, in the order of the map.
   *
   * @throws TensorException if a name is empty or contains a dot
   */
  public ModuleDict(Map<String, ? extends M> modules) {
    this.modules = Collections.unmodifiableMap(new LinkedHashMap<>(modules));
    this.modules.forEach(this::module);
  }

  /**
   * A module by its name.
   *
   * @throws TensorException if there is none; the message lists the names
   */
  public M get(String name) {
    M module = modules.get(name);
    if (module == null) {
      throw new TensorException(
          "moduleDict: there is no " + Messages.quoted(name) + "; there are " + modules.keySet());
    }
    return module;
  }

  /** All of them by name, in order; unmodifiable. */
  public Map<String, M> asMap() {
    return modules;
  }
}
