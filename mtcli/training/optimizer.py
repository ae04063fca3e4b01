"""What changes the weights: Muon for the matrices of a Transformer, AdamW for all else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim.adamw import adamw

from mtcli.model.layers import Linear

BETAS = 0.9, 0.98
"""Of AdamW."""

MOMENTUM = 0.95
"""Of Muon."""

SIZE = 0.2
"""Root mean square of Muon's changes, in learning rates: about that of AdamW's, so that one rate suits both (Liu et al. 2025)."""

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""a, b and c of a x + b x³ + c x⁵, which brings singular values between 0 and 1 near to 1 when it is applied five times."""

TIMES = 5


class Optimizer:
    """Muon (Jordan et al. 2024) and AdamW (Loshchilov and Hutter 2019), with one learning rate and one weight decay.

    Computes what `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")` and `torch.optim.AdamW(betas=BETAS, fused=True)` do. Those
    classes load torch._dynamo, which takes longer than all else before the first update, and that Muon multiplies in bfloat16
    on processors that are slow at it, too.
    """

    def __init__(self, model: nn.Module, weight_decay: float, dtype: torch.dtype) -> None:
        """For all weights of the model that want a gradient; `dtype` is that of matrix products."""
        self.weight_decay, self.dtype = weight_decay, dtype
        matrices = {module.weight for module in model.modules() if isinstance(module, Linear)}
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
        for matrices in self._matrices():
            self._muon(matrices, learning_rate)
        others = [p for p, state in self.state.items() if p.grad is not None and "momentum" not in state]
        if others:
            self._adamw(others, learning_rate)

    @torch.no_grad()
    def rehearse(self) -> None:
        """Compute what takes time in an update, and change nothing."""
        for matrices in self._matrices():
            orthogonal(torch.stack(self._of_each(matrices)[1]).to(self.dtype))

    def _matrices(self) -> Iterable[list[Parameter]]:
        """Those for Muon that have a gradient, by their shapes."""
        alike: dict[torch.Size, list[Parameter]] = defaultdict(list)
        for p, state in self.state.items():
            if p.grad is not None and "momentum" in state:
                alike[p.shape].append(p)
        return alike.values()

    def _of_each(self, parameters: list[Parameter]) -> tuple[list[Tensor], list[Tensor], dict[str, list[Tensor]]]:
        """Weights, gradients, and each entry of the states of parameters of one kind."""
        state = {key: [self.state[p][key] for p in parameters] for key in self.state[parameters[0]]}
        return [*parameters], [p.grad for p in parameters if p.grad is not None], state

    def _muon(self, parameters: list[Parameter], learning_rate: float) -> None:
        """For matrices of one shape."""
        weights, gradients, state = self._of_each(parameters)
        torch._foreach_lerp_(state["momentum"], gradients, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(gradients, state["momentum"], MOMENTUM)  # as Nesterov's
        changes = orthogonal(torch.stack(ahead).to(self.dtype)).float()
        torch._foreach_mul_(weights, 1 - learning_rate * self.weight_decay)
        torch._foreach_add_(weights, list(changes), alpha=-learning_rate * SIZE * max(changes.shape[1:]) ** 0.5)

    def _adamw(self, parameters: list[Parameter], learning_rate: float) -> None:
        weights, gradients, state = self._of_each(parameters)
        adamw(
            weights,
            gradients,
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


def orthogonal(matrices: Tensor) -> Tensor:
    """About U Vᵀ of each matrix U S Vᵀ [K, M, N], by the iteration of Newton and Schulz (Jordan et al. 2024)."""
    a, b, c = COEFFICIENTS
    x = matrices.mT if matrices.shape[1] > matrices.shape[2] else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(TIMES):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if matrices.shape[1] > matrices.shape[2] else x
