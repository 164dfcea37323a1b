"""The training step that the twins share."""

import torch


def adam(model):
    """With TensorFlow.js's epsilon."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)


def training_step(optimizer, loss):
    """Loss, gradients and update as one function that gives the loss."""

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def memory_format(variant):
    return torch.channels_last if variant == "channels_last" else torch.contiguous_format
