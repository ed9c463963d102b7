"""Writes golden.txt: what PyTorch computes, for GoldenContract to compare with.

    python3 golden.py > golden.txt

Each line is a name, a colon, and numbers. Inputs are sines of the element's index, so that Java
makes the same ones: value(i, phase) = float32(scale * sin(0.7 * i + phase)).
"""

import math

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)


def wave(shape, phase, scale=1.0, dtype=torch.float32):
    n = math.prod(shape)
    values = [scale * math.sin(0.7 * i + phase) for i in range(n)]
    return torch.tensor(values, dtype=torch.float64).to(dtype).reshape(shape)


def rms_norm(x, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def causal_attention(q, k, v):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.size(-1))
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v


def emit(name, *tensors):
    numbers = []
    for tensor in tensors:
        numbers += tensor.detach().double().reshape(-1).tolist()
    print(name + ": " + " ".join(repr(x) for x in numbers))


print("# torch " + torch.__version__.split("+")[0] + ", CPU")

# ---- gradient descent on one number ----
w = torch.tensor(1.0, requires_grad=True)
for step in range(10):
    loss = (2 * w - 3) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    emit(f"descent.{step}", w, loss, w.grad)
    w.grad = None

# ---- functions and their gradients ----
x0 = [-30.0, -5.5, -2.0, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.25, 1.0, 1.5, 3.0, 5.5, 30.0]
unary = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"),
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "erf": torch.erf,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "square": torch.square,
}
for name, function in unary.items():
    x = torch.tensor(x0, dtype=torch.float64, requires_grad=True)
    y = function(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    emit(f"unary.{name}", y, g)
    if g.requires_grad and name not in ("relu", "abs"):
        (h,) = torch.autograd.grad(g.sum(), x)
        emit(f"unary2.{name}", h)

x = wave((3, 5), 0.1, 2.0, torch.float64).requires_grad_(True)
weight = wave((5,), 0.5, 1.0, torch.float64)
bias = wave((5,), 0.9, 1.0, torch.float64)
mix = wave((3, 5), 1.3, 1.0, torch.float64)
rows = {
    "softmax": lambda t: F.softmax(t, dim=1),
    "log_softmax": lambda t: F.log_softmax(t, dim=1),
    "softmax0": lambda t: F.softmax(t, dim=0),
    "layer_norm": lambda t: F.layer_norm(t, (5,), weight, bias, 1e-5),
    "rms_norm": lambda t: rms_norm(t, 1e-5) * weight,
    "amax": lambda t: t.amax(1, keepdim=True).expand(3, 5),
    "mean": lambda t: t.mean(0, keepdim=True).expand(3, 5),
}
for name, function in rows.items():
    y = function(x)
    (g,) = torch.autograd.grad((y * mix).sum(), x)
    emit(f"rows.{name}", y, g)

targets = torch.tensor([4, -100, 0])
loss = F.cross_entropy(x, targets)
(g,) = torch.autograd.grad(loss, x)
emit("rows.cross_entropy", loss, g)

# ---- a network with SGD: momentum, dampening, weight decay; and Nesterov ----
for label, options in {
    "sgd": dict(lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
}.items():
    a = wave((8, 4), 0.2, 0.5).requires_grad_(True)
    b = wave((8,), 0.4, 0.1).requires_grad_(True)
    c = wave((3, 8), 0.6, 0.5).requires_grad_(True)
    optimizer = torch.optim.SGD([a, b, c], **options)
    inputs = wave((6, 4), 0.8)
    classes = torch.tensor([0, 1, 2, 2, 1, 0])
    losses = []
    for step in range(10):
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(F.gelu(F.linear(inputs, a, b)), c), classes)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    emit(f"network.{label}", torch.stack(losses), a, b, c)

# ---- a transformer block with AdamW and clipping ----
V, T, B, H, C = 7, 5, 2, 2, 8
wte = wave((V, C), 0.1, 0.5).requires_grad_(True)
wpe = wave((T, C), 0.3, 0.5).requires_grad_(True)
ln = (1 + wave((C,), 0.2, 0.1)).requires_grad_(True)
ln_bias = wave((C,), 0.7, 0.1).requires_grad_(True)
qkv = wave((3 * C, C), 0.5, 0.4).requires_grad_(True)
proj = wave((C, C), 0.9, 0.4).requires_grad_(True)
up = wave((4 * C, C), 1.1, 0.4).requires_grad_(True)
down = wave((C, 4 * C), 1.3, 0.4).requires_grad_(True)
params = [wte, wpe, ln, ln_bias, qkv, proj, up, down]
optimizer = torch.optim.AdamW(params, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
tokens = torch.tensor([[0, 3, 1, 6, 2], [5, 5, 4, 0, 1]])
wanted = torch.tensor([[3, 1, 6, 2, 0], [5, 4, 0, 1, 3]])
losses, norms = [], []
for step in range(10):
    optimizer.zero_grad()
    h = F.embedding(tokens, wte) + wpe
    q, k, v = F.linear(F.layer_norm(h, (C,), ln, ln_bias, 1e-5), qkv).split(C, dim=2)
    heads = [t.view(B, T, H, C // H).transpose(1, 2) for t in (q, k, v)]
    attended = causal_attention(*heads)
    h = h + F.linear(attended.transpose(1, 2).reshape(B, T, C), proj)
    h = h + F.linear(F.silu(F.linear(rms_norm(h, 1e-6), up)), down)
    loss = F.cross_entropy(F.linear(h, wte).view(B * T, V), wanted.view(-1))
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(params, 0.5))
    optimizer.step()
    losses.append(loss)
emit("transformer", torch.stack(losses), torch.stack(norms), wte, qkv)
