package dev.adjoint.cuda;

import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;

/**
 * JCuda's handles with their addresses: what is called once for each operation goes through {@link
 * Driver}, which takes addresses. JCuda lets subclasses read them.
 */
final class Handles {
  private Handles() {}

  @SuppressWarnings("serial") // JCuda's handles are serializable by inheritance only
  static final class Context extends CUcontext {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class Stream extends CUstream {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class Event extends CUevent {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class Function extends CUfunction {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class GraphExec extends CUgraphExec {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class DevicePointer extends CUdeviceptr {
    long address() {
      return getNativePointer();
    }
  }

  @SuppressWarnings("serial")
  static final class HostPointer extends Pointer {
    long address() {
      return getNativePointer();
    }
  }

  /** JCuda's pointer to an address on the device. */
  static CUdeviceptr devicePointer(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }
}
