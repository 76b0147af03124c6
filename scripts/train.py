#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Train a small convolutional network on a CPU and write it as ONNX.

    train.py NET DATASET EPOCHS OUT.onnx [SEED]

NET      vgg, vgg_bwn, svhn_bwn (the DoReFa SVHN topology at 3x40x40, average pooling), lenet, lenet_bwn
DATASET  fashion (Debian: dataset-fashion-mnist) or mnist (raw idx files in $MNIST_DIR)

Inputs are pixel / 256 without mean or deviation, so that a byte is an exact fixed-point number. *_bwn is
BinaryConnect: the forward pass uses sign(w), the gradient passes straight through, latent weights are clipped to
[-1, 1]; the first and the last layer stay real. Batch normalisation is written as nodes of its own, so that binary
initializers hold exactly +-1.

Beside OUT.onnx, OUT.json records the run. Needs Debian's python3-torch, python3-onnx and python3-numpy.
"""
import gzip
import json
import os
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

BATCH = 100


def read_idx(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        data = file.read()
    dimensions = data[3]
    sizes = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dimensions)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


def load(dataset):
    """Training images, training labels, test images, test labels."""
    folder, ending = {
        "mnist": (os.environ.get("MNIST_DIR", "mnist"), ""),
        "fashion": ("/usr/share/datasets/fashion-mnist", ".gz"),
    }[dataset]

    def images(name):
        pixels = read_idx(f"{folder}/{name}-images-idx3-ubyte{ending}")
        return torch.from_numpy(pixels.astype(np.float32) / 256).unsqueeze(1)

    def labels(name):
        return torch.from_numpy(read_idx(f"{folder}/{name}-labels-idx1-ubyte{ending}").astype(np.int64))

    return images("train"), labels("train"), images("t10k"), labels("t10k")


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        return torch.where(w >= 0, torch.ones_like(w), -torch.ones_like(w))

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def weight(module):
    return Sign.apply(module.weight) if module.binary else module.weight


class Conv(nn.Conv2d):
    binary = False

    def forward(self, x):
        return F.conv2d(x, weight(self), self.bias, self.stride, self.padding)


class Linear(nn.Linear):
    binary = False

    def forward(self, x):
        return F.linear(x, weight(self), self.bias)


class Builder:
    """Layers in the order in which the random numbers of their weights are drawn."""

    def __init__(self, net):
        self.binary = net.endswith("_bwn")
        self.normalised = self.binary or net.startswith(("vgg", "svhn"))

    def _prepare(self, module, binary):
        module.binary = binary
        if binary:
            nn.init.uniform_(module.weight, -0.1, 0.1)
        return module

    def conv(self, inputs, outputs, kernel, padding, binary):
        """Convolution and, if the net has it, batch normalisation."""
        layer = Conv(inputs, outputs, kernel, padding=padding, bias=not self.normalised)
        norm = [nn.BatchNorm2d(outputs)] if self.normalised else []
        return [self._prepare(layer, binary), *norm]

    def linear(self, inputs, outputs, binary):
        layer = Linear(inputs, outputs, bias=not self.normalised)
        norm = [nn.BatchNorm1d(outputs)] if self.normalised else []
        return [self._prepare(layer, binary), *norm]

    def last(self, inputs, outputs):
        return self._prepare(Linear(inputs, outputs), False)


def build(net):
    b = Builder(net)
    relu, binary = nn.ReLU, b.binary

    def conv_relu(inputs, outputs, kernel, padding, is_binary):
        return [*b.conv(inputs, outputs, kernel, padding, is_binary), relu()]

    if net.startswith("lenet"):
        return nn.Sequential(
            *conv_relu(1, 20, 5, 0, False), nn.MaxPool2d(2),
            *conv_relu(20, 50, 5, 0, binary), nn.MaxPool2d(2), nn.Flatten(),
            *b.linear(800, 500, binary), relu(), b.last(500, 10))
    if net.startswith("svhn"):
        return nn.Sequential(
            *conv_relu(3, 48, 5, 0, False), nn.AvgPool2d(2),
            *conv_relu(48, 64, 3, 1, binary), *conv_relu(64, 64, 3, 1, binary), nn.AvgPool2d(2),
            *conv_relu(64, 128, 3, 0, binary), *conv_relu(128, 128, 3, 1, binary),
            *conv_relu(128, 128, 3, 0, binary), nn.Flatten(),
            *b.linear(3200, 512, binary), relu(), b.last(512, 10))
    return nn.Sequential(
        *conv_relu(1, 16, 3, 1, False), *conv_relu(16, 16, 3, 1, binary), nn.MaxPool2d(2),
        *conv_relu(16, 32, 3, 1, binary), *conv_relu(32, 32, 3, 1, binary), nn.MaxPool2d(2),
        *conv_relu(32, 64, 3, 1, binary), nn.MaxPool2d(2), nn.Flatten(),
        *b.linear(576, 128, binary), relu(), b.last(128, 10))


def export(model, path, description, shape):
    """Writes Conv, BatchNormalization, Relu, MaxPool, AveragePool, Flatten and Gemm nodes, operator set 13."""
    nodes, initializers, counts = [], [], {}
    current = "input"

    def name(kind):
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}{counts[kind]}"

    def initializer(label, tensor):
        values = tensor.detach().cpu().numpy().astype(np.float32)
        initializers.append(numpy_helper.from_array(values, label))
        return label

    def add(op, kind, parameters=(), **attributes):
        nonlocal current
        label = name(kind)
        inputs = [current, *(initializer(f"{label}.{suffix}", tensor) for suffix, tensor in parameters)]
        nodes.append(helper.make_node(op, inputs, [label], name=label, **attributes))
        current = label

    window = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0] * 4}
    for m in model:
        if isinstance(m, Conv):
            bias = [("b", m.bias)] if m.bias is not None else []
            add("Conv", "conv", [("w", weight(m)), *bias], kernel_shape=list(m.kernel_size), strides=[1, 1],
                pads=[m.padding[0]] * 4, dilations=[1, 1], group=1)
        elif isinstance(m, Linear):
            bias = m.bias if m.bias is not None else torch.zeros(m.out_features)
            add("Gemm", "fc", [("w", weight(m)), ("b", bias)], alpha=1.0, beta=1.0, transB=1)
        elif isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)):
            add("BatchNormalization", "bn", [("scale", m.weight), ("bias", m.bias), ("mean", m.running_mean),
                                             ("var", m.running_var)], epsilon=m.eps)
        elif isinstance(m, nn.ReLU):
            add("Relu", "relu")
        elif isinstance(m, nn.MaxPool2d):
            add("MaxPool", "pool", **window)
        elif isinstance(m, nn.AvgPool2d):
            add("AveragePool", "pool", **window)
        elif isinstance(m, nn.Flatten):
            add("Flatten", "flatten", axis=1)
    graph = helper.make_graph(
        nodes, os.path.basename(path)[:-5],
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info(current, TensorProto.FLOAT, [1, 10])], initializers, doc_string=description)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="train.py")
    file.ir_version = 7
    onnx.checker.check_model(file)
    onnx.save(file, path)


def fit(net, x):
    """28x28 grey to three equal 40x40 channels for the SVHN topology; values stay multiples of 1/256."""
    if not net.startswith("svhn"):
        return x
    x = F.interpolate(x, size=(40, 40), mode="bilinear", align_corners=False)
    return (torch.floor(x * 256 + 0.5) / 256).expand(-1, 3, -1, -1)


def accuracy(model, net, images, labels):
    model.eval()
    right = 0
    with torch.no_grad():
        for i in range(0, len(images), 500):
            right += (model(fit(net, images[i:i + 500])).argmax(1) == labels[i:i + 500]).sum().item()
    return right / len(images)


def main(net, dataset, epochs, out, seed=1):
    torch.set_flush_denormal(True)
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    torch.manual_seed(seed)
    train_images, train_labels, test_images, test_labels = load(dataset)
    model = build(net)
    start = time.time()
    binary = net.endswith("_bwn")
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3 if binary else 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3 if binary else 2e-3,
                                                   total_steps=epochs * len(train_images) // BATCH)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(train_images))
        for i in range(0, len(train_images), BATCH):
            batch = order[i:i + BATCH]
            loss = F.cross_entropy(model(fit(net, train_images[batch])), train_labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            for layer in model:
                if getattr(layer, "binary", False):
                    layer.weight.data.clamp_(-1, 1)
        print(f"epoch {epoch + 1}/{epochs} loss {loss.item():.4f} "
              f"test {accuracy(model, net, test_images, test_labels):.4f} {time.time() - start:.0f} s", flush=True)
    result = accuracy(model, net, test_images, test_labels)
    export(model, out, f"{net} on {dataset}, input=pixel/256, {epochs} epochs, seed {seed}, test acc {result:.4f}",
           (3, 40, 40) if net.startswith("svhn") else (1, 28, 28))
    record = {
        "net": net, "dataset": dataset, "epochs": epochs, "seed": seed, "test_acc": result,
        "seconds": time.time() - start,
        "params": sum(p.numel() for p in model.parameters()),
        "binary_weights": sum(m.weight.numel() for m in model if getattr(m, "binary", False)),
    }
    with open(os.path.splitext(out)[0] + ".json", "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]) if len(sys.argv) > 5 else 1)
