"""AdamW, as PyTorch's function for its update and the moments that it keeps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import adamw

BETAS = 0.9, 0.98


class AdamW:
    """What `torch.optim.AdamW(parameters, betas=BETAS, weight_decay=..., fused=True)` computes (Loshchilov and Hutter 2019).

    That class loads torch._dynamo, which takes longer than all else before the first update; the function does not.
    """

    def __init__(self, parameters: list[Parameter], weight_decay: float) -> None:
        self.weight_decay = weight_decay
        self.state = {
            p: {"step": torch.zeros((), device=p.device), "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            for p in parameters
        }
        """Of each parameter: updates so far, and the means of its gradient and of the gradient's square, shaped as it is."""

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.state:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update, in place, all parameters that have a gradient."""
        learning = {p: p.grad for p in self.state if p.grad is not None}
        state: dict[str, list[Tensor]] = {k: [self.state[p][k] for p in learning] for k in ("exp_avg", "exp_avg_sq", "step")}
        adamw(
            list(learning),
            list(learning.values()),
            state["exp_avg"],
            state["exp_avg_sq"],
            [],
            state["step"],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )
