import dev.adjoint.Device;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.Tensor;
import dev.adjoint.spi.BackendProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** What run.sh runs where files, folders or memory are confined. */
void main(String[] arguments) {
  // Computing comes first: this is what has to work.
  Tensor x = Tensor.of(new float[] {1, 2, 3});
  double sum = x.mul(x).sum().item();
  if (!x.device().equals(Device.CPU) || sum != 14) {
    throw new IllegalStateException(x.device() + " computes " + sum);
  }
  for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
    if (provider.type().equals("cpu")) {
      provider.report().forEach(IO::println);
    }
  }
  if (arguments.length > 0) {
    fill();
  }
}

/** Takes all memory that tensors get, then all that the heap gets. */
void fill() {
  List<Tensor> tensors = new ArrayList<>();
  long mib = 0;
  try {
    while (true) {
      tensors.add(Tensor.of(new float[1 << 18]).add(1)); // 1 MiB, written to
      mib++;
    }
  } catch (OutOfMemoryException e) {
    IO.println("tensors took " + mib + " MiB, then: " + e.getMessage());
  }
  List<byte[]> heap = new ArrayList<>();
  try {
    while (true) {
      heap.add(new byte[1 << 20]);
    }
  } catch (OutOfMemoryError e) {
    int arrays = heap.size();
    heap.clear();
    IO.println("the heap took " + arrays + " MiB");
  }
  double last = tensors.getLast().sum().item();
  IO.println("alive: " + last);
}
