"""What changes the weights: Muon for the matrices of a Transformer, AdamW for all else."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import adamw

from mtcli.model import EncoderDecoder

BETAS = 0.9, 0.98
"""Of AdamW."""

MOMENTUM = 0.95
"""Of Muon."""

SCALE = 0.2
"""Root mean square of Muon's changes, in learning rates: about that of AdamW's, so that one rate suits both (Liu et al. 2025)."""

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""a, b and c of a x + b x³ + c x⁵, which brings singular values between 0 and 1 near to 1 when it is applied again and again."""

STEPS = 5
"""How often it is."""


class Optimizer:
    """Muon (Jordan et al. 2024) and AdamW (Loshchilov and Hutter 2019), with one learning rate and one weight decay.

    Computes what `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")` and `torch.optim.AdamW(betas=BETAS, fused=True)` do. Those
    classes load torch._dynamo, which takes longer than all else before the first update, and that Muon multiplies in bfloat16
    on processors that are slow at it, too.
    """

    def __init__(self, model: EncoderDecoder, weight_decay: float, dtype: torch.dtype) -> None:
        """For all weights of the model that want a gradient; `dtype` is that of matrix products."""
        self.weight_decay, self.dtype = weight_decay, dtype
        matrices = set(model.matrices())
        self.state: dict[Parameter, dict[str, Tensor]] = {}
        """Of each parameter: means of its gradient and, with AdamW, of the gradient's square, and how many updates it had."""
        for p in filter(lambda p: p.requires_grad, model.parameters()):
            if p in matrices:
                self.state[p] = {"momentum": torch.zeros_like(p)}
            else:
                step = torch.zeros((), device=p.device)
                self.state[p] = {"step": step, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.state:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update, in place, all parameters that have a gradient."""
        others = []
        for parameter, state in self.state.items():
            if parameter.grad is None:
                continue
            if "momentum" in state:
                self._muon(parameter, parameter.grad, state["momentum"], learning_rate)
            else:
                others.append(parameter)
        self._adamw(others, learning_rate)

    @torch.no_grad()
    def rehearse(self) -> None:
        """Compute what takes time in an update, and change nothing."""
        for parameter, state in self.state.items():
            if parameter.grad is not None and "momentum" in state:
                orthogonal(parameter.grad.to(self.dtype))

    def _muon(self, weight: Tensor, gradient: Tensor, momentum: Tensor, learning_rate: float) -> None:
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
        change = orthogonal(ahead.to(self.dtype))
        weight.mul_(1 - learning_rate * self.weight_decay).sub_(change, alpha=learning_rate * SCALE * max(weight.shape) ** 0.5)

    def _adamw(self, parameters: list[Parameter], learning_rate: float) -> None:
        adamw(
            [*parameters],
            [p.grad for p in parameters if p.grad is not None],
            [self.state[p]["exp_avg"] for p in parameters],
            [self.state[p]["exp_avg_sq"] for p in parameters],
            [],
            [self.state[p]["step"] for p in parameters],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )


def orthogonal(matrix: Tensor) -> Tensor:
    """About U Vᵀ of a matrix U S Vᵀ [M, N], by the iteration of Newton and Schulz (Jordan et al. 2024)."""
    a, b, c = COEFFICIENTS
    x = matrix.T if len(matrix) > len(matrix.T) else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(STEPS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if len(matrix) > len(matrix.T) else x
