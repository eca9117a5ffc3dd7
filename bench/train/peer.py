"""PyTorch's side of the comparison of training steps.

Requests come as lines of JSON on standard input, an answer goes out for each:

    load  a model with its head, and AdamW for its parameters
    put   token ids [sentences][tokens], rows and targets of the loss
    step  one update: seconds of processor and of clock, and the loss

The encoder is DistilBERT (Sanh et al. 2019) in plain torch modules, trained as
transformers trains it: dropout on embeddings, attention and feed-forward
output. The masked-language head scores the masked positions alone, and the
decoder is the word table.
"""

import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        h = c["hidden"]
        self.heads, self.rate = c["heads"], c["dropout"]
        self.q, self.k, self.v, self.out = (nn.Linear(h, h) for _ in range(4))

    def forward(self, x):
        n, t, h = x.shape

        def split(y):
            return y.view(n, t, self.heads, h // self.heads).transpose(1, 2)

        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        q = q / math.sqrt(h // self.heads)
        p = torch.matmul(q, k.transpose(2, 3)).softmax(-1)
        p = F.dropout(p, self.rate, self.training)
        return self.out(torch.matmul(p, v).transpose(1, 2).reshape(n, t, h))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        h = c["hidden"]
        self.rate = c["dropout"]
        self.attention = Attention(c)
        self.attention_norm = nn.LayerNorm(h, eps=1e-12)
        self.up, self.down = nn.Linear(h, c["inner"]), nn.Linear(c["inner"], h)
        self.output_norm = nn.LayerNorm(h, eps=1e-12)

    def forward(self, x):
        x = self.attention_norm(x + self.attention(x))
        y = F.dropout(self.down(F.gelu(self.up(x))), self.rate, self.training)
        return self.output_norm(x + y)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        h = c["hidden"]
        self.rate = c["dropout"]
        self.word, self.position = nn.Embedding(c["vocab"], h), nn.Embedding(c["positions"], h)
        self.norm = nn.LayerNorm(h, eps=1e-12)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        if c["head"] == "mlm":
            self.dense, self.head_norm = nn.Linear(h, h), nn.LayerNorm(h, eps=1e-12)
            self.bias = nn.Parameter(torch.zeros(c["vocab"]))
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding)):
                m.weight.data.normal_(0, 0.02)
            if isinstance(m, nn.Linear):
                m.bias.data.zero_()

    def states(self, ids):
        x = self.word(ids) + self.position(torch.arange(ids.shape[1]))
        x = F.dropout(self.norm(x), self.rate, self.training)
        for layer in self.layers:
            x = layer(x)
        return x

    def mlm(self, b):
        x = self.states(b["ids"])
        x = x.reshape(-1, x.shape[-1])[b["rows"]]
        x = self.head_norm(F.gelu(self.dense(x)))
        return F.cross_entropy(F.linear(x, self.word.weight, self.bias), b["targets"])

    def sentence(self, b):
        """The mean squared difference of mean-pooled sentences and fixed vectors."""
        return F.mse_loss(self.states(b["ids"]).mean(1), b["vectors"])


def optimizer(model):
    """AdamW without decay of biases and LayerNorms, which are the vectors."""
    parts = [[p for p in model.parameters() if p.dim() == d] for d in (1, 2)]
    return torch.optim.AdamW(
        [{"params": parts[0], "weight_decay": 0.0}, {"params": parts[1], "weight_decay": 0.01}], lr=1e-4
    )


class Side:
    def load(self, r):
        torch.set_num_threads(r["threads"])
        torch.manual_seed(1)
        self.model = Model(r["model"])
        self.model.train()
        self.loss = getattr(self.model, r["model"]["head"])
        self.optimizer = optimizer(self.model)
        return {
            "engine": f"PyTorch {torch.__version__}",
            "parameters": sum(p.numel() for p in self.model.parameters()),
        }

    def put(self, r):
        self.batch = {k: torch.tensor(v) for k, v in r["batch"].items() if v}
        return {}

    def step(self, r):
        cpu, wall = processor(), time.perf_counter()
        loss = self.loss(self.batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        value = loss.item()
        return {"cpu": processor() - cpu, "wall": time.perf_counter() - wall, "loss": value}


def processor():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def main():
    side, out = Side(), sys.stdout
    for line in sys.stdin:
        r = json.loads(line)
        try:
            answer = {"load": side.load, "put": side.put, "step": side.step}[r["do"]](r)
        except Exception as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        json.dump(answer, out)
        out.write("\n")
        out.flush()


if __name__ == "__main__":
    main()
