package dev.adjoint.nn;

import java.util.Iterator;
import java.util.List;

/**
 * Modules of one kind in a list; they are named {@code 0}, {@code 1}, … How they are called is up
 * to the module around, unlike in {@link Sequential}.
 */
public final class ModuleList<M extends NeuralModule> extends NeuralModule implements Iterable<M> {
  private final List<M> modules;

  /** Of these modules, in their order. */
  public ModuleList(List<? extends M> modules) {
    this.modules = List.copyOf(modules);
    for (int i = 0; i < modules.size(); i++) {
      module(Integer.toString(i), modules.get(i));
    }
  }

  /**
   * A module by its number.
   *
   * @throws IndexOutOfBoundsException if there is none
   */
  public M get(int index) {
    return modules.get(index);
  }

  /** How many there are. */
  public int size() {
    return modules.size();
  }

  @Override
  public Iterator<M> iterator() {
    return modules.iterator();
  }
}
