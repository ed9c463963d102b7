"""PyTorch's side of the benchmarks: pytorch.py DEVICE (cuda, cpu) SETTING (eager, compile) THREADS.

Reads a JSON object a line (see PyTorch.java) and answers each with a line, "failed REASON" where it
could not. Inputs are those of Inputs.java, results are picked as there. Products of float32 stay in
float32 (no TF32), which is PyTorch's default.
"""

import base64
import contextlib
import gc
import json
import os
import resource
import struct
import sys

import torch
import torch.nn.functional as F

DEVICE = torch.device(sys.argv[1])
COMPILED = sys.argv[2] == "compile"
DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16}

PICKED = 16384  # values of a result that are compared
FILLED_AT_ONCE = 1 << 24
UPSTREAM = 9
TOKENS = PIXELS = 1000
TARGETS = 1001


def compiled(function):
    """With torch.compile, for the very sizes that come; or as it is."""
    return torch.compile(function, dynamic=False) if COMPILED else function


# ---- inputs and results ----


def logical_shift(z, by):
    return (z >> by) & ((1 << (64 - by)) - 1)


def bits(position, i):
    z = (i + (position << 40)) * (0x9E3779B97F4A7C15 - (1 << 64))
    z = (z ^ logical_shift(z, 30)) * (0xBF58476D1CE4E5B9 - (1 << 64))
    z = (z ^ logical_shift(z, 27)) * (0x94D049BB133111EB - (1 << 64))
    return z ^ logical_shift(z, 31)


def value(position, i):
    return logical_shift(bits(position, i), 40).float() * 2.0**-23 - 1


def index(position, i, bound):
    z = bits(position, i)  # unsigned
    return (logical_shift(z, 1) % bound * 2 + (z & 1)) % bound


def filled(shape, function, dtype):
    """A dense tensor whose elements are a function of their place."""
    out = torch.empty(shape, dtype=dtype, device=DEVICE)
    flat = out.view(-1)
    for start in range(0, flat.numel(), FILLED_AT_ONCE):
        end = min(start + FILLED_AT_ONCE, flat.numel())
        flat[start:end] = function(torch.arange(start, end, device=DEVICE))
    return out


def input_value(spec, position, i):
    if not spec["wide"]:
        return value(position, i) * spec["scale"]
    exponent = 13.5 * value(position + 100, i) - 6.5
    return torch.pow(2.0, exponent.double()).float().copysign(value(position, i))


def input_tensor(spec, position, dtype):
    if spec["bound"]:
        return filled(spec["shape"], lambda i: index(position, i, spec["bound"]), torch.int64)
    return filled(spec["shape"], lambda i: input_value(spec, position, i), dtype)


def pick(parts):
    """Values of tensors, one after the other, at the places that are compared."""
    total = sum(part.numel() for part in parts)
    count = min(total, PICKED)
    places = torch.arange(count, device=DEVICE)
    if count < total:
        places = (places * (total // count) + places % (total // count)).clamp(max=total - 1)
    picked, start = [], 0
    for part in parts:
        here = places[(places >= start) & (places < start + part.numel())] - start
        picked += part.detach().reshape(-1)[here].double().tolist()
        start += part.numel()
    return picked


# ---- products and operations ----


class Product:
    def __init__(self, c):
        self.a = self.matrix(c, 0, c["m"], c["k"], c["transA"])
        self.b = self.matrix(c, 1, c["k"], c["n"], c["transB"])
        self.function = compiled(torch.matmul)

    @staticmethod
    def matrix(c, position, rows, columns, transposed):
        shape = [columns, rows] if transposed else [rows, columns]
        if c["batch"] > 1:
            shape.insert(0, c["batch"])
        stored = filled(shape, lambda i: value(position, i), DTYPES[c["dtype"]])
        return stored.transpose(-2, -1) if transposed else stored

    def run(self):
        self.out = self.function(self.a, self.b)

    def result(self):
        return pick([self.out])


def rms_norm(x, weight):
    if hasattr(F, "rms_norm"):  # 2.4
        return F.rms_norm(x, weight.shape, weight, 1e-5)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight


def attention(q, k, v):
    """Causal, scaled by one over the root of the head size."""
    if hasattr(F, "scaled_dot_product_attention"):  # 2.0
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    masked = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(masked, float("-inf")).softmax(-1) @ v


OPS = {
    "add": torch.add,
    "mul": torch.mul,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "erf": torch.erf,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "sum": torch.sum,
    "sum_rows": lambda x: x.sum(1),
    "sum_cols": lambda x: x.sum(0),
    "max_rows": lambda x: x.amax(1),
    "selects": lambda x: sum(torch.tanh(x[:, t]) for t in range(x.shape[1])),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
    "layer_norm": lambda x, w, b: F.layer_norm(x, w.shape, w, b, 1e-5),
    "rms_norm": rms_norm,
    "cross_entropy": F.cross_entropy,
    "attention": attention,
    "embedding": lambda table, i: F.embedding(i, table),
    "linear": F.linear,
}


class Operation:
    def __init__(self, c):
        dtype = DTYPES[c["dtype"]]
        self.function = compiled(OPS[c["op"]])
        self.inputs = [input_tensor(spec, p, dtype) for p, spec in enumerate(c["inputs"])]
        self.upstream = None
        self.differentiable = []
        if c["backward"]:
            like = OPS[c["op"]](*self.inputs)
            self.upstream = (
                torch.ones_like(like)
                if like.numel() == 1
                else filled(like.shape, lambda i: value(UPSTREAM, i), dtype)
            )
            self.differentiable = [x for x in self.inputs if x.is_floating_point()]
        for x in self.differentiable:
            x.requires_grad_()

    def run(self):
        for x in self.differentiable:
            x.grad = None
        self.output = self.function(*self.inputs)
        if self.upstream is not None:
            self.output.backward(self.upstream)

    def result(self):
        return pick([self.output] + [x.grad for x in self.differentiable])


def adamw(parameters, rate):
    # The fastest that PyTorch has on a GPU.
    fused = {"fused": True} if DEVICE.type == "cuda" else {}
    return torch.optim.AdamW(parameters, lr=rate, eps=1e-8, weight_decay=0.01, **fused)


class OptimizerStep:
    def __init__(self, c):
        self.parameters, start = [], 0
        for size in c["tensors"]:
            parameter = self.part(c, 0, start, size).requires_grad_()
            parameter.grad = self.part(c, 1, start, size)
            self.parameters.append(parameter)
            start += size
        if c["op"] == "adamw":
            self.optimizer = adamw(self.parameters, 1e-3)
        else:
            self.optimizer = torch.optim.SGD(self.parameters, lr=1e-3, momentum=0.9)

    @staticmethod
    def part(c, position, start, size):
        spec = c["inputs"][position]
        return filled([size], lambda i: input_value(spec, position, i + start), torch.float32)

    def run(self):
        self.optimizer.step()

    def result(self):
        return pick(self.parameters)


# ---- training steps ----


class ScalarLoop:
    def __init__(self, c):
        self.w = torch.ones((), device=DEVICE, requires_grad=True)
        self.loss_of = compiled(lambda w: (w * 2 - 8).square())

    def run(self):
        self.w.grad = None
        self.loss = self.loss_of(self.w)
        self.loss.backward()
        with torch.no_grad():
            self.w.sub_(self.w.grad, alpha=0.1)

    def result(self):
        return [self.loss.item()]


class Mlp(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.hidden = torch.nn.Linear(784, 128)
        self.output = torch.nn.Linear(128, 10)

    def forward(self, pixels, targets):
        return F.cross_entropy(self.output(F.relu(self.hidden(pixels))), targets)

    @staticmethod
    def batch(c):
        rows = c["batch"]
        return [
            filled([rows, 784], lambda i: value(PIXELS, i), torch.float32),
            filled([rows], lambda i: index(TARGETS, i, c["vocabulary"]), torch.int64),
        ]


class Block(torch.nn.Module):
    """Pre-norm, with the tanh approximation of GELU."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = torch.nn.LayerNorm(width)
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.projection = torch.nn.Linear(width, width)
        self.norm2 = torch.nn.LayerNorm(width)
        self.expand = torch.nn.Linear(width, 4 * width)
        self.contract = torch.nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        parts = self.qkv(self.norm1(x)).split(width, dim=2)
        attended = attention(*(part.view(shape).transpose(1, 2) for part in parts))
        x = x + self.projection(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.contract(F.gelu(self.expand(self.norm2(x)), approximate="tanh"))


class Gpt2(torch.nn.Module):
    """The output layer is tied to the token embedding."""

    def __init__(self, c):
        super().__init__()
        width = c["width"]
        self.tokens = torch.nn.Embedding(c["vocabulary"], width)
        self.positions = torch.nn.Embedding(c["context"], width)
        self.blocks = torch.nn.ModuleList(Block(width, c["heads"]) for _ in range(c["layers"]))
        self.norm = torch.nn.LayerNorm(width)

    def forward(self, tokens, targets):
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    @staticmethod
    def batch(c):
        shape = [c["batch"], c["length"]]
        return [
            filled(shape, lambda i: index(data, i, c["vocabulary"]), torch.int64)
            for data in (TOKENS, TARGETS)
        ]


class Training:
    """Gradients dropped, forward, backward, optimizer."""

    def __init__(self, c):
        kind = Gpt2 if c["kind"] == "gpt" else Mlp
        self.copies = kind is Mlp  # its inputs are copied in at each step
        self.given = kind.batch(c)
        self.inputs = [x.clone() for x in self.given]
        model = kind(c).to(DEVICE)
        self.parameters = []
        for p, (name, parameter) in enumerate(model.named_parameters()):
            self.parameters.append(parameter)
            with torch.no_grad():
                if parameter.dim() == 2:
                    initial = filled(
                        parameter.shape, lambda i, p=p: value(p, i) * 0.04, torch.float32
                    )
                    parameter.copy_(initial)
                else:
                    parameter.fill_(0 if name.endswith("bias") else 1)
        self.precision = (
            torch.autocast(DEVICE.type, dtype=torch.bfloat16)
            if c["precision"] == "bf16"
            else contextlib.nullcontext()
        )
        self.loss_of = compiled(model)
        self.optimizer = {
            "none": lambda: None,
            "sgd": lambda: torch.optim.SGD(self.parameters, lr=0.01),
            "adamw": lambda: adamw(self.parameters, 1e-4),
        }[c["optimizer"]]()

    def run(self):
        for parameter in self.parameters:
            parameter.grad = None
        if self.copies:
            for given, x in zip(self.given, self.inputs):
                x.copy_(given)
        with self.precision:
            self.loss = self.loss_of(*self.inputs)
        self.loss.backward()
        if self.optimizer:
            self.optimizer.step()

    def result(self):
        gradient = [] if self.optimizer else pick([self.parameters[0].grad])
        return [self.loss.item()] + gradient


KINDS = {
    "gemm": Product,
    "op": Operation,
    "optimizer": OptimizerStep,
    "scalar": ScalarLoop,
    "mlp": Training,
    "gpt": Training,
}


# ---- requests ----


def finish():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def peak():
    if DEVICE.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(workloads, request):
    what, name = request["do"], request["id"]
    if what == "prepare":
        workloads[name] = KINDS[request["kind"]](request)
    elif what == "run":
        run = workloads[name].run
        for _ in range(request["times"]):
            run()
        finish()
    elif what == "result":
        values = workloads[name].result()
        return base64.b64encode(struct.pack(f">{len(values)}d", *values)).decode()
    elif what == "release":
        workloads.pop(name, None)
        if COMPILED:
            torch._dynamo.reset()
        gc.collect()
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()
    elif what == "peak":
        return str(peak())
    return "done"


def hello():
    torch.set_num_threads(max(1, int(sys.argv[3])))
    text = f"PyTorch {torch.__version__}"
    if DEVICE.type == "cuda":
        torch.cuda.init()  # says why it is not there
        text += f", CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"
    return text


def main():
    # Whatever libraries print is no answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(function):
        try:
            print(function(), file=answers)
        except Exception as e:
            reason = str(e).strip().split("\n")[0]
            print(f"failed {type(e).__name__}: {reason}", file=answers)

    workloads = {}
    answer(hello)
    for line in sys.stdin:
        answer(lambda: serve(workloads, json.loads(line)))


main()
